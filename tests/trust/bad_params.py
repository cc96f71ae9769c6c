"""Values that params.yaml must not have, key by key."""

import copy
from functools import partial

import yaml
from conftest import PARAMS

NAN = float("nan")
NO_SHARE = [-0.1, 1, 1.5, "half", None, NAN, []]
NO_COUNT = [0, -3, 2.5, "many", None, {}]
NO_RATE = [0, -0.1, "fast", None, NAN, float("inf")]

VALUES = {
    "seed": [-1, 1.5, "x", None, 2**32, [1], 10**400],
    "data.source": ["kity", 3, None, [], {"kitti": 1}],
    "data.val_fraction": NO_SHARE,
    "data.fold": ["0/4", "5/4", "1/1", "a/b", "1-4", 14, None, "1/4\n", "123/200"],
    "data.allow_leak": ["maybe", 2, None],
    "data.synthetic.train_frames": [1, *NO_COUNT, 10**7],
    "data.synthetic.test_frames": NO_COUNT,
    "data.synthetic.height": [63, 5000, "tall", None],
    "data.synthetic.width": [0, 4097, 100.5],
    "data.synthetic.seed": [-1, 2**32],
    "data.kitti.url": ["https://me:secret@host/file.zip", "https://[host/file.zip", "https://host:0/f", "https://", 5],
    "classes": ["citys", 5, None, "own", "camvid", ""],
    "class_sets": [{}, [], None, "cityscapes"],
    "class_sets.cityscapes.labels": ["gray", 5, None],
    "class_sets.cityscapes.classes": [[], "road", [5], [{"road": "128 64"}], [{"road": "1 2 300"}], ["a", "a"], [None]],
    "model": ["x", None, 5, ""],
    "models": [{}, [], 5, None, {"a": {}}, {1: {"arch": "x"}}],
    "pretrained": [
        None,
        5,
        ["imagenet"],
        "citiscapes",
        "file:/nowhere/w.pth",
        "file:.",
        "exp:no-such-run",
        "https://u:p@host/w.pth",
    ],
    "recipe": ["scrach", None, 5],
    "recipes": [{}, None, [], {"scratch": {}}, {"scratch": {"lr": 1}}],
    "loss": ["hinge", None, 5],
    "dice.ignored": ["no", None],
    "lovasz.every": [0, 1.5, "x"],
    "class_weights.method": ["rare", None],
    "class_weights.beta": [1, -0.5],
    "class_weights.labels": ["images", 3],
    "schedule": ["linear", None],
    "schedules.cosine.eta_min": [-1, "x"],
    "schedules.cosine_restarts.t_0": [0, 1.5],
    "schedules.plateau.factor": [0, 1, 2],
    "schedules.plateau.patience": [-1, 0.5],
    "schedules.poly.power": [0, -1],
    "augment": ["heavy", None],
    "augmentation.label_fill": [1, 254, None],
    "augmentation.draws": ["new", 1],
    "augmentation.strong.scale_min": [0, 11, 1.5],
    "augmentation.strong.crop_height": [63, 100, 10**5],
    "input.height": [0, 33, 375, 10**5, -32, "tall"],
    "input.width": [96.5, None, 8224],
    "input.resize": ["cubic", None],
    "train.epochs": [-1, 1.5, "x", None, 0],
    "train.batch_size": NO_COUNT,
    "train.lr": NO_RATE,
    "train.weight_decay": [-1, "x", NAN],
    "train.optimizer": ["adamax", None],
    "train.select": ["best", None],
    "train.clip": [-1, NAN],
    "train.ema": NO_SHARE,
    "train.weight_interpolation": [-0.1, 1.1, 0.5],
    "train.decay": ["none", 1],
    "train.freeze": [0, "head", -1, "1.5"],
    "train.precision": ["64", "bf16", None],
    "train.compile": ["fast", 2],
    "train.threads": [0, -1, "two", 1.5, 1000, None],
    "predict.engine": ["tensorrt", None],
    "predict.batch_size": NO_COUNT,
    "predict.passes.scales": [[], [0], [9], ["x"], None, 1.0],
    "predict.passes.window_height": [64, 63, "x"],
    "predict.passes.overlap": [1, -0.1],
    "flops.height": [31, 5000],
    "flops.network": ["x", None],
    "report.pictures": NO_COUNT,
    "lerning": [1],
    "train.lerning": [1],
    "data.synthetic.frames": [5],
}
TEXTS = {
    "empty": b"",
    "a number": b"3",
    "a list": b"- seed\n",
    "not UTF-8": b"seed: 1 # \xe4\n",
    "an open bracket": b"seed: [1\n",
    "a tab": b"seed:\n\t1\n",
    "a date that can't be": b"seed: 2026-13-01\n",
    "nested too deeply": b"[" * 3000 + b"]" * 3000,
    "a Python object": b"seed: !!python/object/apply:os.getcwd []\n",
    "an unknown anchor": b"seed: *one\n",
    "an endless number": b"seed: " + b"9" * 5000,
    "zeroes": bytes(1000),
    "JSON that is cut": b'{"seed": 1, "data": ',
}


def cases():
    """Yield the name of each case, and what makes the content of its params.yaml."""
    for key, values in VALUES.items():
        for value in values:
            yield f"{key}: {ascii(value)[:30]}", partial(with_value, key, value)
    for key in PARAMS:
        yield f"without {key}", partial(without, key)
    for name, text in TEXTS.items():
        yield name, partial(bytes, text)


def with_value(key, value):
    result = copy.deepcopy(PARAMS)
    *sections, last = key.split(".")
    place = result
    for section in sections:
        place = place[section]
    place[last] = value
    return yaml.safe_dump(result).encode()


def without(key):
    return yaml.safe_dump({name: value for name, value in PARAMS.items() if name != key}).encode()
