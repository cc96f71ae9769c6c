"""Fetch a file over http(s) once, into a store that outlives the stages' outputs; resume, retry, verify.

An address may name an environment variable, as in https://host/file?token=${TOKEN}: its value is put in for the
transfer alone, so that a secret is in no file and in no message.

A transfer adds what is missing to a part of the file, or begins again where that can't be trusted. Beside a part lies
`PART.of`: which state of the file on the server the part is of (RFC 9110, If-Range), and how long that file is.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from roadseg.pipeline.errors import UserError

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds between the tries
TIMEOUT = (10.0, 14.0)  # seconds to connect, and without a byte
_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
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


def download(
    url: str, store: Path, sha256: str | None = None, check: Callable[[Path], object] | None = None
) -> tuple[Path, str]:
    """Return the stored file of `url` and its SHA-256 in hex; a file that is there already needs no network.

    Of several runs that share the store one fetches it, and the others wait.
    An interrupted transfer goes on where it stopped, within this call and in the next one, unless the file has changed
    on the server. What came gets its name only when `check`, called with it, raises no UserError; else it is thrown
    away, so that the next call fetches it anew.
    Raises UserError, which names the address, the reason, and where to put the file by hand.
    """
    check_address(url)
    path = stored_path(url, store)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(path.parent):
            if not path.exists():  # another run may have fetched it meanwhile
                _fetch(url, path, check)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 and digest != sha256.lower():
        path.unlink()
        raise UserError(
            f"{shown_url(url)}: its sha256 is {digest}, not {sha256.lower()}; deleted it; "
            "correct the digest or run again"
        )
    return path, digest


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine fetches what belongs to `path`, then keep the others waiting.

    A process that is killed keeps nobody waiting. Where the file system has no locks, nothing is held.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    with suppress(OSError, NotImplementedError):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print("another run fetches the same file; waits for it", flush=True)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(url: str, path: Path, check: Callable[[Path], object] | None) -> None:
    address, part = _with_values(url), path.with_name(f"{path.name}.part")
    by_hand = f"download it by hand and put it at {path.absolute()}"
    for pause in (*PAUSES, None):
        try:
            transfer(address, part)
            break
        except requests.RequestException as error:
            if pause is None or not _may_pass(error):
                raise UserError(f"{shown_url(url)}: {_without_values(_reason(error), url)}; {by_hand}") from None
            time.sleep(pause)
    with part.open("rb") as file:
        message = kind_of_message(file.read(512))
    if message:
        forget(part)
        raise UserError(f"{shown_url(url)}: the server sent {message} instead of the file; {by_hand}")
    if check:
        try:
            check(part)
        except UserError as error:
            forget(part)
            reason = str(error).replace(str(part), "what came")
            raise UserError(f"{shown_url(url)}: {reason}; deleted it; run again, or {by_hand}") from None
    part.replace(path)
    forget(part)


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


def kind_of_message(start: bytes) -> str:
    """Return what a server sends in place of a file, where the file starts like that: a web page, JSON, or nothing."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "a web page"
    return "a JSON message" if re.match(rb'\{\s*("|\})|\[\s*[\{"\]]', text) else ""


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


# --- one try


def transfer(url: str, part: Path) -> None:
    """Bring `part` to its full length.

    Raises requests.RequestException; what has come by then stays for the next try, unless the file on the server has
    changed, or the server sends something else than it was asked for.
    """
    have = part.stat().st_size if part.exists() else 0
    state = _state_of(part) if have else {}
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    if tag := state.get("tag"):
        headers["If-Range"] = str(tag)
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # the file has become shorter than our part of it
            raise _changed(part)
        response.raise_for_status()
        resumed = response.status_code == 206
        if resumed and not _continues(response, have, state):
            raise _changed(part)
        have = have if resumed else 0
        length = _length(response)
        total = None if length is None else have + length
        _note_state(part, response, total)
        with part.open("ab" if resumed else "wb") as file, _progress(part.stem, have, total) as bar:
            for chunk in response.iter_content(_CHUNK):
                bar.update(file.write(chunk))
    size = part.stat().st_size
    if not size or (total is not None and size != total):
        raise requests.ConnectionError(f"only {size} of {total or 0} bytes came")


def forget(part: Path) -> None:
    """Remove a part, and what was noted of it."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _changed(part: Path) -> requests.ConnectionError:
    forget(part)
    return requests.ConnectionError("the file changed on the server")


def _continues(response: requests.Response, have: int, state: dict[str, str | int | None]) -> bool:
    """Whether a partial answer begins where our part ends, plain, and is of the same state of the file."""
    found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if not found or int(found[1]) != have or _is_packed(response):
        return False
    before, now = state.get("total"), None if found[2] == "*" else int(found[2])
    same_length = before is None or now is None or before == now
    return same_length and (not state.get("tag") or _tag(response) in (None, state["tag"]))


def _is_packed(response: requests.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")


def _length(response: requests.Response) -> int | None:
    """How many bytes are to come; None where the server does not say it, or not in one number, or packs them."""
    said = {text.strip() for text in response.headers.get("Content-Length", "").split(",")}
    text = said.pop()
    return int(text) if not said and text.isascii() and text.isdecimal() and not _is_packed(response) else None


def _tag(response: requests.Response) -> str | None:
    """What names the state of the file on the server; a weak tag does not stand for its bytes."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.of")


def _note_state(part: Path, response: requests.Response, total: int | None) -> None:
    _notes(part).write_text(json.dumps({"tag": _tag(response), "total": total}))


def _state_of(part: Path) -> dict[str, str | int | None]:
    try:
        state = json.loads(_notes(part).read_text())
    except (OSError, ValueError):  # none, or cut short
        return {}
    return state if isinstance(state, dict) else {}


def _progress(name: str, have: int, total: int | None) -> "tqdm[NoReturn]":
    # disable=None: no bar where there is no terminal
    return tqdm(desc=name, initial=have, total=total, unit="B", unit_scale=True, disable=None)
