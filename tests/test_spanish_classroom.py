"""The control room, the fault room, the bench and the judges of lessons 06 to 10 speak Spanish.

A process speaks one language, and the tests' own is English: each Spanish one is another process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from helpers.project import PHOTOGRAPHS
from helpers.server import new_namespace

from imglab.classroom.controls.buttons import ROWS
from imglab.classroom.controls.widgets import VIEWS
from imglab.classroom.fault_room.causes import CAUSES, PAUSED, as_cause
from imglab.classroom.setup_check import LAMP_NAMES
from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.exercise import find
from imglab.exercises.findings import judge_findings

#: Words on buttons that are the same in both languages.
INTERNATIONAL = {"Kill -9", *map(str, range(1, 9))}
EXERCISES = (
    "06-exercise-snapshot",
    "07-exercise-claim",
    "08-exercise-rescue",
    "09-exercise-add",
    "09-exercise-little",
    "10-exercise-rooms",
)
#: Room 6 of ada's has the paused queue.
PROOF = "HGET lesson-10:6:image_processing:meta paused"


def in_spanish(code: str, *words: str) -> Any:
    """What a Spanish process prints at its end, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}", *words],
        env=os.environ | {"IMGLAB_LANG": "es"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# The control room

PANEL = """
from imglab.classroom.controls.buttons import ROWS
from imglab.classroom.controls.widgets import Panel
from imglab.server.lifecycle import RedisServer

here = RedisServer("redis://127.0.0.1:7", "127.0.0.1", 7, started=False, owned=True)
panel = Panel(here, print, big=True, calm=False)
panel.show([], is_adding=True)
panel.inputs["count"].value = 900
print(json.dumps({
    "buttons": [[*key, each.description, each.tooltip] for key, each in panel.buttons.items()],
    "views": [[key, each.description, each.tooltip] for key, each in panel.views.items()],
    "titles": [row.title for row in ROWS.values()],
    "lit": [key for key, each in panel.buttons.items() if each.button_style],
    "redis": panel.inputs["redis"].value,
    "line": panel.line.value,
}))
"""


@pytest.fixture(scope="module")
def panel() -> Any:
    return in_spanish(PANEL)


def test_every_button_has_its_key_and_spanish_words(panel):
    knobs = {(row, knob.key): knob for row, each in ROWS.items() for knob in each.knobs}
    assert {(row, key) for row, key, *_ in panel["buttons"]} == set(knobs)
    for row, key, label, tooltip in panel["buttons"]:
        english = knobs[row, key]
        assert label in INTERNATIONAL or label != english.label
        assert tooltip != english.tooltip
    assert [key for key, *_ in panel["views"]] == list(VIEWS)
    for key, label, tooltip in panel["views"]:
        assert label != VIEWS[key].label
        assert tooltip != VIEWS[key].tooltip


def test_the_panel_lights_its_buttons_and_corrects_a_number_in_spanish_too(panel):
    assert panel["titles"] == ["Tareas", "Cola", "Worker", "Pool", "Redis"]
    assert panel["lit"] == [["Tasks", "Keep adding"], ["Pool", "Stop all"]]
    assert panel["redis"] == "puerto 7"
    assert "Un clic añade de 1 a 500 fotos: 900 se ha quedado en 500." in panel["line"]


BUTTONS = """
from pathlib import Path
from imglab.classroom.controls.actions import Controls
from imglab.classroom.controls.buttons import ROWS, perform
from imglab.queues import RedisTaskQueue

def press(row, key, **values):
    (knob,) = (each for each in ROWS[row].knobs if each.key == key)
    return knob.meanwhile.format(**values), perform(controls, knob, values)

with RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2]) as queue:
    controls = Controls(queue, 1, Path())
    said = [
        press("Tasks", "Add photographs", count=3, priority="low"),
        press("Queue", "Pause"),
        press("Worker", "Freeze", worker="worker-9"),
    ]
    queue.delete_namespace()
print(json.dumps(said))
"""


@pytest.mark.photographs("camera.jpg", "sample.jpg")
def test_what_a_button_does_is_told_in_spanish(project, valkey):
    assert in_spanish(BUTTONS, valkey.url, new_namespace()) == [
        [
            "añadiendo 3 con prioridad low",
            "Tareas añadidas con prioridad low: 3 (camera-1 a camera-3).",
        ],
        [
            "poniendo la cola en pausa",
            "En pausa: ningún worker recibe más tareas. Las que tienen, las terminan.",
        ],
        [
            "congelando worker-9",
            "Esto no se ha hecho. Ya no hay ningún worker-9, o todavía no.",
        ],
    ]


# The fault room

NAMES = """
from imglab.classroom.fault_room.causes import CAUSES, as_cause

print(json.dumps([[cause, each.name, as_cause(cause)] for cause, each in CAUSES.items()]))
"""


def test_a_cause_is_understood_in_both_languages_whichever_the_lesson_speaks():
    names = in_spanish(NAMES)
    assert [cause for cause, *_ in names] == list(CAUSES)
    for cause, spanish, understood in names:
        assert spanish != cause
        assert understood == cause
        assert as_cause(spanish) == cause
        assert CAUSES[cause].name == cause
    assert len({spanish for _, spanish, _ in names}) == len(CAUSES)
    assert as_cause("Ningun-worker") == "no worker", "whoever has no accents on the keyboard"


ROOM = """
from imglab.classroom.fault_room import causes
from imglab.classroom.fault_room.board import Row, symptoms_html
from imglab.classroom.fault_room.faults import fault_of, room_of
from imglab.classroom.fault_room.plans import plans_for

plan = next(each for each in plans_for("ada") if each.cause == causes.FROZEN)
symptom = fault_of(plan).symptom(plan)
with room_of(plan, sys.argv[1], sys.argv[2]) as room:
    fault_of(plan).make(room)
    ps = room.ps()
html = symptoms_html("", [Row(4, symptom), Row(5, symptom, is_well=True)])
print(json.dumps([symptom, ps, "sala 4" in html, "Han llegado todas las fotos." in html]))
"""


@pytest.mark.photographs(*PHOTOGRAPHS)
def test_a_room_complains_and_answers_in_spanish(project, valkey):
    symptom, ps, *in_html = in_spanish(ROOM, valkey.url, new_namespace())
    assert symptom == "No llega nada: faltan sample, camera y rocket."
    assert ps == "worker-5  detenido"
    assert in_html == [True, True]


FINDING = """
from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.findings import judge_findings

exam = Examiner(sys.argv[1], sys.argv[2])
try:
    judge_findings(("ada", {6: (sys.argv[3], sys.argv[4])}), exam)
except Wrong:
    print(exam.passed)
"""


@pytest.mark.photographs(*PHOTOGRAPHS)
def test_a_finding_is_right_in_either_language(project, valkey):
    exam = Examiner(valkey.url, new_namespace())
    with pytest.raises(Wrong) as left:
        judge_findings(("ada", {6: ("Cola en pausa", PROOF)}), exam)
    assert left.value.got.endswith("right so far: room 6")
    assert in_spanish(FINDING, valkey.url, new_namespace(), PAUSED, PROOF) == exam.passed


# The bench, and the exercises

BENCH = """
from imglab.classroom.setup_check import Bench

lamps = Bench("redis://127.0.0.1:1").run()
print(json.dumps([repr(lamps).splitlines(), list(lamps.lamps), lamps.lamps["round trip"]]))
"""


@pytest.mark.photographs("sample.jpg")
def test_the_lamps_are_spanish_and_their_names_for_a_script_are_not(project):
    lines, names, round_trip = in_spanish(BENCH)
    assert lines[1:5] == [
        "2 fotografías: verde",
        "3 Redis: roja",
        "4 proceso worker: sin probar",
        "5 viaje de ida y vuelta: sin probar",
    ]
    assert names == list(LAMP_NAMES)
    assert round_trip == ["not tried", "necesita: fotografías, proceso worker"]


ASKED = """
from imglab.exercises.exercise import find

asked = {name: [find(name).task, *find(name).hints] for name in sys.argv[1:]}
print(json.dumps([asked, find("10-exercise-rooms").source()]))
"""


def test_tasks_and_hints_of_the_last_lessons_are_spanish():
    asked, solution = in_spanish(ASKED, *EXERCISES)
    for name in EXERCISES:
        exercise = find(name)
        for spanish, english in zip(asked[name], (exercise.task, *exercise.hints), strict=True):
            assert spanish != english
    assert 'rooms.diagnose(6, "cola en pausa",' in solution


STRICT = """
from imglab.exercises.examiner import Examiner, Wrong
from imglab.exercises.lesson_07 import judge_claim

def strict(r, lines, number):
    for line in lines:
        task = r.rpop(line)
        if task:
            return task

exam = Examiner(sys.argv[1], sys.argv[2])
try:
    judge_claim(strict, exam)
except Wrong as wrong:
    print(json.dumps([exam.given, wrong.expected, wrong.got, wrong.hint]))
"""


def test_a_wrong_answer_is_told_in_spanish_what_is_wrong(valkey):
    given, expected, got, hint = in_spanish(STRICT, valkey.url, new_namespace())
    assert given.startswith("esperan 20 normales y 20 bajas")
    assert expected == "cada fila con tareas se atiende en 16 reservas"
    assert got == "normal y low: 16 reservas seguidas de espera"
    assert hint.startswith("Esto es estricto: las otras sufren inanición")
