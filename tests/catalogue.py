"""Bring the package's catalogue up to date: its texts from the source, their translations kept.

`python tests/catalogue.py [MORE.po …]` takes translations from other catalogues as well. A text
that is new has an empty translation, which tests/test_spanish.py then names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polib
from babel.messages.extract import extract_from_dir

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "imglab"
CATALOGUE = PACKAGE / "locale" / "es" / "LC_MESSAGES" / "imglab.po"
#: Our functions, and which of their arguments are texts.
KEYWORDS = {"tr": None, "tr_count": (1, 2)}
HEADER = {
    "Language": "es",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=2; plural=(n != 1);",
}


def fresh(*others: Path) -> polib.POFile:
    """The catalogue as it should be: the texts of the source, with the translations there are."""
    known: dict[str, polib.POEntry] = {}
    for path in (CATALOGUE, *others):
        if path.exists():
            known |= {entry.msgid: entry for entry in polib.pofile(str(path)) if entry.translated()}
    made = polib.POFile(wrapwidth=100)
    made.metadata = HEADER
    for text, places in _texts().items():
        made.append(_entry(text, places, known))
    return made


def _texts() -> dict[str | tuple[str, ...], list[str]]:
    """Each text of the package, or pair of one and many, and the files it stands in."""
    found: dict[str | tuple[str, ...], list[str]] = {}
    extracted = extract_from_dir(
        str(PACKAGE), method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
    )
    for name, _line, text, _comments, _context in extracted:
        places = found.setdefault(text, [])
        if name not in places:
            places.append(name)
    return dict(sorted(found.items(), key=lambda each: each[1][0]))


def _entry(
    text: str | tuple[str, ...], places: list[str], known: dict[str, polib.POEntry]
) -> polib.POEntry:
    # Files without lines: a line would change with every edit above it.
    where = [(place, "") for place in places]
    if isinstance(text, str):
        said = known[text].msgstr if text in known else ""
        return polib.POEntry(msgid=text, msgstr=said, occurrences=where)
    one, many = text
    said = known[one].msgstr_plural if one in known else {0: "", 1: ""}
    return polib.POEntry(msgid=one, msgid_plural=many, msgstr_plural=said, occurrences=where)


def main() -> None:
    """Write the catalogue, and beside it the file that gettext reads."""
    made = fresh(*map(Path, sys.argv[1:]))
    made.save(str(CATALOGUE))
    made.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    print(f"{len(made)} texts, {made.percent_translated()} % translated")


if __name__ == "__main__":
    main()
