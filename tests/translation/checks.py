"""What a translation must have in common with its English text; each difference is a sentence."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator

import polib

#: A block of code with its language, and what stands in backticks within a sentence.
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TAG = re.compile(r"</?[a-z]+")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
#: What divides thousands in Spanish, where 10,000 would be read as ten.
NO_BREAK = "\u00a0"
NUMBER = re.compile(rf"\d+(?:[.,:{NO_BREAK}]\d+)*")
THOUSANDS = re.compile(r",(?=\d{3}\b)")
#: Behind this, a line of code says what it does.
COMMENT = re.compile(r"  # .*")
#: In a text of the package, what is filled in.
FIELD = re.compile(r"\{[^{}]*\}")
#: A block of this language is a drawing, and its words are translated.
DRAWING = "text"


def differences(english: str, spanish: str, said: dict[str, str] | None = None) -> Iterator[str]:
    """What a translation of markdown has and its English text has not, or the other way round.

    `said` has texts of ours, English → Spanish: in backticks they are quoted as they are said.
    """
    ours = _parts(english)
    theirs = _parts(spanish)
    ours["numbers"] = _written_in_spanish(ours["numbers"])
    for kind, there in ours.items():
        here = theirs[kind]
        missing = there - here
        added = here - there
        if kind == "code":
            _forgive_quotes(missing, added, said or {})
        if missing or added:
            yield f"{kind}: English only {sorted(missing)}, Spanish only {sorted(added)}"
    if _levels(english) != _levels(spanish):
        yield f"headings: {_levels(english)} in English, {_levels(spanish)} in Spanish"
    if _columns(english) != _columns(spanish):
        yield "a table has not as many rows or columns as in English"


def _parts(text: str) -> dict[str, Counter[str]]:
    """What is the same in both languages, by its kind."""
    blocks = [COMMENT.sub("", block) for kind, block in FENCE.findall(text) if kind != DRAWING]
    prose = FENCE.sub("", text)
    codes = [code for _, code in CODE.findall(prose)]
    prose = CODE.sub("", prose)
    links = LINK.findall(prose)
    prose = LINK.sub("", prose)
    return {
        "blocks of code": Counter(blocks),
        "code": Counter(codes),
        "links": Counter(links),
        "HTML tags": Counter(TAG.findall(prose)),
        "numbers": Counter(NUMBER.findall(prose)),
    }


def _written_in_spanish(numbers: Counter[str]) -> Counter[str]:
    return Counter(THOUSANDS.sub(NO_BREAK, each) for each in numbers.elements())


def _levels(text: str) -> list[int]:
    return [len(signs) for signs in HEADING.findall(FENCE.sub("", text))]


def _columns(text: str) -> list[int]:
    """For each line of a table, how many columns it has."""
    prose = CODE.sub("", FENCE.sub("", text))
    return [line.count("|") for line in prose.splitlines() if line.startswith("|")]


def _forgive_quotes(missing: Counter[str], added: Counter[str], said: dict[str, str]) -> None:
    """Take away what is a piece of the same text of ours, in English there and in Spanish here."""
    for english in list(missing):
        for spanish in list(added):
            if any(_quotes(english, ours) and _quotes(spanish, said[ours]) for ours in said):
                missing -= Counter([english])
                added -= Counter([spanish])
                break


def _quotes(quote: str, text: str) -> bool:
    """Whether the words of a quote stand in a text of the package, whatever its values are."""
    words = _words(quote)
    return bool(words) and f" {words} " in f" {_words(text)} "


def _words(text: str) -> str:
    """The words of a text, without `{names}`, values and signs."""
    found = [each.strip(".,;:!?") for each in FIELD.sub(" ", text).split()]
    return " ".join(each for each in found if each.isalpha())


def fields(text: str) -> list[str]:
    """The `{names}` of a text of the package."""
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def differences_of_package(entry: polib.POEntry) -> Iterator[str]:
    """The same for a text of the package, which is filled in before it is shown."""
    pairs = [(entry.msgid, entry.msgstr)]
    if entry.msgid_plural:
        one, many = entry.msgstr_plural[0], entry.msgstr_plural[1]
        pairs = [(entry.msgid, one), (entry.msgid_plural, many)]
    for english, spanish in pairs:
        names = sorted(fields(english))
        said = sorted(fields(spanish))
        if names != said:
            yield f"names in braces: {names} in English, {said} in Spanish"
        missing = _parts(english)["code"] - _parts(spanish)["code"]
        added = _parts(spanish)["code"] - _parts(english)["code"]
        if missing or added:
            yield f"code: English only {sorted(missing)}, Spanish only {sorted(added)}"
        for end in (str.startswith, str.endswith):
            if end(english, "\n") != end(spanish, "\n") or end(english, " ") != end(spanish, " "):
                yield "a space or a new line at the beginning or the end is not as in English"
