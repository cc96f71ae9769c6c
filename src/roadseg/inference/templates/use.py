"""Predict the classes of a picture with the network beside this file.

python use.py IMAGE [--out DIR] [--model FILE]      -> DIR/IMAGE_classes.png (train ids), DIR/IMAGE_color.png

Needs numpy, opencv-python-headless (4.10 or later) and onnxruntime, and nothing of the project that made the network.
"""

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Predict the classes of a picture.")
    parser.add_argument("image", type=Path)
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the two PNGs; default: this one")
    parser.add_argument("--model", type=Path, default=HERE / "model.onnx", help="default: model.onnx beside use.py")
    args = parser.parse_args()
    picture = read_picture(args.image)
    classes = predict(onnxruntime.InferenceSession(args.model), picture)
    args.out.mkdir(parents=True, exist_ok=True)
    palette = np.zeros((256, 3), np.uint8)
    for row in json.loads((HERE / "classes.json").read_text(encoding="utf-8")):
        palette[row["train_id"]] = row["rgb"]
    write_png(args.out / f"{args.image.stem}_classes.png", classes)
    write_png(args.out / f"{args.image.stem}_color.png", palette[classes][..., ::-1])


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned as its EXIF data asks; the program ends where there is none."""
    data = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if picture is None:
        sys.exit(f"error: {path} is not a readable picture")
    return picture


def predict(session: onnxruntime.InferenceSession, picture: np.ndarray) -> np.ndarray:
    """Map a picture, (H, W, 3) uint8 RGB, to its classes, (H, W) uint8."""
    _, height, width, _ = session.get_inputs()[0].shape
    notes = session.get_modelmeta().custom_metadata_map
    logits = session.run(None, {"images": resize(picture, height, width, notes["resize"])[None]})[0][0]  # (C, h, w)
    size = picture.shape[1], picture.shape[0]
    if notes["upsampling"] == "class_map":
        # by torch's rule for the nearest neighbour, in float32 as it computes
        sides = zip(logits.shape[1:], picture.shape[:2], strict=True)
        rows, columns = (np.arange(new, dtype=np.float32) * np.float32(old / new) for old, new in sides)
        return logits.argmax(0).astype(np.uint8)[rows.astype(int)[:, None], columns.astype(int)]
    rule = cv2.INTER_CUBIC if notes["upsampling"] == "bicubic" else cv2.INTER_LINEAR
    best, classes = np.full(picture.shape[:2], -np.inf, np.float32), np.zeros(picture.shape[:2], np.uint8)
    for index, one in enumerate(logits):  # one after the other: all at once, a large frame's fill the memory
        grown = cv2.resize(one, size, interpolation=rule)
        classes[grown > best] = index
        best = np.maximum(best, grown)
    return classes


def resize(picture: np.ndarray, height: int, width: int, rule: str) -> np.ndarray:
    """Bring a picture, (H, W, 3) uint8, to the network's size: linearly, or where it shrinks by `area` if so ruled."""
    if rule == "area":
        smaller = min(width, picture.shape[1]), min(height, picture.shape[0])
        picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write (H, W) grey or (H, W, 3) BGR uint8."""
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


if __name__ == "__main__":
    main()
