"""dvc.yaml says the truth: each stage's deps are what it imports, its params what it reads."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from params import Data

SOURCES = get_args(Data.model_fields["source"].annotation)
ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def modules_of(name):
    """The files under src/ that an imported name stands for: a module, or a package's own __init__."""
    path = SRC.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]


def imports_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_behind(file, seen=frozenset()):
    """All files under src/ that importing `file` runs, itself included."""
    seen = seen | {file}
    for name in imports_of(file):
        parts = name.split(".")
        for i in range(1, len(parts) + 1):
            for module in modules_of(".".join(parts[:i])):
                if module not in seen:
                    seen = files_behind(module, seen)
    return seen


def params_read(source):
    """The keys of params.yaml behind each chain `params.a.b[params.c]`, in the notation of dvc.yaml."""
    keys = set()
    for chain in re.findall(r"\bparams((?:\.\w+|\[params(?:\.\w+)+\])+)", source):
        chain = re.sub(r"\[params((?:\.\w+)+)\]", lambda found: f".${{{found[1][1:]}}}", chain)
        key = re.sub(r"\.(model_dump|items)$", "", chain)[1:]
        if key != "load_params":
            keys.add(key)
        keys.update(re.findall(r"\$\{([\w.]+)\}", key))
    return keys


@pytest.mark.parametrize("name", STAGES)
def test_the_command_runs_the_script_of_the_stages_name(name):
    assert STAGES[name]["cmd"] == f"python src/{name}.py"


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_the_files_imported(name):
    wanted = {str(file.relative_to(ROOT)) for file in files_behind(SRC / f"{name}.py")}
    wanted = {"src/roadseg/scenes" if file.startswith("src/roadseg/scenes/") else file for file in wanted}
    declared = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py") or dep == "src/roadseg/scenes"}
    assert declared == wanted


@pytest.mark.parametrize("name", STAGES)
def test_params_are_the_keys_read(name):
    read = params_read((SRC / f"{name}.py").read_text())
    declared = set(STAGES[name].get("params", []))
    if "data.${data.source}" in declared:  # the section of whichever source is chosen
        declared = declared - {"data.${data.source}"} | {f"data.{source}" for source in SOURCES}
    uncovered = {key for key in read if not any(key == d or key.startswith(f"{d}.") for d in declared)}
    unused = {d for d in declared if not any(key == d or key.startswith(f"{d}.") for key in read)}
    assert not uncovered, "read, but not declared"
    assert not unused, "declared, but not read"


@pytest.mark.parametrize("name", STAGES)
def test_template_deps_are_declared(name):
    templates = {str(file.relative_to(ROOT)) for file in SRC.glob(f"{name}.*") if file.suffix in (".j2", ".typ")}
    assert templates == {dep for dep in STAGES[name]["deps"] if dep.endswith((".j2", ".typ"))}
