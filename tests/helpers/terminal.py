"""Commands of imglab as people type them: what they print, and what they say when they fail."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from imglab import cli

IMGLAB = [sys.executable, "-m", "imglab"]


def run(*words: str) -> tuple[int, str, str]:
    """Run a command; its exit code, what it prints, and what it says to people."""
    if words[0] == "worker":
        return run_alone(*words)
    printed, errors = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(printed),
        redirect_stderr(errors),
        pytest.raises(SystemExit) as left,
    ):
        patch.setattr(sys, "argv", ["imglab", *words])
        cli.main()
    return int(left.value.code or 0), printed.getvalue(), errors.getvalue()


def run_alone(*words: str, **environment: str) -> tuple[int, str, str]:
    """Run a command in a process of its own; the same three things."""
    done = subprocess.run(
        [*IMGLAB, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def imglab(*words: str) -> str:
    """What a command prints; it must succeed."""
    code, printed, errors = run(*words)
    assert code == 0, errors
    return printed


def refused(*words: str, **environment: str) -> str:
    """What a command says when it fails: one line for people, exit code 1."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        code, _, errors = run(*words)
    assert code == 1
    assert "Traceback" not in errors
    return errors
