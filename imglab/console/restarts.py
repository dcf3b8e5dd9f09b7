"""What a notebook says in a sentence: Redis is away for a moment, or the kernel was restarted."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from imglab.errors import PasswordRefused
from imglab.language import tr
from imglab.queues.connection import AWAY
from imglab.text import shown

REDIS_AWAY = tr(
    "Run this cell again: this project's own Redis comes back by itself in a moment. If it does "
    "not, run the cell again that connects (here = …), then this one."
)
NOT_RUN_YET = tr(
    "If the kernel is new or was restarted, it has forgotten everything: run the cells above first "
    "(menu Run → Run All Above Selected Cell), then this one again."
)


def explain_in(shell: Any) -> None:
    """Let an IPython shell add what to do to these two errors; every other one stays as it is."""
    shell.set_custom_exc((*AWAY, NameError), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    """Show an error as IPython does; that it happened stays true for whoever runs the notebook."""
    if isinstance(error, AWAY) and not isinstance(error, PasswordRefused):
        lines = [f"{kind.__name__}: {shown(error)}", REDIS_AWAY]
    else:
        lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
        if not _has_run_a_lesson(shell):
            lines = [*lines, NOT_RUN_YET]
    shell._showtraceback(kind, error, lines)
    return lines


def _has_run_a_lesson(shell: Any) -> bool:
    """Whether a cell before this one, since the kernel began, took something of ours."""
    earlier = shell.user_ns.get("In", [])[:-1]
    return any("from imglab" in str(cell) for cell in earlier)
