"""The one kind of error that a user can cause and fix."""


class UserError(Exception):
    """Bad input, described in one line: what was wrong, where, the value, the remedy.

    Raised where the fact is known; `stage.run` turns it into that line and exit code 1.
    """
