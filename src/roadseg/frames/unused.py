"""Tidy up what a store keeps only as long as it is used."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

_KEPT_SECONDS = 30 * 24 * 3600  # after its last use


def remove_unused(folder: Path) -> None:
    """Remove the folders in `folder` that nothing has touched for 30 days, and their locks."""
    oldest = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may tidy up as well
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
                path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
