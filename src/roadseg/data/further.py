"""Further data, which is trained on beside the main frames and never tested on: also/NAME/{image,label}."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from roadseg.data.archives import open_tree
from roadseg.data.class_rows import TRAIN_ID_RULE, LabelRule
from roadseg.data.copying import Copied, copy_pairs
from roadseg.data.fingerprints import fingerprint
from roadseg.data.label_rules import values_of
from roadseg.data.laid_out import find_training
from roadseg.data.whole_set import check_whole_set
from roadseg.frames.images import read_image
from roadseg.pipeline.errors import printable, raise_all


def make_part(folder: Path, name: str) -> str:
    """Make the empty folders of further data in the layout `folder`, and return the part's name there."""
    part = f"also/{name}"
    for kind in ("image", "label"):
        (folder / part / kind).mkdir(parents=True)
    return part


def import_training(
    source: Path,
    folder: Path,
    part: str,
    others: Sequence[Copied],
    allow_leak: bool,
    rule: LabelRule = TRAIN_ID_RULE,
) -> list[str]:
    """Check the training frames of a folder or archive in any known layout and write them into `part` of `folder`.

    Labels become class ids by the rule.

    Returns a line for each thing that a user should know of them. Raises UserError, a line per problem, where a frame
    is not right, or, unless `allow_leak`, is a testing one of the `others`.
    """
    with open_tree(source) as tree:
        pairs, problems = find_training(tree, part)
        copied, more = copy_pairs(tree, pairs, values_of(rule), folder)
    raise_all(problems + more)
    training = [replace(frame, part="training") for frame in copied]
    return check_whole_set([*training, *others], printable(source), allow_leak, rule.classes.names)


def check_written(folder: Path, part: str, others: Sequence[Copied], allow_leak: bool) -> list[str]:
    """Check the frames that are in `part` of `folder` already against the `others`, as `import_training` does.

    Raises UserError where one of them is a testing frame, unless `allow_leak`.
    """
    training = [replace(frame, part="training") for frame in written(folder, part)]
    return check_whole_set([*training, *others], part, allow_leak)


def untrained(folder: Path, held_out: Collection[str]) -> list[Copied]:
    """Return the frames in the layout `folder` that are not to be trained on: for testing, and those held out.

    `held_out` are names without ending. Raises UserError where one can't be read.
    """
    of_epoch = [replace(frame, part="held_out") for frame in written(folder, "training", held_out)]
    return [*written(folder, "testing"), *of_epoch]


def written(folder: Path, part: str, stems: Collection[str] | None = None) -> list[Copied]:
    """Return the frames in a part of the layout `folder`, or those called so, by name and look.

    Raises UserError where one can't be read.
    """
    images = sorted((folder / part / "image").iterdir())
    chosen = [image for image in images if stems is None or image.stem in stems]

    def look_at(image: Path) -> Copied:
        return Copied(part, printable(f"{part}/image/{image.name}"), frozenset(), fingerprint(read_image(image)))

    with ThreadPoolExecutor() as pool:
        return list(pool.map(look_at, chosen))
