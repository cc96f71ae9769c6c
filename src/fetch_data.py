"""Bring the frames into the seg_data layout, checked, whatever they come from, and write the splits down.

    python src/fetch_data.py        DVC stage `fetch_data`: (the source) -> data/seg_data

Sources (`data.source`): synthetic, road scenes drawn here; kitti, the official archive, downloaded once into a store
outside the project; seg_data, a folder, zip or tar in that layout; cityscapes and mapillary, folders as they are
unpacked from the archives that those who register get. The training frames of further data (`data.also`) go to
data/seg_data/also/NAME.
"""

from pathlib import Path

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import Params, load_params
from pipeline.stage import replacing, run_stage, write_json
from roadseg.datasets import cityscapes, further, kitti, mapillary, seg_data
from roadseg.datasets.archives import check_archive
from roadseg.datasets.folds import hold_out_fold
from roadseg.datasets.splits import make_splits
from roadseg.datasets.synthetic import write_scenes
from roadseg.download import download, shown_url
from roadseg.errors import UserError, printable


def main() -> None:
    params = load_params()
    with replacing(paths.SEG_DATA) as folder:
        seg_data.make_layout(folder)
        origin, notes = fill(folder, params)
        if params.data.fold != "none":
            hold_out_fold(folder, *map(int, params.data.fold.split("/")))
        training, testing = (seg_data.stems(folder, part) for part in seg_data.PARTS)
        splits = make_splits(training, testing, params.data.val_fraction)
        more_stems, more_notes = add_further(folder, params) if params.data.also else ({}, [])
        write_json(folder / paths.SPLITS.name, splits | ({"also": more_stems} if more_stems else {}))
    for note in notes + more_notes:
        print(f"note: {note}")
    counts = ", ".join(f"{len(names)} {split}" for split, names in splits.items())
    print(f"{paths.SEG_DATA}: {counts} frames of {describe_sizes(seg_data.sizes(paths.SEG_DATA))}, from {origin}")
    for name, stems in more_stems.items():
        print(f"{paths.SEG_DATA}/also/{name}: {len(stems)} frames to train on as well")


def fill(folder: Path, params: Params) -> tuple[str, list[str]]:
    """Write the frames of the chosen source into the empty layout; say where they are from, and what to know of them.

    Raises UserError where they are not right.
    """
    match params.data.source:
        case "synthetic":
            write_scenes(
                folder,
                params.data.synthetic.train_frames,
                params.data.synthetic.test_frames,
                params.data.synthetic.height,
                params.data.synthetic.width,
                params.data.synthetic.seed,
            )
            return f"generated scenes (seed {params.data.synthetic.seed})", []
        case "kitti":
            archive, digest = download(params.data.kitti.url, store_folder(), params.data.kitti.sha256, check_archive)
            print(f"{archive}: sha256 {digest}")
            return shown_url(params.data.kitti.url), kitti.import_frames(archive, folder, params.data.allow_leak)
        case "seg_data":
            source = path_of("data.seg_data.path", params.data.seg_data.path or "")
            return printable(source), seg_data.import_frames(source, folder, params.data.allow_leak)
        case "cityscapes":
            source = path_of("data.cityscapes.path", params.data.cityscapes.path or "")
            return printable(source), cityscapes.import_frames(source, folder, params.data.allow_leak)
        case "mapillary":
            source = path_of("data.mapillary.path", params.data.mapillary.path or "")
            return printable(source), mapillary.import_frames(source, folder, params.data.allow_leak)


def add_further(folder: Path, params: Params) -> tuple[dict[str, list[str]], list[str]]:
    """Write the training frames of further data beside the main ones; return their names, and what to know of them.

    Raises UserError where they are not right, or are tested on.
    """
    stems, notes = {}, []
    testing = further.written(folder, "testing")
    for name in sorted(params.data.also):
        part, source = further.make_part(folder, name), params.data.also[name].path
        if source:
            path = path_of(f"data.also.{name}.path", source)
            notes += further.import_training(path, folder, part, testing, params.data.allow_leak)
        else:
            write_scenes(
                folder,
                params.data.synthetic.train_frames,
                0,
                params.data.synthetic.height,
                params.data.synthetic.width,
                params.data.synthetic.seed,
                part,
            )
            notes += further.check_written(folder, part, testing, params.data.allow_leak)
        stems[name] = seg_data.stems(folder, part)
    return stems, notes


def path_of(key: str, text: str) -> Path:
    """Return the path that the parameter `key` names; UserError where it begins with an unknown user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{key}: {text} begins with a user who isn't known here; write it out") from None


def describe_sizes(sizes: list[tuple[int, int]]) -> str:
    smallest, largest = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
    return smallest if len(sizes) == 1 else f"{len(sizes)} sizes, {smallest} to {largest}"


if __name__ == "__main__":
    run_stage(main)
