"""The instructor's guide is true: its agendas add up, and whatever it names is there."""

from __future__ import annotations

import ast
import builtins
import re
from importlib import import_module
from pathlib import Path

import guide
import nbformat
import pytest
from guide import GUIDE, SOLVED, lessons, named_cells
from helpers.pages import assert_can_be_typed, blocks, parse, table, typed
from helpers.project import ROOT
from PIL import Image

TEXT = GUIDE.read_text(encoding="utf-8")
LESSONS = lessons()
#: The head of the table of mistakes in each lesson's part.
BELIEFS = "| what a student believes | wrong answer | the check says |"
#: The pieces of each lesson's part, in their order.
PIECES = (
    "**Before class.**",
    "**Type.**",
    "**The screen.**",
    "**The prediction",
    BELIEFS,
    "**Three questions that come.**",
    "**If you are late,**",
    "**Plan B:**",
)
#: Lesson and cell; what its code or output says, with the figure in brackets; and how the guide
#: says the same, with that figure.
FIGURES = [
    ("00", "00-facts", r"(\d) Redis: red", "number {} is red"),
    ("00", "00-facts", r"4 worker process: (.+)", "those that need it are *{}*"),
    ("01", "01-facts", r"edges, then blur +(\d+ of 255)", "edges alone ({} in the solved lesson)"),
    ("01", "01-facts", r"blur, then edges +(\d+ of 255)", "leaves little to find ({})"),
    ("04", "04-facts", r"(\d+) of 20: taken twice", "It is **{}**: only the two orders"),
    (
        "05",
        "05-run-comparison",
        r"3 processes .* ([\d.]+)×",
        "the solved lesson has {} on two cores",
    ),
    ("06", "06-connect", r"lease=(\d+)", "A lease is {} seconds here."),
    ("07", "07-facts", r"low +(\d+) +8 ", "It is **{}**, and 0 normal as well."),
    ("07", "07-facts", r"normal +(\d+) +8 ", "It is **0**, and {} normal as well."),
    ("07", "07-eighth", r"normal +(\d+) +120 ", "It is **{}**: the middle starves."),
    ("08", "08-facts-lost", "RPOP:  done 5 of 6, nowhere: (astronaut)", "where `{}` is"),
    (
        "08",
        "08-facts-lost",
        "RPOP:  done 5 of 6, nowhere: astronaut",
        "With `RPOP` **one** is lost",
    ),
    ("08", "08-facts-lost", "queue: done 5 of 6, processing: astronaut", "but one is *stuck*"),
    ("08", "08-facts-redis", r"as it comes, killed: .* end (\d+) results", "As it comes **{}**;"),
    (
        "08",
        "08-facts-redis",
        r"with file, killed: .* end (\d+) results",
        "append-only file **{}**.",
    ),
    (
        "09",
        "09-facts",
        r"pipeline +100 commands, +(\d+) reads",
        "It is **{}**: they travel together.",
    ),
    (
        "09",
        "09-facts-load",
        r"in theory, after a long time: ([\d.]+)",
        "after a long time, **{}**;",
    ),
    ("09", "09-run-storm", r"tries: (\d+) ", "It is **{}**, and"),
    ("09", "09-run-storm", r"done after s: ([\d.]+)", "and {} seconds; with jitter"),
    ("09", "09-run-jitter", r"tries: (\d+) ", "with jitter {} tries"),
    ("09", "09-run-jitter", r"done after s: ([\d.]+)", "tries, and {} seconds."),
    ("10", "10-facts", r"finds something in (\d) of 6 rooms", "It is **{}**, for every name"),
]
#: The largest picture, in bytes: the guide is read on a phone, too.
MOST_BYTES = 60_000

every_lesson = pytest.mark.parametrize("number", LESSONS)
WRITTEN = [each for each in guide.AGENDAS.values() if guide.are_written(each.items, LESSONS)]
every_agenda = pytest.mark.parametrize("agenda", WRITTEN, ids=lambda agenda: agenda.name)


