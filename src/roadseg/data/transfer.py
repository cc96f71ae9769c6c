"""One try to get a file over http(s): add what is missing to a part of it, or begin again where that can't be trusted.

Beside a part lies `PART.of`: which state of the file on the server the part is of (RFC 9110, If-Range), and how long
that file is.
"""

import json
import re
from pathlib import Path
from typing import NoReturn

import requests
from tqdm import tqdm

TIMEOUT = (10.0, 14.0)  # seconds to connect, and without a byte
_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


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
