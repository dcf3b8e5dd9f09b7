"""A copy of the course for one person: what they run and write there is no news to git.

What was handed out is written down, so that a later update knows what the student changed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import imglab
from imglab.errors import ImglabError
from imglab.language import tr

#: What a course is made of, besides the folder for its results.
PARTS = ("notebooks", "images")
#: The folder of what is for translators.
CATALOGUES = "po"
#: In the copy: each file that was handed out → its SHA-256.
HANDED_OUT = ".imglab/course.json"
#: What may lie in a folder that is empty for all that.
NO_WORK = (".whl", ".gz", ".zip")


def course_source() -> Path:
    """Where the lessons come from: the package, or the repository that it is in.

    ImglabError where imglab was installed without them.
    """
    package = Path(__file__).parent.parent
    for place in (package / "course", package.parent):
        if (place / "notebooks").is_dir() and (place / "images").is_dir():
            return place
    raise ImglabError(
        tr(
            "There are no lessons beside {package}: install imglab anew, from its wheel.",
            package=package,
        )
    )


def check_empty(folder: Path) -> None:
    """Refuse a folder in which other things lie: the course has a folder of its own."""
    if (folder / HANDED_OUT).is_file() or not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith(".") and entry.suffix not in NO_WORK:
            raise ImglabError(
                tr(
                    "Other things lie in {folder}, such as {name}: go into an empty folder, or "
                    "name a new one: imglab course FOLDER",
                    folder=folder.resolve(),
                    name=entry.name,
                )
            )


def copy_course(source: Path, folder: Path, *, update: bool = False) -> list[Path]:
    """Copy lessons and photographs into a folder, which is a project then; return what is new.

    What is there already stays as it is, so it may be called again. To `update` brings the new
    version of a file in place of one that nobody changed, and beside one that somebody did. The
    copy's own file is never written over. ImglabError where there are no lessons, for their own
    folder, or for a file.
    """
    if folder.resolve() == source.resolve():
        raise ImglabError(tr("A copy has to be in another folder: imglab course FOLDER"))
    if folder.exists() and not folder.is_dir():
        raise ImglabError(
            tr("{folder} is a file: name a folder that is new, or your last copy.", folder=folder)
        )
    if not (source / "notebooks").is_dir():
        raise ImglabError(
            tr("There are no lessons in {source}: type it in the imglab repository.", source=source)
        )
    handed_out = _read(folder)
    copied = []
    for name in _names(source):
        target = folder / name
        if target.exists():
            if not update:
                continue
            target = _place_for(source / name, target, handed_out.get(name, ""))
        if not target.exists() or target == folder / name:
            handed_out[target.relative_to(folder).as_posix()] = _digest(source / name)
            copied += _copy(source / name, target)
    (folder / "output").mkdir(exist_ok=True)
    _write(folder, handed_out)
    return copied


def _names(source: Path) -> Iterator[str]:
    """The files of the course, as paths below its folder."""
    for part in PARTS:
        for file in sorted((source / part).rglob("*")):
            name = file.relative_to(source)
            is_hidden = any(each.startswith(".") for each in name.parts)
            if file.is_file() and not is_hidden and CATALOGUES not in name.parts:
                yield name.as_posix()


def _place_for(new: Path, present: Path, handed_out: str) -> Path:
    """Where a new version goes: in place of what nobody changed, else beside it."""
    if _digest(present) in (handed_out, _digest(new)):
        return present
    return present.with_name(f"{present.stem}.{imglab.__version__}{present.suffix}")


def _copy(file: Path, target: Path) -> list[Path]:
    """Copy a file, unless it is there already; return what was written."""
    if _digest(target) == _digest(file):
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    return [target]


def _digest(file: Path) -> str:
    """A file's fingerprint; empty when there is no such file."""
    if not file.is_file():
        return ""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read(folder: Path) -> dict[str, str]:
    """What was handed out into this folder; nothing where that cannot be read."""
    try:
        found = json.loads((folder / HANDED_OUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return found


def _write(folder: Path, handed_out: dict[str, str]) -> None:
    file = folder / HANDED_OUT
    # Only for their owner, as everything in there.
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_text(json.dumps(handed_out, indent=1), encoding="utf-8")
