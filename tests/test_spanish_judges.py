"""In a Spanish notebook the judges speak Spanish, and nothing that is stored depends on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import polib
import pytest
from helpers.project import PHOTOGRAPHS, ROOT, make_project

from imglab.language import CATALOGUES, DOMAIN, VARIABLE

LESSONS = [f"{number:02}" for number in range(11)]
NAMES = [
    name
    for lesson in LESSONS
    for name in import_module(f"imglab.exercises.lesson_{lesson}").EXERCISES
]
#: Words that no sentence in English does without, and that neither Spanish nor code has.
ENGLISH = re.compile(
    r"\b(the|of|it|its|this|that|which|what|your|you|they|them|there|was|were|are|have|does|than|"
    r"these|those|every|each|again|still|already|another|nothing|nobody|somebody|who|when|where|"
    r"how|why|many|must|only|been|gives|takes|means|needs|to|by|be|without)\b",
    re.IGNORECASE,
)
#: A value's place in a text.
VALUE = re.compile(r"\{[^}]*\}")
#: Words of a text that is long enough to have one of them, and how few of these may have none: a
#: list of states, say.
LONG = 10
MISSED = 0.02
ENOUGH = "05-exercise-enough"
#: Seconds for a process, on a busy machine.
LIMIT = 100.0
#: What a notebook shows of an answer that gives nothing back: the judge's own words among it.
CHECK = """
from imglab.exercises import check
def enough(rates, cores):
    return None
print(check("05-exercise-enough", enough))
"""

every_exercise = pytest.mark.parametrize("name", NAMES)


def english(text: str) -> list[str]:
    """The English words in a text."""
    return ENGLISH.findall(VALUE.sub("", text))


def run(words: list[str], folder: Path, **variables: str) -> str:
    """What a program of ours prints, in a system that speaks no language."""
    own = {key: value for key, value in os.environ.items() if key not in (VARIABLE, "LANG")}
    env = {**own, "LC_ALL": "C.UTF-8", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**env, **variables},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def spoken(language: str, project: Path, url: str, *lessons: str) -> dict[str, dict[str, str]]:
    """What the exercises of these lessons say in a language."""
    variables = {VARIABLE: language, "IMGLAB_ROOT": str(project), "IMGLAB_REDIS_URL": url}
    printed = run(["-m", "helpers.spoken", *lessons], project, **variables)
    return json.loads(printed.splitlines()[-1])


@pytest.fixture(scope="module")
def spanish(tmp_path_factory) -> Path:
    """The project of a student who reads Spanish."""
    return make_project(tmp_path_factory.mktemp("spanish") / "project", *PHOTOGRAPHS)


@pytest.fixture(scope="module")
def said(spanish, valkey) -> dict[str, dict[str, str]]:
    """Exercise → what it says in Spanish."""
    return spoken("es", spanish, valkey.url, *LESSONS)


@every_exercise
@pytest.mark.parametrize("what", ["dots", "verdict", "printed"])
def test_no_english_is_left_of_what_an_exercise_says(said, name, what):
    assert said[name][what]
    assert english(said[name][what]) == [], said[name][what]


@every_exercise
def test_the_lines_of_a_verdict_begin_in_one_column(said, name):
    head, *lines = said[name]["verdict"].splitlines()
    assert name in head
    labels = [re.match(r"\S+ +", line) for line in lines if not line.startswith(" ")]
    assert len({label and label.end() for label in labels}) == 1, lines


def texts_of_judges() -> list[polib.POEntry]:
    """What exercises say, with its translation."""
    catalogue = polib.pofile(str(CATALOGUES / "es" / "LC_MESSAGES" / f"{DOMAIN}.po"))
    return [
        entry
        for entry in catalogue
        if any(path.startswith("exercises/") for path, _ in entry.occurrences)
    ]


def test_english_is_told_from_spanish_by_its_words():
    texts = texts_of_judges()
    assert texts
    long = [each.msgid for each in texts if len(each.msgid.split()) >= LONG]
    missed = [text for text in long if not english(text)]
    assert len(missed) <= MISSED * len(long), missed
    translated = [each.msgstr for each in texts if each.msgstr]
    assert [text for text in translated if english(text)] == []


@pytest.mark.parametrize(
    ("folder", "variables", "is_spanish"),
    [
        ("notebooks/es", {}, True),
        ("notebooks", {VARIABLE: "es"}, False),
    ],
)
def test_an_examination_speaks_as_its_notebook(project, folder, variables, is_spanish):
    where = project / folder
    where.mkdir(parents=True)
    code = ["-m", "IPython", "--no-banner", "--colors=NoColor", "-c", CHECK]
    variables = {**variables, "IMGLAB_ROOT": str(project), "IPYTHONDIR": str(project / ".ipython")}
    printed = run(code, where, **variables)
    assert "print" in printed, "the hint, which the process of the examination gives"
    assert (english(printed) == []) is is_spanish, printed


def test_what_is_written_down_is_the_same_in_each_language(said, spanish, tmp_path, valkey):
    english = make_project(tmp_path / "english")
    spoken("en", english, valkey.url, "05")
    names = {ENOUGH, f"{ENOUGH}-predicts"}
    in_spanish = [each for each in written_down(spanish) if each["name"] in names]
    assert in_spanish == written_down(english) != []


def written_down(project: Path) -> list[dict[str, object]]:
    """What became of the exercises, without its time."""
    lines = (project / ".imglab" / "progress.jsonl").read_text().splitlines()
    return [{**json.loads(line), "at": 0} for line in lines]
