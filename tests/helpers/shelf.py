"""Names of pictures that Redis carries."""

from __future__ import annotations

import secrets
from pathlib import PurePath

from imglab.storage.carried import BEGIN


def new_path(file_name: str) -> str:
    """A path that nothing else has, for a picture of the same kind as this file."""
    return f"{BEGIN}{secrets.token_hex(16)}{PurePath(file_name).suffix.lower()}"
