"""The control room in JupyterLab, in a real Chromium: somebody presses every kind of button."""

from __future__ import annotations

import re
import shutil

import browser
import pytest
from helpers.clock import until
from helpers.project import ROOT
from translation.state import said_by_us

pytestmark = [
    browser.needed,
    pytest.mark.timeout(300),
    pytest.mark.photographs("camera.jpg", "coffee.jpg", "sample.jpg"),
]

#: Below notebooks/.
IN_SPANISH = "es/sala_de_control.ipynb"
#: The status line, the last row of the panel, and what it says now; what it said before is below.
STATUS = "document.querySelector('.imglab-status')"
SAID = STATUS + "?.innerText.split('\\n')[0]"
BUTTON = ".widget-hbox:has(b:text-is('{}')) button:text-is('{}')"
#: Presses a button, and gives the status line's first answer, and after how many milliseconds.
PRESS = f"""
button => new Promise(done => {{
  const line = {STATUS}, said = () => {SAID}, before = said(), begun = performance.now();
  const watch = new MutationObserver(() => {{
    if (said().trim() && said() != before) {{
      watch.disconnect();
      done([said(), performance.now() - begun]);
    }}
  }});
  watch.observe(line, {{childList: true, subtree: true, characterData: true}});
  button.click();
}})
"""
#: How large letters and buttons are, and what is cut: of the panel, the board, and the notebook.
PLACES = """
() => {
  const box = each => document.querySelector(each).getBoundingClientRect();
  const panel = box('.imglab-room'), board = box('table.imglab-live');
  const page = box('.jp-Notebook');
  const parts = [...document.querySelectorAll('.imglab-room :is(button, select, input, b)')];
  const letters = [...parts, ...document.querySelectorAll('table.imglab-live td')]
    .map(each => parseFloat(getComputedStyle(each).fontSize));
  return {
    cut: parts.filter(each => each.getBoundingClientRect().right > panel.right + 1
      || each.scrollWidth > each.clientWidth + 1 && each.tagName == 'BUTTON')
      .map(each => each.innerText),
    rows: new Set(parts.filter(each => each.tagName == 'BUTTON')
      .map(each => Math.round(each.getBoundingClientRect().top))).size,
    across: page.right - board.right,
    down: page.height - (board.bottom - panel.top),
    letters: Math.min(...letters),
  };
}
"""
#: The contrast of the grey words with what is behind them.
CONTRAST = """
() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const bright = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, place) => sum + c * [0.2126, 0.7152, 0.0722][place], 0) + 0.05;
  const page = numbers(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
  const words = document.querySelector('table.imglab-live span[style*="--jp-ui-font-color2"]');
  const [r, g, b, alpha = 1] = numbers(getComputedStyle(words).color);
  const seen = [r, g, b].map((c, place) => alpha * c + (1 - alpha) * page[place]);
  const [dark, light] = [bright(seen), bright(page)].sort((a, b) => a - b);
  return light / dark;
}
"""
#: What grows and shrinks on a board: its rate, and the leases.
BARS = "[▁▂▃▄▅▆▇█━╌]"
#: What the line says, as it stands in the package.
PAUSED = "Paused: no worker gets a task any more. What they hold they finish."
RESUMED = "Resumed: idle workers look for tasks within a second."
OUTPUTS = f"{browser.CELLS}.flatMap(c => c.outputs.toJSON()).map(o => o.output_type)"


@pytest.fixture
def project(project, monkeypatch):
    """The project, with the notebook of the control room, and a Redis of its own."""
    (project / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "control_room.ipynb", project / "notebooks")
    (project / "notebooks" / "es").mkdir()
    shutil.copy(ROOT / "notebooks" / IN_SPANISH, project / "notebooks" / IN_SPANISH)
    monkeypatch.setenv("IMGLAB_REDIS_GRACE", "1")
    monkeypatch.delenv("IMGLAB_REDIS_URL", raising=False)
    return project


