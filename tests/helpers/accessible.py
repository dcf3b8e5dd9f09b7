"""What is wrong with a page for whoever hears it, magnifies it, or sees no colours.

The rules are those of jupyterlab-a11y-checker 0.2.9 for headings, pictures, links and tables, and
some of ours. A rule takes what a page shows and returns complaints; none is good.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert.filters import markdown2html

from imglab.views.html_table import GREY

#: The most letters of a picture's words: who hears them cannot skip a part.
ALT_LETTERS = 180
#: Words that say no more of a link than that it is one, unless there are many others.
VAGUE = ("click", "here", "link", "more", "read")
TELLING_LETTERS = 20
#: What words are made of; a number in a circle is a sign.
LETTER = re.compile(r"[A-Za-zÀ-ÿ\d]")
#: The levels on which no two headings have the same words.
UPPER_LEVELS = 2


def page(html: str) -> BeautifulSoup:
    """A page of some HTML."""
    return BeautifulSoup(html, "html.parser")


def page_of_text(markdown: str) -> BeautifulSoup:
    """A page as a notebook makes it of Markdown."""
    made = page(markdown2html(markdown))
    for anchor in made.select("a.anchor-link"):  # nbconvert's own, beside each heading
        anchor.decompose()
    return made


def page_of(path: Path) -> BeautifulSoup:
    """All texts of a notebook, or of a file of Markdown."""
    if path.suffix != ".ipynb":
        return page_of_text(path.read_text())
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return page_of_text("\n\n".join(texts))


def _headings(shown: BeautifulSoup) -> list[Tag]:
    return shown.find_all(re.compile("^h[1-6]$"))


def _level(heading: Tag) -> int:
    return int(heading.name[1])


def _words(element: Tag) -> str:
    return element.get_text(" ", strip=True)


# The rules


def headings_in_order(shown: BeautifulSoup) -> Iterator[str]:
    """A page begins with its only heading of level 1, and no level is left out on the way down."""
    headings = _headings(shown)
    if not headings or _level(headings[0]) != 1:
        yield "it does not begin with a heading of level 1"
    ones = [each for each in headings if _level(each) == 1]
    if len(ones) > 1:
        yield f"it has {len(ones)} headings of level 1"
    for above, heading in pairwise(headings):
        if _level(heading) > _level(above) + 1:
            yield f"a level is left out before {_words(heading)!r}"


def headings_with_words(shown: BeautifulSoup) -> Iterator[str]:
    """Each heading has words, and on the two upper levels words of its own."""
    upper = Counter[str]()
    for heading in _headings(shown):
        words = _words(heading)
        if not words:
            yield "a heading is empty"
        if _level(heading) <= UPPER_LEVELS:
            upper[words.lower()] += 1
    for words, number in upper.items():
        if number > 1:
            yield f"{number} headings are called {words!r}"


def pictures_in_words(shown: BeautifulSoup) -> Iterator[str]:
    """Each picture has words that say what it shows."""
    for picture in shown.find_all("img"):
        yield from bad_alt(str(picture.get("alt", "")))


def bad_alt(alt: str) -> Iterator[str]:
    """What is wrong with the words of a picture."""
    if not alt.strip():
        yield "a picture has no words"
    if re.search(r"\w/\w|^\S+\.(png|jpe?g|gif|svg|webp)$", alt):
        yield f"a picture has the name of a file for its words: {alt!r}"
    if len(alt) > ALT_LETTERS:
        yield f"the words of a picture have {len(alt)} letters: {alt!r}"


def links_say_where_they_lead(shown: BeautifulSoup) -> Iterator[str]:
    """The text of a link, read alone, says where it leads."""
    for link in shown.find_all("a"):
        picture = link.find("img")
        words = _words(link)
        if picture and not words:
            words = str(picture.get("alt", ""))
        is_vague = any(each in words.lower() for each in VAGUE)
        if not words:
            yield f"a link to {link.get('href')} has no words"
        elif re.match(r"https?://|www\.", words):
            yield f"a link shows its address: {words}"
        elif is_vague and len(words) < TELLING_LETTERS:
            yield f"a link says too little: {words!r}"


def tables_with_heads(shown: BeautifulSoup) -> Iterator[str]:
    """Each table says what its columns or rows are about, and no head is empty."""
    for table in shown.find_all("table"):
        heads = table.find_all("th")
        if not heads:
            yield f"a table has no heads: {_words(table)[:60]!r}"
        if not all(map(_words, heads)):
            yield f"a head is empty in the table {_words(table)[:60]!r}"


def no_word_in_a_colour(shown: BeautifulSoup) -> Iterator[str]:
    """Only signs are coloured: no colour is read well as letters on white and on black."""
    for element in shown.find_all(style=re.compile("(^|;) ?color:(?!inherit)")):
        is_grey = f"color:{GREY}" in element["style"]
        if not is_grey and LETTER.search(element.get_text()):
            yield f"words are in a colour: {element.get_text()!r}"


TEXT_RULES = (
    headings_in_order,
    headings_with_words,
    pictures_in_words,
    links_say_where_they_lead,
    tables_with_heads,
)
OUTPUT_RULES = (
    pictures_in_words,
    links_say_where_they_lead,
    tables_with_heads,
    no_word_in_a_colour,
)
