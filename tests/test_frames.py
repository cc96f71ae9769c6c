"""Frames come back in order, resized by the rule asked for, with the sizes that they had."""

import cv2
import numpy as np
import pytest
from conftest import write_picture, write_seg_data

from roadseg.errors import UserError
from roadseg.evaluation import WatchedFrames
from roadseg.frames import frame_files, load_frames, resize_of


@pytest.fixture
def one_frame(tmp_path):
    """Vertical stripes of two columns, black and white, over a label whose left half is 3."""
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, [1, 3, 5, 7]] = 255
    label = np.full((4, 8), 9, np.uint8)
    label[:, :4] = 3
    write_picture(tmp_path / "image" / "a.png", image)
    write_picture(tmp_path / "label" / "a.png", label)
    return frame_files(tmp_path, ["a"])


@pytest.mark.parametrize(("rule", "grey"), [("area", 128), ("linear", 128), ("nearest", 0)])
def test_halving_by_each_rule(one_frame, rule, grey):
    frames = load_frames(one_frame, 2, 4, rule)
    assert np.abs(frames.images.astype(int) - grey).max() <= 1
    assert frames.labels[0].tolist() == [[3, 3, 9, 9]] * 2
    assert frames.sizes == [(4, 8)]


def test_area_is_the_mean_of_what_each_pixel_covers(one_frame):
    frames = load_frames(one_frame, 1, 2, "area")
    assert np.abs(frames.images.astype(int) - 127.5).max() <= 0.5


def test_frames_keep_the_order_asked_for(tmp_path):
    folder = write_seg_data(tmp_path, train=4, val=0, test=0, height=32, width=64) / "training"
    stems = ["000002_10", "000000_10"]
    frames = load_frames(frame_files(folder, stems), 32, 64, "area")
    for stem, image, label in zip(stems, frames.images, frames.labels, strict=True):
        assert np.array_equal(image, cv2.imread(str(folder / "image" / f"{stem}.png"))[..., ::-1])
        assert np.array_equal(label, cv2.imread(str(folder / "label" / f"{stem}.png"), cv2.IMREAD_UNCHANGED))


def test_the_studys_rule_differs_between_training_and_testing():
    assert [resize_of("study", training) for training in (True, False)] == ["nearest", "linear"]
    assert [resize_of("area", training) for training in (True, False)] == ["area", "area"]


def test_a_missing_frame_is_told(one_frame, tmp_path):
    with pytest.raises(UserError, match="has no picture b; run `dvc repro fetch_data`"):
        frame_files(tmp_path, ["a", "b"])


def test_watched_frames_score_a_network_at_the_labels_size(one_frame):
    import torch

    class LeftIsThree(torch.nn.Module):
        def forward(self, images):
            logits = torch.zeros(len(images), 19, *images.shape[-2:])
            middle = images.shape[-1] // 2
            logits[:, 3, :, :middle] = 1
            logits[:, 9, :, middle:] = 1
            return logits

    watched = WatchedFrames.load(one_frame, 2, 4, "area")
    assert watched.miou(LeftIsThree(), 1, torch.device("cpu")) == pytest.approx(2 / 19)
    assert WatchedFrames.load([], 2, 4, "area").miou(LeftIsThree(), 1, torch.device("cpu")) is None
