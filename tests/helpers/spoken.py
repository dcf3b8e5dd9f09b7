"""What the exercises of some lessons say, as JSON: `IMGLAB_LANG=es python -m helpers.spoken 00 05`.

A process speaks one language all its life, so a test about another one than its own asks this.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from importlib import import_module

from helpers.answers import handed_in
from imglab.exercises import check, hint, predict, predicted, tutor
from imglab.exercises.exercise import Exercise
from imglab.exercises.verdict import Verdict

#: The wrong answer to each exercise that is tried: the first, but where another one is found out
#: sooner.
QUICK = {"09-exercise-add": -1}


def said_of(name: str, exercise: Exercise, wrong: object) -> dict[str, str]:
    """All that an exercise says to a student who does not know what to do."""
    with redirect_stdout(io.StringIO()) as printed:
        dots = check(name, ...)
        verdict = check(name, handed_in(wrong))
        for _ in range(len(exercise.hints) + 1):
            hint(name)
        tutor(name)
        for value in (..., 2.5):
            predict(f"{name}-predicts", value)
            predicted(f"{name}-predicts")
    return {
        "dots": repr(dots),
        "verdict": without_errors(verdict),
        "printed": printed.getvalue(),
    }


def without_errors(verdict: Verdict) -> str:
    """The text of a verdict. Words of Python's own would be English: no answer here raises."""
    assert verdict.state == "wrong", verdict
    return repr(verdict)


def main() -> None:
    """Print what each exercise of these lessons says."""
    said = {}
    for lesson in sys.argv[1:]:
        exercises = import_module(f"imglab.exercises.lesson_{lesson}").EXERCISES
        answers = import_module(f"wrong.lesson_{lesson}").WRONG
        for name, exercise in exercises.items():
            wrong, _ = answers[name][QUICK.get(name, 0)]
            said[name] = said_of(name, exercise, wrong)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
