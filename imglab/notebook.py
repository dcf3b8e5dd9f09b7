"""Whether this runs in a notebook, told without importing IPython: a notebook has loaded it."""

from __future__ import annotations

import sys
from typing import Any


def running_ipython() -> Any:
    """The IPython that runs this code; None in a plain program."""
    ipython = sys.modules.get("IPython")
    if ipython is None:
        return None
    return ipython.get_ipython()