class Instructor:
    """Somebody at the panel, who notes how long each answer took."""

    def __init__(self, page) -> None:
        self.page = page
        self.worker = page.locator(".widget-hbox:has(b:text-is('Worker')) select")
        self.answers: dict[str, tuple[float, str]] = {}
        browser.start_all(page)
        self.errors = browser.until_done(page)
        self.begins = self.reads()

    def reads(self) -> str:
        """The status line, as soon as it says what was done."""
        self.page.wait_for_function(f"() => /^[\\d:]+ +[^…]+$/.test({SAID})")
        return self.page.evaluate(SAID)

    def adds(self, count: int) -> None:
        box = self.page.locator(".imglab-room input[type=number]")
        box.fill(str(count))
        box.press("Tab")
        assert f"Added {count} at normal" in self.presses("Tasks", "Add photographs")

    def presses(self, row: str, label: str) -> str:
        button = self.page.locator(BUTTON.format(row, label)).element_handle()
        answer, milliseconds = self.page.evaluate(PRESS, button)
        self.answers[f"{row}: {label}"] = milliseconds, answer
        return self.reads()

    def goes_to_a_projector(self) -> None:
        """Big letters, and panel and board with eight workers on one small screen."""
        self.page.set_viewport_size({"width": 1024, "height": 768})
        self.page.keyboard.press("Control+b")
        self.page.locator("button:text-is('Big letters')").click()
        self.page.locator("button:text-is('Charts')").click()
        assert "now: 8." in self.presses("Pool", "8")
        self.page.wait_for_function(f"{browser.BOARD}.includes('worker-8')")

    def reads_all_of_it(self, theme: str) -> None:
        browser.use_theme(self.page, theme)
        browser.take_picture(self.page, "control-projector", theme)
        places = self.page.evaluate(PLACES)
        assert places["cut"] == []
        assert places["rows"] == 4
        assert places["across"] > 0
        assert places["down"] > 0
        assert places["letters"] >= 20
        assert self.page.evaluate(CONTRAST) >= 4.5
        assert browser.barriers(self.page) == []

    def wants_calm(self) -> None:
        """Words in place of what moves."""
        assert re.search(BARS, self.page.evaluate(browser.BOARD))
        self.page.locator("button:text-is('Calm')").click()
        self.page.wait_for_function(
            f"/lease held/.test({browser.BOARD}) && !/{BARS}/.test({browser.BOARD})"
        )
        for theme in browser.THEMES:
            browser.use_theme(self.page, theme)
            browser.take_picture(self.page, "control-calm", theme)

    def sees_charts(self, picture: str) -> None:
        self.page.wait_for_selector("img[alt*=' tries in ']", timeout=20_000)
        self.page.evaluate("document.querySelector('.imglab-room').scrollIntoView()")
        browser.take_picture(self.page, picture)


def test_every_button_answers_no_task_is_lost_and_both_themes_suit_it(project, tmp_path):
    frames = set()
    with (
        browser.jupyterlab(project, tmp_path) as lab,
        browser.notebook(lab, "notebooks/control_room.ipynb") as page,
    ):
        someone = Instructor(page)
        assert someone.begins.endswith("Ready.")
        someone.adds(200)
        assert "Killed worker-1" in someone.presses("Worker", "Kill -9")
        someone.worker.select_option("worker-2")
        assert "Froze worker-2" in someone.presses("Worker", "Freeze")
        frames.add(page.evaluate(browser.BOARD))
        someone.sees_charts("control")
        assert "worker-2 goes on" in someone.presses("Worker", "Thaw")
        assert "Asked worker-2 to stop" in someone.presses("Worker", "Stop gently")
        frames.add(page.evaluate(browser.BOARD))
        assert "now: 5." in someone.presses("Pool", "5")
        assert someone.worker.input_value() == "worker-2", "it is still chosen"
        assert "Added poison-201" in someone.presses("Tasks", "Poison")
        assert "Added missing-202" in someone.presses("Tasks", "Missing file")
        assert "Paused" in someone.presses("Queue", "Pause")
        assert "Resumed" in someone.presses("Queue", "Resume")
        until(lambda: "is back" in someone.presses("Redis", "Kill -9"), 20)  # it must not be young
        assert "Restarted Redis" in someone.presses("Redis", "Restart")
        while not re.search(r"\s0 left", frame := page.evaluate(browser.BOARD)):
            frames.add(frame)
            page.wait_for_timeout(100)
        page.wait_for_function(
            f"{browser.BOARD}.match(/completed.*200/) && {browser.BOARD}.match(/failed.*2/)"
        )
        someone.sees_charts("control-end")
        someone.goes_to_a_projector()
        for theme in browser.THEMES:
            someone.reads_all_of_it(theme)
        assert "Reset: 202 tasks deleted, 3 workers" in someone.presses("Queue", "Reset")
        page.wait_for_function(f"!{browser.BOARD}.includes('worker-4')")
        assert "worker-3" in page.evaluate(browser.BOARD)
        someone.adds(100)
        someone.wants_calm()
        outputs = page.evaluate(OUTPUTS)
    for button, (milliseconds, answer) in someone.answers.items():
        print(f"{button:25} {milliseconds:5.0f} ms  {answer}")
        assert "…" in answer, "it answers at once, and acts then"
    assert someone.errors == []
    assert set(outputs) == {"display_data"}, "no thread raised or printed anything"
    assert len(frames) > 10


def test_in_spanish_the_buttons_and_answers_are_spanish_and_no_word_is_cut(project, tmp_path):
    said = said_by_us()
    tasks, queue, view = said["Tasks"], said["Queue"], said["Big letters"]
    with (
        browser.jupyterlab(project, tmp_path) as lab,
        browser.notebook(lab, f"notebooks/{IN_SPANISH}") as page,
    ):
        someone = Instructor(page)
        answers = [
            someone.presses(tasks, said["Add photographs"]),
            someone.presses(queue, said["Pause"]),
            someone.presses(queue, said["Resume"]),
            someone.presses(said["Pool"], "3"),
        ]
        someone.page.set_viewport_size({"width": 1024, "height": 768})
        someone.page.keyboard.press("Control+b")
        someone.page.locator(f"button:text-is('{view}')").click()
        someone.page.wait_for_function(f"() => ({PLACES})().letters >= 20")
        for theme in browser.THEMES:
            someone.reads_all_of_it(theme)
    assert someone.errors == []
    spoken = " ".join(answers)
    for english in ("Paused: no worker", "Resumed: idle workers", "Added"):
        assert english not in spoken
    for text in (PAUSED, RESUMED):
        assert said[text] in spoken
