"""Frames on disk to measure with: generated scenes, or the KITTI frames of ROADSEG_REAL_DATA where that is set."""

import os
from pathlib import Path

from roadseg.data.kitti import find_frames
from roadseg.data.seg_data import import_frames, make_layout
from roadseg.frames.files import FrameFiles, frame_files
from roadseg.frames.images import write_image
from roadseg.scenes.scene import render_scene

HEIGHT, WIDTH = 375, 1242
DISTINCT = 32  # the others are the same files under other names


def kind_of_frames() -> str:
    return "KITTI frames" if os.environ.get("ROADSEG_REAL_DATA") else "generated scenes"


def write_frames(folder: Path, count: int) -> list[FrameFiles]:
    """Put `count` pictures and labels, both PNG as KITTI's, into the empty `folder`."""
    make_layout(folder)
    if real := os.environ.get("ROADSEG_REAL_DATA"):
        import_frames(Path(real, "data_semantics_32.zip"), folder, find_frames)
    else:
        for index in range(DISTINCT):
            image, label = render_scene(1, index, HEIGHT, WIDTH)
            write_image(folder / "training" / "image" / f"{index:06d}_10.png", image)
            write_image(folder / "training" / "label" / f"{index:06d}_10.png", label)
    distinct = [(part, path.stem) for part in ("training", "testing") for path in (folder / part / "image").iterdir()]
    (folder / "all" / "image").mkdir(parents=True)
    (folder / "all" / "label").mkdir()
    for index in range(count):
        part, stem = sorted(distinct)[index % len(distinct)]
        for what in ("image", "label"):
            (folder / "all" / what / f"{index:06d}.png").hardlink_to(folder / part / what / f"{stem}.png")
    return frame_files(folder / "all", [f"{index:06d}" for index in range(count)])
