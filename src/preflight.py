"""Check params.yaml, conf/ and the files that they name, before DVC removes the outputs of any stage.

    python src/preflight.py     DVC stage `preflight`: params.yaml, conf -> data/inputs

DVC removes a stage's outputs before it runs the stage. All other stages come after this one, so what is refused here
costs no output. data/inputs/frames, classes and weights are links to your own frames, to a file of classes and to a
file of weights where params.yaml names them: through these links DVC notices when the content behind a name changes.
For weights of a former experiment the link leads to what git knows of it; what isn't named is a file that says "none".
data/inputs/params.yaml holds all parameters, from which the other stages see whether they have changed since DVC began.
"""

import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import yaml

from roadseg.data.class_sets import problems_of_classes, read_class_file
from roadseg.data.download import check_address
from roadseg.experiments.former_runs import FormerRun, former_run
from roadseg.inference.trained import check_engine
from roadseg.networks.sources import resolve
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import (
    CATALOGUES,
    FORMER_RECIPES,
    check_file_is_alone,
    overridden,
    place_of,
    read_params,
)
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.params import Params, check_params
from roadseg.pipeline.schema import read_yaml
from roadseg.pipeline.stage import replacing, run_stage

_SHOWN = 5  # odd entries of a folder that get a line each


def main() -> None:
    show_changes_to_git()
    content = read_params()
    params, problems = check_params(content)
    problems += check_file_is_alone(read_yaml(paths.PARAMS)) + (problems_of_classes(params) if params else [])
    if params is None or problems:
        raise UserError("\n".join(map(place_of, problems)))
    check_engine(params.predict.engine)  # before hours of training
    named, source = named_paths(params), weights_source(params)
    problems = [line for key, text in named.values() for line in problems_of_path(key, text)]
    problems += [line for key, address in addresses_of(params).items() for line in problems_of_address(key, address)]
    run, more_problems = run_behind(params, source)
    if problems := problems + more_problems:
        raise UserError("\n".join(problems))
    if params.class_file:
        read_class_file(Path(params.class_file).expanduser())
    for link in (paths.INPUT_FRAMES, paths.INPUT_CLASSES, paths.INPUT_WEIGHTS):
        with replacing(link) as temporary:
            if link in named:
                temporary.symlink_to(Path(named[link][1]).expanduser().resolve())
            elif link == paths.INPUT_WEIGHTS and run:
                show_to_dvc(run, temporary)
            else:
                temporary.write_text("none\n")
    tell_of_recipe(content)
    with replacing(paths.PARAMS_TAKEN) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if read_params() != content:
        raise UserError(f"{paths.PARAMS} or {paths.CONF} has changed while it was checked; run again")
    with replacing(paths.INPUTS_CHECKED) as temporary:
        temporary.write_text("the parameters and the files that they name have been checked\n")


def show_changes_to_git() -> None:
    """Set params.yaml and the catalogues to modification times that git's index can't have.

    `dvc exp run -S` restores and rewrites a file within one second. Where the size stays too, git takes it for
    unchanged, and `git checkout` would leave the changed value in it.
    """
    for file in (paths.PARAMS, *CATALOGUES.values()):
        if file.is_file():
            seconds = max(time.time(), int(file.stat().st_mtime) + 1)
            os.utime(file, (seconds, seconds))


def tell_of_recipe(content: dict[str, object]) -> None:
    """Print which values of params.yaml win over the recipe's, and the recipe's new name where an old one is used."""
    recipe = str(content["recipe"])
    if recipe in FORMER_RECIPES:
        print(f"recipe {recipe} is called {FORMER_RECIPES[recipe]} now; the old name goes with the next release")
    if replaced := overridden(content):
        print(f"recipe {recipe}, beside which params.yaml says: {', '.join(replaced)}")


# --- paths


