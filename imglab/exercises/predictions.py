"""Predictions: kept before a run, shown again after it, judged by nobody."""

from __future__ import annotations

from imglab.exercises import progress
from imglab.exercises.words import told
from imglab.text import wrapped

#: Prediction → its value as text, for where no file can be written.
_kept = dict[str, str]()


def predict(name: str, value: object) -> None:
    """Keep a prediction until after the run; `...` is none yet."""
    if value is ... or value is None:
        words = f"{name} is still open: put your prediction in place of the dots."
        print(wrapped(words))  # noqa: T201
        return
    text = told(value)
    _kept[name] = text
    progress.write_down("predicted", name, text)
    print(wrapped(f"Your prediction is kept: {text}"))  # noqa: T201


def predicted(name: str) -> None:
    """Show the prediction again: after the run, beside what came out."""
    text = _kept.get(name) or progress.last_prediction(name)
    if text is None:
        print("You made no prediction here. The next one is for free.")  # noqa: T201
        return
    print(wrapped(f"You predicted: {text}"))  # noqa: T201
