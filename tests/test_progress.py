"""Progress, predictions and the tutor: kept here, shown again, and nothing is sent."""

from __future__ import annotations

import json

import pytest

from imglab.exercises import exercise, predictions, progress
from imglab.exercises.exercise import EXERCISE_STATE, check, hint
from imglab.exercises.predictions import predict, predicted
from imglab.exercises.tutor_prompt import tutor

ENOUGH = "05-exercise-enough"


@pytest.fixture(autouse=True)
def learner(project, monkeypatch):
    """A project of the test's own, and a notebook that has just begun."""
    restart(monkeypatch)


def restart(monkeypatch):
    monkeypatch.setattr(predictions, "_kept", {})
    for name in EXERCISE_STATE:
        monkeypatch.setattr(exercise, name, type(getattr(exercise, name))())


def nothing(rates, cores):
    return None


def too_many(rates, cores):
    return 99, "cores"


def test_a_prediction_is_kept_and_shown_again_after_a_restart_too(monkeypatch, capsys):
    predict("05-predict-speedup", 2.5)
    assert capsys.readouterr().out == "Your prediction is kept: 2.5\n"
    restart(monkeypatch)
    predicted("05-predict-speedup")
    assert capsys.readouterr().out == "You predicted: 2.5\n"


def test_dots_are_no_prediction_and_none_at_all_is_no_error(capsys):
    predict("05-predict-speedup", ...)
    predicted("05-predict-speedup")
    printed = " ".join(capsys.readouterr().out.split())
    assert "in place of the dots" in printed
    assert "You made no prediction" in printed


def test_tries_hints_and_the_first_pass_are_counted(capsys):
    hint(ENOUGH)
    check(ENOUGH, too_many)
    check(ENOUGH, exercise.find(ENOUGH).solution)
    check(ENOUGH, exercise.find(ENOUGH).solution)
    (record,) = progress.records()
    assert (record.name, record.tries, record.hints) == (ENOUGH, 3, 1)
    assert record.began_at <= record.passed_at
    assert record.minutes >= 0


def test_a_broken_line_is_passed_by_and_the_file_is_the_owners_alone():
    predict("a", 1)
    with progress.path().open("ab") as file:
        file.write(b'\xff\n{"what": 1}\nnull\n{"what": "predicted"\n')
    predict("b", 2)
    assert [entry.name for entry in progress.entries()] == ["a", "b"]
    assert progress.path().stat().st_mode & 0o077 == 0


def test_outside_of_a_project_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("IMGLAB_ROOT")
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    monkeypatch.chdir(nowhere)
    predict("a", 1)
    predicted("a")
    assert capsys.readouterr().out.endswith("You predicted: 1\n")
    assert list(nowhere.iterdir()) == []


def test_the_tutor_gets_the_task_the_answer_and_the_failing_case_but_not_the_solution(capsys):
    check(ENOUGH, too_many)
    tutor(ENOUGH)
    prompt = capsys.readouterr().out
    assert "do not solve it" in prompt
    assert "Write enough(rates, cores)" in prompt
    assert 'return 99, "cores"' in prompt
    assert "expected  (2, 'cores')" in prompt
    for line in ("zip(counts, counts[1:])", "0.1 * first"):
        assert line not in prompt


def test_the_tutor_speaks_before_the_first_try_as_well(capsys):
    tutor(ENOUGH)
    prompt = capsys.readouterr().out
    assert "I have not begun." in prompt


def test_what_is_written_is_plain_json():
    check(ENOUGH, nothing)
    (line,) = progress.path().read_text().splitlines()
    entry = json.loads(line)
    assert (entry["what"], entry["name"], entry["value"]) == ("checked", ENOUGH, "wrong")
