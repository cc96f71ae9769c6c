"""The one kind of error that a user can cause and fix, and the wish to stop."""

from collections.abc import Sequence

_SHOWN = 10  # problems that get a line each


class UserError(Exception):
    """Bad input, described in one line: what was wrong, where, the value, the remedy.

    Raised where the fact is known; `stage.run` turns it into that line and exit code 1.
    """


class Stopped(KeyboardInterrupt):
    """A signal asked to stop; `number` is the signal's."""

    def __init__(self, number: int, where: str = "") -> None:
        super().__init__(number, where)
        self.number, self.where = number, where


def raise_all(problems: Sequence[str]) -> None:
    """Raise one UserError for all problems, the first ten of them a line each; nothing where there is none."""
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise UserError("\n".join([*problems[:_SHOWN], *more]))


def printable(name: object) -> str:
    """Return a name so that it can be printed in one line: control characters and broken bytes as escapes.

    Example:
        >>> printable("Stra\\udcdfe.png")
        'Stra\\\\xdfe.png'
        >>> printable("two\\nlines")
        'two\\\\nlines'
    """
    text = str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
