"""Text from outside (names of files, networks, classes and devices), escaped for each form in which it is shown.

A file's name may hold any character but / and NUL, bytes that are no UTF-8 among them. What can't be shown, or would
change how its neighbours are shown, is written as an escape: \\t, \\u202e, or \\xdf for a lone byte.
"""

import re
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

FONT = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")  # what pictures and PDF fall back on, anywhere
_UNSHOWN = re.compile(  # control characters, ends of line, marks that turn the direction of text, halves of characters
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# every dialect of Markdown has a backslash escape for these; an underscore between two letters is one anyway
_MARKUP = re.compile(r"[\\`*{}\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# these, some dialects only know as entities; a ~ between spaces strikes nothing through
_ENTITIES = re.compile(r"[<>&|$@]|:(?=//)|(?<=[wW]{3})\.|(?<! )~|~(?! |$)")
_UNBROKEN = 30  # characters without a space, after which a line may end


def shown(text: str) -> str:
    """Return text that any file and terminal takes, on one line, with escapes for what can't be shown.

    >>> print(shown("one\\ttwo"), shown("Stra\\udcdfe"))
    one\\ttwo Stra\\xdfe
    """
    return _UNSHOWN.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python stands for a byte of a name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def in_markdown(text: str) -> str:
    """Return what Markdown shows as `text`: nothing in it is markup, a link or the end of a table's cell.

    >>> print(in_markdown("a_b](c) <svg>"))
    a_b\\](c) &lt;svg&gt;
    """
    escaped = _MARKUP.sub(r"\\\g<0>", shown(text))
    named = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return _ENTITIES.sub(lambda found: named.get(found[0], f"&#{ord(found[0])};"), escaped)


def drawn(text: str) -> str:
    """Return text of characters that the font of pictures and PDF has, with escapes for all others."""
    return "".join(c if ord(c) in _characters() else _escape(c) for c in shown(text))


def in_picture(text: str) -> str:
    """Return what matplotlib draws as `text`: a dollar starts no formula."""
    return drawn(text).replace("$", r"\$")


def in_pdf(text: str) -> str:
    """Return what Typst sets as `text`, a long word with places where its line may end."""
    return re.sub(rf"(\S{{{_UNBROKEN}}})(?=\S)", "\\1\u200b", drawn(text))


@cache
def _characters() -> frozenset[int]:
    return frozenset(FT2Font(str(FONT)).get_charmap())
