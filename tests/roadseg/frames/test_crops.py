"""Crops show the frame's own pixels, at the scale asked for, with their labels, and depend on the key alone."""

import cv2
import numpy as np
import pytest
import torch
from albumentations import Compose
from frames_in_memory import blocks, crops_of, positions

from roadseg.frames.augment import build_policy, seed_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.crops import MEAN_COLOUR
from roadseg.frames.resizing import resize_label, resize_picture
from roadseg.frames.windows import is_mixed


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
    assert max(lefts) >= 123
    assert max(lefts) <= 128


def test_a_crop_is_no_larger_than_the_input():
    crops = crops_of(positions(96, 192), height=64, width=160, crop_height=128, crop_width=96)
    picture, classes = crops.sample(0, "1")
    assert crops.size == picture.shape[:2] == classes.shape == (64, 96)


def test_the_scale_is_relative_to_the_input_along_each_axis():
    """A frame of 120x240 for an input of 240x320, doubled: rows grow fourfold, columns by 8/3."""
    image, label = positions(120, 240)
    crops = crops_of((image, label), height=224, width=320, scale_min=2.0, scale_max=2.0)
    picture, _ = crops.sample(0, "1")
    inner = picture[8:-8, 8:-8].astype(float)
    assert (inner[:, -1, 0] - inner[:, 0, 0]).mean() == pytest.approx(47 * 240 / 640, abs=1)
    assert (inner[-1, :, 1] - inner[0, :, 1]).mean() == pytest.approx(47 * 120 / 448, abs=1)


def test_scales_are_drawn_evenly_on_a_log_scale():
    """From a quarter to four times: half of the crops show more of the frame than scale 1 does."""
    image, label = positions(250, 250)
    crops = crops_of((image, label), height=1024, width=1024, scale_min=0.25, scale_max=4.0)
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
    """Class 1 on the left and 2 on the right: crops of 64 columns lie across the border, one class below 60 %."""
    frame = positions(64, 192)
    free, mixed = (crops_of(frame, height=64, width=192, max_class_share=share) for share in (1.0, 0.6))
    shares = {crops: [] for crops in (free, mixed)}
    for crops, found in shares.items():
        for seed in range(100):
            counts = np.bincount(crops.sample(0, str(seed))[1].ravel(), minlength=3)
            found.append(counts.max() / counts.sum())
    # 13 of 129 places are right: ten tries find one in 65 % of all cases, one try in 10 %
    assert np.mean(np.array(shares[free]) <= 0.6) == pytest.approx(0.10, abs=0.08)
    assert np.mean(np.array(shares[mixed]) <= 0.6) == pytest.approx(0.65, abs=0.15)


def test_ignored_pixels_count_in_no_share():
    """Two classes of 10 % each beside 80 % ignored pixels are mixed, which the first try finds."""
    label = np.full((64, 64), 255, np.uint8)
    label[:, :6], label[:, 6:12] = 3, 4
    assert is_mixed(label, 0.5)
    assert not is_mixed(label, 0.4)
    assert not is_mixed(np.full((64, 64), 255, np.uint8), 1.0)


def epoch_of(crops, epoch, workers, kind="fresh"):
    draws = ShuffledDraws(len(crops), batch_size=3, seed=1, kind=kind)
    batches = Batches(crops, draws, build_policy("strong", 255), workers).of_epoch(epoch)
    samples = torch.cat([torch.cat([batch.images, batch.labels[..., None]], dim=-1) for batch in batches])
    assert samples.shape == (len(crops), 64, 96, 4)
    return samples if kind == "frozen" else samples[np.argsort([draw.index for batch in draws for draw in batch])]


def test_batches_are_crops_that_depend_on_epoch_and_frame_but_on_no_worker():
    crops = crops_of(*[blocks(100, 200, seed=0)] * 9, height=96, width=192, crop_width=96, scale_max=1.75)
    first, again, second = epoch_of(crops, 1, workers=1), epoch_of(crops, 1, workers=2), epoch_of(crops, 2, workers=2)
    assert torch.equal(first, again)
    assert not any(torch.equal(a, b) for a in first for b in second)
    assert not any(torch.equal(first[i], first[j]) for i in range(9) for j in range(i))


def test_frozen_draws_repeat_the_crops_too():
    crops = crops_of(*[blocks(100, 200, seed=0)] * 9, height=96, width=192, crop_width=96, scale_max=1.75)
    assert torch.equal(epoch_of(crops, 1, 2, "frozen"), epoch_of(crops, 2, 2, "frozen"))
