"""Where weights come from: a file, an address, Google Drive, the Hugging Face hub, or smp's own encoders."""

import errno
import hashlib
import re
from pathlib import Path
from textwrap import shorten

import gdown
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    XetDownloadError,
)
from segmentation_models_pytorch.encoders import get_encoder

from roadseg.data.download import download, one_at_a_time, shown_url
from roadseg.networks.weights import Weights, read_tensors
from roadseg.pipeline.errors import UserError

_HUB_ERRORS = (OSError, HTTPError, EntryNotFoundError, HFValidationError, XetDownloadError, RuntimeError)
_TIMEOUT = 20  # seconds without a byte


def fetch(uri: str, encoder: str | None, store: Path, sha256: str | None = None) -> Weights:
    """Return the named tensors behind a URI; downloads are kept in `store` or in the hub's own cache.

    `encoder` is the network's encoder by smp's name, which `smp:` needs; `sha256` is that of the file, in hex; `smp:`
    names no file that it could be of. Raises
    UserError, which says what went wrong and what to do instead; what is not a file of tensors, or not the file meant,
    does not stay in the store.
    """
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file":
            return _from_file(rest, sha256)
        case "gdrive":
            return _from_drive(rest, store, sha256)
        case "hf":
            return _from_hub(rest, sha256)
        case "smp" if sha256:
            raise UserError(f"{uri}: smp fetches these weights itself, so no sha256 of theirs is checked; remove it")
        case "smp":
            return _from_smp(rest, encoder)
        case _:
            return _from_web(uri, store, sha256)


def _read(path: Path, sha256: str | None) -> Weights:
    """Read a file of tensors whose digest, where one is given, is checked first."""
    if sha256:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256.lower():
            raise UserError(f"{path}: its sha256 is {digest}, not {sha256.lower()}; get the file again, or correct it")
    return read_tensors(path)


def _from_file(text: str, sha256: str | None) -> Weights:
    try:
        path = Path(text).expanduser()
        known = path.exists()
    except (RuntimeError, ValueError, OSError) as error:  # no such user, a null character, a name too long
        raise UserError(f"file:{text!r}: {str(error).rstrip('.')}; correct the path") from None
    if not known:
        raise UserError(f"file:{path}: there is no such file; correct the path (relative ones start at {Path.cwd()})")
    return _read(path, sha256)


def _from_web(url: str, store: Path, sha256: str | None) -> Weights:
    path, _ = download(url, store, sha256, check=read_tensors)
    try:
        return read_tensors(path)
    except UserError as error:  # put there by hand
        raise UserError(f"{error}; or remove it to have it fetched again") from None


def _from_drive(file_id: str, store: Path, sha256: str | None) -> Weights:
    if not re.fullmatch(r"[\w-]+", file_id):
        raise UserError(f"gdrive:{file_id}: not a Drive file ID; give the part after /d/ of the file's link alone")
    path = (store / "gdrive" / f"{file_id}.pth").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path):
        if not path.exists():
            return _fetch_from_drive(file_id, path, sha256)
    try:
        return _read(path, sha256)
    except UserError as error:
        raise UserError(f"{error}; or remove it to have it fetched again") from None


def _fetch_from_drive(file_id: str, path: Path, sha256: str | None) -> Weights:
    new, view = path.with_suffix(".new"), f"https://drive.google.com/file/d/{file_id}/view"
    try:
        # gdown keeps a broken transfer beside `new`, and resumes it there; cookies would be kept in the home folder
        gdown.download(id=file_id, output=str(new), resume=True, retries=3, timeout=_TIMEOUT, use_cookies=False)
        tensors = _read(new, sha256)
    except (gdown.DownloadError, OSError, UserError) as error:  # requests' exceptions are OSErrors
        new.unlink(missing_ok=True)
        by_hand = f"download it in a browser from {view} and put it at {path}, or give file:PATH"
        if isinstance(error, UserError):
            raise UserError(f"gdrive:{file_id}: {_unnamed(error, new)}: {by_hand}") from None
        raise _failed(f"gdrive:{file_id}", error, by_hand) from None
    new.replace(path)
    return tensors


def _from_hub(place: str, sha256: str | None) -> Weights:
    repo, _, file = place.partition(":")
    try:
        path = hf_hub_download(repo, file) if file else _usual_file(repo)
    except _HUB_ERRORS as error:
        link = f"https://huggingface.co/{repo}/tree/main"
        raise _failed(
            f"hf:{place}", error, f"check name and connection, or fetch the weights from {link} and give file:PATH"
        ) from None
    return _read(Path(path), sha256)


def _usual_file(repo: str) -> str:
    """Fetch a repository's weights under the names that its own tools give them."""
    try:
        return hf_hub_download(repo, "model.safetensors")
    except EntryNotFoundError as missing:
        offline = isinstance(missing, LocalEntryNotFoundError)
        return hf_hub_download(repo, "pytorch_model.bin", local_files_only=offline)


def _from_smp(name: str, encoder: str | None) -> Weights:
    if encoder is None:
        raise UserError(
            f"smp:{name}: this model has no encoder of segmentation_models_pytorch; choose another model, or none"
        )
    timm = encoder.startswith("tu-")  # timm's names hold their weights' name, so smp wants no other
    try:
        network = get_encoder(encoder, weights=True if timm else name)
    except KeyError as error:
        raise UserError(f"smp:{name}: {error.args[0]}") from None
    except _HUB_ERRORS as error:
        link = f"https://huggingface.co/{'timm' if timm else f'smp-hub/{encoder}.{name}'}"
        raise _failed(
            f"smp:{name} for {encoder}", error, f"check the connection, or fetch it from {link} and give file:PATH"
        ) from None
    return Weights({f"encoder.{key}": value for key, value in network.state_dict().items()})


def _unnamed(error: UserError, path: Path) -> str:
    """Say what is wrong with a downloaded file without its name, as it is gone."""
    return str(error).replace(str(path), "what came")


def _failed(source: str, error: Exception, remedy: str) -> UserError:
    """One line of a library's exception, whatever its text looks like."""
    reason = shorten(shown_url(str(error)), 200, placeholder=" ...").rstrip(".;") or type(error).__name__
    if isinstance(error, LocalEntryNotFoundError):
        reason = "the hub does not answer, and its cache here has no such file"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        remedy = "free some space, or set ROADSEG_STORE and HF_HOME to folders on a larger disk, and run again"
    return UserError(f"{source}: {reason}; {remedy}")
