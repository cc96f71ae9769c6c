"""Check params.yaml and the files that it names, before DVC removes the outputs of any stage.

python src/preflight.py     DVC stage `preflight`: params.yaml -> data/inputs/checked, frames, also_1 to 4, weights

DVC removes a stage's outputs before it runs the stage. All other stages come after this one, so what is refused here
costs no output. `frames`, `also_1` to `also_4` and `weights` are links to your own frames, to further data and to a
file of weights, where params.yaml names them: through these links DVC notices when the content behind a name changes.
Otherwise they are files that say "none".
"""

import os
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipeline import paths
from pipeline.params import load_params
from pipeline.schema import read_yaml
from pipeline.stage import replacing, run_stage
from roadseg.download import check_address
from roadseg.engines.packages import check_engine
from roadseg.errors import UserError, printable

_SHOWN = 5  # odd entries of a folder that get a line each


def main() -> None:
    show_the_change_to_git()
    params = load_params()
    check_engine(params.predict.engine)  # before hours of training
    row = params.models[params.model].pretrained.get(params.pretrained)
    source = row.source if row else params.pretrained
    named: dict[Path, tuple[str, str]] = {}  # link -> (key in params.yaml, path)
    own = {
        "seg_data": params.data.seg_data.path,
        "cityscapes": params.data.cityscapes.path,
        "mapillary": params.data.mapillary.path,
    }
    if params.data.source in own:
        named[paths.INPUT_FRAMES] = f"data.{params.data.source}.path", own[params.data.source] or ""
    if source.startswith("file:"):
        named[paths.INPUT_WEIGHTS] = "pretrained", source.removeprefix("file:")
    further = [(f"data.also.{name}.path", row.path) for name, row in sorted(params.data.also.items()) if row.path]
    named |= dict(zip(paths.INPUTS_FURTHER, further, strict=False))
    outputs = all_outputs()
    problems = [line for key, text in named.values() for line in problems_of(key, text, outputs)]
    addresses = {"data.kitti.url": params.data.kitti.url, "pretrained": params.pretrained}
    for name, model in params.models.items():
        addresses |= {f"models.{name}.pretrained.{key}": row.source for key, row in model.pretrained.items()}
    problems += [line for key, address in addresses.items() for line in problems_of_address(key, address)]
    if problems:
        raise UserError("\n".join(problems))
    for link in (paths.INPUT_FRAMES, *paths.INPUTS_FURTHER, paths.INPUT_WEIGHTS):
        with replacing(link) as temporary:
            if link in named:
                temporary.symlink_to(Path(named[link][1]).expanduser().resolve())
            else:
                temporary.write_text("none\n")
    with replacing(paths.INPUTS_CHECKED) as temporary:
        temporary.write_text("params.yaml and the files that it names have been checked\n")


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
