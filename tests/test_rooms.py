"""dvc.yaml says the truth: each stage's deps are the code that it imports, its params what it reads.

A room is a folder in src/roadseg/. A stage depends on whole rooms, templates included, and on single files of rooms of
which it needs little. An edit in a room, in a comment too, runs all stages again that depend on the room.
"""

import ast
import re
from typing import get_args

import pytest
import yaml
from conftest import PARAMS, ROOT

from roadseg.pipeline.sections import Data
from roadseg.pipeline.unchanged import declared_keys

SOURCES = get_args(Data.model_fields["source"].annotation)
SRC = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
RECIPE = {"recipe", "recipes.base", "recipes.${recipe}"}
BY_RECIPE = set(PARAMS["recipes"]["base"])  # sections that hold values which the recipe decides
RUN = {path.stem for path in SRC.glob("*.py")}
ROOMS = sorted(path.parent for path in SRC.rglob("__init__.py"))


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


def direct_imports(file):
    """The files under src/ that `file` names in its imports, with the packages around them."""
    names = {part for name in imports_of(file) for part in prefixes(name)}
    return {module for name in names for module in modules_of(name)} - {file}


def prefixes(name):
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts) + 1)]


def files_behind(file, seen=frozenset()):
    """All files under src/ that importing `file` runs, itself included."""
    seen = seen | {file}
    for module in direct_imports(file):
        if module not in seen:
            seen = files_behind(module, seen)
    return seen


# what the checked parameters call by a name of its own
DERIVED = {"network": "models.${model}", "class_row": "class_sets.${classes}", "schedule_row": "schedules"}


def params_read(source):
    """The keys of params.yaml behind each chain `params.a.b[params.c]`, in the notation of dvc.yaml."""
    keys = set()
    for chain in re.findall(r"\bparams((?:\.\w+|\[params(?:\.\w+)+\])+)", source):
        chain = re.sub(r"\[params((?:\.\w+)+)\]", lambda found: f".${{{found[1][1:]}}}", chain)
        key = re.sub(r"\.(model_dump|items)$", "", chain)[1:]
        key = next(
            (f"{full}{key.removeprefix(name)}" for name, full in DERIVED.items() if key.split(".")[0] == name), key
        )
        if key != "load_params":
            keys.add(key)
        keys.update(re.findall(r"\$\{([\w.]+)\}", key))
    return keys


@pytest.mark.parametrize("name", STAGES)
def test_the_command_runs_the_script_of_the_stages_name(name):
    assert STAGES[name]["cmd"] == f"python src/{name}.py"


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_what_is_imported(name):
    declared = [ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("src/")]
    needed = {file for file in files_behind(SRC / f"{name}.py") if file.name != "__init__.py"}
    covered = {dep: {file for file in needed if file == dep or dep in file.parents} for dep in declared}
    assert set().union(*covered.values()) == needed, "imported, but not declared"
    assert all(covered.values()), "declared, but not imported"


def outs_of(stage):
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return {entry if isinstance(entry, str) else next(iter(entry)) for entry in entries}


def test_preflight_depends_on_all_of_the_parameters_and_all_stages_on_preflight():
    assert {"params.yaml", "conf"} <= set(STAGES["preflight"]["deps"])
    outs = {name: outs_of(stage) for name, stage in STAGES.items()}
    upstream = {name: {a for a in STAGES if outs[a] & set(stage["deps"])} for name, stage in STAGES.items()}
    reached = {"preflight"}
    while more := {name for name in STAGES if upstream[name] & reached} - reached:
        reached |= more
    assert reached == set(STAGES)


def test_no_stage_depends_on_a_part_of_an_output():
    """DVC would look into the folder as `dvc.lock` has it, and `dvc exp run` fails where the cache lacks that one."""
    outs = {out for stage in STAGES.values() for out in outs_of(stage)}
    deps = {dep for stage in STAGES.values() for dep in stage["deps"]}
    assert deps & outs >= {"data/seg_data"}
    assert not {dep for dep in deps for out in outs if dep.startswith(f"{out}/")}


@pytest.mark.parametrize("name", [name for name in STAGES if name != "preflight"])
def test_params_are_the_keys_read(name):
    read = params_read((SRC / f"{name}.py").read_text())
    if name == "fetch_pretrained":
        read -= {"models"}  # it names the rows that weights would fit, in a message alone
    declared = set(declared_keys(STAGES[name].get("params", [])))
    of_source = {f"data.{source}" for source in SOURCES}  # the section of whichever source is chosen
    if "data.path" in read:
        read = read - {"data.path"} | of_source
    if "data.${data.source}" in declared:
        declared = declared - {"data.${data.source}"} | of_source
    if declared & BY_RECIPE:  # the values that `recipe` stands for are read under the keys that say so
        assert declared >= RECIPE, "reads what a recipe sets"
    uncovered = {key for key in read if not any(key == d or key.startswith(f"{d}.") for d in declared)}
    unused = {d for d in declared - RECIPE if not any(key == d or key.startswith(f"{d}.") for key in read)}
    assert not uncovered, "read, but not declared"
    assert not unused, "declared, but not read"


@pytest.mark.parametrize("name", ["fetch_data", "score", "report", "look", "ablate", "check"])
def test_what_asks_no_network_does_not_wait_for_torch(name):
    """Loading it takes seconds, several times as long as some of these."""
    behind = {module.partition(".")[0] for file in files_behind(SRC / f"{name}.py") for module in imports_of(file)}
    assert not behind & {"torch", "lightning_fabric", "segmentation_models_pytorch", "albumentations"}


def test_what_lies_in_src_itself_is_run():
    for name in RUN:
        entry = (SRC / f"{name}.py").read_text().partition('if __name__ == "__main__":\n')[2]
        assert ("run_stage(main)" if name in STAGES else "run(main)") in entry


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(SRC)))
def test_a_room_says_what_it_is_for_in_one_line_and_nothing_else(room):
    (line,) = (room / "__init__.py").read_text().splitlines()
    assert re.fullmatch(r'"""[A-Z].*\."""', line)


def test_imports_run_from_scripts_to_rooms_and_in_no_circle_of_rooms():
    arrows = set()
    for file in SRC.rglob("*.py"):
        for target in direct_imports(file):
            assert target.parent != SRC, f"{file} imports the script {target}"
            if file.parent != target.parent and file.parent != SRC and target.name != "__init__.py":
                arrows.add((file.parent, target.parent))
    rooms = {room for arrow in arrows for room in arrow}
    while leaves := {room for room in rooms if not any(a == room for a, _ in arrows)}:
        rooms -= leaves
        arrows = {(a, b) for a, b in arrows if b not in leaves}
    assert not rooms, f"a circle among {sorted(map(str, rooms))}"
