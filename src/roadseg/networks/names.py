"""What weights are called in params.yaml: a name in the model's row, or a source."""

import re
from collections.abc import Mapping

from roadseg.data.download import shown_url
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Source

_SCHEMES = "gdrive:ID, file:PATH, exp:NAME, https://..., hf:REPO, hf:REPO:FILE, smp:imagenet"
_SCHEME = re.compile(r"(gdrive|file|exp|hf|smp):.|https?://.")


def resolve(pretrained: str, row: Mapping[str, Source], key: str = "pretrained") -> Source:
    """Return the source that `pretrained` means: itself, or the one of that name in the model's row.

    Raises UserError, which names the parameter `key`, for anything else.
    """
    source = row.get(pretrained) or Source(source=pretrained)
    if not _SCHEME.match(source.source):
        raise UserError(
            f"{key}: {shown_url(source.source)!r} is unknown; choose from {', '.join(['none', *row])}, or {_SCHEMES}"
        )
    return source
