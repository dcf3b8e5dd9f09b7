"""The agendas of the instructor's guide, worked out from the minutes that the lessons say.

`python tests/guide.py` writes them into the guide; a test works them out again.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
GUIDE = NOTEBOOKS / "instructor_guide.md"
SOLVED = NOTEBOOKS / "solved"
#: How many letters of a text a table shows.
BEGINNING = 60
#: What the tables say themselves.
AGENDA_HEAD = "| from | what | minutes | if you are late, leave out |"
THE_END = "The end"
PLACES_HEAD = "| cell | below the heading | it begins with |"
ITSELF = "this heading itself"


@dataclass(frozen=True)
class Item:
    """What a class does in some minutes; without minutes it is a lesson, which knows its own."""

    what: str
    #: What goes first when time runs out.
    cut: str
    minutes: int = 0


CURVE = "`05-measure-workers` and `05-scaling`: show the curve of the solved lesson"
CONTROL_ROOM = "[Control room](control_room.ipynb): the story"
STORY = Item(CONTROL_ROOM, "the rows from *Pause* on; press *Reset* all the same", 10)
PAUSE = Item("Pause", "never", 10)
QUESTIONS = Item("Questions; each says one thing they did not expect", "never", 10)


@dataclass(frozen=True)
class Agenda:
    """A class of so many minutes, and what is done in it, in this order."""

    #: What stands above it in the guide, after the minutes.
    name: str
    minutes: int
    items: tuple[Item, ...]


#: By the name of its place in the guide.
AGENDAS = {
    "first-look": Agenda(
        "a first look",
        60,
        (
            Item("00", "the second wrong address (`00-change-scheme`)"),
            Item("03", "`03-many` and `03-many-measured`; the exercise is homework"),
            STORY,
            Item("Vote on `08-predict-lost`; show `08-facts-lost` in the solved lesson", "it", 10),
            QUESTIONS,
        ),
    ),
    "core": Agenda(
        "the queue and its workers",
        120,
        (
            Item("00", "the second wrong address (`00-change-scheme`)"),
            Item("03", "`03-many` and `03-many-measured`"),
            Item("04", "`04-lua`; the exercise is homework"),
            PAUSE,
            Item("05", CURVE),
            STORY,
            QUESTIONS,
        ),
    ),
    "with-failures": Agenda(
        "with failures",
        240,
        (
            Item("00", "the second wrong address (`00-change-scheme`)"),
            Item("01", "`01-batch`, `01-batch-sheet` and `01-broken`; the exercise is homework"),
            Item("02", "`02-proof`"),
            Item("03", "`03-many` and `03-many-measured`"),
            PAUSE,
            Item("04", "`04-lua`"),
            Item("05", CURVE),
            PAUSE,
            Item("08", "`08-change-lines`; the exercise is homework"),
            Item("06", "`06-cost-run` and `06-facts-cost`; the exercise is homework"),
            Item("07", "`07-ten-levels` and `07-separate`"),
            QUESTIONS,
        ),
    ),
    "second-class": Agenda(
        "a second class",
        60,
        (
            Item("09", "`09-run-jitter`; the second exercise, Little's law, is homework"),
            Item(
                "10",
                "the rooms 4 to 6 (`10-look-4` to `10-exercise-second`); the other engines, "
                "`10-engines`, are homework",
            ),
            Item("Questions; each says one thing they did not expect", "never", 5),
        ),
    ),
}


@dataclass(frozen=True)
class Lesson:
    """What the head of a lesson says."""

    name: str
    title: str
    minutes: int
    #: The numbers of the lessons that one needs before.
    needs: tuple[str, ...]


def lessons() -> dict[str, Lesson]:
    """Number → the lesson, as its own first cell has it."""
    found = {}
    for path in sorted(SOLVED.glob("[0-9][0-9]_*.ipynb")):
        head = nbformat.read(path, as_version=4).cells[0].source
        (title,) = re.findall(r"^# (.+)$", head, re.MULTILINE)
        (minutes,) = re.findall(r"\*\*Time:\*\* (\d+) minutes", head)
        (needs,) = re.findall(r"\*\*You need\*\* ([^.]+)\.", head)
        numbers = tuple(re.findall(r"\b\d\d\b", needs))
        found[path.name[:2]] = Lesson(path.name, title, int(minutes), numbers)
    return found


def are_written(items: Iterable[Item], known: Mapping[str, Lesson]) -> bool:
    """Whether all lessons of an agenda are there; one may still be on its way."""
    return all(item.minutes or item.what in known for item in items)


def as_it_is(text: str) -> str:
    """What a table says in English."""
    return text


@dataclass(frozen=True)
class Edition:
    """The lessons of a language, and what its tables say."""

    folder: Path
    lessons: Mapping[str, Lesson]
    #: What a text of the tables is in this language.
    say: Callable[[str], str] = as_it_is


def in_english() -> Edition:
    """The edition that the others are made from."""
    return Edition(NOTEBOOKS, lessons())


def table(items: Iterable[Item], edition: Edition) -> str:
    """One agenda as a table: when, what, for how long, and what to cut first."""
    lines = [edition.say(AGENDA_HEAD), "|---|---|---|---|"]
    now = 0
    for item in items:
        if item.minutes:
            what = edition.say(item.what)
            minutes = item.minutes
        else:
            lesson = edition.lessons[item.what]
            what = f"[{lesson.title}]({lesson.name})"
            minutes = lesson.minutes
        cut = edition.say(item.cut)
        lines.append(f"| {now // 60}:{now % 60:02} | {what} | {minutes} | {cut} |")
        now += minutes
    lines.append(f"| {now // 60}:{now % 60:02} | {edition.say(THE_END)} | | |")
    return "\n".join(lines)


def with_agendas(text: str, edition: Edition) -> str:
    """The guide's text with each of its agendas worked out anew."""
    for place, each in AGENDAS.items():
        if not are_written(each.items, edition.lessons):
            continue
        marks = (f"<!-- agenda {place} -->", f"<!-- end of {place} -->")
        text = replaced(text, *marks, table(each.items, edition))
    return text


