"""Find the pairs of image and label of each split, whatever the layout."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from roadseg.data.archives import Tree
from roadseg.data.layouts import Layout, find_layout
from roadseg.data.pairs import Pair, files_by_stem, find_pairs, stems_in
from roadseg.data.splits import ranked
from roadseg.data.suffixes import Suffixes, suffixes_of

SPLITS = ("train", "val", "test")
_TESTED = 4  # one frame in so many, where nothing says which


@dataclass(frozen=True)
class Found:
    """The pairs of a tree: `held_out` are the stems of its own validation frames, which lie among those for training.

    `problems` has a line for each file that has no place in a pair, `notes` one for each thing that a user should know.
    """

    pairs: list[Pair]
    held_out: frozenset[str] | None
    problems: list[str]
    notes: list[str]


def find_frames(tree: Tree) -> Found:
    """Find the pairs of all splits; UserError where the tree has no layout that is known.

    Where no test frame is labelled, the validation frames are tested on. Where nothing says which frames are for what,
    a quarter is for testing: those that `ranked` puts first by the word `test`.
    """
    layout, top = find_layout(tree)
    splits, problems = _pairs_by_split(tree, layout, top, _labelled(tree, layout, top))
    train, val, test = (splits.get(split, []) for split in SPLITS)
    notes = []
    if not layout.is_split:
        train, test = _without_a_quarter(train)
        notes.append(f"nothing says which frames are for testing: {len(test)} of {len(test) + len(train)} were taken")
    elif val and not test:
        val, test = [], val
        notes.append(f"there are no labelled frames for {layout.test}: those for {layout.val} are tested on")
    if {pair.stem for pair in train} & {pair.stem for pair in val}:  # numbered from 1 in each split
        val = [replace(pair, stem=f"{layout.val}_{pair.stem}") for pair in val]
    held_out = frozenset(pair.stem for pair in val) if val else None
    pairs = [replace(pair, part="training") for pair in train + val] + [replace(pair, part="testing") for pair in test]
    return Found(pairs, held_out, problems, notes)


def _labelled(tree: Tree, layout: Layout, top: str) -> tuple[str, ...]:
    """Return the splits to read: all, but not test frames without a label where there is a validation split."""

    def has_labels(split: str) -> bool:
        return any(name.startswith(f"{top}{layout.labels.format(split)}/") for name in tree.names)

    return SPLITS[:2] if has_labels(layout.val) and not has_labels(layout.test) else SPLITS


def _without_a_quarter(pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    chosen = set(ranked([pair.stem for pair in pairs], "test")[: max(1, round(len(pairs) / _TESTED))])
    return [pair for pair in pairs if pair.stem not in chosen], [pair for pair in pairs if pair.stem in chosen]


def _pairs_by_split(
    tree: Tree, layout: Layout, top: str, splits: tuple[str, ...]
) -> tuple[dict[str, list[Pair]], list[str]]:
    folders = [f"{top}{folder.format(layout.train)}" for folder in (layout.images, layout.labels)]
    suffixes = suffixes_of(*(stems_in(tree, folder) for folder in folders))
    found: dict[str, list[Pair]] = {}
    problems = []
    for split in splits if layout.is_split else splits[:1]:
        word = {"train": layout.train, "val": layout.val, "test": layout.test}[split]
        if layout.lists:
            found[split], lines = _listed(tree, layout, top, word, suffixes)
        else:
            images, labels = (f"{top}{folder.format(word)}" for folder in (layout.images, layout.labels))
            found[split], lines = find_pairs(tree, word, images, labels, suffixes)
        problems += lines
    return found, problems


def _listed(tree: Tree, layout: Layout, top: str, word: str, suffixes: Suffixes) -> tuple[list[Pair], list[str]]:
    """Pair what a list names, where there is one; frames of the folders that it does not name are not used."""
    name = f"{top}{layout.lists.format(word)}"
    if name not in tree.names:
        return [], []
    stems = list(dict.fromkeys(_lines(tree.read(name).decode(errors="replace"))))
    image_of, label_of, _ = files_by_stem(tree, f"{top}{layout.images}", f"{top}{layout.labels}", suffixes)
    if word == layout.test and not any(stem in label_of for stem in stems):
        return [], []  # its truth is not public
    problems = [
        f"{tree.show(name)} lists {stem}, which has no {kind}; add it to {folder}, or take it off the list"
        for stem in stems
        for kind, known, folder in (("image", image_of, layout.images), ("label", label_of, layout.labels))
        if stem not in known
    ]
    known = [stem for stem in stems if stem in image_of and stem in label_of]
    return [Pair(word, stem, image_of[stem], label_of[stem]) for stem in known], problems


def _lines(text: str) -> Iterator[str]:
    """Yield the first word of each line."""
    return (words[0] for line in text.splitlines() if (words := line.split()))
