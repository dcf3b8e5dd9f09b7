"""Jupyter in a real browser: a server of its own, a page, and what a test asks of a notebook."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.project import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def is_there() -> bool:
    """Whether the tests that need a browser run here; in CI they always do."""
    return CHROMIUM is not None or "CI" in os.environ


#: The mark of a test that needs a browser.
needed = pytest.mark.skipif(not is_there(), reason="there is no chromium here")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
THEMES = ("JupyterLab Light", "JupyterLab Dark")
#: No news that pop up, and every cell in the page, also those out of sight.
SETTINGS: dict[str, dict[str, Any]] = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/themes": {"theme": THEMES[0]},
}
#: Pixels of a page, where a test does not ask for others.
WIDTH = 1280
HEIGHT = 1400
#: The kernel of the notebook in front. What the page says of it ("idle") comes before there is one.
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
CELLS = "[...jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type == 'code')"
DONE = (
    f"({CELLS}.every(c => c.executionCount != null && c.executionState != 'running')"
    f" && {KERNEL}.status == 'idle')"
)
#: Whether each code cell is on the page, with all outputs that are stored with it.
DRAWN = (
    "window.jupyterapp?.shell.currentWidget?.context?.isReady"
    f" && {CELLS}.length > 0"
    f" && {CELLS}.length == document.querySelectorAll('.jp-Notebook .jp-CodeCell').length"
    f" && {CELLS}.reduce((sum, each) => sum + each.outputs.length, 0)"
    " == document.querySelectorAll('.jp-Notebook .jp-OutputArea-output').length"
)

#: Where axe-core looks: at what we write, and at what we show.
OURS = [[".jp-RenderedMarkdown"], [".jp-OutputArea-output"]]
#: JupyterLab 4.6 throws the alternative text of a stored picture away (test_accessible.py asks
#: whether it is there, for all who read it), and it chooses the colours of code. ipywidgets 8 gives
#: no name to the handle of a slider and to the buttons of a player.
NOT_OURS = [
    [".jp-RenderedImage img"],
    [".jp-RenderedMarkdown pre"],
    [".noUi-handle"],
    [".widget-play button"],
]
WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
#: The text of the board, as the page has it now.
BOARD = "document.querySelector('table.imglab-live')?.innerText"


@dataclass(frozen=True)
class Program:
    """One of Jupyter's two programs, and what differs between them."""

    module: str
    #: Where a notebook is in its addresses.
    place: str
    options: tuple[str, ...] = ()


JUPYTERLAB = Program("jupyterlab", "lab/tree", ("--LabApp.extension_manager=readonly",))
NOTEBOOK_7 = Program("notebook", "notebooks")


@dataclass(frozen=True)
class Lab:
    """A JupyterLab or a Notebook 7 that runs, and where."""

    url: str
    token: str
    program: Program


@contextmanager
def jupyterlab(root: Path, scratch: Path, program: Program = JUPYTERLAB) -> Iterator[Lab]:
    """JupyterLab or Notebook 7 on a folder, with settings of its own, ended with its kernels."""
    for name, values in SETTINGS.items():
        file = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    token, runtime = secrets.token_hex(8), scratch / "runtime"
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(scratch / each) for name, each in places.items()}}
    options = (
        *("--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--expose-app-in-browser"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"),
        *program.options,
    )
    log = scratch / "lab.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", program.module, *options],
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield Lab(f"http://127.0.0.1:{_port(process, runtime, log)}", token, program)
    finally:
        process.terminate()  # SIGTERM: it shuts its kernels down, and asks nothing
        process.wait(20)


