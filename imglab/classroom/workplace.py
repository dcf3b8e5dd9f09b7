"""Whether a notebook can work where it is: inside the project, and allowed to write its results."""

from __future__ import annotations

import os

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.project import is_in_project, project_root


def check_workplace() -> None:
    """Raise ImglabError, with the reason, where a lesson could not read or write its pictures."""
    root = project_root()
    if not is_in_project():
        raise ImglabError(
            tr(
                "This notebook runs in {root}, outside the project: there is no images/ with an "
                "output/ beside it, here or further up. Open it in the project's notebooks/ "
                "folder, or name the project: export IMGLAB_ROOT=FOLDER, before `make lab`.",
                root=root,
            )
        )
    if not os.access(root / "output", os.W_OK | os.X_OK):
        raise ImglabError(
            tr(
                "The lessons write their pictures into {folder}, and you may not write there. Make "
                "it yours (chmod u+w, or ask who owns it), or copy the project into a folder of "
                "your own.",
                folder=root / "output",
            )
        )
