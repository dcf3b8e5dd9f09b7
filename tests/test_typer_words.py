"""typer speaks the language that imglab speaks: in a help, and about what was typed wrongly."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from importlib.util import find_spec

import polib
import pytest

from imglab import cli
from imglab.cli import typer_texts, typer_words
from imglab.language import DOMAIN

# Older ones bring click along as a package of its own; some of their words no catalogue reaches.
pytestmark = pytest.mark.skipif(find_spec("typer._click") is None, reason="typer before 0.26")
#: typer's own words of a help, and others for them.
OTHERS = {
    "Usage: ": "Uso: ",
    "[OPTIONS]": "[OPCIONES]",
    "Arguments": "Argumentos",
    "Options": "Opciones",
    "[default: {}]": "[por defecto: {}]",
    "[required]": "[obligatorio]",
    "Show this message and exit.": "Muestra este mensaje.",
    "Try [blue]'{command_path} {help_option}'[/] for help.": "Prueba {command_path} {help_option}",
}
#: imglab with the catalogue in a folder, and what is typed behind it.
WITH_CATALOGUE = """
import pathlib, sys
import imglab.language
imglab.language.CATALOGUES = pathlib.Path(sys.argv.pop(1))
from imglab import cli
cli.main()
"""


@pytest.fixture
def imglab(tmp_path, monkeypatch):
    """Run a command in Spanish, with a catalogue of the words above."""
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    for theirs, ours in OTHERS.items():
        catalogue.append(polib.POEntry(msgid=theirs, msgstr=ours))
    place = tmp_path / "es" / "LC_MESSAGES" / f"{DOMAIN}.mo"
    place.parent.mkdir(parents=True)
    catalogue.save_as_mofile(str(place))
    monkeypatch.setenv("IMGLAB_LANG", "es")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", WITH_CATALOGUE, str(tmp_path), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_a_help_is_in_the_language_of_the_process_with_typers_own_words(imglab):
    said = imglab("submit", "--help")
    for words in ("Uso: ", "[OPCIONES]", "Argumentos", "Opciones", "Muestra este mensaje."):
        assert words in said
    assert "[por defecto: normal]" in said
    assert "[obligatorio]" in said
    assert not re.search(r"Usage|OPTIONS|Arguments|Options|default|required|Show this", said)


def test_so_is_what_stands_above_a_mistake(imglab):
    said = imglab("stats", "--nothing")
    assert "Prueba imglab stats --help" in said.replace("-c ", "imglab ")
    assert "Uso: " in said


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("stats", "--nothing"), "--nothing"),
        (("redis",), "words"),
        (("monitor", "-n", "many"), "'-n'"),
        (("monitor", "-n", "-5"), "'-n'"),
        (("worker", "--lease"), "--lease"),
        (("worker", "--lease", "long"), "'--lease'"),
        (("stats", "more"), "more"),
        (("failed", "lis"), "'list'"),
        (("doctor", "--repair", "--class"), "--repair"),
    ],
)
def test_what_typer_says_about_a_mistake_is_all_translated(monkeypatch, capsys, words, names):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(typer_words, "language", lambda: "es")
    monkeypatch.setattr(typer_words, "speak", lambda: None)
    monkeypatch.setattr(typer_texts, "PIECES", dict.fromkeys(typer_texts.PIECES, "¿? "))
    monkeypatch.setattr(sys, "argv", ["imglab", *words])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        cli.main()
    signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "¿? " in said
    assert names in said
    english = r"Invalid|Missing|No such option|Possible|Did you|Got|Option '|requires|Input|not a"
    assert not re.search(english, said)
