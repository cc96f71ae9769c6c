"""What the libraries raise for a damaged archive, as one line."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from roadseg.pipeline.errors import UserError

# by where the damage is
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, struct.error, NotImplementedError, ValueError),
)


def damaged(shown: str, kind: str, reason: object) -> UserError:
    """Return the error for an archive, or a file in it, that is damaged."""
    return UserError(f"{shown}: damaged, or not a {kind} archive ({reason}); delete the {kind} and get it again")


@contextmanager
def damage_reported(shown: str, kind: str) -> Iterator[None]:
    """Raise UserError for what a library raises inside where an archive is damaged; failures of the disk stay."""
    try:
        yield
    except _DAMAGE as error:
        raise damaged(shown, kind, error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(shown, kind, error) from None