def named_paths(params: Params) -> dict[Path, tuple[str, str]]:
    """For each link the key in params.yaml that names a path, and the path."""
    named = {}
    if params.data.path:
        named[paths.INPUT_FRAMES] = f"data.{params.data.source}.path", params.data.path
    if params.class_file:
        named[paths.INPUT_CLASSES] = "class_file", params.class_file
    if (source := weights_source(params)).startswith("file:"):
        named[paths.INPUT_WEIGHTS] = "pretrained", source.removeprefix("file:")
    return named


def problems_of_path(key: str, text: str) -> Iterator[str]:
    """A line for each reason why the path that `key` names can't be read, or would not survive a run."""
    try:
        path = Path(text).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:  # no such user, a loop of links, a null byte
        yield f"{key}: {text!r} is not a path that can be followed ({error}); write out the whole path"
        return
    # an output that is itself a link costs nothing: DVC removes the link
    inside = [out for out in all_outputs() if path.is_relative_to(out.parent.resolve() / out.name)]
    if inside:
        yield (
            f"{key}: {text} lies in {inside[0]}, which DVC removes before it makes it again; nothing was touched; "
            "move the files out of it and name the new place"
        )
    elif not path.exists():
        yield f"{key}: {text} does not exist; correct the path (relative ones start at {Path.cwd()})"
    elif key == "pretrained" and not path.is_file():
        yield f"{key}: {text} is {kind_of(path)}; name a file of weights"
    else:
        odd = islice(odd_entries(path), _SHOWN)
        yield from (f"{key}: {printable(entry)} {reason}, or name another folder" for entry, reason in odd)


def all_outputs() -> list[Path]:
    """The outputs of all stages, which DVC removes and makes."""
    stages = read_yaml(paths.PIPELINE)["stages"].values()
    entries = [entry for stage in stages for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return [Path(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]


def odd_entries(path: Path) -> Iterator[tuple[Path, str]]:
    """What DVC and the stages can't read, at `path` or below it, and why.

    Reading what is neither a file nor a folder could block, or never end; DVC wants names in UTF-8.
    """
    below = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    for entry in (path, *below):
        if not entry.is_file() and not entry.is_dir():
            yield entry, f"is {kind_of(entry)}; remove it"
        elif str(entry) != os.fsencode(entry).decode(errors="replace"):
            yield entry, "has a name that is not in UTF-8; rename it"


def kind_of(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads nowhere"
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


# --- weights and addresses


def weights_source(params: Params) -> str:
    """What `pretrained` stands for: a source, also where it is a name in the network's row."""
    found = params.network.pretrained.get(params.pretrained)
    return found.source if found else params.pretrained


def addresses_of(params: Params) -> dict[str, str]:
    """All that may be an address, by its key."""
    rows = {
        f"models.{name}.pretrained.{key}": source.source
        for name, model in params.models.items()
        for key, source in model.pretrained.items()
    }
    return {"data.kitti.url": params.data.kitti.url, "pretrained": params.pretrained} | rows


def problems_of_address(key: str, address: str) -> Iterator[str]:
    """A line where an address is not valid or holds a password: params.yaml and dvc.lock go into git."""
    try:
        if "://" in address:
            check_address(address)
    except UserError as error:
        yield place_of(f"{key}: {error}")


def run_behind(params: Params, source: str) -> tuple[FormerRun | None, list[str]]:
    """The former run whose weights `pretrained` names, and a line where it names nothing or they can't be had."""
    try:
        if params.pretrained != "none":
            resolve(params.pretrained, params.network.pretrained)
    except UserError as error:
        return None, [str(error)]
    try:
        return former_run(source), []
    except UserError as error:
        return None, [f"pretrained: {error}"]


def show_to_dvc(run: FormerRun, place: Path) -> None:
    """Leave at `place` what changes when an experiment has run again: git's own file of it, or its weights' digest."""
    if run.reference:
        place.symlink_to(run.reference)
    else:
        place.write_text(f"{run.name} {run.weights.parent.name}{run.weights.name}\n")


if __name__ == "__main__":
    run_stage(main)