def part(number: str) -> str:
    """What the guide says of one lesson."""
    found = re.search(rf"^### ({number} · .*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"the guide has no part for lesson {number}: it begins with ### {number} · …"
    return found[1]


def cells(number: str) -> list:
    return nbformat.read(SOLVED / LESSONS[number].name, as_version=4).cells


def text_of(cell) -> str:
    shown = [each.get("text") or each.data.get("text/plain", "") for each in cell.outputs]
    return "\n".join([cell.source, *shown])


# The lessons


@every_lesson
def test_s23_every_lesson_has_its_part_with_all_pieces_in_their_order(number):
    heading, _, text = part(number).partition("\n")
    assert heading == LESSONS[number].title
    places = [text.find(piece) for piece in PIECES]
    assert -1 not in places, PIECES[places.index(-1)]
    assert places == sorted(places)
    assert len(re.findall(r"^\*[^*]+\?\*", text, re.MULTILINE)) >= 3, "three questions"


@every_lesson
def test_s23_every_prediction_of_a_lesson_is_explained_in_its_part(number):
    asked = {cell.id for cell in cells(number) if re.search(r"^predict\(", cell.source, re.M)}
    assert asked
    assert asked <= set(named_cells(part(number)))


def test_whatever_cell_the_guide_names_exists_in_its_lesson():
    for name in named_cells(TEXT):
        number = name[:2]
        if number in LESSONS:
            exercises = import_module(f"imglab.exercises.lesson_{number}").EXERCISES
            ids = {cell.id for cell in cells(number)}
            assert name in ids | exercises.keys(), name


def test_every_exercise_that_is_typed_exists():
    named = re.findall(r'"(\d\d-exercise-[a-z-]+)"', TEXT)
    assert named
    for name in named:
        assert name in import_module(f"imglab.exercises.lesson_{name[:2]}").EXERCISES


@every_lesson
def test_the_check_says_what_the_guide_quotes(number):
    rows = table(part(number), BELIEFS)
    assert len(rows) >= 3
    words = what_judges_say(number)
    for *_, said in rows:
        (quote,) = re.findall("^“(.+)”$", said)
        assert quote in words, quote


def what_judges_say(number: str) -> str:
    """All texts of the judges of a lesson, and of what they share."""
    folder = ROOT / "imglab" / "exercises"
    others = [path for path in folder.glob("*.py") if not path.stem.startswith("lesson_")]
    nodes = [
        node
        for path in (folder / f"lesson_{number}.py", *others)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return "\n".join(each for each in constants if isinstance(each, str))


@pytest.mark.parametrize(("number", "name", "printed", "said"), FIGURES)
def test_a_figure_in_the_guide_is_that_of_the_solved_lesson(number, name, printed, said):
    (cell,) = [each for each in cells(number) if each.id == name]
    found = re.search(printed, text_of(cell))
    assert found, printed
    assert said.format(*map(in_guide, found.groups())) in " ".join(part(number).split())


def in_guide(figure: str) -> str:
    """A figure as the guide writes it: thousands with a comma, hundreds of seconds whole."""
    if re.fullmatch(r"\d{4,}|\d{3,}\.\d+", figure):
        return f"{float(figure):,.0f}"
    return figure


@every_lesson
def test_every_cell_that_is_named_can_be_found_where_jupyterlab_shows_no_names(number):
    begin, end = f"<!-- cells {number} -->\n", f"<!-- end of cells {number} -->"
    _, _, rest = part(number).partition(begin)
    found, _, _ = rest.partition(end)
    names = {cell.id for cell in cells(number)} & set(named_cells(TEXT))
    assert set(named_cells(found)) == names
    assert guide.worked_out(TEXT) == TEXT, "run python tests/guide.py"


# The agendas


def test_s23_the_agendas_are_worked_out_from_the_lessons_own_minutes():
    assert guide.with_agendas(TEXT, guide.in_english()) == TEXT, "run python tests/guide.py"
    for place, agenda in guide.AGENDAS.items():
        _, _, rest = TEXT.partition(f"### {agenda.minutes} minutes: {agenda.name}\n")
        assert f"<!-- agenda {place} -->" in rest.partition("\n### ")[0]


@every_agenda
def test_an_agenda_is_as_long_as_it_says(agenda):
    minutes = [item.minutes or LESSONS[item.what].minutes for item in agenda.items]
    assert sum(minutes) == agenda.minutes


def test_the_story_of_the_control_room_is_as_long_as_its_notebook_says():
    notebook = (GUIDE.parent / "control_room.ipynb").read_text(encoding="utf-8")
    assert guide.STORY.minutes == 10
    assert "A story of ten minutes" in notebook
    assert "| *Pause*, wait, *Resume* |" in notebook


@every_agenda
def test_an_agenda_has_what_a_lesson_needs_before_it(agenda):
    _, _, rest = TEXT.partition(f"### {agenda.minutes} minutes: {agenda.name}\n")
    at_home, _, _ = rest.partition("At home after")
    done = set(re.findall(r"\b\d\d\b", at_home))
    for item in agenda.items:
        if item.what in LESSONS:
            assert set(LESSONS[item.what].needs) <= done, item.what
            done.add(item.what)


@every_agenda
def test_an_agenda_leaves_out_a_question_about_a_lesson_that_is_still_to_come(agenda):
    _, _, rest = TEXT.partition(f"### {agenda.minutes} minutes: {agenda.name}\n")
    before, _, _ = rest.partition("<!-- agenda")
    at_home, _, _ = before.partition("At home after")
    done = set(re.findall(r"\b\d\d\b", at_home))
    for item in agenda.items:
        if item.what in LESSONS:
            (recall,) = [cell for cell in cells(item.what) if cell.id == f"{item.what}-recall"]
            question, _, _ = recall.source.partition("<details>")
            asked = set(re.findall(r"[Ll]essons? (\d\d)", question))
            assert asked <= done or f"`{recall.id}`" in before, item.what
            done.add(item.what)


def left_out() -> list[tuple[str, tuple[str, ...]]]:
    """Lesson and cells: what an agenda, or a lesson's part, leaves out together."""
    found = []
    for agenda in guide.AGENDAS.values():
        found += [(item.what, item.cut) for item in agenda.items if item.what in LESSONS]
    for number in LESSONS:
        (late,) = re.findall(r"\*\*If you are late,\*\*([^*]+)\*\*Plan B", part(number))
        found.append((number, late))
    return sorted({(number, tuple(named_cells(text))) for number, text in found})


@pytest.mark.parametrize(("number", "names"), left_out())
def test_a_lesson_goes_on_without_what_is_left_out(number, names):
    assert names
    made = set()
    for cell in cells(number):
        if cell.cell_type != "code":
            continue
        stored, read = names_of(cell.source)
        if cell.id in names:
            made |= stored
        else:
            assert not read & made, f"{cell.id} needs {read & made}"
            made -= stored


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it takes from others."""
    code = "\n".join("" if line.startswith("%") else line for line in source.splitlines())
    if source.startswith("%%"):
        return set(), set()
    stored = set()
    read = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            names = read if isinstance(node.ctx, ast.Load) else stored
            names.add(node.id)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            stored.add(node.name)
        if isinstance(node, ast.arg):
            stored.add(node.arg)
        if isinstance(node, ast.Import | ast.ImportFrom):
            stored |= {each.asname or each.name for each in node.names}
    return stored, read - stored - set(dir(builtins))


# What can be typed and opened


@pytest.mark.parametrize("line", typed(TEXT))
def test_a_line_to_type_can_be_typed(line):
    assert_can_be_typed(line, {"cd", "docker", "export", "python"})


def test_what_is_no_command_would_be_found():
    with pytest.raises(KeyError):
        parse(["docter"])
    with pytest.raises(Exception, match="No such option"):
        parse(["doctor", "--clas"])


def test_the_names_in_its_python_exist():
    written = blocks(TEXT, "python") + re.findall(r"`(from imglab[^`]+)`", TEXT)
    assert written
    for block in written:
        for node in ast.walk(ast.parse("\n".join(line.strip() for line in block.splitlines()))):
            if isinstance(node, ast.ImportFrom):
                for each in node.names:
                    assert hasattr(import_module(node.module), each.name), each.name


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        if path and not is_to_come(path):
            assert (GUIDE.parent / path).exists(), target
        if not path:
            headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
            assert anchor in {each.lower().replace(" ", "-") for each in headings}


def is_to_come(path: str) -> bool:
    """Whether a path is that of a lesson of the course which is not written yet."""
    number = re.fullmatch(r"(?:solved/)?(\d\d)_\w+\.ipynb", path)
    return bool(number) and number[1] not in LESSONS


def test_its_pictures_are_small_and_have_words():
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)
    assert len(pictures) >= len(LESSONS)
    for words, target in pictures:
        path = GUIDE.parent / target
        assert len(words) > 40, target
        assert path.stat().st_size <= MOST_BYTES, target
        with Image.open(path) as image:
            assert image.width <= 1000
    shown = {Path(target).name for _, target in pictures}
    assert shown == {path.name for path in (GUIDE.parent / "pictures" / "guide").iterdir()}


def test_it_is_linked_from_the_readme():
    assert "(notebooks/instructor_guide.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
