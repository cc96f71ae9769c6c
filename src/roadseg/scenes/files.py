"""Write generated road scenes in the seg_data layout."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from roadseg.frames.images import write_image
from roadseg.scenes.scene import render_scene

_FEW = 16  # scenes are drawn here in the time that it takes to start other processes


def write_scenes(folder: Path, frames: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    """Fill the empty layout `folder` with so many scenes for training, and the next ones for testing.

    `frames` counts both, `size` is their height and width.
    """
    train, test = frames
    jobs = [("training" if index < train else "testing", index) for index in range(train + test)]
    write = partial(_write_scene, folder, size, seed)
    if len(jobs) <= _FEW:
        for job in jobs:
            write(job)
        return
    # spawn: a forked copy of OpenCV's thread pool can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for _ in tqdm(pool.map(write, jobs, chunksize=4), "rendering scenes", total=len(jobs), disable=None):
            pass


def _write_scene(folder: Path, size: tuple[int, int], seed: int, job: tuple[str, int]) -> None:
    part, index = job
    image, label = render_scene(seed, index, *size)
    write_image(folder / part / "image" / f"{index:06d}_10.jpg", image)
    write_image(folder / part / "label" / f"{index:06d}_10.png", label)
