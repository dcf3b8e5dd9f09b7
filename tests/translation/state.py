"""What is still to be done in a catalogue, in sentences that name the cell and its texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import catalogue as package
import polib

from translation import checks, glossary
from translation.catalogues import catalogue_of, fresh, texts

#: Letters of a text that a sentence shows.
SHOWN = 300


def to_do(source: Path, catalogue: Path | None = None) -> list[str]:
    """What keeps a lesson or a page from being in Spanish as it is in English now."""
    catalogue = catalogue or catalogue_of(source)
    made = fresh(texts(source), catalogue)
    found = [_not_translated(entry) for entry in made if not entry.translated()]
    if not found and catalogue.read_text(encoding="utf-8") != str(made):
        found.append(f"{catalogue.name} is not as `python tests/spanish.py` writes it")
    return found


def _not_translated(entry: polib.POEntry) -> str:
    """Both texts of an entry that somebody has to look at."""
    if not entry.fuzzy:
        return f"{entry.msgctxt}: no Spanish for “{short(entry.msgid)}”"
    return (
        f"{entry.msgctxt}: the English was “{short(entry.previous_msgid or '')}” and is "
        f"“{short(entry.msgid)}”; the Spanish is «{short(entry.msgstr)}»: mend it in "
        "notebooks/es/po, and take its mark `fuzzy` and the lines `#|` away"
    )


def short(text: str) -> str:
    """The beginning of a text."""
    if len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]}…"


def faults(catalogue: Path) -> list[str]:
    """What a catalogue of a lesson or a page says otherwise than its English, or in other words."""
    entries = polib.pofile(str(catalogue))
    pairs = [((each.msgctxt, each.msgid), each.msgstr) for each in entries if each.msgstr]
    found = []
    for (context, english), spanish in pairs:
        found += [f"{context}: {fault}: «{short(spanish)}»" for fault in _faults(english, spanish)]
    found += [
        f"{context}: explains a worker once more: “{short(english)}”"
        for context, english in glossary.explained_again(pairs)
    ]
    return found


def _faults(english: str, spanish: str) -> Iterator[str]:
    yield from checks.differences(english, spanish, said_by_us())
    yield from glossary.other_words(english, spanish)
    yield from glossary.forbidden_words(spanish)


@cache
def said_by_us() -> dict[str, str]:
    """The texts of the package, English → Spanish."""
    entries = polib.pofile(str(package.CATALOGUE))
    found = {entry.msgid: entry.msgstr for entry in entries if entry.msgstr}
    for entry in entries:
        if entry.msgid_plural:
            found[entry.msgid] = entry.msgstr_plural[0]
            found[entry.msgid_plural] = entry.msgstr_plural[1]
    return found


def faults_of_package(catalogue: Path) -> list[str]:
    """The same for the texts of the package."""
    found = []
    for entry in polib.pofile(str(catalogue)):
        if not entry.translated():
            found.append(_not_translated(entry))
            continue
        spanish = " ".join((entry.msgstr, *entry.msgstr_plural.values()))
        words = [*checks.differences_of_package(entry), *glossary.forbidden_words(spanish)]
        found += [f"“{short(entry.msgid)}”: {fault}: «{short(spanish)}»" for fault in words]
    return found