def replaced(text: str, begin: str, end: str, lines: str) -> str:
    """A text with these lines in place of those between two marks of it."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{lines}\n{end}{after}"


def named_cells(text: str) -> list[str]:
    """What is named in backticks and looks like the id of a cell, an exercise or a prediction."""
    return re.findall(r"`(\d\d-[a-z][a-z0-9-]+)`", text)


def with_places(text: str, edition: Edition) -> str:
    """The guide's text with a table below each lesson: where the cells are that it names.

    JupyterLab does not show the name of a cell, so whoever teaches needs its heading and its first
    line.
    """
    bare = re.sub(r"<!-- cells \d\d -->.*?<!-- end of cells", "", text, flags=re.DOTALL)
    named = set(named_cells(bare))
    for number in edition.lessons:
        begin = f"<!-- cells {number} -->"
        if begin in text:
            end = f"<!-- end of cells {number} -->"
            text = replaced(text, begin, end, _places(number, named, edition))
    return text


def _places(number: str, named: Iterable[str], edition: Edition) -> str:
    """Which of the cells that are named are below which heading of a lesson."""
    lines = [edition.say(PLACES_HEAD), "|---|---|---|"]
    heading = ""
    lesson = edition.folder / edition.lessons[number].name
    for cell in nbformat.read(lesson, as_version=4).cells:
        first, *_ = cell.source.split("\n")
        begins = f"`{first}`"
        headings = []
        if cell.cell_type == "markdown":
            headings = re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)
            begins = textwrap.shorten(first, BEGINNING, placeholder=" …")
        if headings and first.startswith("#"):
            heading = headings.pop(0)
            begins = edition.say(ITSELF)
        if cell.id in named:
            lines.append(f"| `{cell.id}` | {heading} | {begins} |")
        if headings:
            heading = headings[-1]
    return "\n".join(lines)


def words() -> list[str]:
    """What the tables say that does not come from a lesson."""
    items = [item for agenda in AGENDAS.values() for item in agenda.items]
    said = [item.what for item in items if item.minutes]
    said += [item.cut for item in items]
    return [AGENDA_HEAD, *dict.fromkeys(said), THE_END, PLACES_HEAD, ITSELF]


def worked_out(text: str, edition: Edition | None = None) -> str:
    """The guide's text with all that follows from the lessons: the English ones, or others."""
    if edition is None:
        edition = in_english()
    return with_places(with_agendas(text, edition), edition)


if __name__ == "__main__":
    GUIDE.write_text(worked_out(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
