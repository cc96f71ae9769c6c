"""One's own frames, in any layout that is usual: which one it is, and which frames are for what."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from roadseg.data.archives import Tree
from roadseg.data.class_sets import TRAIN_ID_RULE, LabelRule
from roadseg.data.labels import values_of
from roadseg.data.pairs import Found, Pair, Suffixes, files_by_stem, find_pairs, stems_in, suffixes_of
from roadseg.data.splits import ranked
from roadseg.frames.classes import ClassSet
from roadseg.frames.headers import palette_of, read_header
from roadseg.pipeline.errors import UserError, printable

_SPLITS = ("train", "val", "test")
_TESTED = 4  # one frame in so many, where nothing says which
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


def find_frames(tree: Tree, rule: LabelRule = TRAIN_ID_RULE) -> Found:
    """Find the pairs of all splits; UserError where the tree has no layout that is known.

    Where no test frame is labelled, the validation frames are tested on. Where nothing says which frames are for what,
    a quarter is for testing: those that `ranked` puts first by the word `test`.
    """
    layout, top = find_layout(tree)
    splits, problems = _pairs_by_split(tree, layout, top)
    train, val, test = (splits.get(split, []) for split in _SPLITS)
    notes = []
    if not layout.is_split:
        tested = set(ranked([pair.stem for pair in train], "test")[: max(1, round(len(train) / _TESTED))])
        test = [pair for pair in train if pair.stem in tested]
        notes.append(f"nothing says which frames are for testing: {len(test)} of {len(train)} were taken")
        train = [pair for pair in train if pair.stem not in tested]
    elif val and not test:
        val, test = [], val
        notes.append(f"there are no labelled frames for {layout.test}: those for {layout.val} are tested on")
    if {pair.stem for pair in train} & {pair.stem for pair in val}:  # numbered from 1 in each split
        val = [replace(pair, stem=f"{layout.val}_{pair.stem}") for pair in val]
    pairs = [replace(pair, part="training") for pair in train + val] + [replace(pair, part="testing") for pair in test]
    val_stems = frozenset(pair.stem for pair in val) if val else None
    return Found(pairs, values_of(rule), problems, notes, val_stems, painted_classes(rule, tree, pairs))


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
    folders = Counter(str(PurePosixPath(name).parent) for name in tree.names)
    named = [f"{folder} ({number})" for folder, number in sorted(folders.items())[:_LISTED]]
    more = f" and {len(folders) - _LISTED} more folders" if len(folders) > _LISTED else ""
    found, known = (", ".join(named) + more) or "nothing", "; ".join(map(str, LAYOUTS))
    raise UserError(printable(f"{tree.where} has frames in no layout that is known: {known}; found: {found}"))


def _tops(tree: Tree, inside: str) -> set[str]:
    """Return what stands before `inside`, a folder with a slash at its end or a file, in the names of the tree."""
    tops = set()
    for name in (f"/{name}" for name in tree.names):
        at = name.find(f"/{inside}") if inside.endswith("/") else name.rfind(f"/{inside}")
        if at >= 0 and (inside.endswith("/") or at + 1 + len(inside) == len(name)):
            tops.add(name[1 : at + 1])
    return tops


def _pairs_by_split(tree: Tree, layout: Layout, top: str) -> tuple[dict[str, list[Pair]], list[str]]:
    images, labels = (f"{top}{folder}" for folder in (layout.images, layout.labels))
    suffixes = suffixes_of(stems_in(tree, images.format(layout.train)), stems_in(tree, labels.format(layout.train)))
    words = dict(zip(_SPLITS, (layout.train, layout.val, layout.test), strict=True))
    found: dict[str, list[Pair]] = {}
    problems = []
    for split in _splits_to_read(tree, layout, top):
        if layout.lists:
            found[split], lines = _listed(tree, layout, top, words[split], suffixes)
        else:
            word = words[split]
            found[split], lines = find_pairs(tree, word, images.format(word), labels.format(word), suffixes)
        problems += lines
    return found, problems


def _splits_to_read(tree: Tree, layout: Layout, top: str) -> Sequence[str]:
    """Return all splits that there are, but not test frames without a label where there is a validation split."""

    def has_labels(split: str) -> bool:
        return any(name.startswith(f"{top}{layout.labels.format(split)}/") for name in tree.names)

    if not layout.is_split:
        return _SPLITS[:1]
    return _SPLITS[:2] if has_labels(layout.val) and not has_labels(layout.test) else _SPLITS


def _listed(tree: Tree, layout: Layout, top: str, word: str, suffixes: Suffixes) -> tuple[list[Pair], list[str]]:
    """Pair what a list names, where there is one; frames of the folders that it does not name are not used."""
    name = f"{top}{layout.lists.format(word)}"
    if name not in tree.names:
        return [], []
    stems = list(dict.fromkeys(_first_words(tree.read(name).decode(errors="replace"))))
    image_of, label_of, _ = files_by_stem(tree, f"{top}{layout.images}", f"{top}{layout.labels}", suffixes)
    if word == layout.test and not any(stem in label_of for stem in stems):
        return [], []  # its ground truth is not public
    problems = [
        f"{tree.show(name)} lists {stem}, which has no {kind}; add it to {folder}, or take it off the list"
        for stem in stems
        for kind, known, folder in (("image", image_of, layout.images), ("label", label_of, layout.labels))
        if stem not in known
    ]
    known = [stem for stem in stems if stem in image_of and stem in label_of]
    return [Pair(word, stem, image_of[stem], label_of[stem]) for stem in known], problems


def _first_words(text: str) -> Iterator[str]:
    return (words[0] for line in text.splitlines() if (words := line.split()))


def painted_classes(rule: LabelRule, tree: Tree, pairs: Sequence[Pair]) -> ClassSet:
    """Return the rule's classes, those without a colour in the one that the first palette among the labels gives them.

    A class keeps its colour where no label has a palette, or none that can be read.
    """
    if not rule.unpainted or rule.labels != "palette":
        return rule.classes
    palette = next(filter(None, (_palette(tree, pair.label) for pair in pairs)), [])
    index_of = {class_id: value for value, class_id in reversed(rule.values.items())}
    colors = list(rule.classes.colors)
    for class_id in rule.unpainted:
        if (index := index_of.get(class_id, len(palette))) < len(palette):
            colors[class_id] = palette[index]
    return replace(rule.classes, colors=tuple(colors))


def _palette(tree: Tree, label: str) -> list[tuple[int, int, int]]:
    try:
        return palette_of(read_header(tree.read(label), tree.show(label)), tree.show(label))
    except UserError:
        return []  # the label will be refused, in one line with all others
