"""The stage `fetch_pretrained`, from params to the file it leaves."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import PARAMS, FileServer, write_params
from safetensors.torch import load_file

from fetch_pretrained import main
from roadseg.networks.catalogue import build_model
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import read_params
from roadseg.pipeline.stage import run

DEFAULTS = PARAMS
B0, MOBILENET = "mit_b0_segformer", "mobilenet_v2_segformer"


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Make a folder of its own the project's root, and write the params of a model and its weights there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADSEG_STORE", str(tmp_path / "store"))
    narrow = {**DEFAULTS["models"][B0], "kwargs": {"decoder_segmentation_channels": 64}}

    def write(model: str, pretrained: str) -> None:
        changes = {"model": model, "pretrained": pretrained, "models": {**DEFAULTS["models"], "narrow": narrow}}
        write_params(DEFAULTS | changes)

    return write


def save_weights(row: str, file: str, classes: int = 19, prefix: str = "", part: str = "") -> dict[str, torch.Tensor]:
    """Save random weights for a row, or for a part of it, and give them back."""
    network = build_model(row, DEFAULTS["models"][row], classes).state_dict()
    state = {key: torch.rand(value.shape).to(value.dtype) for key, value in network.items()}
    state = {key.removeprefix(part): value for key, value in state.items() if key.startswith(part)}
    torch.save({prefix + key: value for key, value in state.items()}, file)
    return state


def error_line() -> str:
    """Run the stage, which must fail in one line and leave nothing new."""
    before = sorted(paths.PRETRAINED.parent.glob("*"))
    with pytest.raises(SystemExit) as caught:
        run(main)
    assert isinstance(caught.value.code, str)  # which Python prints, to exit with code 1
    assert "\n" not in caught.value.code
    assert sorted(paths.PRETRAINED.parent.glob("*")) == before
    return caught.value.code


def test_none_leaves_a_file_without_tensors(choose, capsys) -> None:
    choose(B0, "none")
    main()
    assert load_file(paths.PRETRAINED) == {}
    assert capsys.readouterr().out == "mit_b0_segformer starts from random weights\n"


def test_a_whole_network_of_five_classes_loses_its_head(choose, capsys) -> None:
    state = save_weights(B0, "five.pth", classes=5, prefix="module.")
    choose(B0, "file:five.pth")
    main()
    # 192 tensors: 176 in the encoder, 14 in the decoder, the head's weight and bias
    assert capsys.readouterr().out == (
        "mit_b0_segformer starts from file:five.pth: 190 of 192 tensors match; "
        "a head of another number of classes is dropped (2 tensors)\n"
    )
    tensors = load_file(paths.PRETRAINED)
    assert tensors.keys() == {key for key in state if not key.startswith("segmentation_head.")}
    assert all(torch.equal(tensors[key], state[key]) for key in tensors)


def test_an_encoder_alone_leaves_the_same_bytes_each_time(choose, capsys) -> None:
    save_weights(MOBILENET, "encoder.pth", part="encoder.")
    choose(MOBILENET, "file:encoder.pth")
    main()
    assert "312 of 330 tensors match; the encoder alone\n" in capsys.readouterr().out
    first = paths.PRETRAINED.read_bytes()
    main()
    assert paths.PRETRAINED.read_bytes() == first


def test_another_decoder_leaves_the_encoder_and_names_its_row(choose, capsys) -> None:
    save_weights(B0, "b0.pth")
    choose("narrow", "file:b0.pth")
    main()
    assert capsys.readouterr().out == (
        "narrow starts from file:b0.pth: 176 of 192 tensors match; the encoder alone: "
        "the file's decoder and head (16 tensors) do not fit, they fit mit_b0_segformer\n"
    )


def test_weights_of_another_network_are_refused_and_the_next_run_works(choose) -> None:
    save_weights(MOBILENET, "w.pth")
    choose(B0, "file:w.pth")
    # what agrees comes after the encoder: four biases of the decoder, its norm (5 tensors) and the head (2); 330 - 11
    assert error_line() == (
        f"error: file:w.pth: weights of another network than {B0} (11 of 192 tensors match, 319 of the file's do not); "
        f"they fit {MOBILENET}; choose the model or the weights to match"
    )
    save_weights(MOBILENET, "w.pth", part="encoder.")
    found = error_line()
    assert "(0 of 192 tensors match, 312 of the file's do not); their encoder fits " in found
    assert f"{MOBILENET}, {MOBILENET}_64" in found
    torch.save({"weight": torch.ones(3)}, "w.pth")
    assert "(0 of 192 tensors match, 1 of the file's do not); they fit no row of `models`; " in error_line()
    save_weights(B0, "w.pth")
    main()
    assert len(load_file(paths.PRETRAINED)) == 192


def test_values_that_are_no_numbers_are_refused_with_the_name_of_the_file(choose) -> None:
    state = save_weights(MOBILENET, "w.pth")
    key = "encoder.features.0.1.running_var"
    choose(MOBILENET, "file:w.pth")
    torch.save(state | {key: torch.full((32,), float("nan"))}, "w.pth")
    assert error_line() == (
        f"error: file:w.pth: {key} holds 32 of 32 values that are NaN or infinite; "
        "take a checkpoint from before that, or get the file again"
    )
    torch.save(state | {"metric.best": torch.tensor([float("inf")])}, "w.pth")  # is of no module of the network
    main()
    assert len(load_file(paths.PRETRAINED)) == 330


def under(prefix: str, state: dict, add: float = 0) -> dict:
    return {f"{prefix}{key}": value + add for key, value in state.items()}


# what a file holds, from a network's tensors, and what is said of it
HOLDS: dict[str, Callable[[dict], dict]] = {
    "; taken: the file's 'model', not its 'model_ema'": lambda state: {
        "model_ema": under("module.", state, 1),
        "model": state,
    },
    "; taken: the file's 'ema'": lambda state: {"ema": under("module.", state), "epoch": 3},
    "; 330 tensors of the file are not used; taken: the tensors under 'net.', not those under 'ema.'": lambda state: (
        under("ema.", state) | under("net.", state)
    ),
    "": lambda state: {"state_dict": under("model.", state), "optimizer_states": []},
    "; 1 tensor of the file is not used": lambda state: {
        "state_dict": {"std": torch.ones(1, 3, 1, 1)} | under("model.", state)
    },
}


def test_tells_which_weights_of_a_file_it_took(choose, capsys) -> None:
    state = save_weights(MOBILENET, "w.pth")
    choose(MOBILENET, "file:w.pth")
    for text, made_of in HOLDS.items():
        torch.save(made_of(state), "w.pth")
        main()
        assert capsys.readouterr().out == f"{MOBILENET} starts from file:w.pth: 330 of 330 tensors match{text}\n"


def test_no_secret_of_an_address_is_printed(choose, http_server: FileServer, capsys) -> None:
    (http_server.root / "w.pth?sig=s3cret").write_bytes(b"<html>Sign in</html>")
    choose(MOBILENET, f"{http_server.url}/w.pth?sig=s3cret")
    assert f"error: {http_server.url}/w.pth?sig=...: the server sent a web page" in error_line()
    save_weights(MOBILENET, str(http_server.root / "w.pth?sig=s3cret"))
    main()
    assert f"starts from {http_server.url}/w.pth?sig=...: 330 of 330" in capsys.readouterr().out
    choose(B0, f"{http_server.url}/w.pth?sig=s3cret")
    assert f"error: {http_server.url}/w.pth?sig=...: weights of another network" in error_line()
    choose(B0, "https://me:s3cret@host/w.pth")
    assert "s3cret" not in error_line()


def test_a_full_disk_leaves_nothing_and_the_next_run_works(choose, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    save_weights(B0, "w.pth")
    choose(B0, "file:w.pth")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        assert error_line().endswith("No space left on device; free some space and run again")
    main()
    assert len(load_file(paths.PRETRAINED)) == 192


def test_an_unknown_name_is_refused(choose) -> None:
    choose(B0, "citiscapes")
    assert "'citiscapes' is unknown; choose from none, imagenet, cityscapes, nvidia, or gdrive:ID" in error_line()


@pytest.mark.parametrize(
    ("augment", "scales", "size", "decided_by"),
    [
        ("strong", [1.0], "64x128", "augmentation.strong.crop_height and crop_width"),
        ("none", [1.0, 1.5], "320x320", "predict.passes"),
        ("none", [1.0], "224x224", ""),
    ],
)
def test_a_network_of_one_size_is_refused_where_another_is_seen(choose, augment, scales, size, decided_by) -> None:
    """Before the training, not after it; crops and passes of prediction have sizes of their own."""
    choose("fixed", "none")
    params = read_params()
    params["models"]["fixed"] = {"arch": "DPT", "encoder": "tu-vit_tiny_patch16_224"}
    params["input"] |= {"height": 224, "width": 224}
    params["augment"] = augment
    params["augmentation"]["strong"] |= {"crop_height": 64, "crop_width": 128}
    params["predict"]["passes"]["scales"] = scales
    write_params(params)
    if decided_by:
        line = error_line()
        assert line.startswith(f"error: models.fixed: the network can't take an input of {size} (")
        assert line.endswith(f"; change {decided_by}, or the row's kwargs")
    else:
        main()
