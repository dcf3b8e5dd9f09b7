"""`make pictures`, for the instructor's guide: each screen as a class sees it, from a real run.

The pictures of lessons are taken of the solved ones, as they are stored. The control room and the
shared room run for it. Name some, such as `09 room`, to take only those.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import browser
import nbformat
from helpers.clock import until
from helpers.project import ROOT, make_project
from helpers.server import Server, running
from pictures import project
from PIL import Image, ImageChops, ImageOps

from imglab.classroom.shared import room_queue

PICTURES = ROOT / "notebooks" / "pictures" / "guide"
#: Lesson → the cell whose first output is shown, or all of them for those in WHOLE.
SHOWN = {
    "00": "00-bench",
    "01": "01-run-order",
    "02": "02-chart",
    "03": "03-queue-live",
    "04": "04-facts",
    "05": "05-run-three",
    "06": "06-beside",
    "07": "07-run-queue",
    "08": "08-diagram",
    "09": "09-chart-load",
    "10": "10-open",
}
WHOLE = ("04", "06")
#: The widest picture, and the white around what is shown; in dots.
WIDEST = 800
MARGIN = 12
#: Colours of a picture: text and bars need few; fewer where its file would be too large.
COLOURS = (64, 32, 16)
#: The largest file, in bytes.
MOST_BYTES = 55_000
#: Who joins the shared room, and how many photographs there are to draw.
PEOPLE = ("ada", "barbara", "edsger", "grace", "linus")
PHOTOGRAPHS = 60
#: How many of them are drawn when the picture is taken.
DRAWN = 25
#: Trusts a solved lesson, as if it had run here: else JupyterLab takes widths and lines away.
TRUST = """
jupyterapp.shell.currentWidget.content.widgets.forEach(each => { each.model.trusted = true })
"""
#: Gives what a lesson's cell put out: a part of it, or all.
OUTPUT = """
([name, part]) => jupyterapp.shell.currentWidget.content.widgets
  .find(each => each.model.id == name).node.querySelector(part)
"""
FIRST_OUTPUT = ".jp-OutputArea-child"
ALL_OUTPUTS = ".jp-OutputArea"
#: Gives where a part of the page is.
PLACE = "part => document.querySelector(part).getBoundingClientRect().toJSON()"
#: What is of no interest: the numbers of cells, and bars to scroll with.
HIDDEN = ".jp-OutputPrompt, .jp-OutputArea-prompt, .jp-Toolbar {visibility: hidden}"
ROOM = """
from imglab.classroom import shared_room
room = shared_room()
room.add({count})
"""


def save(name: str, png: bytes) -> None:
    """Save what is not white of a picture, in few colours."""
    image = Image.open(BytesIO(png)).convert("RGB")
    white = Image.new("RGB", image.size, "white")
    image = image.crop(ImageChops.difference(image, white).getbbox())
    image = ImageOps.expand(image, MARGIN, "white")
    if image.width > WIDEST:
        height = round(image.height * WIDEST / image.width)
        image = image.resize((WIDEST, height), Image.Resampling.LANCZOS)
    path = PICTURES / f"{name}.png"
    for colours in COLOURS:
        # Rare colours count as much as frequent ones: a worker's is in few dots.
        method = Image.Quantize.MAXCOVERAGE
        image.quantize(colours, method, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            break
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes", flush=True)


def shoot(page: Any, *parts: str) -> bytes:
    """These parts of a page; a live view is made anew all the time, so its place is asked once."""
    boxes = [page.evaluate(PLACE, part) for part in parts]
    left, top = (min(box[side] for box in boxes) for side in ("left", "top"))
    right, bottom = (max(box[side] for box in boxes) for side in ("right", "bottom"))
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return page.screenshot(clip=clip)


def shoot_lessons(lab: browser.Lab, numbers: Iterable[str]) -> None:
    """The outputs that are stored with these solved lessons."""
    for number in numbers:
        cell = SHOWN[number]
        path = next((ROOT / "notebooks" / "solved").glob(f"{number}_*.ipynb"), None)
        if path is None:  # it is still on its way
            continue
        with browser.notebook(lab, f"notebooks/solved/{path.name}") as page:
            page.add_style_tag(content=HIDDEN)
            page.evaluate(TRUST)
            page.wait_for_timeout(500)
            part = ALL_OUTPUTS if number in WHOLE else FIRST_OUTPUT
            output = page.evaluate_handle(OUTPUT, [cell, part]).as_element()
            output.scroll_into_view_if_needed()
            save(number, output.screenshot())


def shoot_control_room(lab: browser.Lab) -> None:
    """The panel and the board while three workers draw."""
    with browser.notebook(lab, "notebooks/control_room.ipynb") as page:
        browser.start_all(page)
        assert browser.until_done(page) == []
        page.wait_for_function("document.querySelector('.imglab-status')?.innerText.match(/Ready/)")
        page.keyboard.press("Control+b")
        page.locator("button:text-is('Big letters')").click()
        page.locator("button:text-is('Charts')").click()
        page.locator("button:text-is('Add photographs')").click()
        page.wait_for_function(f"{browser.BOARD}?.match(/completed +①|completed.*[①②③]/)")
        save("control-room", shoot(page, ".imglab-room", "table.imglab-live"))


@contextmanager
def machine(name: str, folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A machine of the class: a project of its own, and somebody who typed `imglab join`."""
    root = make_project(folder / name, *(path.name for path in (ROOT / "images").glob("*.jpg")))
    process = subprocess.Popen(
        [sys.executable, "-m", "imglab", "join", "--name", name],
        cwd=root,
        env={**os.environ, "IMGLAB_ROOT": str(root), "IMGLAB_REDIS_URL": url},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def shoot_shared_room(lab: browser.Lab, root: Path, server: Server) -> None:
    """Five machines in the middle of the work."""
    cells = [nbformat.v4.new_code_cell(ROOM.strip().format(count=PHOTOGRAPHS))]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), root / "room.ipynb")
    with (
        tempfile.TemporaryDirectory(prefix="imglab-room-") as folder,
        room_queue(server.url, "room") as queue,
        ExitStack() as machines,
    ):
        for name in PEOPLE:
            machines.enter_context(machine(name, Path(folder), server.url))
        until(lambda: set(queue.workers()) == set(PEOPLE), 60)
        with browser.notebook(lab, "room.ipynb") as page:
            browser.start_all(page)
            until(lambda: queue.get_stats().completed >= DRAWN, 90)
            save("room", shoot(page, "table.imglab-live"))
            until(lambda: not queue.get_stats().unfinished, 90)


def main() -> None:
    wanted = sys.argv[1:] or [*SHOWN, "control-room", "room"]
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        project() as root,
        tempfile.TemporaryDirectory(prefix="imglab-guide-") as folder,
        running("valkey", Path(folder)) as server,
    ):
        (root / "notebooks").symlink_to(ROOT / "notebooks")
        first, second = (Path(folder) / name for name in ("first", "second"))
        first.mkdir()
        second.mkdir()
        with browser.jupyterlab(root, first) as lab:
            shoot_lessons(lab, [each for each in wanted if each in SHOWN])
            if "control-room" in wanted:
                shoot_control_room(lab)
        if "room" in wanted:
            os.environ["IMGLAB_REDIS_URL"] = server.url
            with browser.jupyterlab(root, second) as lab:
                shoot_shared_room(lab, root, server)


if __name__ == "__main__":
    main()
