"""A copy of the course for one person: what they run and write there is no news to git."""

from __future__ import annotations

import shutil
from pathlib import Path

from imglab.errors import ImglabError

#: What a course is made of, besides the folder for its results.
PARTS = ("notebooks", "images")


def copy_course(root: Path, folder: Path) -> list[Path]:
    """Copy lessons and photographs into a folder, which is a project then; return what is new.

    What is there already stays as it is, so it may be called again after an update. ImglabError
    where there are no lessons, for the project itself, or for a file.
    """
    if folder.resolve() == root.resolve():
        raise ImglabError("A copy has to be in another folder: imglab course FOLDER")
    if folder.exists() and not folder.is_dir():
        raise ImglabError(f"{folder} is a file: name a folder that is new, or your last copy.")
    if not (root / "notebooks").is_dir():
        raise ImglabError(f"There are no lessons in {root}: type it in the imglab repository.")
    copied = []
    for part in PARTS:
        for file in sorted((root / part).rglob("*")):
            target = folder / file.relative_to(root)
            is_hidden = any(name.startswith(".") for name in file.relative_to(root).parts)
            if file.is_dir() or is_hidden or target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            copied.append(target)
    (folder / "output").mkdir(exist_ok=True)
    return copied
