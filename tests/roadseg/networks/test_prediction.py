"""Class maps at the frames' own sizes, against torch's operators and hand-made logits."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from roadseg.frames.store import Frames
from roadseg.networks.prediction import (
    UPSAMPLING,
    class_maps,
    normalize,
    predict,
    torch_engine,
    upsample_classes,
    upsample_like,
    upsample_logits,
)

CPU = torch.device("cpu")


def test_normalize_is_torchvisions():
    from torchvision.transforms.v2.functional import normalize as reference

    images = torch.randint(0, 256, (2, 4, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = reference(images.permute(0, 3, 1, 2) / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert torch.allclose(normalize(images), expected)


def test_upsampled_logits_put_the_border_between_pixels():
    # class 1 wins where the interpolated second logit is positive: from -3 to 1 it crosses zero at 3/4 of the way
    logits = torch.tensor([[[0.0, 0.0]], [[-3.0, 1.0]]])
    assert upsample_logits(logits, (1, 8)).tolist() == [[0, 0, 0, 0, 0, 1, 1, 1]]
    assert upsample_classes(logits, (1, 8)).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_each_frame_comes_back_at_its_own_size(batch_size):
    images = np.zeros((3, 4, 4, 3), np.uint8)
    images[:, :, 2:] = 255
    frames = Frames(images, np.zeros((3, 4, 4), np.uint8), sizes=[(4, 4), (6, 10), (9, 8)])
    bright = torch.nn.Conv2d(3, 2, 1)  # class 1 where the normalised red is positive
    torch.nn.init.zeros_(bright.bias)
    bright.weight.data = torch.tensor([[0.0, 0, 0], [1, 0, 0]])[..., None, None]
    maps = list(predict(torch_engine(bright, frames.size, CPU), frames, range(3), batch_size, "bilinear"))
    assert [m.shape for m in maps] == frames.sizes
    assert all(m.dtype == np.uint8 for m in maps)
    assert all(m[:, 0].max() == 0 and m[:, -1].min() == 1 for m in maps)


def test_cubic_keeps_the_width_of_a_thin_thing():
    # a pole one logit wide stands out by 1.4 from -1; new pixels are 1/8 and 3/8 away from its centre. At 3/8 a
    # straight line weighs it by 5/8, which gives -0.125; Keys' kernel with a = -0.75 by 1.25 (3/8)^3 - 2.25 (3/8)^2 + 1
    # = 0.7495, which gives 0.049
    logits = torch.tensor([[[0.0] * 5], [[-1.0, -1.0, 0.4, -1.0, -1.0]]])
    assert upsample_logits(logits, (1, 20)).tolist() == [[0] * 9 + [1] * 2 + [0] * 9]
    assert upsample_logits(logits, (1, 20), "bicubic").tolist() == [[0] * 8 + [1] * 4 + [0] * 8]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(90, 250), (25, 31), (3, 4)])
def test_training_upsamples_as_torch_does_and_its_gradient_is_the_same(size, layout):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 20, 30, generator=generator, dtype=torch.float64).contiguous(memory_format=layout)
    labels, seen = torch.zeros(2, *size, dtype=torch.uint8), torch.randn(2, 5, *size, generator=generator)
    ours, theirs = (logits.float().requires_grad_() for _ in range(2))
    grown = upsample_like(ours, labels)
    expected = interpolate(theirs, size=size, mode="bilinear", align_corners=False)
    assert torch.allclose(grown, expected, atol=1e-5)
    for result in (grown, expected):
        result.backward(seen)
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-4)


def test_training_upsamples_in_float32_under_autocast():
    logits, labels = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        grown = upsample_like(logits, labels)
    assert grown.dtype == torch.float32
    assert grown.equal(upsample_like(logits, labels))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(90, 250), (20, 30), (10, 15), (5, 7), (1, 1)])
def test_upsampling_class_by_class_is_upsampling_all_at_once(size, layout, mode):
    logits = torch.randn(1, 19, 20, 30, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    logits[:, 7] = logits[:, 3]  # ties go to the first
    before = logits.clone()
    classes = upsample_logits(logits[0], size, mode)
    grown = interpolate(logits, size=size, mode=mode)[0]
    chosen = grown.gather(0, torch.from_numpy(classes)[None].long())[0]
    assert (grown.amax(dim=0) - chosen).max() < 1e-4  # both round where between pixels they are, each in its way
    assert (classes == grown.argmax(dim=0).numpy()).mean() > 0.999
    assert not (classes == 7).any()
    assert logits.equal(before)


@pytest.mark.parametrize("upsampling", ["bilinear", "bicubic", "class_map"])
def test_the_frames_of_a_batch_get_each_its_own_size(upsampling):
    logits = torch.randn(3, 5, 8, 12, generator=torch.Generator().manual_seed(0))
    sizes = [(8, 12), (30, 20), (3, 50)]
    for one, size, classes in zip(logits, sizes, class_maps(logits, sizes, upsampling), strict=True):
        assert classes.shape == size
        assert classes.dtype == np.uint8
        assert np.array_equal(classes, UPSAMPLING[upsampling](one, size))
