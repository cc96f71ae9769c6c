"""Where weights come from: a name in the model's row, a file, an address, Google Drive, the Hugging Face hub, or smp.

Nothing here needs torch, so that names are checked before it is loaded.
"""

import errno
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any, TypeVar

import gdown
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    XetDownloadError,
)

from roadseg.data.download import download, one_at_a_time, shown_url
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Source

Read = TypeVar("Read")

_SCHEMES = "gdrive:ID, file:PATH, exp:NAME, https://..., hf:REPO, hf:REPO:FILE, smp:imagenet"
_SCHEME = re.compile(r"(gdrive|file|exp|hf|smp):.|https?://.")
_HUB_ERRORS = (OSError, HTTPError, EntryNotFoundError, HFValidationError, XetDownloadError, RuntimeError)
_TIMEOUT = 20  # seconds without a byte


def resolve(pretrained: str, row: Mapping[str, Source], key: str = "pretrained") -> Source:
    """Return the source that `pretrained` means: itself, or the one of that name in the model's row.

    Raises UserError, which names the parameter `key`, for anything else.
    """
    source = row.get(pretrained) or Source(source=pretrained)
    if not _SCHEME.match(source.source):
        raise UserError(
            f"{key}: {shown_url(source.source)!r} is unknown; choose from {', '.join(['none', *row])}, or {_SCHEMES}"
        )
    return source


def fetch(source: Source, store: Path, read: Callable[[Path], Read]) -> Read:
    """Return what `read` makes of the file behind a source; downloads are kept in `store` or in the hub's own cache.

    Raises UserError, which says what went wrong and what to do instead, where the file can't be had, is not the one
    whose digest is given, or where `read` refuses it. Such a download does not stay in the store.
    """
    scheme, _, place = source.source.partition(":")

    def checked(path: Path) -> Read:
        if source.sha256:
            _check_digest(path, source.sha256)
        return read(path)

    match scheme:
        case "file":
            return checked(_local_file(place))
        case "hf":
            return checked(_from_hub(place))
        case "gdrive":
            return _from_drive(place, store, checked)
        case _:
            return _from_web(source.source, store, checked)


def smp_encoder(source: Source, encoder: str | None) -> dict[str, Any]:
    """Return the tensors of a network's encoder, which smp calls `encoder`, as smp itself fetches them.

    Raises UserError where smp has no such weights or can't fetch them, or where the network has no encoder of smp.
    """
    from segmentation_models_pytorch.encoders import get_encoder  # takes seconds

    uri, name = source.source, source.source.partition(":")[2]
    if source.sha256:
        raise UserError(f"{uri}: smp fetches these weights itself, so no sha256 of theirs is checked; remove it")
    if encoder is None:
        raise UserError(
            f"{uri}: this model has no encoder of segmentation_models_pytorch; choose another model, or none"
        )
    timm = encoder.startswith("tu-")  # timm's names hold their weights' name, so smp wants no other
    try:
        network = get_encoder(encoder, weights=True if timm else name)
    except KeyError as error:
        raise UserError(f"{uri}: {error.args[0]}") from None
    except _HUB_ERRORS as error:
        link = f"https://huggingface.co/{'timm' if timm else f'smp-hub/{encoder}.{name}'}"
        by_hand = f"check the connection, or fetch it from {link} and give file:PATH"
        raise _failed(f"{uri} for {encoder}", error, by_hand) from None
    return {f"encoder.{key}": value for key, value in network.state_dict().items()}


def _check_digest(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256.lower():
        raise UserError(f"{path}: its sha256 is {digest}, not {sha256.lower()}; get the file again, or correct it")


def _local_file(text: str) -> Path:
    try:
        path = Path(text).expanduser()
        known = path.exists()
    except (RuntimeError, ValueError, OSError) as error:  # no such user, a null character, a name too long
        raise UserError(f"file:{text!r}: {str(error).rstrip('.')}; correct the path") from None
    if not known:
        raise UserError(f"file:{path}: there is no such file; correct the path (relative ones start at {Path.cwd()})")
    return path


def _from_web(url: str, store: Path, read: Callable[[Path], Read]) -> Read:
    path, _ = download(url, store, check=read)
    return _read_stored(path, read)


def _from_drive(file_id: str, store: Path, read: Callable[[Path], Read]) -> Read:
    if not re.fullmatch(r"[\w-]+", file_id):
        raise UserError(f"gdrive:{file_id}: not a Drive file ID; give the part after /d/ of the file's link alone")
    path = (store / "gdrive" / f"{file_id}.pth").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path):
        if not path.exists():
            _download_from_drive(file_id, path, read)
    return _read_stored(path, read)


def _read_stored(path: Path, read: Callable[[Path], Read]) -> Read:
    try:
        return read(path)
    except UserError as error:  # put there by hand, or fetched for another digest
        raise UserError(f"{error}; or remove it to have it fetched again") from None


def _download_from_drive(file_id: str, path: Path, check: Callable[[Path], object]) -> None:
    new, view = path.with_suffix(".new"), f"https://drive.google.com/file/d/{file_id}/view"
    by_hand = f"download it in a browser from {view} and put it at {path}, or give file:PATH"
    try:
        # gdown keeps a broken transfer beside `new`, and resumes it there; cookies would be kept in the home folder
        gdown.download(id=file_id, output=str(new), resume=True, retries=3, timeout=_TIMEOUT, use_cookies=False)
        check(new)
    except UserError as error:
        new.unlink(missing_ok=True)
        reason = str(error).replace(str(new), "what came")  # the file is gone, so its name says nothing
        raise UserError(f"gdrive:{file_id}: {reason}: {by_hand}") from None
    except (gdown.DownloadError, OSError) as error:  # requests' exceptions are OSErrors
        new.unlink(missing_ok=True)
        raise _failed(f"gdrive:{file_id}", error, by_hand) from None
    new.replace(path)


def _from_hub(place: str) -> Path:
    repo, _, file = place.partition(":")
    try:
        return Path(hf_hub_download(repo, file) if file else _usual_file(repo))
    except _HUB_ERRORS as error:
        link = f"https://huggingface.co/{repo}/tree/main"
        by_hand = f"check name and connection, or fetch the weights from {link} and give file:PATH"
        raise _failed(f"hf:{place}", error, by_hand) from None


def _usual_file(repo: str) -> str:
    """Fetch a repository's weights under the names that its own tools give them."""
    try:
        return hf_hub_download(repo, "model.safetensors")
    except EntryNotFoundError as missing:
        offline = isinstance(missing, LocalEntryNotFoundError)
        return hf_hub_download(repo, "pytorch_model.bin", local_files_only=offline)


def _failed(source: str, error: Exception, remedy: str) -> UserError:
    """One line of a library's exception, whatever its text looks like."""
    reason = shorten(shown_url(str(error)), 200, placeholder=" ...").rstrip(".;") or type(error).__name__
    if isinstance(error, LocalEntryNotFoundError):
        reason = "the hub does not answer, and its cache here has no such file"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        remedy = "free some space, or set ROADSEG_STORE and HF_HOME to folders on a larger disk, and run again"
    return UserError(f"{source}: {reason}; {remedy}")
