"""Passes counted by hand, and predictions that must not depend on how they were put together."""

from itertools import pairwise

import pytest
import torch

from roadseg.networks.cost import count_flops, count_passes
from roadseg.networks.tta import Pass, logits_of, passes_of
from roadseg.pipeline.sections import Passes


def asked(**changes):
    plain = {"flip": False, "scales": [1.0], "window_height": None, "window_width": None, "overlap": 0.0}
    return Passes.model_validate(plain | changes)


def network():
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 4, 1).eval()


def test_one_pass_over_the_whole_frame_by_default():
    passes = passes_of(asked(), 128, 416)
    assert passes == [Pass((128, 416), False, 0, 0, (128, 416))]
    images = torch.randn(2, 3, 128, 416)
    assert logits_of(network(), images, passes).equal(network()(images))


def test_scales_are_multiples_of_32_and_each_is_flipped():
    passes = passes_of(asked(flip=True, scales=[0.5, 1.0, 1.3]), 128, 416)
    assert [(p.size, p.flipped) for p in passes] == [
        (size, flipped) for size in ((64, 192), (128, 416), (160, 544)) for flipped in (False, True)
    ]


@pytest.mark.parametrize(
    ("overlap", "lefts"),
    [(0.0, [0, 80, 160]), (0.5, [0, 40, 80, 120, 160]), (0.7, [0, 27, 53, 80, 107, 133, 160])],
)
def test_windows_reach_both_ends_and_overlap_by_at_least_the_share(overlap, lefts):
    passes = passes_of(asked(window_height=64, window_width=96, overlap=overlap), 64, 256)
    assert [p.left for p in passes] == lefts
    assert {p.top for p in passes} == {0}
    gaps = [b - a for a, b in pairwise(lefts)]
    assert max(gaps) <= 96 * (1 - overlap) + 1


def test_a_window_is_no_larger_than_the_frame():
    assert passes_of(asked(window_height=640, window_width=640), 64, 96) == passes_of(asked(), 64, 96)


@pytest.mark.parametrize(
    "changes",
    [
        {"flip": True},
        {"window_height": 64, "window_width": 64, "overlap": 0.5},
        {"flip": True, "window_height": 64, "window_width": 96},
    ],
)
def test_what_looks_at_each_pixel_alone_says_the_same_by_any_passes(changes):
    images = torch.randn(2, 3, 96, 160)
    found = logits_of(network(), images, passes_of(asked(**changes), 96, 160))
    assert torch.allclose(found, network()(images).log_softmax(dim=1), atol=1e-5)


def test_a_flipped_pass_is_averaged_by_probability():
    images = torch.randn(1, 3, 64, 64)
    model = torch.nn.Conv2d(3, 2, (1, 3), padding=(0, 1)).eval()  # what is left of a pixel counts otherwise than right
    by_hand = (model(images).softmax(1) + model(images.flip(3)).flip(3).softmax(1)) / 2
    found = logits_of(model, images, passes_of(asked(flip=True), 64, 64))
    assert torch.allclose(found, by_hand.log(), atol=1e-5)
    assert not torch.allclose(found.exp(), model(images).softmax(1), atol=1e-2)


def test_certain_logits_stay_numbers_when_they_are_averaged():
    images = torch.randn(1, 3, 64, 64)
    model = torch.nn.Conv2d(3, 4, 1).eval()
    model.weight.data *= 1000  # probabilities of all but one class underflow to 0
    found = logits_of(model, images, passes_of(asked(flip=True), 64, 64))
    assert found.isfinite().all()
    assert found.argmax(1).equal(model(images).argmax(1))


def test_the_cost_is_that_of_all_passes():
    model = network()
    passes = passes_of(asked(flip=True, scales=[1.0, 2.0], window_height=64, window_width=96), 64, 128)
    # 64x128: two windows of 64x96; 128x256: two by three of them; each flipped too
    assert len(passes) == 2 * (2 + 6)
    assert count_passes(model, passes, (64, 128)) == pytest.approx(16 * 64 * 96 * 3 * 4 / 1e9)
    assert count_passes(model, passes_of(asked(), 64, 128), (64, 128)) == count_flops(model, 64, 128, (64, 128)).gflops
