"""Only fetch_pretrained and fetch_data may connect: the other stages run every kind of network offline."""

import socket

import pytest
from small_project import run_all, set_params

import fetch_pretrained
import flops
import predict
import train

ROWS = {
    "own": {"arch": "baseline_segnet"},
    "smp": {"arch": "FPN", "encoder": "mobilenet_v2"},
    "timm": {"arch": "Unet", "encoder": "tu-resnet18"},
}


@pytest.fixture
def offline(monkeypatch):
    """Connections fail, and so do look-ups of names; sockets between processes of this machine work."""

    def refuse(*arguments, **_):
        raise AssertionError(f"a connection: {arguments}")

    connect = socket.socket.connect
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(
        socket.socket, "connect", lambda s, to: connect(s, to) if s.family == socket.AF_UNIX else refuse(s, to)
    )


@pytest.mark.parametrize("kind", ROWS)
def test_stages_run_without_a_network(kind, project, offline):
    set_params(model=kind, models={kind: ROWS[kind]}, loss="ce", **{"train.epochs": 1})
    if kind == "own":
        run_all()
    else:
        for stage in (fetch_pretrained, train, predict, flops):
            stage.main()
