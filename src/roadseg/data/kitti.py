"""The KITTI semantic-segmentation archive: label ids to train ids, and its labelled frames split in two.

The split: a quarter of the labelled frames (rounded; 50 of 200) is for testing. The frames that are known to be test
frames come first, all of them even where they are more than a quarter; the rest are taken in the order of the SHA-256
of "test/" and the stem, lowest first. The archive's own testing images have no labels and are not used.
"""

from dataclasses import replace
from pathlib import Path

from roadseg.data.archives import open_tree
from roadseg.data.copying import copy_pairs
from roadseg.data.label_ids import label_id_values
from roadseg.data.pairs import find_pairs, top_folder
from roadseg.data.splits import ranked
from roadseg.data.whole_set import check_whole_set
from roadseg.pipeline.errors import printable, raise_all

_KNOWN_TEST_NUMBERS = """
    000003 000010 000023 000026 000037 000042 000047 000058 000068 000074 000105
    000111 000116 000132 000137 000143 000148 000153 000164 000169 000174 000183
"""
KNOWN_TEST = frozenset(f"{number}_10" for number in _KNOWN_TEST_NUMBERS.split())
_VALUES = label_id_values("KITTI", "take the official archive")


def split_test(stems: set[str]) -> set[str]:
    """Choose the test frames among all labelled ones by the rule above; at least one of two or more."""
    known = stems & KNOWN_TEST
    count = max(round(len(stems) / 4), min(1, len(stems) - 1))
    return known | set(ranked(stems - known, "test")[: max(count - len(known), 0)])


def import_frames(archive: Path, folder: Path, allow_leak: bool = False) -> list[str]:
    """Check the archive's labelled frames and write them, split, into the empty layout `folder`.

    Returns a line for each thing that a user should know of the frames as a whole. Raises UserError, a line per
    problem, if any frame is not right.
    """
    with open_tree(archive) as tree:
        top = top_folder(tree, "training/image_2")
        pairs, problems = find_pairs(tree, "training", f"{top}training/image_2", f"{top}training/semantic")
        test = split_test({pair.stem for pair in pairs})
        pairs = [replace(pair, part="testing") if pair.stem in test else pair for pair in pairs]
        copied, more = copy_pairs(tree, pairs, _VALUES, folder)
    raise_all(problems + more)
    return check_whole_set(copied, printable(archive), allow_leak)
