"""The exercises of the lessons: how they are checked, and for each its hints, solution and judge.

from imglab.exercises import check, hint, solution, use
"""

from imglab.exercises.exercise import check, hint, solution, use

__all__ = ["check", "hint", "solution", "use"]
