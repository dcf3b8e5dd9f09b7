"""What stands on a page for readers: its words, links and headings, and the lines to type."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Container

import typer

from helpers.project import ROOT
from imglab import cli

#: How a span of code begins that is a line for a terminal.
BEGINS = ("imglab ", "make ", "python ", "export ", "cd ")


def words(text: str) -> int:
    """How many words a reader reads: the lines of a table are none."""
    return sum(any(map(str.isalnum, each)) for each in text.split())


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in a language; "" is what is typed into a terminal."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [block for kind, block in fenced if kind == language]


def spans(text: str) -> list[str]:
    """What stands in backticks within a sentence or a cell of a table."""
    return re.findall(r"`([^`\n]+)`", text)


def typed(text: str) -> list[str]:
    """Every line that a page tells to type into a terminal."""
    lines = [line.strip() for block in blocks(text, "") for line in block.splitlines()]
    return sorted({*lines, *[each for each in spans(text) if each.startswith(BEGINS)]})


def assert_can_be_typed(line: str, others: Container[str]) -> None:
    """A line is one of bash, and what it runs is there: ours, or one of the others' programs."""
    subprocess.run(["bash", "-n", "-c", line], check=True)
    command, *words = shlex.split(line, comments=True)
    if command == "imglab":
        parse(words)
    elif command == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[0]}:", makefile, re.MULTILINE), line
    elif command == "python" and words[0] != "-m":
        assert (ROOT / words[0]).is_file(), line
    else:
        assert command in others, line


def parse(words: list[str]) -> None:
    """Read a command as the terminal would, and do not run it; a mistake raises."""
    command = typer.main.get_command(cli.load_app())
    name = "imglab"
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)


def links(text: str) -> list[tuple[str, str]]:
    """Path and anchor of each link to a file of ours or into the page itself."""
    found = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        found.append((path, anchor))
    return found


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    bare = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", bare, re.MULTILINE)
    return {anchor(each) for each in headings}


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def section(text: str, heading: str) -> str:
    """What stands below a heading, down to the next one that is not below it."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, heading
    level = len(heading.partition(" ")[0])
    next_heading = rf"^#{{1,{level}}} "
    return re.split(next_heading, rest, maxsplit=1, flags=re.MULTILINE)[0]


def cells(row: str) -> list[str]:
    """What stands in the cells of a table's row."""
    return [each.strip() for each in row.strip().strip("|").split("|")]


def table(text: str, head: str) -> list[list[str]]:
    """The cells of each row below a head, in every table of a text that has this head."""
    found = []
    is_below = False
    for line in text.splitlines():
        if line == head:
            is_below = True
        elif not line.startswith("|"):
            is_below = False
        elif is_below and not line.startswith("|---"):
            found.append(cells(line))
    assert found, head
    return found


def rows(text: str) -> list[str]:
    """The rows of all tables in a text, without their heads."""
    found = []
    for line in text.splitlines():
        if line.startswith("|---"):
            found.pop()  # the line above it was a head
        elif line.startswith("|"):
            found.append(line)
    return found
