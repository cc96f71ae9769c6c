"""Only fetch_pretrained and fetch_data may connect: the other stages run every kind of network offline."""

import socket

import pytest
from small_project import run_all, set_params, start_project

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
def test_stages_run_without_a_network(kind, tmp_path, monkeypatch, offline):
    start_project(tmp_path, monkeypatch)
    rows = {"model": kind, "models": {kind: ROWS[kind]}}
    set_params(**rows | {"train.epochs": 1, "loss": "ce"})
    run_all()
