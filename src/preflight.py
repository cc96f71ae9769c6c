"""Check params.yaml and the files that it names, before DVC removes the outputs of any stage.

python src/preflight.py     DVC stage `preflight`: params.yaml -> data/inputs/checked, params.yaml, frames,
                            classes, weights

DVC removes a stage's outputs before it runs the stage. All other stages come after this one, so what is refused here
costs no output. The others are links to your own frames, to a file of classes and to files of weights, where
params.yaml names them: through these links DVC notices when the content behind a name changes. For weights of a former
experiment the link leads to what git knows of it. Otherwise they are files that say "none". data/inputs/params.yaml is
a copy, from which the other stages see whether params.yaml has changed since DVC began.
"""

import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import yaml

from roadseg.data.class_files import read_class_file
from roadseg.data.class_rows import problems_of_classes
from roadseg.data.download import check_address
from roadseg.experiments.former_runs import FormerRun, former_run
from roadseg.inference.packages import check_engine
from roadseg.networks.sources import resolve
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.recipes import replaced_values
from roadseg.pipeline.schema import read_yaml
from roadseg.pipeline.stage import replacing, run_stage

_SHOWN = 5  # odd entries of a folder that get a line each


def main() -> None:
    show_the_change_to_git()
    taken = paths.PARAMS.read_bytes() if paths.PARAMS.is_file() else b""
    params = load_params()
    check_engine(params.predict.engine)  # before hours of training
    problems = [f"{paths.PARAMS}: {line}" for line in problems_of_classes(params)]
    if problems:
        raise UserError("\n".join(problems))
    named, outputs = named_paths(params), all_outputs()
    problems = [line for key, text in named.values() for line in problems_of(key, text, outputs)]
    problems += [line for key, address in addresses_of(params).items() for line in problems_of_address(key, address)]
    problems += problems_of_names(params)
    run, more_problems = run_behind("pretrained", weights_named(params))
    if problems := problems + more_problems:
        raise UserError("\n".join(problems))
    if paths.INPUT_CLASSES in named:
        read_class_file(Path(named[paths.INPUT_CLASSES][1]).expanduser())
    for link in (
        paths.INPUT_FRAMES,
        paths.INPUT_CLASSES,
        paths.INPUT_WEIGHTS,
    ):
        with replacing(link) as temporary:
            if link == paths.INPUT_WEIGHTS and run:
                show_to_dvc(run, temporary)
            elif link in named:
                temporary.symlink_to(Path(named[link][1]).expanduser().resolve())
            else:
                temporary.write_text("none\n")
    if replaced := list(replaced_values(yaml.safe_load(taken), params.recipes[params.recipe])):
        print(f"recipe {params.recipe}, beside which params.yaml says: {', '.join(replaced)}")
    with replacing(paths.PARAMS_TAKEN) as temporary:
        temporary.write_bytes(taken)
    if paths.PARAMS.read_bytes() != taken:
        raise UserError(f"{paths.PARAMS} has changed while it was checked; run again")
    with replacing(paths.INPUTS_CHECKED) as temporary:
        temporary.write_text("params.yaml and the files that it names have been checked\n")


def named_paths(params: Params) -> dict[Path, tuple[str, str]]:
    """For each link the key in params.yaml that names a path, and the path."""
    data, named = params.data, {}
    own = {"seg_data": data.seg_data.path, "cityscapes": data.cityscapes.path, "mapillary": data.mapillary.path}
    if data.source in own:
        named[paths.INPUT_FRAMES] = f"data.{data.source}.path", own[data.source] or ""
    if class_file := params.class_row.file:
        named[paths.INPUT_CLASSES] = f"class_sets.{params.classes}.file", class_file
    if (source := weights_named(params)).startswith("file:"):
        named[paths.INPUT_WEIGHTS] = "pretrained", source.removeprefix("file:")
    return named


def weights_named(params: Params) -> str:
    """The source that `pretrained` stands for."""
    found = params.network.pretrained.get(params.pretrained)
    return found.source if found else params.pretrained


def problems_of_names(params: Params) -> Iterator[str]:
    """A line where `pretrained` names no weights: before frames are fetched for them."""
    try:
        if params.pretrained != "none":
            resolve(params.pretrained, params.network.pretrained)
    except UserError as error:
        yield str(error)


def addresses_of(params: Params) -> dict[str, str]:
    """All that may be an address, by its key in params.yaml."""
    found = {"data.kitti.url": params.data.kitti.url, "pretrained": params.pretrained}
    for name, model in params.models.items():
        found |= {f"models.{name}.pretrained.{key}": row.source for key, row in model.pretrained.items()}
    return found


def show_the_change_to_git() -> None:
    """Set params.yaml to a modification time that git's index can't have.

    `dvc exp run -S` restores and rewrites the file within one second. Where the size stays too, git takes it for
    unchanged, and `git checkout` would leave the changed value in it.
    """
    if paths.PARAMS.is_file():
        seconds = max(time.time(), int(paths.PARAMS.stat().st_mtime) + 1)
        os.utime(paths.PARAMS, (seconds, seconds))


def problems_of_address(key: str, address: str) -> Iterator[str]:
    """A line where an address is not valid or holds a password: params.yaml and dvc.lock go into git."""
    try:
        if "://" in address:
            check_address(address)
    except UserError as error:
        yield f"{key}: {error}"


def run_behind(key: str, source: str) -> tuple[FormerRun | None, list[str]]:
    """The former run whose weights `key` names, and a line where they can't be had."""
    try:
        return former_run(source), []
    except UserError as error:
        return None, [f"{key}: {error}"]


def show_to_dvc(run: FormerRun, place: Path) -> None:
    """Leave at `place` what changes when an experiment has run again: git's own file of it, or its weights' digest."""
    if run.reference:
        place.symlink_to(run.reference)
    else:
        place.write_text(f"{run.name} {run.weights.parent.name}{run.weights.name}\n")


def all_outputs() -> list[Path]:
    """The outputs of all stages, which DVC removes and makes."""
    stages = read_yaml(paths.PIPELINE)["stages"].values()
    entries = [entry for stage in stages for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return [Path(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]


def problems_of(key: str, text: str, outputs: list[Path]) -> Iterator[str]:
    """A line for each reason why the path that `key` names can't be read, or would not survive a run."""
    try:
        path = Path(text).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:  # no such user, a loop of links, a null byte
        yield f"{key}: {text!r} is not a path that can be followed ({error}); write out the whole path"
        return
    # an output that is itself a link costs nothing: DVC removes the link
    inside = [out for out in outputs if path.is_relative_to(out.parent.resolve() / out.name)]
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


if __name__ == "__main__":
    run_stage(main)
