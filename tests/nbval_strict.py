"""A pytest plugin for the lessons, `-p nbval_strict`: what nbval lets pass, and must not.

Pictures are not compared, for their bytes differ from one machine to the next; but one that is
no longer made, or made in addition, fails.
"""

from collections import Counter

import pytest
from nbval.plugin import IPyNbCell

#: Seconds a cell may be silent after its reply; nbval has 5, and a busy machine needs more.
PATIENCE = 30


def pytest_itemcollected(item):
    """Report cells by their id, not by a number that nobody sees."""
    if isinstance(item, IPyNbCell):
        item.reportinfo = lambda: (item.path, None, item.cell.id)
        item.output_timeout = PATIENCE


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail what nbval let pass; what it fails itself comes out of the yield."""
    result = yield
    if isinstance(item, IPyNbCell) and (problem := _problem(item)):
        item.raise_cell_error(problem)
    return result


def _problem(item):
    made, stored = item.test_outputs, item.cell.outputs
    if item.cell.execution_count is None:
        return "This cell was never executed, so there is nothing to compare with"
    if _pictures(made) != _pictures(stored):
        return f"Pictures made: {_pictures(made)}; stored: {_pictures(stored)}"
    if any("UsageError" in each.get("text", "") for each in made):
        return "IPython does not know this command"
    has_raised = any(each.output_type == "error" for each in made)
    if item.options["check_exception"] and not has_raised:
        return "This cell is tagged raises-exception, and raised none"
    return None


def _pictures(outputs):
    kinds = (kind for each in outputs for kind in each.get("data", {}))
    return dict(Counter(kind for kind in kinds if kind.startswith("image/")))
