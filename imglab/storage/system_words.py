"""What is said of a file that cannot be used, and what systems say of it, in our language."""

from __future__ import annotations

from imglab.language import tr

#: What systems say in English → the same for people.
_SAID = {
    "No such file or directory": tr("No such file or directory"),
    "Permission denied": tr("Permission denied"),
    "Is a directory": tr("Is a directory"),
    "Not a directory": tr("Not a directory"),
    "File exists": tr("File exists"),
    "File name too long": tr("File name too long"),
    "Read-only file system": tr("Read-only file system"),
    "Too many levels of symbolic links": tr("Too many levels of symbolic links"),
    "Operation not permitted": tr("Operation not permitted"),
    "Input/output error": tr("Input/output error"),
    "Stale file handle": tr("Stale file handle"),
}


def cannot(name: str, done: str, why: str) -> str:
    """What to say of a file that cannot be `read`, `written`, `listed` or `reached`."""
    match done:
        case "written":
            return tr("{name} cannot be written: {why}.", name=name, why=why)
        case "listed":
            return tr("{name} cannot be listed: {why}.", name=name, why=why)
        case "reached":
            return tr("{name} cannot be reached: {why}.", name=name, why=why)
    return tr("{name} cannot be read: {why}.", name=name, why=why)


def system_words(words: str) -> str:
    """What the system said; in its own words where they are rare."""
    return _SAID.get(words, words)
