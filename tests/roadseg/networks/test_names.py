"""What weights are called in params.yaml."""

import pytest

from roadseg.networks.names import resolve
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Source

ID = "1PO-Y-k4nquA8lYg7TeMekW3HVsq5eA3s"
ROW = {"imagenet": Source(source="smp:imagenet"), "cityscapes": Source(source=f"gdrive:{ID}")}


@pytest.mark.parametrize(
    "uri", ["gdrive:x", "file:a/b.pth", "https://host/x", "http://host/x", "hf:a/b", "hf:a/b:c.pt", "smp:imagenet"]
)
def test_a_uri_is_itself(uri: str) -> None:
    assert resolve(uri, ROW).source == uri


def test_a_name_is_the_uri_of_the_row() -> None:
    assert resolve("cityscapes", ROW).source == f"gdrive:{ID}"


@pytest.mark.parametrize("wrong", ["citiscapes", "weights.pth", "ftp://host/x", "gdrive:", "study"])
def test_names_what_there_is_for_an_unknown_name(wrong: str) -> None:
    with pytest.raises(UserError, match=rf"pretrained: '{wrong}' is unknown; choose from none, imagenet, .*file:PATH"):
        resolve(wrong, ROW)


def test_a_wrong_uri_in_the_row_is_reported() -> None:
    with pytest.raises(UserError, match="'somewhere' is unknown"):
        resolve("mine", {"mine": Source(source="somewhere")})


def test_no_secret_is_in_an_error() -> None:
    with pytest.raises(UserError, match=r"'ftp://\.\.\.@host/w\?key=\.\.\.' is unknown"):
        resolve("ftp://me:s3cret@host/w?key=s3cret", {})
