"""Docstrings of public functions say what a caller must know: which raise UserError, and what arrays look like."""

import ast
import doctest
import importlib
import re

import pytest
from conftest import ROOT

SRC = ROOT / "src"
ROOMS = [file for file in sorted(SRC.rglob("*.py")) if file.parent != SRC and file.name != "__init__.py"]
ARRAYS = ("Tensor", "ndarray")
SHAPE = re.compile(r"\([A-Z0-9][\w', ]*,[\w', *+]*\)|any shape")  # as (N, H, W) or (256,)
DTYPE = re.compile(r"u?int\d+|float|bool|integer|dtype|of any type")
EXAMPLES = (
    "roadseg.data.mapillary",
    "roadseg.report.ranking",
    "roadseg.networks.catalogue",
    "roadseg.report.frames",
    "roadseg.report.narrative",
    "roadseg.report.escape",
    "roadseg.report.views",
    "roadseg.scenes.scene",
    "roadseg.scoring.class_weights",
    "roadseg.scoring.accuracy",
    "roadseg.training.losses",
    "roadseg.experiments.variants",
)


def name_of(file):
    return ".".join(file.relative_to(SRC).with_suffix("").parts)


def functions_of(file):
    """Public functions and methods of a file by name, those that are local to another function left out."""
    tree = ast.parse(file.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    bodies = [*tree.body, *(node for cls in classes for node in cls.body)]
    return {node.name: node for node in bodies if isinstance(node, ast.FunctionDef)}


def imported(tree):
    """What each imported name stands for: `from a.b import c` gives c -> a.b.c."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def caught(node):
    """The nodes inside `try` blocks that handle UserError, and inside `suppress(UserError)`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Try) and any(h.type and "UserError" in ast.unparse(h.type) for h in part.handlers):
            yield from (inner for statement in part.body for inner in ast.walk(statement))
        if isinstance(part, ast.With) and "suppress(UserError)" in ast.unparse(part.items[0].context_expr):
            yield from (inner for statement in part.body for inner in ast.walk(statement))


def callers_and_raisers():
    """For each function, whether it raises UserError itself, and which functions it calls outside of a handler."""
    raising, calls = set(), {}
    for file in ROOMS:
        tree, module = ast.parse(file.read_text()), name_of(file)
        names = imported(tree)
        for name, node in functions_of(file).items():
            handled = set(caught(node))
            calls[f"{module}.{name}"] = set()
            for part in ast.walk(node):
                if isinstance(part, ast.Raise) and part.exc is not None and "UserError" in ast.unparse(part.exc):
                    raising.add(f"{module}.{name}")
                if isinstance(part, ast.Call) and part not in handled:
                    called = ast.unparse(part.func)
                    head, _, rest = called.partition(".")
                    target = names.get(head, f"{module}.{head}") + (f".{rest}" if rest else "")
                    calls[f"{module}.{name}"].add(target)
    return raising, calls


def raisers():
    """All functions that can raise UserError, themselves or through others."""
    raising, calls = callers_and_raisers()
    while more := {name for name, called in calls.items() if called & raising} - raising:
        raising |= more
    return raising


RAISERS = raisers()
PUBLIC = [
    pytest.param(node, f"{name_of(file)}.{name}", id=f"{name_of(file)}.{name}")
    for file in ROOMS
    for name, node in functions_of(file).items()
    if not name.startswith("_") and name != "main"
]


def test_the_walk_finds_direct_and_indirect_raises():
    assert {
        "roadseg.frames.images.read_label",
        "roadseg.data.kitti.import_frames",
        "roadseg.pipeline.params.load_params",
    } <= RAISERS
    assert "roadseg.experiments.runs.remove_experiment" not in RAISERS
    assert "roadseg.frames.classes.colorize" not in RAISERS


@pytest.mark.parametrize(("node", "name"), PUBLIC)
def test_a_function_that_raises_user_error_says_so(node, name):
    if name in RAISERS:
        assert "UserError" in (ast.get_docstring(node) or ""), f"{name} can raise UserError"


@pytest.mark.parametrize(("node", "name"), PUBLIC)
def test_array_arguments_have_shapes_and_dtypes(node, name):
    annotations = " ".join(ast.unparse(arg.annotation) for arg in node.args.args if arg.annotation)
    docstring = ast.get_docstring(node) or ""
    if any(array in annotations for array in ARRAYS):
        assert SHAPE.search(docstring), f"{name} gives no shape"
        assert DTYPE.search(docstring), f"{name} gives no dtype"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_give_what_they_show(name):
    result = doctest.testmod(importlib.import_module(name), raise_on_error=True)
    assert result.attempted > 0
