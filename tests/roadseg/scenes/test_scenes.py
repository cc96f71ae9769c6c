"""The generated scenes against what they promise: the same bytes, all classes, a road below and a sky above."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest

from roadseg.frames.classes import IGNORE_INDEX, NAMES, NUM_CLASSES
from roadseg.scenes.scene import render_scene

SIZE = (94, 310)
ROAD, SKY = NAMES.index("road"), NAMES.index("sky")
LEGAL = [*range(NUM_CLASSES), IGNORE_INDEX]


def digest(seed: int, index: int) -> str:
    image, label = render_scene(seed, index, *SIZE)
    return sha256(image.tobytes() + label.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """The labels of small frames, (80, H, W): 40 from the training range 0..149, 40 from the test range 150..199."""
    return np.stack([render_scene(0, index, *SIZE)[1] for index in [*range(40), *range(150, 190)]])


@pytest.fixture(scope="module")
def counts(labels: np.ndarray) -> np.ndarray:
    """Pixels by frame and label value, (80, 256)."""
    return np.stack([np.bincount(label.ravel(), minlength=256) for label in labels])


def test_the_same_arguments_give_the_same_bytes_whatever_ran_before_or_beside() -> None:
    alone = [digest(5, index) for index in range(4)]
    np.random.seed(1)  # the global generator must not matter
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda index: digest(5, index), reversed(range(4))))
    assert beside[::-1] == alone
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}; from hashlib import sha256; "
        f"from roadseg.scenes.scene import render_scene; image, label = render_scene(5, 1, *{SIZE}); "
        "print(sha256(image.tobytes() + label.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == alone[1]
    assert len({digest(seed, index) for seed in range(3) for index in range(3)}) == 9


@pytest.mark.parametrize("size", [(375, 1242), (94, 310), (64, 208), (128, 416), (97, 211)])
def test_shapes_types_and_values(size: tuple[int, int]) -> None:
    image, label = render_scene(1, 2, *size) if size != (375, 1242) else render_scene(1, 2)  # by default the real size
    assert image.shape == (*size, 3)
    assert label.shape == size
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= set(LEGAL)


@pytest.mark.parametrize("split", [slice(0, 40), slice(40, 80)], ids=["train", "test"])
def test_each_class_is_visible_in_many_frames_of_both_splits(counts: np.ndarray, split: slice) -> None:
    pixels = counts[split, :NUM_CLASSES]
    share = (pixels > 0.0005 * SIZE[0] * SIZE[1]).mean(axis=0)  # 15 pixels of 29140
    assert {name: float(s) for name, s in zip(NAMES, share, strict=True) if s < 0.25} == {}


def test_no_frame_is_like_the_next_in_what_it_holds(counts: np.ndarray) -> None:
    held = counts[:, :NUM_CLASSES] > 0
    assert held.sum(axis=1).min() >= 8
    assert np.median(held.sum(axis=1)) < NUM_CLASSES
    assert len({row.tobytes() for row in held}) > 40


def test_common_classes_have_about_their_share_in_the_real_world(counts: np.ndarray) -> None:
    share = counts[:, :NUM_CLASSES].sum(axis=0) / counts[:, :NUM_CLASSES].sum()
    assert 0.15 < share[ROAD] < 0.3
    assert 0.07 < share[SKY] < 0.2
    assert 0.15 < share[NAMES.index("vegetation")] < 0.3
    assert 0.06 < share[NAMES.index("building")] < 0.2


def test_most_of_every_frame_is_labelled_and_some_of_the_set_is_not(counts: np.ndarray) -> None:
    assert counts[:, LEGAL].sum() == counts.sum()
    ignored = counts[:, IGNORE_INDEX] / counts.sum(axis=1)
    assert ignored.max() < 0.1
    assert (ignored > 0.002).mean() > 0.5


def test_the_road_lies_before_the_car_and_the_sky_above_it(labels: np.ndarray) -> None:
    before = labels[:, 80:88, 135:175]
    above = labels[:, :6]
    below = labels[:, 60:]
    assert (before == ROAD).mean() > 0.75
    assert (above == SKY).mean() > 0.3
    assert not (below == SKY).any()
    assert not (labels[:, :24] == ROAD).any()


@pytest.mark.parametrize("index", range(6))
def test_a_scene_is_the_same_at_another_size(index: int) -> None:
    _, small = render_scene(3, index, 94, 310)
    _, large = render_scene(3, index, 188, 620)
    nearest = large[::2, ::2]
    both = (small != IGNORE_INDEX) & (nearest != IGNORE_INDEX)
    assert (small == nearest)[both].mean() > 0.9
    shares = [np.bincount(label.ravel(), minlength=256) / label.size for label in (small, large)]
    assert np.abs(shares[0] - shares[1]).max() < 0.02


def test_the_picture_shows_the_labels() -> None:
    """Sky is brighter than road, vegetation is greener than both: the two arrays belong together."""
    image, label = render_scene(0, 8)
    colour = {name: image[label == NAMES.index(name)].mean(axis=0) for name in ("road", "sky", "vegetation")}
    assert colour["sky"].mean() > colour["road"].mean() + 30
    greenness = {name: rgb[1] - (rgb[0] + rgb[2]) / 2 for name, rgb in colour.items()}
    assert greenness["vegetation"] > max(greenness["road"], greenness["sky"]) + 5


def test_the_picture_has_noise_and_edges_but_is_not_saturated() -> None:
    image, label = render_scene(0, 8)
    sky = image[label == SKY].astype(float)
    assert 10 < image.mean() < 220
    assert ((image == 0) | (image == 255)).mean() < 0.1
    assert np.abs(np.diff(sky[:, 0])).mean() > 0.5
