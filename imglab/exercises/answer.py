"""A student's answer while it is still in the notebook: its code, and how it is packed to travel.

Asking it already runs code of the student's (a `repr`, a `__reduce__`): that may raise, have no
end, or give gigabytes. Nothing of it reaches the notebook but a sentence.
"""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import signal
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cloudpickle

from imglab.exercises.place import Place
from imglab.exercises.words import told_error
from imglab.language import tr
from imglab.notebook import running_ipython
from imglab.project import project_root
from imglab.text import shown as shown_text

#: Bytes of the largest answer that is examined.
MOST_BYTES = 64 << 20
#: Letters of its code that are kept.
MOST_LETTERS = 100_000
#: Seconds that reading or packing it may take.
PATIENCE_S = 10.0


class CannotTravel(Exception):
    """An answer that cannot be packed for another process; its text says why."""


class _TooLong(BaseException):
    """Time is over; no `except Exception` of an answer's holds it up."""


def source(answer: object) -> str:
    """The code of an answer, as far as Python knows it; a file's text for the path of one."""
    try:
        with _patience():
            return _source(answer)[:MOST_LETTERS]
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a repr of anybody's; then there is no code to show
        return ""


def _source(answer: object) -> str:
    if isinstance(answer, tuple) and answer:
        return "\n".join(map(_source, answer))
    if isinstance(answer, str | Path):
        path = project_root() / answer
        with suppress(OSError, ValueError):
            if path.is_file():
                with path.open(encoding="utf-8") as file:
                    return file.read(MOST_LETTERS)
    if not inspect.isroutine(answer) and not isinstance(answer, type):
        return repr(answer)
    with suppress(OSError, TypeError):
        return textwrap.dedent(inspect.getsource(answer))
    return ""


def is_not_started(code: str) -> bool:
    """Whether some code, or the text of a value, is a task that nobody has begun.

    A function is begun when there is anything in it but its docstring and the dots. Code without a
    function, or a value such as [1, ...], is begun when no line, and no place in it, is dots alone.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it may be anything
        return False
    functions = [each for each in ast.walk(tree) if isinstance(each, _FUNCTIONS)]
    if functions:
        return any(_is_empty(each.body) for each in functions)
    is_code = any(not isinstance(line, ast.Expr) for line in tree.body)
    if is_code:
        return any(_is_dots(line) for line in tree.body)
    return any(_is_hole(node) for node in ast.walk(tree))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _is_empty(body: list[ast.stmt]) -> bool:
    """Whether the lines of a function are its docstring and dots, and nothing else."""
    has_dots = any(_is_dots(line) for line in body)
    return has_dots and all(_is_dots(line) or _is_docstring(line) for line in body)


def _is_dots(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and _is_hole(line.value)


def _is_docstring(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(getattr(line.value, "value", None), str)


def _is_hole(node: ast.AST) -> bool:
    """Whether a value is the dots: in code, or in the repr of a list with a hole."""
    is_named = isinstance(node, ast.Name) and node.id == "Ellipsis"
    return is_named or (isinstance(node, ast.Constant) and node.value is ...)


def origin(answer: object) -> str:
    """Where an answer comes from: `choose() of cell In [14]`, or a file and when it was saved."""
    # An answer's own attributes may be anything.
    with suppress(Exception):
        if isinstance(answer, str | Path):
            return _origin_of_file(answer)
        if isinstance(answer, tuple):
            return ", ".join(filter(None, map(origin, answer)))
        if inspect.isfunction(answer):
            return _origin_of_function(answer.__name__, _cell(answer.__code__.co_filename))
    return ""


def _origin_of_file(answer: str | Path) -> str:
    path = project_root() / answer
    if not path.is_file():
        return ""
    saved = time.strftime("%H:%M:%S", time.localtime(path.stat().st_mtime))
    return tr("{path}, saved at {time}", path=shown_text(str(answer)), time=saved)


def _origin_of_function(name: str, cell: int | None) -> str:
    if cell is None:
        return f"{name}()"
    return tr("{function}() of cell In [{cell}]", function=name, cell=cell)


def _cell(file: str) -> int | None:
    """The number of the cell of a notebook that code came from; None when it is none."""
    shell = running_ipython()
    number: int | None = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(file)
    return number


def shown(answer: object, place: Place) -> str:
    """A line of an answer, as its author knows it."""
    linecache.checkcache(place.file)  # it may have been saved again since the last look
    line = linecache.getline(place.file, place.line).strip()
    if not line:
        # An answer's own attributes may be anything, too.
        with suppress(Exception):
            line = _line_in_notebook(answer, place)
    if not line:
        return f"{place.function}()"
    return tr(
        "line {line} of {function}(): {code}", line=place.line, function=place.function, code=line
    )


def _line_in_notebook(answer: object, place: Place) -> str:
    """A line of code that travelled: it has no file any more, but here we know where it was."""
    candidates: list[Any] = [answer, getattr(answer, "__globals__", {}).get(place.function)]
    for each in candidates:
        with suppress(OSError, TypeError):
            lines, first = inspect.getsourcelines(each)
            is_inside = first <= place.line < first + len(lines)
            if is_inside and each.__name__ == place.function:
                return lines[place.line - first].strip()
    return ""


def packed(answer: object) -> bytes:
    """The answer as bytes. CannotTravel when it cannot be packed, with what is to blame."""
    try:
        return _pack(answer)
    except _TooLarge as error:
        raise CannotTravel(str(error)) from None
    except _TooLong:
        raise CannotTravel(
            tr("packing it took longer than {seconds:g} s", seconds=PATIENCE_S)
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - pickle raises what it likes, it means one thing
        names = ", ".join(_to_blame(answer)) or tr("something")
        words = tr(
            "it uses {names} of this notebook ({error})", names=names, error=told_error(error)
        )
        raise CannotTravel(words) from None


def _to_blame(answer: object) -> list[str]:
    """The names of the notebook that an answer uses and that cannot be packed."""
    if not inspect.isfunction(answer):
        return []
    guilty = []
    for name, value in inspect.getclosurevars(answer).globals.items():
        try:
            _pack(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - see packed()
            guilty.append(name)
    return guilty


def _pack(value: object) -> bytes:
    suitcase = _Suitcase()
    with _patience():
        cloudpickle.dump(value, suitcase)
    return suitcase.getvalue()


class _TooLarge(Exception):
    """An answer is larger than what is examined."""


class _Suitcase(io.BytesIO):
    """Bytes in memory, up to a bound."""

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self.tell() + size > MOST_BYTES:
            raise _TooLarge(tr("it is larger than {megabytes} MB", megabytes=MOST_BYTES >> 20))
        return super().write(data)


@contextmanager
def _patience() -> Iterator[None]:
    """Raise _TooLong in this block when it takes too long; only the main thread hears the alarm."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise _TooLong

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    # Again each second: an answer may catch the first.
    seconds, interval = signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if seconds:  # somebody else's alarm goes on
            left = seconds - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left), interval)
