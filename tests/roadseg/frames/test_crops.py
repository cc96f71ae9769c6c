"""Crops show the frame's own pixels, at the scale asked for, with their labels, and rare classes as often as asked."""

import math
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from albumentations import Compose

from roadseg.frames.augment import Augmented, build_policy, seed_policy
from roadseg.frames.batches import Batches, BatchSampler
from roadseg.frames.counting import count_pixels
from roadseg.frames.crops import MEAN_COLOUR, Crops, RareClasses, class_probabilities, is_mixed
from roadseg.frames.images import resize_label, resize_picture
from roadseg.frames.store import Cached, WholeFrames
from roadseg.pipeline.sections import Input, Strong

SETTINGS = {"crop_height": 64, "crop_width": 64, "scale_min": 1.0, "scale_max": 1.0, "max_class_share": 1.0}
SETTINGS |= {"rare_class": 0.0, "rare_class_temperature": 0.1}


def crops_of(*frames, height, width, **changes):
    """Crops of frames, pairs of a picture (H, W, 3) and a label (H, W), for an input of that size."""
    images, labels = (np.concatenate([frame[part].ravel() for frame in frames]) for part in (0, 1))
    whole = WholeFrames(Cached(images, labels, [label.shape for _, label in frames], Path("nowhere")))
    counts = count_pixels([label for _, label in frames])
    return Crops(whole, counts, Input(height=height, width=width, resize="area"), Strong(**SETTINGS | changes))


