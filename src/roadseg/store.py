"""The folder in which downloads and resized frames outlive the stages' outputs."""

import os
from pathlib import Path


def store_folder() -> Path:
    """Where it is: the environment's ROADSEG_STORE, else a folder in the user's cache."""
    return Path(os.environ.get("ROADSEG_STORE") or "~/.cache/roadseg").expanduser()
