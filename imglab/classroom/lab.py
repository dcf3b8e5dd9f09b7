"""How JupyterLab is started for a class: on lesson 00, with terminals and kernels that know imglab.

What JupyterLab, its kernels and its shells read stands in `.imglab/jupyter/`, written anew at each
start. Nobody's own settings are touched.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from imglab.errors import ImglabError
from imglab.language import ENGLISH, language, tr

#: Language → what JupyterLab shows first, below the project's folder.
FIRST = {
    "en": "notebooks/00_the_bench.ipynb",
    "es": "notebooks/es/00_el_banco_de_trabajo.ipynb",
}
#: Files that are there in a container, and nowhere else.
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
#: Language → that of JupyterLab's own menus, as its language packs name it: the lessons name menus.
MENUS = {"en": "en", "es": "es_ES"}
#: No pop-up that asks about news: it covers the first cells, and a class answers it thirty times.
NO_NEWS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}
#: The kernel that every lesson names, with the magics from its start: after a restart, too.
KERNEL = {
    "argv": [
        sys.executable,
        *("-m", "ipykernel_launcher", "-f", "{connection_file}", "--ext=imglab.console"),
    ],
    "display_name": "Python 3",
    "language": "python",
    "metadata": {"debugger": True},
}


def command(root: Path, options: Sequence[str]) -> list[str]:
    """The command that starts JupyterLab; `prepare` first. Options of the caller's come last.

    Raises ImglabError for root on a machine that is no container.
    """
    words = [sys.executable, "-m", "jupyterlab"]
    words.append(f"--ServerApp.root_dir={root}")
    words.append(f"--LabApp.default_url=/lab/tree/{_first_lesson(root)}")
    words.append(f"--ServerApp.terminado_settings=shell_command={_shell(root)}")
    if os.geteuid() == 0 and "--allow-root" not in options:
        words.append(_as_root())
    return [*words, *options]


def prepare(root: Path) -> None:
    """Write what JupyterLab, its kernels and its shells read, and name it in the environment."""
    home = _home(root)
    _write(home / "kernels" / "python3" / "kernel.json", json.dumps(KERNEL))
    _write(home / "labconfig" / "default_setting_overrides.json", json.dumps(_settings()))
    # A shell reads its user's own file first: what that puts in front of PATH would hide ours.
    ours = f'export PATH={shlex.quote(_bin())}:"$PATH"\ncd {shlex.quote(str(root))}\n'
    _write(home / "bashrc", f"[ -r ~/.bashrc ] && . ~/.bashrc\n{ours}")
    _write(home / ".zshrc", f"[ -r ~/.zshrc ] && . ~/.zshrc\n{ours}")
    _put_in_front("PATH", _bin())
    _put_in_front("JUPYTER_PATH", str(home))
    _put_in_front("JUPYTER_CONFIG_PATH", str(home))
    if _shell_name() == "zsh":
        os.environ["ZDOTDIR"] = str(home)


def _first_lesson(root: Path) -> str:
    """Lesson 00 in this process' language; in English where a course has no other yet."""
    lesson = FIRST[language()]
    if not (root / lesson).is_file():
        return FIRST[ENGLISH]
    return lesson


def _settings() -> dict[str, object]:
    """What JupyterLab takes for its defaults; whoever has set something else keeps it."""
    menus = {"@jupyterlab/translation-extension:plugin": {"locale": MENUS[language()]}}
    return {**NO_NEWS, **menus}


def _as_root() -> str:
    if any(mark.exists() for mark in CONTAINER_MARKS):
        print(  # noqa: T201 - to be read in the terminal
            tr("You are root in a container, so JupyterLab runs as root there (--allow-root).")
        )
        return "--allow-root"
    raise ImglabError(
        tr(
            "You are root, and whoever reaches JupyterLab could then do anything on this machine. "
            "Log in as another user and type `make lab` there. If the machine is there for this "
            "only: make lab ARGS=--allow-root"
        )
    )


def _shell(root: Path) -> list[str]:
    """No login shell: that would make a PATH of its own."""
    shell = os.environ.get("SHELL") or "sh"
    if _shell_name() == "bash":
        return [shell, "--rcfile", str(_home(root) / "bashrc")]
    return [shell]


def _shell_name() -> str:
    return Path(os.environ.get("SHELL") or "sh").name


def _home(root: Path) -> Path:
    return root / ".imglab" / "jupyter"


def _bin() -> str:
    """The folder of this Python and of the command `imglab`."""
    return str(Path(sys.executable).parent)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _put_in_front(variable: str, folder: str) -> None:
    paths = [folder]
    before = os.environ.get(variable)
    if before:
        paths.append(before)
    os.environ[variable] = os.pathsep.join(paths)
