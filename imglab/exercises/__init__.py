"""The exercises of the lessons: how they are checked, and for each its hints, solution and judge.

from imglab.exercises import check, hint, predict, predicted, solution, tutor, use
"""

from imglab.exercises.exercise import check, hint, solution, use
from imglab.exercises.predictions import predict, predicted
from imglab.exercises.tutor import tutor

__all__ = ["check", "hint", "predict", "predicted", "solution", "tutor", "use"]
