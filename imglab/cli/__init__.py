"""`imglab …`: the same jobs from a terminal, on any machine; a file for each subject."""

from __future__ import annotations

import os
import sys

import typer

from imglab.cli import classroom, ops, queue, server, worker  # each adds its commands to the app
from imglab.cli.common import app
from imglab.errors import ImglabError

__all__ = ["app", "classroom", "main", "ops", "queue", "server", "worker"]


def main() -> None:
    """Run one command; a sentence and exit code 1 for what goes wrong, never a traceback."""
    try:
        app()
    except ImglabError as error:
        typer.secho(f"imglab: {error}", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `imglab … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
