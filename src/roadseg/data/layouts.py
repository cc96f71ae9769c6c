"""How folders of frames and labels are laid out: one table, and how a folder is told by it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from roadseg.data.archives import Tree
from roadseg.pipeline.errors import UserError, printable

_LISTED = 8  # folders that a message names


@dataclass(frozen=True)
class Layout:
    """Where the images and labels of each split are: `{}` stands for the split's name.

    With `lists`, the splits share the folders, and a text file for each names its frames; with neither, there are none.
    """

    images: str
    labels: str
    train: str = "train"
    val: str = "val"
    test: str = "test"
    lists: str = ""

    @property
    def is_split(self) -> bool:
        """Whether it says which frames are for training."""
        return bool(self.lists) or "{}" in self.images

    def __str__(self) -> str:
        place = f" by {self.lists.format(self.train)}" if self.lists else ""
        return f"{self.images.format(self.train)} + {self.labels.format(self.train)}{place}"


# the first that fits is taken
LAYOUTS = (
    Layout("{}/image", "{}/label", "training", "validation", "testing"),
    *(Layout("{}/images", f"{{}}/{labels}") for labels in ("masks", "labels")),
    *(Layout("{}/image", f"{{}}/{label}") for label in ("mask", "label")),
    *(Layout("images/{}", f"{labels}/{{}}") for labels in ("masks", "labels")),
    Layout("JPEGImages", "SegmentationClass", lists="ImageSets/Segmentation/{}.txt"),
    *(Layout("{}", f"{{}}{ending}") for ending in ("_labels", "annot")),
    *(Layout("images", labels) for labels in ("masks", "labels")),
)


def find_layout(tree: Tree) -> tuple[Layout, str]:
    """Return the layout of a tree, and what stands before its folders: nothing, or a folder around them all.

    Raises UserError where the tree has none of them, or one of them twice.
    """
    for layout in LAYOUTS:
        inside = [f"{layout.images}/", f"{layout.labels}/", *filter(None, [layout.lists])]
        tops = set.intersection(*(_tops(tree, name.format(layout.train)) for name in inside))
        if len(tops) > 1:
            where = ", ".join(sorted(top or "." for top in tops))
            raise UserError(printable(f"{tree.where} has {layout} {len(tops)} times ({where}); name one of these"))
        if tops:
            return layout, tops.pop()
    known = "; ".join(map(str, LAYOUTS))
    raise UserError(printable(f"{tree.where} has frames in no layout that is known: {known}; found: {_found(tree)}"))


def _tops(tree: Tree, inside: str) -> set[str]:
    """Return what stands before `inside`, a folder with a slash at its end or a file, in the names of the tree."""
    tops = set()
    for name in (f"/{name}" for name in tree.names):
        at = name.find(f"/{inside}") if inside.endswith("/") else name.rfind(f"/{inside}")
        if at >= 0 and (inside.endswith("/") or at + 1 + len(inside) == len(name)):
            tops.add(name[1 : at + 1])
    return tops


def _found(tree: Tree) -> str:
    """Say which folders there are, with how many files."""
    folders = Counter(str(PurePosixPath(name).parent) for name in tree.names)
    named = [f"{folder} ({number})" for folder, number in sorted(folders.items())[:_LISTED]]
    more = f" and {len(folders) - _LISTED} more folders" if len(folders) > _LISTED else ""
    return (", ".join(named) + more) or "nothing"
