"""What was once said wrongly, or so that a reader stumbled, is not said again, anywhere."""

from __future__ import annotations

import nbformat
import pytest
from helpers.project import ROOT

#: Words that were false, each with what is true.
FALSE = {
    "laws *through* the points": "they are drawn beside them, fitted up to the cores",
    "for the GIL *most of the time*": "about half of the time",
    "processes gain everywhere": "starting them and moving pictures to them costs time",
    "nobody can see half of": "atomic: nobody acts in between; it is not all or nothing",
    "from an empty class": "the student writes producer and consumer",
    "the other proof": "a test with real threads proves less than all orders do",
    "--name redis -p 6379:6379": "it opens a Redis without a password to the whole network",
    "nobody listens on that": "no program listens at that address and port",
    "data travels, code does not": "a check sends a function: we send data, not code",
    "60 **more** seconds": "EXPIRE replaces the lifetime",
    "read **every** key": "five are read",
    "the right end is the *head*": "Redis calls the left end the head",
    "The results persist": "for 24 hours, those of the newest 10,000 tasks",
}
#: Words that are hard to read or to translate, each with plain ones.
HARD = {
    "Asking at a door": "We use an address where no Redis listens",
    "lights a lamp for each part": "When a part works, its lamp turns green.",
    "that the three ways agree does not": "The pictures do not.",
    "looks after the cursor": "handles",
    "behind `redis-cli`": "after",
    "is nobody's business": "nobody outside can see it",
    "need not be waited for": "Do not wait for a race: try all orders",
    "From that diary": "The timeline is drawn from it",
    "from cheap to dear": "from cheapest to most expensive",
    "jump the queue": "overtake",
    "Enough is enough": "how many are enough",
    "go home with": "leave with",
}
#: What readers read beside the lessons.
PAGES = [
    "README.md",
    "imglab/DESIGN.md",
    "imglab/USING.md",
    "notebooks/instructor_guide.md",
    "notebooks/student_guide.md",
]
#: Where something has to be said, and in which words.
SAID = {
    "README.md": (
        "A task that nobody cancels is executed at least once",
        "up to two where the disk is slow",
        "wsl --install",
        "`imglab: command not found`",
        "make lab ARGS=--allow-root",
    ),
    "imglab/USING.md": (
        "A task that nobody cancels is executed at least once",
        "That server is gone a minute after its last client; its file stays",
    ),
    "notebooks/student_guide.md": ("ssh -L 8890:localhost:8890", "`jupyter notebook`"),
    "00_the_bench": ("These notebooks began as one session", "-p 127.0.0.1:6379:6379"),
    "01_filters_and_pipelines": ("are *decorators*: each changes the class below it",),
    "02_threads_or_processes": ("waits for the GIL about half of the time",),
    "03_redis_in_ten_commands": (
        "deletes the key 60 seconds from now",
        "`HSET` answers how many fields are *new*",
        "Redis itself calls the *left* end the head of a list",
        "holds up only its own client",
    ),
    "04_build_the_queue": (
        "No order of *these* two commands is right",
        "it is not “all or nothing”",
        "after five seconds Redis answers others with `BUSY`",
        "this is delivery *at least once*",
    ),
    "05_many_workers": (
        "they are fitted to the points up to the cores only",
        "to keep every pair of workers in agreement",
        "for 24 hours, and those of the newest 10,000 tasks",
        "as the operating system counts them",
    ),
}


def words_of_notebook(name: str) -> str:
    book = nbformat.read(ROOT / "notebooks" / "solved" / f"{name}.ipynb", as_version=4)
    return " ".join(" ".join(cell.source for cell in book.cells).split())


def words_of(name: str) -> str:
    if name.endswith(".md"):
        return " ".join((ROOT / name).read_text().split())
    return words_of_notebook(name)


@pytest.fixture(scope="module")
def everything() -> str:
    """All that a student or an instructor reads, the judges' sentences among it."""
    lessons = [path.stem for path in sorted((ROOT / "notebooks/solved").glob("*.ipynb"))]
    texts = [words_of(name) for name in lessons + PAGES]
    judges = sorted((ROOT / "imglab/exercises").glob("*.py"))
    # A sentence of a judge stands in pieces, a line each.
    texts += [" ".join(path.read_text().replace('"\n', "").split()) for path in judges]
    return " ".join(texts)


@pytest.mark.parametrize(("words", "instead"), [*FALSE.items(), *HARD.items()])
def test_it_is_not_said_any_more(everything, words, instead):
    assert words.casefold() not in everything.casefold(), f"rather: {instead}"


@pytest.mark.parametrize("name", SAID)
def test_it_is_said(name):
    text = words_of(name)
    assert [words for words in SAID[name] if words not in text] == []


def test_make_says_that_the_first_time_takes_long_before_it_does():
    makefile = (ROOT / "Makefile").read_text()
    said = makefile.index('@echo "Installing into .venv, once: it takes a minute or two')
    assert said < makefile.index("-m pip install")
