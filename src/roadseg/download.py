"""Fetch a file over http(s) once, into a store that outlives the stages' outputs; resume, retry, verify."""

import hashlib
import re
import time
from pathlib import Path, PurePosixPath
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from roadseg.errors import UserError

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds between the tries
TIMEOUT = (10.0, 60.0)  # seconds to connect, and without a byte
_CHUNK = 1 << 18


def stored_path(url: str, store: Path) -> Path:
    """Return where in the store the file of this address is, or belongs: two addresses never share a name."""
    name = re.sub(r"[^\w.-]", "_", PurePosixPath(urlsplit(url).path).name).lstrip(".") or "file"
    return store / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def download(url: str, store: Path, sha256: str | None = None) -> tuple[Path, str]:
    """Return the stored file of `url` and its SHA-256 in hex; a file that is there already needs no network.

    An interrupted transfer goes on where it stopped, within this call and in the next one.
    Raises UserError, which names the address, the reason, and where to put the file by hand.
    """
    path = stored_path(url, store)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        path.unlink()
        raise UserError(
            f"{url}: its sha256 is {digest}, not {sha256.lower()}; deleted it; correct the digest or run again"
        )
    return path, digest


def _fetch(url: str, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    by_hand = f"download it by hand and put it at {path.absolute()}"
    for pause in (*PAUSES, None):
        try:
            _transfer(url, part)
            break
        except requests.RequestException as error:
            if pause is None or not _may_pass(error):
                raise UserError(f"{url}: {_reason(error)}; {by_hand}") from None
            time.sleep(pause)
    with part.open("rb") as file:
        start = file.read(512)
    if is_web_page(start):
        part.unlink()
        raise UserError(f"{url}: the server sent a web page instead of the file; {by_hand}")
    part.replace(path)


def is_web_page(start: bytes) -> bool:
    """Return whether a file that starts like this is HTML or XML: what a server sends in place of a file."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _transfer(url: str, part: Path) -> None:
    """One try: add what is missing to `part`, or start again where the server does not support ranges."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # the file has become shorter than our part of it
            part.unlink()
            raise requests.ConnectionError("the file changed on the server")
        response.raise_for_status()
        resumed = response.status_code == 206
        have = have if resumed else 0
        total = have + int(response.headers.get("Content-Length", 0))
        with part.open("ab" if resumed else "wb") as file, _progress(part.stem, have, total) as bar:
            for chunk in response.iter_content(_CHUNK):
                bar.update(file.write(chunk))
    size = part.stat().st_size
    if not size or ("Content-Length" in response.headers and size != total):
        raise requests.ConnectionError(f"only {size} of {total} bytes came")


def _progress(name: str, have: int, total: int) -> "tqdm[NoReturn]":
    # disable=None: no bar where there is no terminal
    return tqdm(desc=name, initial=have, total=total or None, unit="B", unit_scale=True, disable=None)


def _may_pass(error: requests.RequestException) -> bool:
    """Whether another try can help: yes for a broken connection or a busy server, no for a wrong address."""
    if error.response is not None:
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _reason(error: requests.RequestException) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"the server answers {response.status_code} {response.reason}"
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return f"no connection, or a broken one ({_root_of(error)})"
        case _:
            return " ".join(str(error).split())


def _root_of(error: BaseException) -> str:
    """Return the system's own message, without the layers of wrapping around it."""
    while error.__context__ is not None:
        error = error.__context__
    message = error.strerror if isinstance(error, OSError) else None
    return " ".join((message or str(error)).split())
