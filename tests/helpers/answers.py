"""Answers to exercises as `check` takes them."""

from __future__ import annotations

import os
from pathlib import Path


def handed_in(answer: object) -> object:
    """An answer as `check` takes it: {path: text, …} is written into files, whose paths come back.

    One file is handed in as its path, several as a tuple of paths.
    """
    if not (isinstance(answer, dict) and all(str(each).startswith("output/") for each in answer)):
        return answer
    for path, text in answer.items():
        file = Path(os.environ["IMGLAB_ROOT"], path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return next(iter(answer)) if len(answer) == 1 else tuple(answer)
