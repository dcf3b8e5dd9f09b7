"""The words of the Spanish edition, from the table beside its catalogues.

A row has a term's English forms, beginnings of the Spanish words of which a translation has one,
and words that it never has.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from translation.catalogues import FOLDER, Key
from translation.checks import CODE, FENCE, LINK

TABLE = FOLDER / "glossary.tsv"
#: What explains the word worker, once in a lesson.
EXPLAINED = "proceso de trabajo"
#: A word in italics: that of another language, or of another system.
FOREIGN = re.compile(r"(?<!\*)\*\w+\*(?!\*)")


@dataclass(frozen=True)
class Term:
    """What a row of the table says, as patterns of whole words."""

    english: re.Pattern[str] | None
    spanish: re.Pattern[str] | None
    never: re.Pattern[str] | None


@cache
def terms() -> list[Term]:
    """All rows of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Term(_any_of(row["English"]), _any_of(row["Spanish"], end=""), _any_of(row["never"]))
        for row in rows
    ]


def _any_of(words: str, end: str = r"\b") -> re.Pattern[str] | None:
    """A pattern for any of these, which are separated by commas; None for nothing."""
    if not words.strip():
        return None
    choices = "|".join(re.escape(each.strip()) for each in words.split(","))
    return re.compile(rf"\b(?:{choices}){end}", re.IGNORECASE)


def bare(text: str) -> str:
    """A text without its code and links, in one line."""
    for pattern in (FENCE, CODE, LINK):
        text = pattern.sub(" ", text)
    return " ".join(text.split())


def other_words(english: str, spanish: str) -> Iterator[str]:
    """The terms of an English text for which its translation has another word than ours."""
    said, here = bare(english), bare(spanish)
    for term in terms():
        found = term.english and term.english.search(said)
        if found and term.spanish and not term.spanish.search(here):
            yield f"“{found[0]}” is not said in a word of the glossary"


def forbidden_words(spanish: str) -> Iterator[str]:
    """The words of a Spanish text that the glossary forbids, where they are not those of others."""
    here = FOREIGN.sub(" ", bare(spanish))
    for term in terms():
        found = term.never and term.never.search(here)
        if found:
            yield f"never «{found[0]}»"


def explained_again(texts: Iterable[tuple[Key, str]]) -> list[Key]:
    """Where one file explains what a worker is, after the first time."""
    return [key for key, spanish in texts for _ in re.findall(EXPLAINED, bare(spanish))][1:]
