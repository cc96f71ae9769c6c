"""Addresses and paths without what is nobody else's business."""

import re
from pathlib import PurePosixPath
from typing import Any

_USER = r"[^/?#\s]*@|[^/?#:\s]*:(?!\d+/)[^@\s]*@"  # the second: a password that should have been escaped
_URL = re.compile(rf"([A-Za-z][\w+.-]*://)(?:{_USER})?([^?#\s]*)(?:\?([^#\s]*))?(#\S*)?")


def shown_url(text: str) -> str:
    """Return text in which each address lacks its user name and password, and has `...` for the values it passes.

    >>> shown_url("https://me:secret@host/weights.pth?sig=abc&part=1")
    'https://host/weights.pth?sig=...&part=...'
    """
    return _URL.sub(_without_secrets, text)


def _without_secrets(found: re.Match[str]) -> str:
    scheme, place, query, fragment = found.groups()
    names = [f"{name}=..." if has_value else "..." for name, has_value, _ in _pairs(query)]
    return scheme + place + ("?" + "&".join(names) if names else "") + ("#..." if fragment else "")


def _pairs(query: str | None) -> list[tuple[str, str, str]]:
    return [pair.partition("=") for pair in re.split("[&;]", query)] if query else []


def public(value: Any) -> Any:
    """Return nested values as others may see them: addresses as `shown_url` has them, of a path its last part."""
    if isinstance(value, dict):
        return {key: public(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [public(inner) for inner in value]
    if isinstance(value, str):
        kind, path = ("file:", value[5:]) if value.startswith("file:") else ("", value)
        is_path = bool(kind) or path.startswith(("/", "~", "../", "./"))
        return kind + PurePosixPath(path).name if is_path else shown_url(value)
    return value
