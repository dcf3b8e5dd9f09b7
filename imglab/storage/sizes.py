"""How large a file may be that is read."""

from __future__ import annotations

from imglab.errors import ImageError
from imglab.language import tr

#: The largest file that is read, in bytes; some decoders take the whole of it into memory.
MAX_BYTES = 256 << 20


def check_size(name: str, size: int, limit: int = MAX_BYTES) -> None:
    """Raise ImageError for a file that is too large to be read."""
    if size > limit:
        raise ImageError(
            tr("{name} has {size:,} bytes; {most:,} is the most.", name=name, size=size, most=limit)
        )
