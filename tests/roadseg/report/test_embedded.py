"""Pictures in a page are what the files hold, and small."""

import base64

import cv2
import numpy as np
from conftest import write_picture

from roadseg.frames.classes import CITYSCAPES, colorize
from roadseg.report.embedded import frame_layers, webp
from roadseg.report.frame_views import longest_side
from roadseg.scenes.scene import render_scene

RIGHT, WRONG, NO_TRUTH = (200, 200, 200), (213, 30, 47), (0, 0, 0)


def decoded(address):
    head, _, content = address.partition(",")
    assert head == "data:image/webp;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_maps_keep_their_colours_to_the_last_bit():
    painted = colorize(np.arange(19, dtype=np.uint8).repeat(40).reshape(19, 40))
    assert np.array_equal(decoded(webp(painted, lossless=True)), painted)


def test_a_frames_layers_are_picture_truth_prediction_and_errors(tmp_path):
    truth = np.array([[0, 1], [255, 2]], np.uint8).repeat(8, 0).repeat(8, 1)
    pred = np.array([[0, 2], [3, 2]], np.uint8).repeat(8, 0).repeat(8, 1)
    files = [tmp_path / name for name in ("image.png", "truth.png", "pred.png")]
    for file, content in zip(files, (np.full((16, 16, 3), 90, np.uint8), truth, pred), strict=True):
        write_picture(file, content)
    layers = {name: decoded(address) for name, address in frame_layers(*files, CITYSCAPES).items()}
    assert list(layers) == ["picture", "truth", "prediction", "errors"]
    assert abs(layers["picture"].astype(int) - 90).max() <= 3
    assert np.array_equal(layers["truth"], colorize(truth))
    assert np.array_equal(layers["prediction"], colorize(pred))
    assert layers["errors"][::8, ::8].tolist() == [[[*RIGHT], [*WRONG]], [[*NO_TRUTH], [*RIGHT]]]


def test_fifty_frames_of_kittis_size_stay_under_15_mb(tmp_path):
    image, label = render_scene(2, 3, 375, 1242)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 12, image.shape)  # harder on the format than what a camera leaves
    spots = cv2.resize(rng.integers(0, 19, (47, 155), np.uint8), (1242, 375), interpolation=cv2.INTER_NEAREST)
    worse = np.where(spots < 4, spots, label)
    for name, content in (("image", (image + noise).clip(0, 255).astype(np.uint8)), ("truth", label), ("pred", worse)):
        write_picture(tmp_path / f"{name}.png", content)
    files = [tmp_path / f"{name}.png" for name in ("image", "truth", "pred")]
    layers = frame_layers(*files, CITYSCAPES, longest_side(50))
    assert decoded(layers["picture"]).shape == (375, 1242, 3)
    assert 50 * sum(map(len, layers.values())) < 15e6
