"""`imglab …`: the same jobs from a terminal, on any machine; a file for each subject."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from imglab.errors import ImglabError, SettingsWarning
from imglab.language import tr
from imglab.text import shown, shown_lines

if TYPE_CHECKING:
    import typer

#: With this variable set to 1, what went wrong is shown with its traceback.
DEBUG = "IMGLAB_DEBUG"


def main() -> None:
    """Run one command; a sentence and exit code 1 for what goes wrong, never a traceback."""
    _print_what_cannot_be_encoded()
    _say_warnings()
    signal.signal(signal.SIGTERM, _leave)  # so that every `with` is left, and the cursor is back
    try:
        load_app()()
    except ImglabError as error:
        _fail(shown_lines(error), error)
    except BrokenPipeError:  # `imglab … | head` has seen enough
        sys.exit(1)
    except OSError as error:
        _fail(_sentence(error), error)
    except ModuleNotFoundError as error:
        _fail_without_packages(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a person gets a sentence, whatever it was
        _fail(_words_for_a_report(error), error)
    finally:
        _flush_or_drop(sys.stdout)


def load_app() -> typer.Typer:
    """Load every command: it takes a moment, in which Ctrl-C shall be no traceback either."""
    from imglab.cli.typer_words import speak

    speak()
    from imglab.cli import (  # noqa: F401 - they add commands
        batch,
        carry,
        classroom,
        failed,
        metrics,
        ops,
        queue,
        server,
        settings,
        submit,
        worker,
    )
    from imglab.cli.common import app

    return app


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _fail(words: str, error: Exception) -> None:
    """Say it and leave with exit code 1; where somebody debugs, raise the error itself."""
    if os.environ.get(DEBUG) == "1":
        raise error
    import typer

    with suppress(OSError):  # nobody reads that, either
        typer.secho(f"imglab: {words}", fg="red", err=True)
    sys.exit(1)


def _words_for_a_report(error: Exception) -> str:
    return tr(
        "This should not happen: {kind}: {error}. Please report it, with the command and with "
        "what it prints after `export {variable}=1`.",
        kind=type(error).__name__,
        error=shown(error),
        variable=DEBUG,
    )


def _fail_without_packages(error: ModuleNotFoundError) -> NoReturn:
    """Say which package this Python lacks, and where one is that has it: it may be typer itself."""
    if os.environ.get(DEBUG) == "1":
        raise error
    sys.exit(
        tr(
            "imglab: {error}: this Python lacks what imglab needs. In the folder of the project, "
            "type `source .venv/bin/activate`; if there is no .venv yet, `make lab` makes it.",
            error=error,
        )
    )


def _sentence(error: OSError) -> str:
    """What the system refused, and for which file."""
    from imglab.system_words import system_words

    words = shown(system_words(str(error.strerror or error)))
    if error.filename is None:
        return f"{words}."
    return f"{words}: {shown(os.fsdecode(error.filename))}"


def _print_what_cannot_be_encoded() -> None:
    """Let letters that the terminal's encoding has not be printed as escapes, not be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where the shell closed it
            stream.reconfigure(errors="backslashreplace")


def _say_warnings() -> None:
    """Print a warning of ours as its sentence alone, without the line of code that it came from."""
    show = warnings.showwarning

    def say(
        message: Warning | str, category: type[Warning], *where: Any, **file_and_line: Any
    ) -> None:
        if category is not SettingsWarning:
            show(message, category, *where, **file_and_line)
            return
        import typer

        with suppress(OSError):  # nobody reads it
            typer.echo(f"imglab: {shown(message)}", err=True)

    warnings.showwarning = say
    warnings.simplefilter("always", SettingsWarning)


def _flush_or_drop(stream: TextIO | None) -> None:
    """Write out what was printed; exit code 1 and no words of Python's where nobody takes it."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError as error:
        # Else Python tries once more when it ends, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            _fail(_sentence(error), error)
        sys.exit(1)
