"""Nothing that is secret or private stays in an address or path that others see."""

import pytest

from roadseg.report.addresses import public, shown_url


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://host/a/b.pth", "https://host/a/b.pth"),
        ("https://user:pass@host:8443/b.pth", "https://host:8443/b.pth"),
        ("https://user:pa/ss?wo#rd@host/b.pth", "https://host/b.pth"),
        ("https://host:8443/b@2.pth", "https://host:8443/b@2.pth"),
        ("https://host/b.pth?sig=abc%3D&se=2030&empty=", "https://host/b.pth?sig=...&se=...&empty=..."),
        ("https://host/b.pth?TOKEN", "https://host/b.pth?..."),
        ("s3://key@bucket/b#part", "s3://bucket/b#..."),
        ("https://[::1", "https://[::1"),
        ("https://u:p@[::1]/x?k=a=b;l=c", "https://[::1]/x?k=...&l=..."),
        ("gdrive:1PO-Y-k4nquA8lYg7", "gdrive:1PO-Y-k4nquA8lYg7"),
        ("hf:smp-hub/segformer", "hf:smp-hub/segformer"),
        ("none", "none"),
        ("from https://a:b@c/d?e=f, then", "from https://c/d?e=..., then"),
    ],
)
def test_user_names_passwords_and_values_are_left_out(address, expected):
    assert shown_url(address).startswith(expected.removesuffix(", then"))
    for secret in ("user", "pass", "abc", "2030", "TOKEN", "key@"):
        assert secret not in shown_url(address)


def test_of_a_path_only_the_last_part_is_public():
    params = {
        "pretrained": "file:/data/me/secret project/w.pth",
        "path": "/data/customer/frames.zip",
        "home": "~/frames",
        "models": {"a": {"pretrained": {"x": "https://u:p@h/w?k=v"}, "kwargs": {"sizes": [1, 2.5, None, "../up/y"]}}},
        "size": "128x416",
        "ratio": "mIoU / GFLOP",
    }
    assert public(params) == {
        "pretrained": "file:w.pth",
        "path": "frames.zip",
        "home": "frames",
        "models": {"a": {"pretrained": {"x": "https://h/w?k=..."}, "kwargs": {"sizes": [1, 2.5, None, "y"]}}},
        "size": "128x416",
        "ratio": "mIoU / GFLOP",
    }
