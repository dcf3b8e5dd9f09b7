"""Predictions: kept before a run, shown again after it, judged by nobody."""

from __future__ import annotations

from imglab.exercises import progress
from imglab.exercises.words import told
from imglab.language import tr
from imglab.text import wrapped

#: Prediction → its value as text, for where no file can be written.
_kept = dict[str, str]()


def predict(name: str, value: object) -> None:
    """Keep a prediction until after the run; `...` is none yet."""
    if value is ... or value is None:
        words = tr("{name} is still open: put your prediction in place of the dots.", name=name)
        print(wrapped(words))  # noqa: T201
        return
    text = told(value)
    _kept[name] = text
    progress.write_down("predicted", name, text)
    print(wrapped(tr("Your prediction is kept: {value}", value=text)))  # noqa: T201


def predicted(name: str) -> None:
    """Show the prediction again: after the run, beside what came out."""
    text = _kept.get(name) or progress.last_prediction(name)
    if text is None:
        print(tr("You made no prediction here. The next one is for free."))  # noqa: T201
        return
    print(wrapped(tr("You predicted: {value}", value=text)))  # noqa: T201
