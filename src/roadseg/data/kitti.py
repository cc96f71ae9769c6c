"""The KITTI semantic-segmentation archive: label ids to train ids, and its labelled frames split in two.

The split: a quarter of the labelled frames (rounded; 50 of 200) is for testing. The frames that are known to be test
frames come first, all of them even where they are more than a quarter; the rest are taken in the order of the SHA-256
of "test/" and the stem, lowest first. The archive's own testing images have no labels and are not used.
"""

from dataclasses import replace

from roadseg.data.archives import Tree
from roadseg.data.labels import label_id_values
from roadseg.data.pairs import Found, find_pairs, top_folder
from roadseg.data.splits import ranked

_KNOWN_TEST_NUMBERS = """
    000003 000010 000023 000026 000037 000042 000047 000058 000068 000074 000105
    000111 000116 000132 000137 000143 000148 000153 000164 000169 000174 000183
"""
KNOWN_TEST = frozenset(f"{number}_10" for number in _KNOWN_TEST_NUMBERS.split())
_VALUES = label_id_values("KITTI", "take the official archive")


def find_frames(tree: Tree) -> Found:
    """Find the archive's labelled frames, split in two; UserError where it is another archive."""
    top = top_folder(tree, "training/image_2")
    pairs, problems = find_pairs(tree, "training", f"{top}training/image_2", f"{top}training/semantic")
    test = split_test({pair.stem for pair in pairs})
    return Found([replace(pair, part="testing") if pair.stem in test else pair for pair in pairs], _VALUES, problems)


def split_test(stems: set[str]) -> set[str]:
    """Choose the test frames among all labelled ones by the rule above; at least one of two or more."""
    known = stems & KNOWN_TEST
    count = max(round(len(stems) / 4), min(1, len(stems) - 1))
    return known | set(ranked(stems - known, "test")[: max(count - len(known), 0)])
