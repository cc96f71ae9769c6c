"""Fetch a file over http(s) once, into a store that outlives the stages' outputs; resume, retry, verify.

An address may name an environment variable, as in https://host/file?token=${TOKEN}: its value is put in for the
transfer alone, so that a secret is in no file and in no message.
"""

import hashlib
import os
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
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ADDRESS = re.compile(r"[\w+.-]*://\S+|(?<=url: )/\S+")  # the second: as urllib3 writes it
_USER = re.compile(r"//(?:[^/?#]*|[^/?#:]*:(?!\d+/)[^@]*)@")  # the second: a password that should have been escaped
_QUERY = re.compile(r"([?&#])([^=&#]*=)?[^&#'\")]+")


def shown_url(text: str) -> str:
    """Return an address, or a text with addresses in it, without user and password and without the query's values.

    https://me:secret@host/file.zip?sig=abc&v=1 becomes https://...@host/file.zip?sig=...&v=...
    """
    return _ADDRESS.sub(lambda address: _QUERY.sub(r"\1\2...", _USER.sub("//...@", address[0])), text)


def check_address(url: str) -> None:
    """Raise UserError where the address is not valid, or has a user or password in it, which files would then keep."""
    if _USER.search(url):
        raise UserError(
            f"{shown_url(url)}: has a user name or a password in it, which files and messages would keep; write them "
            "into ~/.netrc instead (machine HOST login USER password PASSWORD); for a token in the query put ${NAME}, "
            "and its value into the environment variable NAME"
        )
    try:
        valid = urlsplit(url).netloc and urlsplit(url).port != 0
    except ValueError:  # an open bracket, or a port that is no number
        valid = False
    if not valid:
        raise UserError(f"{shown_url(url)}: no valid address; correct it (https://host/path)")


def stored_path(url: str, store: Path) -> Path:
    """Return where in the store the file of this address is, or belongs: two addresses never share a name.

    Variables in the address stay names here, so that a new token finds the same file.
    """
    name = re.sub(r"[^\w.-]", "_", PurePosixPath(urlsplit(url).path).name).lstrip(".") or "file"
    return store / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def download(url: str, store: Path, sha256: str | None = None) -> tuple[Path, str]:
    """Return the stored file of `url` and its SHA-256 in hex; a file that is there already needs no network.

    An interrupted transfer goes on where it stopped, within this call and in the next one.
    Raises UserError, which names the address, the reason, and where to put the file by hand.
    """
    check_address(url)
    path = stored_path(url, store)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        path.unlink()
        raise UserError(
            f"{shown_url(url)}: its sha256 is {digest}, not {sha256.lower()}; deleted it; "
            "correct the digest or run again"
        )
    return path, digest


def _fetch(url: str, path: Path) -> None:
    address, part = _with_values(url), path.with_name(f"{path.name}.part")
    by_hand = f"download it by hand and put it at {path.absolute()}"
    for pause in (*PAUSES, None):
        try:
            _transfer(address, part)
            break
        except requests.RequestException as error:
            if pause is None or not _may_pass(error):
                raise UserError(f"{shown_url(url)}: {_without_values(_reason(error), url)}; {by_hand}") from None
            time.sleep(pause)
    with part.open("rb") as file:
        start = file.read(512)
    if is_web_page(start):
        part.unlink()
        raise UserError(f"{shown_url(url)}: the server sent a web page instead of the file; {by_hand}")
    part.replace(path)


def _with_values(url: str) -> str:
    """Put in the values of the environment variables that the address names."""
    for name in _VARIABLE.findall(url):
        value = os.environ.get(name, "").strip()
        if not value:
            raise UserError(f"{shown_url(url)}: the environment variable {name} is not set; export it and run again")
        url = url.replace(f"${{{name}}}", value)
    return url


def _without_values(text: str, url: str) -> str:
    """Take secrets out of a message about the transfer of `url`."""
    for name in _VARIABLE.findall(url):
        text = text.replace(os.environ[name].strip(), "...")
    return shown_url(text)


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
