"""What systems say of a file or an address that cannot be used, in this process' language."""

from __future__ import annotations

from imglab.language import tr

#: What systems say in English → the same for people. What they say of a connection is not here:
#: lessons 00 and 10 teach to read just those words.
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
    "No space left on device": tr("No space left on device"),
    "Disk quota exceeded": tr("Disk quota exceeded"),
    "Cannot assign requested address": tr("Cannot assign requested address"),
}


def system_words(words: str) -> str:
    """What the system said; in its own words where they are rare."""
    return _SAID.get(words, words)


def told(error: OSError) -> str:
    """The whole of what Python says of an error, with the words of the system translated."""
    said = error.strerror
    if not isinstance(said, str):
        return str(error)
    return str(error).replace(said, system_words(said), 1)
