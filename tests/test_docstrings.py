"""Public functions and classes say what they are for, and which functions raise UserError."""

import ast

from conftest import ROOT

SRC = ROOT / "src"
ROOMS = [file for file in sorted(SRC.rglob("*.py")) if file.parent != SRC and file.name != "__init__.py"]


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


def is_public(node):
    """False for the sections of a YAML file, too: the comments in that file say what they are for."""
    is_section = isinstance(node, ast.ClassDef) and "Section" in map(ast.unparse, node.bases)
    return not (is_section or node.name.startswith("_") or node.name == "main")


def test_the_walk_finds_direct_and_indirect_raises():
    found = raisers()
    assert {"roadseg.frames.images.read_label", "roadseg.pipeline.params.load_params"} <= found
    assert "roadseg.frames.classes.colorize" not in found


def test_functions_that_raise_user_error_say_so():
    found, silent = raisers(), []
    for file in ROOMS:
        for name, node in functions_of(file).items():
            full = f"{name_of(file)}.{name}"
            if is_public(node) and full in found and "UserError" not in (ast.get_docstring(node) or ""):
                silent.append(full)
    assert not silent, "\n".join(silent)


def test_every_public_function_and_class_has_a_docstring():
    bare = []
    for file in ROOMS:
        parts = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        bare += [f"{name_of(file)}.{node.name}" for node in parts if is_public(node) and not ast.get_docstring(node)]
    assert not bare, "\n".join(bare)
