"""Views and errors of a process that speaks Spanish do, and columns hold the longer words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imglab.queues.reasons import KNOWN, reason_in_words

TESTS = Path(__file__).parent
SCRIPTS = TESTS.parent / "imglab" / "queues" / "lua"
#: English words that no text for people needs in Spanish; names and options are not among them.
ENGLISH = re.compile(
    r"\b(the|is|was|not|of|and|with|must|there|tasks?|tries|seconds|waits?|left|lease|busy|idle)\b"
)


@pytest.fixture(scope="module")
def spanish() -> dict[str, Any]:
    """What such a process shows; see helpers/in_spanish.py."""
    program = [sys.executable, TESTS / "helpers" / "in_spanish.py"]
    ran = subprocess.run(
        program,
        env={**os.environ, "IMGLAB_LANG": "es"},
        capture_output=True,
        check=False,
        timeout=90,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    shown: dict[str, Any] = json.loads(ran.stdout)
    return shown


def test_the_board_names_its_rows_in_spanish(spanish):
    heads = [row[0] for row in spanish["boards"]["normal"]]
    assert heads[2:5] == ["pendientes high", "pendientes normal", "pendientes low"]
    assert heads[8:11] == ["aplazadas", "completadas", "fallidas"]


def test_the_board_tells_a_second_try_a_silent_worker_and_what_is_left_in_spanish(spanish):
    rows = spanish["boards"]["normal"]
    assert rows[1][0].startswith("ahora ")
    assert rows[1][2] == "1,000 quedan"
    assert "int. 2 " in rows[5][1]
    assert " queda ━" in rows[5][1]
    assert rows[6][1].startswith("● sin señales desde ")
    assert rows[-1][0].endswith("(intento 2)")


def test_a_calm_board_says_in_spanish_how_a_lease_stands(spanish):
    rows = spanish["boards"]["calm"]
    assert rows[5][1].endswith(" vence pronto")
    assert rows[7][1].endswith(" en vigor")


@pytest.mark.parametrize("kind", ["normal", "big", "calm", "big and calm"])
def test_each_column_of_a_spanish_board_has_room_for_its_words(spanish, kind):
    size = "big" if kind.startswith("big") else "normal"
    widths = spanish["columns"][size]
    # The title runs over into the second column, and the sentences have all three.
    for cells in spanish["boards"][kind][1:-1]:
        for words, width in zip(cells, widths, strict=True):
            if words != "1,000 quedan":  # a big board has room for 999, in each language
                assert len(words) <= width, words
        assert not cells[0].endswith("…")
    assert spanish["widths"]["normal"] <= spanish["widths"]["most"]


def test_each_event_is_told_in_spanish(spanish):
    told = {event: words.split("  ", 1)[1] for event, words in spanish["sentences"].items()}
    assert told["claimed"] == "w1 reservó t1"
    assert told["completed"] == "w1 completó t1"
    assert not [words for words in told.values() if ENGLISH.search(words)]


def test_a_chart_has_a_spanish_text_twin(spanish):
    assert re.match(r"16 intentos en 10\.7 s de 3 workers\.\nworker-1: 5 int", spanish["timeline"])
    assert spanish["throughput"].startswith("15 tareas completadas en ")
    assert "pendientes: como mucho 12, 0 al final" in spanish["depth"].splitlines()
    assert "espera: la mitad en " in spanish["latency"]
    assert spanish["speed-up"].splitlines()[-1] == "núcleos: 4"
    twins = ("timeline", "throughput", "depth", "latency", "speed-up", "waits", "ages")
    assert not [name for name in twins if ENGLISH.search(spanish[name])]


def test_the_heads_of_a_spanish_twin_stand_above_their_figures(spanish):
    heads, first, *_ = spanish["speed-up"].splitlines()
    for head, figure in zip(re.finditer(r"\S+", heads), re.finditer(r"\S+", first), strict=True):
        assert abs(head.end() - figure.end()) <= 1
    heads, first, *_ = spanish["ages"].splitlines()
    assert heads == "nivel   reservas  esperan   espera máx. en reservas"
    assert len(heads) == len(first)


def test_lanes_ages_and_a_conversation_speak_spanish(spanish):
    assert spanish["lanes"][0][2] == "5 tareas"
    assert spanish["ages html"][0][2:] == ["reservas", "máxima"]
    assert max(map(len, spanish["ages legend"])) <= sum(spanish["ages columns"][1:])
    assert "camera-2, intento 1" in spanish["conversation"]
    assert spanish["no keys"] == "ninguna clave"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("payload", "El payload debe ser un dict como {'image_path': …}, no 'photo.jpg'."),
        ("result", "El resultado de la tarea t1 debe ser un dict como {'image_path': …}, no ['no"),
        ("priority", "No existe la prioridad 'urgent'; hay high, normal, low."),
        ("settings", "lease debe ser un número de segundos de 0.1 a 31,622,400, no -1."),
        ("filter", "No existe el filtro 'blurr'. ¿Querías decir blur? Hay: blur, bright"),
        ("range", "blur: radius debe ser un número de 0 a 100, no -1"),
        ("pipeline", "Una cadena de filtros necesita una lista de filtros, no 'blur:radius'"),
        ("file", "No se puede abrir there-is-none.jpg: no existe ese archivo o carpeta"),
        ("prefetch", "prefetch debe ser de 1 a 500, y 1 donde max_crashes es 1; no 0."),
        ("away", "Ningún Redis responde en 127.0.0.1:1 ("),
        ("address", "El puerto de esta dirección no es válido: es un número entero"),
    ],
)
def test_an_error_is_a_spanish_sentence(spanish, call, words):
    assert spanish["errors"][call].startswith(words)


def test_what_a_worker_does_is_said_in_spanish(spanish):
    idle, working, silent, gone = spanish["states"]
    assert idle == "libre"
    assert working == "trabajando en t1, t2 y 1 más"
    assert silent == "sin señales, nunca dio ninguna"
    assert gone.endswith(", aún tiene t1, t2 y 1 más")


def test_one_and_many_are_told_apart_in_spanish(spanish):
    assert "1 tarea," in spanish["renewal"][0]
    assert "1,000 tareas," in spanish["renewal"][1]
    assert spanish["workers"] == ["1 worker", "1,000 workers"]


def test_an_invariant_that_does_not_hold_is_told_in_spanish(spanish):
    first, second = spanish["invariants"]
    assert first == "La tarea t1 está en processing, pero su propio registro ya no existe."
    assert second.startswith("Hay 2 avisos")


def test_a_reason_of_the_queue_itself_is_translated_when_it_is_shown(spanish):
    assert spanish["reasons"] == ["el worker w1 murió (1 de 1)", "cancelada antes de ejecutarse"]


def test_a_reason_stays_as_it_is_stored_in_english_and_where_nobody_knows_it():
    died = "worker w1 was silent for a whole lease (2 of 3)"
    assert reason_in_words(died) == died
    assert reason_in_words("Cannot open x.jpg: it is broken") == "Cannot open x.jpg: it is broken"


def test_each_reason_that_is_translated_is_one_that_the_scripts_give():
    scripts = "\n".join(path.read_text() for path in SCRIPTS.glob("*.lua"))
    for pattern, _ in KNOWN:
        for words in re.split(r"\(\?P<\w+>[^)]*\)|\\[()]", pattern):
            without_glue = words.strip(" ()").removesuffix(" of").removeprefix("of ")
            assert without_glue.strip() in scripts