def _port(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> int:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            if text := file.read_text():
                return int(json.loads(text)["port"])
        time.sleep(0.1)
    raise AssertionError(f"Jupyter did not start:\n{log.read_text()[-2000:]}")


def told(page: Any) -> str:
    """All that the notebook in front would be saved with, its outputs in every format."""
    return page.evaluate("JSON.stringify(jupyterapp.shell.currentWidget.content.model.toJSON())")


@contextmanager
def window(width: int = WIDTH, scale: float = 1) -> Iterator[Any]:
    """An empty page in a Chromium of its own; a picture has `scale` dots for a pixel."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        size = {"width": width, "height": HEIGHT}
        page = chromium.new_page(viewport=size, device_scale_factor=scale)
        try:
            yield page
        finally:
            chromium.close()


@contextmanager
def notebook(lab: Lab, path: str, scale: float = 1) -> Iterator[Any]:
    """A page with a notebook in front, its kernel idle; a picture has `scale` dots for a pixel."""
    with window(scale=scale) as page:
        page.goto(f"{lab.url}/{lab.program.place}/{path}?token={lab.token}&reset")
        until_in_front(page)
        yield page


def load(page: Any, lab: Lab) -> None:
    """Load JupyterLab into a page, without a notebook."""
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.wait_for_function(
        "() => window.jupyterapp && jupyterapp.started.then(() => true)", timeout=90_000
    )


@contextmanager
def only_notebook(page: Any, path: str, *, has_kernel: bool = True) -> Iterator[None]:
    """A notebook in front of a page that shows JupyterLab; closed afterwards, its kernel ended.

    What only shows its stored outputs needs no kernel, and is there sooner.
    """
    page.evaluate(
        "async asked => { await jupyterapp.commands.execute('docmanager:open', asked) }",
        {"path": path, "kernelPreference": {"shouldStart": has_kernel}},
    )
    if has_kernel:
        until_in_front(page)
    else:
        page.wait_for_function(f"() => {DRAWN}", timeout=90_000)
    try:
        yield
    finally:
        # Nobody is asked whether to save it.
        page.evaluate(
            "async () => {"
            " const notebook = jupyterapp.shell.currentWidget;"
            " await notebook.sessionContext.shutdown();"
            " notebook.dispose();"
            "}"
        )


def until_in_front(page: Any) -> None:
    """Wait until a notebook is in front, and its kernel is idle."""
    page.wait_for_function(
        "() => window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext"
        f" && {KERNEL}?.status == 'idle'"
        " && document.querySelector('.jp-Notebook .jp-CodeCell .cm-content')",
        timeout=90_000,
    )


def start_all(page: Any) -> None:
    """Run all cells; does not wait for their end."""
    page.click("li.lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")


def is_done(page: Any) -> bool:
    """Whether every code cell has run; between two cells the kernel is idle for a moment."""
    return bool(page.evaluate(DONE))


def until_done(page: Any, seconds: float = 90) -> list[str]:
    """Wait until every code cell has run; the errors that cells raised."""
    page.wait_for_function(f"() => {DONE}", timeout=seconds * 1000)
    return page.evaluate(
        f"{CELLS}.flatMap(c => c.outputs.toJSON()).filter(o => o.output_type == 'error')"
        ".map(o => o.ename + ': ' + o.evalue)"
    )


def use_theme(page: Any, theme: str) -> None:
    """Change the theme of JupyterLab, as its menu does."""
    page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: {theme!r}}})")
    page.wait_for_function(f"document.body.dataset.jpThemeName == {theme!r}")


def trust(page: Any) -> None:
    """Show every output as in a notebook that one ran oneself: nothing of it is dropped."""
    page.evaluate(f"{CELLS}.forEach(each => {{ each.trusted = true }})")
    # The next question comes after the page was drawn anew.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def run_and_watch(page: Any, views: str, seconds: float = 240) -> tuple[set[str], list[str]]:
    """Run all cells, and look at these views meanwhile; each sight of them, and the errors."""
    seen = set()
    found = page.locator(views)
    start_all(page)
    page.wait_for_function(f"!{DONE}")
    while not is_done(page):
        seen.add("\n".join(found.all_inner_texts()))
        page.wait_for_timeout(150)
    return seen, until_done(page, seconds)


def cut_off(page: Any) -> list[str]:
    """What each output begins with that is wider than its place, and so is cut or scrolls."""
    return page.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea-output')]"
        ".filter(each => each.scrollWidth > each.clientWidth + 1)"
        ".map(each => each.innerText.slice(0, 80) || each.innerHTML.slice(0, 80))"
    )


def barriers(page: Any) -> list[str]:
    """What axe-core finds in texts and outputs that somebody cannot see, hear or reach (WCAG AA).

    What JupyterLab draws around them is not ours.
    """
    from axe_playwright_python.sync_playwright import Axe

    # JupyterLab's body has no height, and axe takes all for hidden that lies in such a box.
    page.add_style_tag(content="body { height: 100vh }")
    context = {"include": OURS, "exclude": NOT_OURS}
    options = {"runOnly": {"type": "tag", "values": WCAG_AA}, "resultTypes": ["violations"]}
    found = Axe().run(page, context=context, options=options).response["violations"]
    return [f"{rule['id']}: {each['html'][:150]}" for rule in found for each in rule["nodes"]]


def is_filmed() -> bool:
    """Whether somebody wants pictures to look at: IMGLAB_SHOTS names a folder for them."""
    return "IMGLAB_SHOTS" in os.environ


def take_picture(page: Any, name: str, theme: str = THEMES[0]) -> None:
    """Take a picture of what the page shows, if somebody wants one."""
    if is_filmed():
        folder = ROOT / os.environ["IMGLAB_SHOTS"]
        folder.mkdir(exist_ok=True)
        brightness = theme.rsplit(maxsplit=1)[-1].lower()
        page.screenshot(path=str(folder / f"{name}-{brightness}.png"))