def positions(height, width):
    """A frame whose red is the column and whose green is the row; its label is 1 on the left and 2 on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image, np.where(image[..., 0] < width // 2, 1, 2).astype(np.uint8)


def blocks(height, width, seed):
    """A frame of squares of 16 pixels, each of one class, whose red is 12 times the class."""
    random = np.random.default_rng(seed)
    label = random.choice((0, 2, 8, 10, 13), (-(-height // 16), -(-width // 16))).astype(np.uint8)
    label = label.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 12 * label
    return image, label


def small_thing(top, left):
    """A frame of class 0 with a patch of 6x8 pixels of class 11."""
    image, label = np.zeros((200, 600, 3), np.uint8), np.zeros((200, 600), np.uint8)
    label[top : top + 6, left : left + 8] = 11
    image[label == 11] = 132, 0, 0
    return image, label


def test_the_whole_frame_at_scale_1_is_the_resized_frame():
    image, label = blocks(150, 333, seed=0)
    crops = crops_of((image, label), height=64, width=160, crop_height=64, crop_width=160)
    picture, classes = crops.sample(0, "1/1/0")
    assert np.array_equal(picture, resize_picture(image, 64, 160, "area"))
    assert np.array_equal(classes, resize_label(label, 64, 160))


def test_a_crop_of_a_frame_of_the_input_size_is_a_part_of_it():
    image, label = positions(96, 192)
    crops = crops_of((image, label), height=96, width=192)
    corners = set()
    for seed in range(200):
        picture, classes = crops.sample(0, str(seed))
        left, top, _ = (int(value) for value in picture[0, 0])
        assert np.array_equal(picture, image[top : top + 64, left : left + 64])
        assert np.array_equal(classes, label[top : top + 64, left : left + 64])
        corners.add((top, left))
    tops, lefts = ({corner[axis] for corner in corners} for axis in (0, 1))
    assert (min(tops), max(tops)) == (0, 32)
    assert min(lefts) <= 5
    assert 123 <= max(lefts) <= 128


def test_a_crop_is_no_larger_than_the_input():
    crops = crops_of(positions(96, 192), height=64, width=160, crop_height=128, crop_width=96)
    picture, classes = crops.sample(0, "1")
    assert crops.size == picture.shape[:2] == classes.shape == (64, 96)


def test_the_scale_is_relative_to_the_input_along_each_axis():
    """A frame of 120x240 for an input of 240x320, doubled: rows grow fourfold, columns by 8/3."""
    crops = crops_of(positions(120, 240), height=224, width=320, scale_min=2.0, scale_max=2.0)
    picture, _ = crops.sample(0, "1")
    inner = picture[8:-8, 8:-8].astype(float)
    assert (inner[:, -1, 0] - inner[:, 0, 0]).mean() == pytest.approx(47 * 240 / 640, abs=1)
    assert (inner[-1, :, 1] - inner[0, :, 1]).mean() == pytest.approx(47 * 120 / 448, abs=1)


def test_scales_are_drawn_evenly_on_a_log_scale():
    """From a quarter to four times: half of the crops show more of the frame than scale 1 does."""
    crops = crops_of(positions(250, 250), height=1024, width=1024, scale_min=0.25, scale_max=4.0)
    spans = np.array([np.ptp(crops.sample(0, str(seed))[0][32, :, 0].astype(int)) for seed in range(1500)])
    assert np.median(spans) == pytest.approx(63 * 250 / 1024, abs=2)
    assert (spans.min(), spans.max()) == (pytest.approx(63 * 250 / 4096, abs=1), pytest.approx(63 * 250 / 256, abs=3))


def test_what_a_small_frame_leaves_free_has_the_mean_colour_and_is_ignored():
    image, label = positions(100, 250)
    crops = crops_of((image, label), height=64, width=160, crop_width=128, scale_min=0.5, scale_max=0.5)
    picture, classes = crops.sample(0, "1")
    assert np.array_equal(picture[:32, :80], resize_picture(image, 32, 80, "area"))
    assert np.array_equal(classes[:32, :80], resize_label(label, 32, 80))
    for rest in (np.s_[32:, :], np.s_[:, 80:]):
        assert set(np.unique(classes[rest])) == {255}
        assert (picture[rest] == MEAN_COLOUR).all()


def test_labels_stay_with_their_pixels_through_scaling_and_flips():
    frames = blocks(150, 333, seed=0), blocks(97, 201, seed=1)
    crops = crops_of(*frames, height=96, width=192, scale_min=0.75, scale_max=1.75)
    flip = Compose([build_policy("strong", 255).transforms[0]])
    flips = 0
    for seed in range(60):
        picture, classes = crops.sample(seed % 2, str(seed))
        seed_policy(flip, str(seed))
        sample = flip(image=picture, mask=classes)
        flips += not np.array_equal(sample["mask"], classes)
        picture, classes = sample["image"], sample["mask"]
        inside = cv2.erode(classes, np.ones((5, 5))) == cv2.dilate(classes, np.ones((5, 5)))
        inside &= classes != 255
        inside[[0, -1]] = inside[:, [0, -1]] = False  # a sliver of a block may tint the edge and have no label
        assert inside.mean() > 0.1
        assert (np.abs(picture[..., 0].astype(int) - 12 * classes)[inside] <= 1).all()
    assert 15 < flips < 45


def test_no_class_takes_more_than_its_share_where_that_can_be():
    """Class 1 on the left and 2 on the right: crops of 64 columns lie across the border, one class below 60 %.

    13 of 129 places are right: ten tries find one in 65 % of all cases, one try in 10 %.
    """
    frame = positions(64, 192)
    for most, expected in ((1.0, pytest.approx(0.10, abs=0.08)), (0.6, pytest.approx(0.65, abs=0.15))):
        crops = crops_of(frame, height=64, width=192, max_class_share=most)
        counts = [np.bincount(crops.sample(0, str(seed))[1].ravel(), minlength=3) for seed in range(100)]
        assert np.mean([count.max() / count.sum() <= 0.6 for count in counts]) == expected


def test_ignored_pixels_count_in_no_share():
    """Two classes of 10 % each beside 80 % ignored pixels are mixed, which the first try finds."""
    label = np.full((64, 64), 255, np.uint8)
    assert not is_mixed(label, 1.0)
    label[:, :6], label[:, 6:12] = 3, 4
    assert is_mixed(label, 0.5)
    assert not is_mixed(label, 0.4)


def epoch_of(crops, epoch, workers, kind="fresh"):
    sampler = BatchSampler(len(crops), batch_size=3, seed=1, kind=kind)
    batches = Batches(Augmented(crops, build_policy("strong", 255)), sampler, workers).of_epoch(epoch)
    samples = torch.cat([torch.cat([batch.images, batch.labels[..., None]], dim=-1) for batch in batches])
    assert samples.shape == (len(crops), 64, 96, 4)
    return samples if kind == "frozen" else samples[np.argsort([one.index for batch in sampler for one in batch])]


def test_batches_are_crops_that_depend_on_epoch_and_frame_but_on_no_worker():
    crops = crops_of(*[blocks(100, 200, seed=0)] * 9, height=96, width=192, crop_width=96, scale_max=1.75)
    first, again, second = epoch_of(crops, 1, workers=1), epoch_of(crops, 1, workers=2), epoch_of(crops, 2, workers=2)
    assert torch.equal(first, again)
    assert not any(torch.equal(a, b) for a in first for b in second)
    assert not any(torch.equal(first[i], first[j]) for i in range(9) for j in range(i))
    assert torch.equal(epoch_of(crops, 1, 2, "frozen"), epoch_of(crops, 2, 2, "frozen"))


@pytest.mark.parametrize(
    ("counts", "temperature", "expected"),
    [
        # shares of 0.5, 0.3 and 0.2 at T = 0.1: e^5 : e^7 : e^8; the third class doesn't occur
        ([500, 300, 0, 200], 0.1, np.array([math.e**5, math.e**7, 0, math.e**8]) / (math.e**5 + math.e**7 + math.e**8)),
        ([60, 0, 30, 10], 0.001, [0, 0, 0, 1]),
        ([60, 0], 0.001, [1, 0]),
        ([60, 0, 30, 10], 1e6, [1 / 3, 0, 1 / 3, 1 / 3]),
    ],
)
def test_class_probabilities_by_hand(counts, temperature, expected):
    assert class_probabilities(np.array(counts), temperature) == pytest.approx(expected, abs=1e-6)


def test_classes_and_frames_are_drawn_as_often_as_they_should_be():
    """Frame 2 alone shows class 1, for 19 pixels are too few; class 2 is nowhere shown by 20 pixels."""
    counts = np.array([[700, 19, 0], [0, 0, 19], [100, 100, 0]])
    rare, random = RareClasses(counts, temperature=1.0), np.random.default_rng(0)
    share = 119 / (800 + 119)
    weights = math.exp(share), math.exp(1 - share)
    assert rare.probabilities == pytest.approx([weights[0] / sum(weights), weights[1] / sum(weights), 0])
    drawn = Counter(rare.draw(random) for _ in range(4000))
    assert set(drawn) == {(0, 0), (0, 2), (1, 2)}
    assert drawn[1, 2] / 4000 == pytest.approx(rare.probabilities[1], abs=0.03)
    assert drawn[0, 0] / 4000 == pytest.approx(rare.probabilities[0] / 2, abs=0.03)
    assert RareClasses(np.zeros((2, 4), np.int64), 0.1).draw(random) is None


def test_a_rare_class_that_is_asked_for_is_in_the_crop():
    frames = [blocks(150, 333, seed=0), small_thing(0, 592), blocks(97, 201, seed=1), small_thing(150, 20)]
    settings = {"height": 96, "width": 288, "scale_min": 0.75, "scale_max": 1.75, "rare_class_temperature": 0.001}
    shown = {}
    for share in (0.0, 0.5, 1.0):
        crops = crops_of(*frames, rare_class=share, **settings)
        samples = [crops.sample(0, str(seed)) for seed in range(200)]
        shown[share] = np.mean([(label == 11).any() for _, label in samples])
        assert all(abs(int(image[label == 11, 0].max()) - 132) < 20 for image, label in samples if (label == 11).any())
    assert shown == {0.0: 0, 0.5: pytest.approx(0.5, abs=0.1), 1.0: 1}


def test_the_place_of_a_rare_class_in_the_crop_varies():
    crops = crops_of(small_thing(100, 300), height=96, width=288, rare_class=1.0, rare_class_temperature=0.001)
    places = [np.argwhere(crops.sample(0, str(seed))[1] == 11).mean(axis=0) for seed in range(200)]
    assert (np.std(places, axis=0) > 8).all()
