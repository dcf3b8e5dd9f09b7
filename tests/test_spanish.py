"""The Spanish edition does not fall behind: each English text has its translation, and says so.

Whoever changes an English text runs `make spanish` and mends what it marks as fuzzy.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import catalogue as package
import nbformat
import polib
import pytest
from guide import GUIDE
from helpers.pages import table
from helpers.project import ROOT
from translation import cells, checks, editions, glossary, links, state
from translation.catalogues import catalogue_of, fresh, sources, texts

SOURCES = sources()
LESSONS = [each for each in SOURCES if each.suffix == ".ipynb"]
PACKAGE = package.CATALOGUE

#: What stands on buttons of the control room, in the package's own words.
LABELS = (
    *("Add photographs", "Keep adding", "Poison", "Missing file", "Pause", "Resume", "Reset"),
    *("Freeze", "Thaw", "Stop gently", "Restart", "Big letters", "Calm", "Charts"),
)

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
every_lesson = pytest.mark.parametrize("source", LESSONS, ids=lambda source: source.stem)


# Nothing is missing, and nothing is left over


@every_source
def test_every_text_is_translated_as_it_is_now(source):
    to_do = state.to_do(source)
    assert not to_do, "\n".join(to_do)


def test_every_text_of_the_package_is_translated():
    made = package.fresh()
    known = polib.pofile(str(PACKAGE))
    assert {entry.msgid for entry in made} == {entry.msgid for entry in known}, (
        "run python tests/catalogue.py"
    )
    faults = state.faults_of_package(PACKAGE)
    assert not faults, "\n".join(faults)


def test_what_gettext_reads_is_the_catalogue_that_people_edit():
    compiled = PACKAGE.with_suffix(".mo").read_bytes()
    assert compiled == polib.pofile(str(PACKAGE)).to_binary(), "run python tests/catalogue.py"


# It says the same, in our words


@every_source
def test_a_translation_has_the_code_numbers_links_tags_and_words_of_its_text(source):
    faults = state.faults(catalogue_of(source))
    assert not faults, "\n".join(faults)


# What students open is what comes out


@every_lesson
def test_a_spanish_lesson_is_made_from_the_english_one_and_its_catalogue(source):
    target = links.EDITIONS[source]
    made = editions.lesson(source)
    if source != links.CONTROL_ROOM:
        student = links.EDITIONS[source.parent.parent / source.name]
        assert written(student) == nbformat.writes(editions.students(made)) + "\n", RUN
    editions.keep_outputs(made, target)
    assert written(target) == nbformat.writes(made) + "\n", RUN


RUN = "run make spanish"


def written(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", links.PAGES, ids=lambda source: source.stem)
def test_a_spanish_page_is_made_from_the_english_one_and_its_catalogue(source):
    assert written(links.PAGES[source]) == editions.page(source), RUN


def test_there_is_no_other_file_in_the_spanish_folder():
    files = {path for path in links.SPANISH.rglob("*") if path.is_file()}
    catalogues = {catalogue_of(source) for source in SOURCES}
    hidden = {path for path in files if ".ipynb_checkpoints" in path.parts}
    made = set(links.EDITIONS.values()) - {links.SPANISH / "solved"}
    assert files - hidden == catalogues | made | {glossary.TABLE}


@every_lesson
def test_a_spanish_lesson_differs_from_the_english_one_in_words_alone(source):
    english = nbformat.read(source, as_version=4).cells
    spanish = nbformat.read(links.EDITIONS[source], as_version=4).cells
    assert [cell.id for cell in spanish] == [cell.id for cell in english]
    for ours, theirs in zip(spanish, english, strict=True):
        assert ours.cell_type == theirs.cell_type
        assert ours.metadata == theirs.metadata
        if ours.cell_type == "code":
            assert cells.code_of(ours.source) == cells.code_of(theirs.source), ours.id


def test_the_control_room_calls_its_buttons_as_they_are_labelled():
    cells_of_room = nbformat.read(links.EDITIONS[links.CONTROL_ROOM], as_version=4).cells
    prose = "\n".join(cell.source for cell in cells_of_room)
    said = state.said_by_us()
    assert [said[label] for label in LABELS if said[label] not in prose] == []


def test_what_the_spanish_guide_quotes_of_a_check_is_what_that_says():
    guide = written(links.SPANISH / "guia_del_instructor.md")
    spanish = table(
        guide, "| qué cree un estudiante | respuesta equivocada | la comprobación dice |"
    )
    english = table(written(GUIDE), "| what a student believes | wrong answer | the check says |")
    assert len(spanish) == len(english)
    quotes = [quoted for *_, quoted in spanish]
    assert [quote for quote in quotes if not re.fullmatch("«.+»", quote)] == []
    said = "\n".join(state.said_by_us().values())
    assert [quote for quote in quotes if quote.strip("«»") not in said] == []


# The tests themselves: what is spoilt is found


@pytest.fixture
def lesson(tmp_path) -> tuple[Path, Path]:
    """A small lesson, and its catalogue, which is as it should be."""
    source, catalogue = tmp_path / "lesson.ipynb", tmp_path / "lesson.po"
    text = "## Lease\n\nA lease of `30` s ends after 30 seconds."
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id="00-lease")])
    nbformat.write(nb, source)
    made = fresh(texts(source), catalogue)
    made[0].msgstr = "## Arrendamiento\n\nUn arrendamiento de `30` s acaba después de 30 segundos."
    made.save(str(catalogue))
    return source, catalogue


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def say_instead(catalogue: Path, old: str, new: str) -> None:
    """Change a translation."""
    entries = polib.pofile(str(catalogue))
    assert old in entries[0].msgstr
    entries[0].msgstr = entries[0].msgstr.replace(old, new)
    entries.save()


def test_a_catalogue_as_it_should_be_is_left_alone(lesson):
    source, catalogue = lesson
    assert state.to_do(source, catalogue) == []
    assert state.faults(catalogue) == []


def test_an_english_text_that_changed_names_the_spanish_one_and_both_english_ones(lesson):
    source, catalogue = lesson
    replace(source, "ends after", "is over after")
    (sentence,) = state.to_do(source, catalogue)
    for part in ("00-lease", "ends after", "is over after", "acaba después"):
        assert part in sentence
    fresh(texts(source), catalogue).save(str(catalogue))
    assert state.to_do(source, catalogue) == [sentence], "it stays until somebody mends it"


def test_a_text_that_is_mended_is_done(lesson):
    source, catalogue = lesson
    replace(source, "ends after", "is over after")
    made = fresh(texts(source), catalogue)
    made[0].flags.remove("fuzzy")
    made[0].previous_msgid = None
    made.save(str(catalogue))
    assert state.to_do(source, catalogue) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('msgstr ""\n"## A', 'msgstr ""\n\nmsgctxt "x"\nmsgid "y"\nmsgstr "', "00-lease: no Sp"),
        ('msgctxt "00-lease"', '#, fuzzy\nmsgctxt "00-lease"', "the English was"),
        ('msgctxt "00-lease"', '# My note.\nmsgctxt "00-lease"', ""),
        ('msgctxt "00-lease"', 'msgctxt "00-least"', "00-lease: no Spanish"),
    ],
)
def test_a_text_that_is_empty_or_unsure_or_left_over_is_named(lesson, old, new, sentence):
    source, catalogue = lesson
    replace(catalogue, old, new)
    found = state.to_do(source, catalogue)
    assert bool(found) is bool(sentence)
    assert all(sentence in each for each in found)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("`30`", "`31`", "code: English only ['30'], Spanish only ['31']"),
        ("`30` s", "30 s", "code: English only ['30']"),
        ("30 segundos", "treinta segundos", "numbers: English only ['30']"),
        ("30 segundos", "30.0 segundos", "Spanish only ['30.0']"),
        ("30 segundos", "30,000 segundos", "Spanish only ['30,000']"),
        ("## ", "### ", "headings: [2] in English, [3] in Spanish"),
        ("segundos", "<b>segundos</b>", "HTML tags"),
        ("segundos", "[segundos](x.md)", "links: English only [], Spanish only ['x.md']"),
        ("Un arrendamiento", "Un alquiler", "never «alquiler»"),
        ("segundos", "segundos de un ordenador", "never «ordenador»"),
    ],
)
def test_what_a_translation_says_otherwise_is_named_with_its_cell_and_text(lesson, old, new, fault):
    _, catalogue = lesson
    say_instead(catalogue, old, new)
    found = "\n".join(state.faults(catalogue))
    assert "00-lease: " in found
    assert fault in found


def test_a_word_of_the_glossary_must_be_there(lesson):
    _, catalogue = lesson
    for word in ("Arrendamiento", "arrendamiento"):
        say_instead(catalogue, word, "plazo")
    (found,) = state.faults(catalogue)
    assert "“Lease” is not said in a word of the glossary" in found


def test_a_word_of_another_system_is_in_italics():
    assert list(glossary.forbidden_words("en RQ, un *job*")) == []
    assert list(glossary.forbidden_words("un job, *muy* largo")) == ["never «job»"]


def test_a_worker_is_explained_once():
    said = [(("00-a", ""), "worker (proceso de trabajo)"), (("00-b", ""), "proceso de trabajo")]
    assert glossary.explained_again(said) == [("00-b", "")]
    assert glossary.explained_again(said[:1]) == []


@pytest.mark.parametrize(
    ("english", "spanish", "fault"),
    [
        ("{count} tasks", "{cuenta} tareas", "names in braces"),
        ("{count} tasks", "tareas", "names in braces"),
        ("type `imglab`", "escribe imglab", "code"),
        ("so: ", "así:", "a space"),
        ("so\n", "así", "a new line"),
    ],
)
def test_a_spoilt_text_of_the_package_is_named(english, spanish, fault):
    entry = polib.POEntry(msgid=english, msgstr=spanish)
    assert fault in "\n".join(checks.differences_of_package(entry))


def test_both_forms_of_a_plural_are_looked_at():
    entry = polib.POEntry(msgid="{count} task", msgid_plural="{count} tasks")
    entry.msgstr_plural = {0: "{count} tarea", 1: "{count} tareas"}
    assert list(checks.differences_of_package(entry)) == []
    entry.msgstr_plural[1] = "tareas"
    assert len(list(checks.differences_of_package(entry))) == 1


def test_a_drawing_may_have_other_words_and_a_program_none():
    drawing, program = "```text\n| queue |\n```", "```\nmake lab  # open\n```"
    assert list(checks.differences(drawing, drawing.replace("queue", "cola "))) == []
    assert list(checks.differences(program, program.replace("open", "abre"))) == []
    assert list(checks.differences(program, program.replace("lab ", "test "))) != []


def test_a_message_of_ours_is_quoted_as_it_is_said():
    said = {
        "No Redis answers at {url}.": "Ningún Redis responde en {url}.",
        "killing {worker}": "matando {worker}",
        "{left:,} left": "quedan {left:,}",
    }
    for english, spanish in (
        ("`No Redis answers at …`", "`Ningún Redis responde en …`"),
        ("`… killing worker-2`", "`… matando worker-2`"),
        ("`3 left`", "`quedan 3`"),
    ):
        assert list(checks.differences(english, spanish, said)) == []
    for english, spanish in (
        ("`No Redis answers at …`", "`Redis no responde …`"),
        ("`3 left`", "`4`"),
        ("`LPUSH`", "`RPUSH`"),
    ):
        assert list(checks.differences(english, spanish, said)) != []


@pytest.mark.parametrize(
    ("english", "spanish", "is_same"),
    [
        ("x = 1  # one", "x = 1  # uno", True),
        ("x = 1  # one", "x = 2  # uno", False),
        ('def f():\n    """Say."""\n    return 1', 'def f():\n    """Di."""\n    return 1', True),
        ('x = """Say."""', 'x = """Di."""', False),
        ("%redis GET one  # two", "%redis GET one  # dos", False),
        ("%%save a.py\nx = 1  # one", "%%save a.py\nx = 1  # uno", True),
        ("%%save a.py\nx = 1", "%%save b.py\nx = 1", False),
        ("%%redis\nGET one\nSET two 2", "%%redis\nGET one\nSET dos 2", False),
    ],
)
def test_code_is_the_same_but_for_comments_and_docstrings(english, spanish, is_same):
    assert (cells.code_of(english) == cells.code_of(spanish)) is is_same


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[a](05_many_workers.ipynb)", "[a](05_muchos_workers.ipynb)"),
        ("[a](solved/05_many_workers.ipynb)", "[a](solved/05_muchos_workers.ipynb)"),
        ("[a](solved/)", "[a](solved/)"),
        ("[a](pictures/guide/01.png)", "[a](../pictures/guide/01.png)"),
        (
            "[a](../imglab/USING.md#on-windows-itself)",
            "[a](../../imglab/USING.md#on-windows-itself)",
        ),
        ("[a](https://x.org/05_many_workers.ipynb)", "[a](https://x.org/05_many_workers.ipynb)"),
        ("[a](es/05_muchos_workers.ipynb)", "[a](../05_many_workers.ipynb)"),
    ],
)
def test_links_are_right_from_the_deeper_folder(link, expected):
    assert links.in_spanish(link, ROOT / "notebooks" / "student_guide.md") == expected


def test_a_lesson_that_somebody_edited_by_hand_is_found(tmp_path):
    source = LESSONS[0]
    copy = tmp_path / "lesson.ipynb"
    shutil.copy(links.EDITIONS[source], copy)
    replace(copy, '"cell_type": "markdown"', '"cell_type": "raw"')
    made = editions.lesson(source)
    editions.keep_outputs(made, copy)
    assert written(copy) != nbformat.writes(made) + "\n"
