"""What the names of an image and of its label end in, beside what they have in common."""

from collections.abc import Collection

Suffixes = tuple[str, str]  # of the image, of the label

SUFFIXES: tuple[Suffixes, ...] = (
    ("", ""),
    ("_leftImg8bit", "_gtFine_labelIds"),
    ("_leftImg8bit", "_gtFine_labelTrainIds"),
    ("_leftImg8bit", "_gtFine_color"),
    *(("", suffix) for suffix in ("_L", "_mask", "_label", "_gt")),
)
# what may lie beside the labels that are used
PASSED_OVER = ("_gtFine_labelIds", "_gtFine_labelTrainIds", "_gtFine_color", "_gtFine_instanceIds")


def suffixes_of(images: Collection[str], labels: Collection[str]) -> Suffixes:
    """Return the suffixes by which most of the stems of images and labels pair; of equals the first of the table.

    >>> suffixes_of(["a", "b", "c_L"], ["a_L", "b_L", "c_L"])
    ('', '_L')
    """
    return max(SUFFIXES, key=lambda suffixes: len(_without(images, suffixes[0]) & _without(labels, suffixes[1])))


def _without(stems: Collection[str], suffix: str) -> set[str]:
    return {stem.removesuffix(suffix) for stem in stems if stem.endswith(suffix)}
