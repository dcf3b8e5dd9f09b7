"""The exercises of the lessons: how they are checked, and for each its hints, solution and judge.

from imglab.exercises import check, hint, predict, predicted, solution, tutor, use

Each name is loaded when it is asked for: an examination is a process of its own, and begins sooner.
"""

from typing import TYPE_CHECKING

from imglab.extras import need, need_posix
from imglab.lazy import offer

need_posix()
need("lab", "cloudpickle")

if TYPE_CHECKING:
    from imglab.exercises.exercise import check, hint, solution, use
    from imglab.exercises.predictions import predict, predicted
    from imglab.exercises.tutor_prompt import tutor
else:
    # A type checker must not see it: it would take any name for one of ours.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "check": "imglab.exercises.exercise",
            "hint": "imglab.exercises.exercise",
            "predict": "imglab.exercises.predictions",
            "predicted": "imglab.exercises.predictions",
            "solution": "imglab.exercises.exercise",
            "tutor": "imglab.exercises.tutor_prompt",
            "use": "imglab.exercises.exercise",
        },
    )

__all__ = ["check", "hint", "predict", "predicted", "solution", "tutor", "use"]
