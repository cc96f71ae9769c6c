"""The folder in which downloads and resized frames outlive the stages' outputs."""

import os
from pathlib import Path

from roadseg.errors import UserError


def store_folder() -> Path:
    """Where it is: the environment's ROADSEG_STORE, else a folder in the user's cache; UserError without a home."""
    folder = Path(os.environ.get("ROADSEG_STORE") or "~/.cache/roadseg")
    try:
        return folder.expanduser()
    except RuntimeError:
        raise UserError(
            f"{folder}: no home folder is known; set ROADSEG_STORE to a folder that can be written"
        ) from None
