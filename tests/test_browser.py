"""The board in JupyterLab, in a real Chromium: frames while a cell is busy, and a worker killed."""

from __future__ import annotations

import re

import browser
import nbformat
import pytest

pytestmark = [browser.needed, pytest.mark.timeout(180), pytest.mark.photographs("sample.jpg")]

CELLS = [
    """
import time
from imglab.views import board
from imglab.views.recordings import replay
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import WorkerPool
queue = RedisTaskQueue(url=URL, namespace=NAMESPACE, settings=QueueSettings(lease=5, backoff=0.2))
""",
    """
busy = [{"name": "busy", "ms": 150}]
photo = {"image_path": "images/sample.jpg", "filters": busy}
""",
    """
trouble = ["imglab.classroom.troublemakers"]
with WorkerPool(3, (), queue, imports=trouble) as pool, board(queue, "cats"):
    for n in range(80):
        queue.add_task(photo | {"output_path": f"output/board-{n}.png"})
    limit = time.monotonic() + 60
    while queue.get_stats().completed < 10 or not (held := queue.tasks("processing")):
        assert time.monotonic() < limit
        time.sleep(0.01)
    killed = queue.task(held[0]).worker
    pool.kill(killed)
    assert pool.join(timeout=60)
""",
    "film = replay(list(queue.events()), 'again')",
    """
lost = {each["worker"] for each in queue.events() if each["event"] == "expired"}
queue.get_stats().completed, lost == {killed}
""",
]


@pytest.fixture
def project(project, queue, valkey):
    """The project, with one notebook."""
    names = f"URL, NAMESPACE = {valkey.url!r}, {queue.namespace!r}\n"
    cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in [names + CELLS[0], *CELLS[1:]]]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), project / "cats.ipynb")
    return project


def test_the_board_moves_while_a_cell_is_busy_and_shows_a_killed_worker(project, tmp_path):
    seen = []
    with (
        browser.jupyterlab(project, tmp_path) as lab,
        browser.notebook(lab, "cats.ipynb") as page,
    ):
        browser.start_all(page)
        page.wait_for_selector("table.imglab-live", timeout=60_000)
        while not browser.is_done(page) and len(seen) < 500:
            seen.append(page.evaluate(browser.BOARD) or "")
            page.wait_for_timeout(100)
        errors = browser.until_done(page)
        tables = page.locator("table.imglab-live").count()
        page.locator("table.imglab-live").first.scroll_into_view_if_needed()
        for theme in browser.THEMES:
            browser.use_theme(page, theme)
            browser.take_picture(page, "board", theme)
        # The replay's slider draws the moment it is at.
        last = page.locator("table.imglab-live").last
        before = last.inner_text()
        slider = page.locator(".widget-hslider .noUi-handle")
        slider.focus()
        slider.press("Home")
        page.wait_for_function(
            "text => [...document.querySelectorAll('table.imglab-live')].at(-1).innerText != text",
            arg=before,
        )
        facts = page.locator(".jp-OutputArea-executeResult").last.inner_text()
    assert errors == []
    assert tables == 2
    assert len(set(seen)) >= 10, "it moved while the cell was busy"
    assert re.search(r"completed\s.*…\s*80\s", before), "all tasks were done, as the board says"
    assert "(80, True)" in facts, "and the killed worker's task among them"
