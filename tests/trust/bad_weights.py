"""Files that are no weights of the network that is chosen, or not sound ones."""

import argparse
import pickle
from functools import cache
from pathlib import Path

import torch
from conftest import PARAMS
from safetensors.torch import save

from roadseg.networks.catalogue import build_model

MODEL, FILE = PARAMS["model"], Path("w.pth")


@cache
def tensors(classes=19):
    """The network's own weights."""
    torch.manual_seed(0)
    return build_model(MODEL, PARAMS["models"][MODEL], classes).state_dict()


def first(kind=torch.float32):
    return next(key for key, value in tensors().items() if value.dtype == kind)


def changed(change):
    """A file in which the first tensor is another one."""
    return lambda: torch.save(tensors() | {first(): change(tensors()[first()])}, FILE)


def with_nan(value):
    return changed(lambda tensor: torch.full_like(tensor, value))


def content(data):
    return lambda: FILE.write_bytes(data)


def object_of(value):
    return lambda: torch.save(value, FILE)


def cut(share, zipped=True):
    def make():
        torch.save(tensors(), FILE, _use_new_zipfile_serialization=zipped)
        whole = FILE.read_bytes()
        FILE.write_bytes(whole[: int(len(whole) * share)])

    return make


def safetensors_with(header):
    return content(len(header).to_bytes(8, "little") + header)


def other_network():
    torch.save(build_model("other", {"arch": "baseline_segnet"}, 19).state_dict(), FILE)


def optimizer():
    weights = [torch.nn.Parameter(value) for value in tensors().values() if value.is_floating_point()]
    torch.save(torch.optim.AdamW(weights).state_dict(), FILE)


class Attack:
    def __reduce__(self):
        return Path.mkdir, (Path("harmed"),)


CASES = {
    **{f"cut to {share}": cut(share) for share in (0.0, 0.02, 0.5, 0.95, 0.999)},
    **{f"old form, cut to {share}": cut(share, zipped=False) for share in (0.02, 0.5, 0.95)},
    **{f"a tensor of {value}": with_nan(value) for value in (float("nan"), float("inf"), float("-inf"))},
    **{f"a tensor as {kind}": changed(lambda t, k=kind: t.to(k)) for kind in (torch.int64, torch.uint8, torch.bool)},
    "a complex tensor": changed(lambda tensor: tensor.to(torch.complex64)),
    "a sparse tensor": changed(lambda tensor: tensor.flatten().to_sparse()),
    "a tensor without values": changed(lambda tensor: tensor.to("meta")),
    "another network": other_network,
    "an optimiser's state": optimizer,
    "a number": object_of(3),
    "a list": object_of([torch.ones(1)]),
    "nothing": object_of({}),
    "epochs alone": object_of({"epoch": torch.tensor(3)}),
    "tensors without names": object_of({1: torch.ones(1)}),
    "a whole network": object_of(torch.nn.Conv2d(1, 1, 1)),
    "a list of arguments": object_of(argparse.Namespace(lr=1)),
    "code": content(pickle.dumps({"a": Attack()}, protocol=2)),
    "a plain pickle": content(pickle.dumps([1, 2])),
    "empty": content(b""),
    "zeroes": content(bytes(5000)),
    "text": content(b"hello\n"),
    "a web page": content(b"<!doctype html>"),
    "a message": content(b'{"message": "Not Found"}'),
    "a pointer": content(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"),
    "HDF5": content(b"\x89HDF\r\n\x1a\n" + bytes(100)),
    "a picture": content(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "gzip": content(b"\x1f\x8b" + bytes(100)),
    "a zip of something else": content(b"PK\5\6" + bytes(18)),
    "safetensors without a header": safetensors_with(b"{"),
    "safetensors of an endless side": safetensors_with(
        b'{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}'
    ),
    "safetensors of no file": content((2**40).to_bytes(8, "little") + b"{}"),
    "safetensors cut": lambda: FILE.write_bytes(save({"a": torch.ones(100)})[:-50]),
    "safetensors without tensors, another network": lambda: FILE.write_bytes(save({})),
    "safetensors of another network": lambda: FILE.write_bytes(save({"a": torch.ones(100)})),
    "an index of shards": content(b'{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'),
    "a folder": FILE.mkdir,
    "a link to nowhere": lambda: FILE.symlink_to("nowhere"),
    "nowhere": lambda: None,
}
NAMES = [
    "imagenette", "gdrive:", "hf:", "smp:", "exp:no-such-run", "ftp://host/w.pth", "file:", "https://",
    "file:~nobody-here/w.pth", "file:" + "x" * 300, "http://127.0.0.1:9/w.pth", "https://u:p@host/w.pth", "hf:a b/c",
]  # fmt: skip
ROWS = [
    {"arch": "Segformers", "encoder": "resnet18"},
    {"arch": "Segformer"},
    {"arch": "Segformer", "encoder": "resnet19"},
    {"arch": "Segformer", "encoder": "tu-resnet19"},
    {"arch": "Segformer", "encoder": "hf-hub:someone/something"},
    {"arch": "Segformer", "encoder": ""},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"decoder_channels": 5}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"classes": 2}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"in_channels": 4}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"activation": "softmax"}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"encoder_depth": 9}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"encoder_depth": "deep"}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"decoder_segmentation_channels": -1}},
    {"arch": "Segformer", "encoder": "resnet18", "kwargs": {"decoder_segmentation_channels": "wide"}},
    {"arch": "Unet", "encoder": "resnet18", "kwargs": {"decoder_channels": [1]}},
    {"arch": "Unet", "encoder": "resnet18", "kwargs": {"decoder_attention_type": "none"}},
    {"arch": "baseline_segnet", "encoder": "resnet18"},
    {"arch": "better_segnet", "kwargs": {"width": 5}},
    {"arch": ""},
]
