"""The pages for readers: the README reads in five minutes, and what they name is there."""

from __future__ import annotations

import ast
import re
from importlib import import_module

import pytest
from helpers.pages import (
    anchors,
    assert_can_be_typed,
    blocks,
    cells,
    links,
    rows,
    section,
    spans,
    typed,
    words,
)
from helpers.project import ROOT

#: The pages that tell people what to type.
README = ROOT / "README.md"
STUDENTS = ROOT / "notebooks/student_guide.md"
SPANISH = ROOT / "notebooks/es"
USING = ROOT / "imglab/USING.md"
CONTRIBUTING = ROOT / ".github/CONTRIBUTING.md"
FOLDERS = (".", ".github", "imglab", "images", "notebooks", "notebooks/es", "tests/bench")
PAGES = [page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md"))]

#: Words of five minutes, for one who reads English as a second language.
FIVE_MINUTES = 1300
#: Where lines to type and figures are for those who need more than one machine.
BEYOND = "## Past one machine"
#: What a reader needs first stands first.
ORDER = [
    "Two commands",
    "What you have, what you type",
    "Lessons",
    "When something fails",
    "What the queue promises",
    "Past one machine",
    "Where to read on",
]
#: What our own programs say, as the student's guide quotes it.
SAID_BY_US = (
    "Workers, the project's own Redis and the lessons need Linux or macOS",
    "You are root",
    "No Redis answers at",
    "asks for a password",
    "so you get database",
    "This should not happen: ",
)
#: What is not ours and begins a line to type on these pages.
OTHERS = ("cd", "export", "find", "git", "pip", "sudo", "wsl")


def name_of(page) -> str:
    return page.relative_to(ROOT).as_posix()


def test_the_readme_reads_in_five_minutes():
    # Titles of the Spanish lessons are for whoever reads the Spanish page.
    text = re.sub(r"\[[^]]+\]\(notebooks/es/[^)]+\)", "", README.read_text(encoding="utf-8"))
    assert words(text.replace(section(text, BEYOND), "")) <= FIVE_MINUTES


def test_what_the_readme_says_beyond_one_machine_are_lines_and_figures_of_using():
    """There the lines are typed by tests, and the figures explained."""
    using = (ROOT / "imglab" / "USING.md").read_text(encoding="utf-8")
    beyond = section(README.read_text(encoding="utf-8"), BEYOND)
    printed = blocks(beyond, "")
    assert printed
    for block in printed:
        assert block in using
    explained = [cells(row)[:4] for row in rows(using)]
    measured = [cells(row) for row in rows(beyond) if cells(row)[1].replace(",", "").isdecimal()]
    assert measured
    for figures in measured:
        assert figures[:4] in explained


def test_what_is_needed_first_stands_first_in_the_readme():
    headings = re.findall(r"^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [each for each in headings if each in ORDER] == ORDER


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_its_links_lead_to_a_file_and_to_a_heading_in_it(page):
    for path, anchor in links(page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), anchor


def test_what_leads_nowhere_would_be_found():
    page = "# One, `two` & three\n\n[here](#one-two--three) [there](a.md#b) [away](https://x.org)"
    assert links(page) == [("", "one-two--three"), ("a.md", "b")]
    assert anchors(page) == {"one-two--three"}


def test_the_students_guide_leads_to_nothing_that_a_copy_of_the_course_lacks():
    for path, _ in links(STUDENTS.read_text(encoding="utf-8")):
        assert ".." not in path


@pytest.mark.parametrize(
    ("readme", "guide", "heading"),
    [
        (README, STUDENTS, "## When something fails"),
        (SPANISH / "LEEME.md", SPANISH / "guia_del_estudiante.md", "## Cuando algo falla"),
    ],
)
def test_a_failure_in_the_readme_stands_in_the_students_guide_in_the_same_words(
    readme, guide, heading
):
    few = rows(section(readme.read_text(encoding="utf-8"), heading))
    all_of_them = rows(section(guide.read_text(encoding="utf-8"), heading))
    assert few
    assert [row for row in few if row not in all_of_them] == []


@pytest.mark.parametrize("message", SAID_BY_US)
def test_a_message_of_ours_that_the_students_guide_explains_is_still_said(message, all_texts):
    assert message in "\n".join(spans(STUDENTS.read_text(encoding="utf-8")))
    assert message in all_texts


@pytest.fixture(scope="module")
def all_texts() -> str:
    """Every text in the package's code; pieces that Python puts together are one."""
    nodes = [
        node
        for path in (ROOT / "imglab").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return "\n".join(each for each in constants if isinstance(each, str))


def test_the_queue_promises_the_same_wherever_it_is_said():
    promises = set()
    for page in (README, USING):
        text = section(page.read_text(encoding="utf-8"), "## What the queue promises")
        (promise,) = re.findall(r"\*A task that nobody cancels [^*]+\* \([^)]+\)", text)
        promises.add(" ".join(promise.split()))
    assert len(promises) == 1


def lines_to_type() -> list[tuple[str, str]]:
    """Page and line."""
    found = []
    for page in (README, STUDENTS, USING, CONTRIBUTING):
        lines = typed(page.read_text(encoding="utf-8"))
        found += [(name_of(page), line) for line in lines]
    return found


@pytest.mark.parametrize(("page", "line"), lines_to_type())
def test_a_line_to_type_can_be_typed(page, line):
    assert_can_be_typed(line, OTHERS)


@pytest.mark.photographs("sample.jpg", "coffee.jpg", "rocket.jpg")
def test_the_python_of_using_imglab_does_what_it_says(project, own_server):
    first, *_ = blocks(USING.read_text(encoding="utf-8"), "python")
    assert first.count("port=6379") == 1
    names = {}
    exec(first.replace("port=6379", f"port={own_server.port}"), names)
    queue = names["queue"]
    assert queue.result(names["task_id"])["status"] == "success"
    assert (project / "output/sample.jpg").is_file()
    made = {path.stem.partition("-")[0] for path in (project / "output").iterdir()}
    assert len(made) == 3
    assert len(queue.tasks("completed", 10)) == 3
    queue.close()


def test_the_names_in_the_python_of_using_imglab_exist():
    for block in blocks(USING.read_text(encoding="utf-8"), "python"):
        code = "\n".join(line for line in block.splitlines() if not line.startswith("%"))
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                for each in node.names:
                    assert hasattr(import_module(node.module), each.name), each.name
