"""What a reader must know of the frames, by where they come from (`data.source`)."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Source:
    """A source of frames in words."""

    name: str  # what its frames are called in a sentence
    limit: str  # what figures on them don't say
    licence: str  # the terms of weights that were trained on them


_SOURCES = {
    "synthetic": Source(
        "generated scenes",
        "The frames are generated: the figures compare variants, but say nothing of real roads.",
        "The weights were trained on generated scenes, which bring no terms of their own: they are under the licence "
        "of the project, the Apache License 2.0.",
    ),
    "kitti": Source(
        "KITTI frames",
        "All frames are from one city and one car, in daylight (KITTI).",
        "The weights were trained on KITTI frames and carry their terms, CC BY-NC-SA 3.0: no commercial use, name the "
        "source, share alike.",
    ),
    "seg_data": Source(
        "the user's own frames",
        "The frames are the user's own; how they were split is not known here.",
        "The weights were trained on frames of whoever made this folder, and carry the terms of those frames: ask "
        "there before you use them.",
    ),
    "cityscapes": Source(
        "Cityscapes frames",
        "All frames are from 21 cities of Germany, France and Switzerland, in daylight and good weather (Cityscapes); "
        "the test frames are its validation frames.",
        "The weights were trained on Cityscapes frames and carry their terms, a licence of their own: no commercial "
        "use; see the terms that came with your copy.",
    ),
    "mapillary": Source(
        "Mapillary Vistas frames",
        "The classes are those of Mapillary Vistas, turned into those of Cityscapes by their names; the test "
        "frames are its validation frames.",
        "The weights were trained on Mapillary Vistas frames and carry their terms, for the research edition "
        "CC BY-NC-SA: no commercial use, name the source, share alike; see the terms that came with your copy.",
    ),
}


_FOLDS = ", in folds"


def data_name(source: str, classes: str, fold: str = "none") -> str:
    """Name the frames that figures are of; one's own of other classes than Cityscapes' are other data.

    So are training frames that are tested on in turn, of which `fold` names a part.

    >>> data_name("seg_data", "camvid"), data_name("seg_data", "cityscapes"), data_name("kitti", "cityscapes", "1/4")
    ('seg_data (camvid)', 'seg_data', 'kitti, in folds')
    """
    name = source if source != "seg_data" or classes == "cityscapes" else f"{source} ({classes})"
    return name if fold == "none" else name + _FOLDS


def source_of(name: str) -> Source:
    """Return what is known of a source, or of the data of a `data_name`.

    Of one that nothing is written about here it is what holds for any.
    """
    if name.endswith(_FOLDS):
        whole = source_of(name.removesuffix(_FOLDS))
        return replace(whole, name=f"{whole.name}, folds of the training ones")
    source, _, classes = name.partition(" (")
    if classes and source in _SOURCES:
        return replace(_SOURCES[source], name=f"{_SOURCES[source].name} ({classes}")
    frames = f"{name} frames"
    unknown = Source(
        frames,
        f"What is special about the {frames} is not known here.",
        f"The weights were trained on {frames} and carry the terms of those frames.",
    )
    return _SOURCES.get(name, unknown)
