"""The lessons: what they print is true, their students' edition runs, and their rules hold.

The solved lessons run under nbval in a pytest of their own; nbval_strict.py closes its holes, and
test_nbval_strict.py shows them.
"""

from __future__ import annotations

import itertools
import re
import socket
from importlib import import_module
from pathlib import Path

import browser
import nbformat
import pytest
from course import COVERS
from helpers.notebooks import html, nbval, picture, text, tiny
from helpers.pages import table
from helpers.rooms import empty_room, unhurried
from lessons import ROOT, SOLVED, execute, keep_measured, student_edition
from nbformat.v4 import new_markdown_cell, new_output

from imglab.classroom.fault_room.causes import CAUSES

NAMES = sorted(path.name for path in SOLVED.glob("*.ipynb"))
SPANISH = ROOT / "notebooks" / "es" / "solved"
#: Made from the English ones (test_spanish.py), and yet bound to the same rules.
SPANISH_NAMES = sorted(path.name for path in SPANISH.glob("*.ipynb"))
#: What JupyterLab, Notebook 7, VS Code and Colab can all show; the last is ipywidgets' own.
FORMATS = {
    "text/plain",
    "text/html",
    "image/png",
    "image/jpeg",
    "application/vnd.jupyter.widget-view+json",
}

every_lesson = pytest.mark.parametrize("name", NAMES)
in_both_languages = pytest.mark.parametrize("name", [*NAMES, *SPANISH_NAMES])


def solved(name: str):
    folder = SPANISH if name in SPANISH_NAMES else SOLVED
    return nbformat.read(folder / name, as_version=4)


def code_cells(nb) -> list:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def cell_of(name: str, cell_id: str):
    return next(cell for cell in solved(name).cells if cell.id == cell_id)


@pytest.fixture
def room():
    """A classroom, and the certainty that everybody has left it."""
    with empty_room() as env:
        yield env


# The lessons themselves


@every_lesson
@unhurried
def test_solved_lesson_prints_again_what_is_stored(name, room):
    run = nbval("-p", "nbval_strict", "-x", SOLVED / name, env=room)
    assert run.returncode == 0, f"\n{run.stdout}{run.stderr}"


@every_lesson
@unhurried
@pytest.mark.skipif(browser.is_there(), reason="test_browser_lessons.py runs it in a browser")
def test_student_lesson_runs_unsolved_from_top_to_bottom(name, room):
    lesson = nbformat.read(SOLVED.parent / name, as_version=4)
    done = execute(lesson, room, SOLVED.parent)
    assert not [each for cell in code_cells(done) for each in cell.outputs if "ename" in each]
    checks = [cell for cell in code_cells(done) if re.match(r"\d\d-check-(?!prepare)", cell.id)]
    assert checks
    assert all(text(cell).startswith("Not yet") for cell in checks)


@every_lesson
def test_student_lesson_is_made_from_the_solved_one(name):
    made = nbformat.writes(student_edition(solved(name))) + "\n"
    assert (SOLVED.parent / name).read_text() == made, "run `make lessons`"


def test_every_student_lesson_has_a_solved_one():
    lessons = {path.name for path in SOLVED.parent.glob("*.ipynb")} - {"control_room.ipynb"}
    assert lessons == set(NAMES)


# The rules


@in_both_languages
def test_solved_lesson_was_executed_from_a_clean_kernel(name):
    counts = [cell.execution_count for cell in code_cells(solved(name))]
    assert counts == list(range(1, len(counts) + 1))


@in_both_languages
def test_solved_lesson_shows_nothing_but_what_every_notebook_can_show(name):
    outputs = [output for cell in code_cells(solved(name)) for output in cell.outputs]
    assert {kind for output in outputs for kind in output.get("data", {})} <= FORMATS


@in_both_languages
def test_cells_are_few_short_and_have_readable_ids(name):
    cells = solved(name).cells
    assert len(cells) <= 45
    for cell in cells:
        assert re.fullmatch(rf"{name[:2]}-[a-z][a-z0-9-]+", cell.id)
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 15, cell.id
            # At 1,024 pixels, beside the list of files, longer lines are cut.
            assert max(map(len, cell.source.splitlines())) <= 74, cell.id


@in_both_languages
def test_drawings_in_the_text_fit_a_narrow_screen(name):
    for cell in solved(name).cells:
        for drawing in re.findall(r"```text\n(.*?)```", cell.source, re.DOTALL):
            # At 1,024 pixels, beside the list of files, JupyterLab breaks longer lines.
            assert max(map(len, drawing.splitlines())) <= 62, cell.id


@in_both_languages
def test_code_leaves_nothing_out_of_the_comparison(name):
    ignored = 0
    for cell in code_cells(solved(name)):
        tags = set(cell.metadata.get("tags", []))
        assert tags <= {"nbval-ignore-output", "raises-exception"}, cell.id
        assert not re.search(r"# *(NBVAL|PYTEST_VALIDATE)_", cell.source), cell.id
        ignored += "nbval-ignore-output" in tags
    assert ignored <= 1


@in_both_languages
def test_after_an_ignored_output_come_its_facts(name):
    cells = code_cells(solved(name))
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert re.match(r"\d\d-facts", following.id)
            assert text(following)


@in_both_languages
def test_code_deletes_no_one_elses_keys_and_needs_no_tricks(name):
    for cell in code_cells(solved(name)):
        assert not re.search("flush(db|all)", cell.source, re.IGNORECASE), cell.id
        tricks = r"^\s*!|;$|^\s*%(?!load_ext imglab|%?redis|monitor|%save)"
        assert not re.search(tricks, cell.source, re.MULTILINE), cell.id


@in_both_languages
def test_outputs_are_the_same_on_every_machine(name):
    private = {str(ROOT), str(Path.home()), socket.gethostname(), "6379"}
    for cell in code_cells(solved(name)):
        for word in private - {"/"}:
            assert word not in text(cell), cell.id
        assert not re.search(r"(?<![\w.:/])/(home|tmp|root|work|Users|var)/", text(cell)), cell.id
        assert not re.search(r"0x[0-9a-f]{6,}", text(cell)), cell.id
        assert not any(each.get("name") == "stderr" for each in cell.outputs), cell.id


@in_both_languages
def test_every_picture_has_a_text_twin(name):
    # JupyterLab reads no alt text to anybody, HTML exports do; so words stand beside it as well.
    for cell, following in itertools.pairwise(solved(name).cells):
        assert not re.search(r"!\[\s*\]\(|<img(?![^>]*alt=)", cell.source), cell.id
        outputs = cell.get("outputs", [])
        for each in outputs:
            for kind in filter(lambda kind: kind.startswith("image/"), each.get("data", {})):
                assert each.metadata.get(kind, {}).get("alt"), cell.id
                has_printed = any(
                    other.output_type == "stream"
                    or other.get("data", {}).get("text/plain") == "<numbers of the chart>"
                    for other in outputs
                )
                assert has_printed or following.cell_type == "markdown", cell.id


@in_both_languages
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)", words_of(name)):
        if not target.startswith("https://"):
            # A lesson stands in two folders, so it can link to nothing but lessons.
            assert target in (SPANISH_NAMES if name in SPANISH_NAMES else NAMES), target


@every_lesson
def test_a_lesson_that_is_not_written_yet_is_said_to_be_in_preparation(name):
    written = {each[:2] for each in NAMES}
    for number, said in re.findall(r"[Ll]esson (\d\d)(.{0,16})", words_of(name)):
        assert number in written or said == ", in preparation", f"lesson {number}"


def words_of(name: str) -> str:
    """What a lesson says between its code."""
    return "\n".join(c.source for c in solved(name).cells if c.cell_type == "markdown")


@every_lesson
def test_the_answer_in_a_solved_lesson_is_the_solution_that_students_can_ask_for(name):
    module = import_module(f"imglab.exercises.lesson_{name[:2]}")
    answers = [cell for cell in code_cells(solved(name)) if cell.id[3:].startswith("exercise")]
    lines = [line for cell in answers for line in cell.source.splitlines() if line]
    code = [line for line in lines if not re.match(r"%%save|\s*### (BEGIN|END) SOLUTION", line)]
    solutions = "\n".join(exercise.source() for exercise in module.EXERCISES.values())
    assert code == [line for line in solutions.splitlines() if line]
    checks = [cell for cell in code_cells(solved(name)) if cell.id[3:].startswith("check")]
    for exercise in module.EXERCISES:
        has_passed = re.compile(rf"^PASSED {exercise}: ", re.MULTILINE)
        passed = [cell for cell in checks if has_passed.search(text(cell))]
        assert len(passed) == 1, exercise


@every_lesson
def test_lesson_has_its_parts_in_their_order(name):
    ids = [cell.id[3:].partition("-")[0] for cell in solved(name).cells]
    parts = ("title", "recall", "predict", "run", "facts", "explain", "change", "exercise", "check")
    places = [ids.index(part) for part in parts]
    assert places == sorted(places)
    assert ids[-1] == "recap"


# Making the editions


def test_the_student_edition_keeps_everything_but_answers_and_outputs():
    source = (
        "def f():\n    ### BEGIN SOLUTION\n    x = 1\n    return x\n    ### END SOLUTION\n\nf()"
    )
    nb = tiny(source, picture("image/png"), tags=("raises-exception",))
    nb.cells.append(new_markdown_cell("Words.", id="words"))
    cell, words = student_edition(nb).cells
    assert cell.source == "def f():\n    # Your code here\n    ...\n\nf()"
    assert (cell.id, cell.outputs, cell.execution_count) == ("tiny", [], None)
    assert cell.metadata.tags == ["raises-exception"]
    assert words.source == "Words."
    assert nb.cells[0].outputs, "the solved lesson itself is left alone"


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "if x:\n    ### BEGIN SOLUTION\n    y = 1\n### END SOLUTION",
    ],
)
def test_a_half_marked_solution_is_refused(source):
    with pytest.raises(ValueError, match="tiny: a solution stands between two marks"):
        student_edition(tiny(source))


@pytest.mark.parametrize(("code", "kept"), [("measure()", "1 s"), ("measure(again=True)", "2 s")])
def test_what_was_measured_is_kept_until_the_code_changes(code, kept):
    def measured(seconds):
        output = new_output("stream", name="stdout", text=f"{seconds} s")
        return tiny(code, output, tags=("nbval-ignore-output",))

    new = measured(2)
    keep_measured(new, measured(1), tiny("measure()", count=None))
    assert text(new.cells[0]) == kept


@every_lesson
def test_the_readme_links_to_the_lesson_and_says_its_minutes(name):
    (minutes,) = re.findall(r"\*\*Time:\*\* (\d+) minutes", solved(name).cells[0].source)
    heading = solved(name).cells[0].source.splitlines()[0].removeprefix("# ").replace(" · ", " | [")
    row = rf"^\| {re.escape(heading)}\]\(notebooks/{name}\) \|.*\| {minutes} \|$"
    assert re.search(row, (ROOT / "README.md").read_text(), re.MULTILINE)


@every_lesson
def test_every_row_of_the_course_that_a_lesson_covers_has_a_test_that_looks_into_it(name):
    source = Path(__file__).read_text()
    constants = re.findall(rf'^([A-Z]+) = "{re.escape(name)}"', source, re.MULTILINE)
    assert constants, f'a constant here, such as TRIAL = "{name}", and a row in tests/course.py'
    (constant,) = constants
    parts = re.split(r"^def test_s(\d\d)_", source, flags=re.MULTILINE)[1:]
    rows = zip(parts[::2], parts[1::2], strict=True)
    seen = {int(row) for row, body in rows if f"({constant}, " in body}
    assert seen == COVERS[name[:2]]


# What the lessons cover of the course; that their outputs are true is nbval's to say

BENCH = "00_the_bench.ipynb"
FILTERS = "01_filters_and_pipelines.ipynb"


def test_s20_a_connection_that_is_refused_is_met_and_explained():
    assert "Connection refused" in html(cell_of(BENCH, "00-run-no-redis"))
    assert "| `Connection refused` |" in cell_of(BENCH, "00-explain").source


def test_s01_a_working_set_up_shows_itself_and_a_missing_redis_too():
    table = cell_of(BENCH, "00-install").source
    for word in (".venv", "pip install", "macOS", "Debian", "Docker", "redis-cli ping"):
        assert word in table
    assert text(cell_of(BENCH, "00-ping")) == "PONG\n"
    assert text(cell_of(BENCH, "00-bench")).count(": green") == 6
    facts = text(cell_of(BENCH, "00-facts"))
    assert "3 Redis: red" in facts
    assert facts.count("not tried") == 3
    assert text(cell_of(BENCH, "00-own-bench")).count(": green") == 6


def test_s02_the_four_filters_work_on_a_photograph_and_check_their_parameters():
    made = cell_of(FILTERS, "01-four").source
    names = ("BlurFilter", "BrightnessFilter", "EdgesFilter", "GrayscaleFilter")
    assert all(f"{name}(" in made for name in names)
    assert "blur:radius=6, brightness:factor=1.6, edges, grayscale" in text(
        cell_of(FILTERS, "01-four")
    )
    assert "must be a number from 0 to 100, not 1000" in text(cell_of(FILTERS, "01-refused"))
    assert "class PixelsFilter(BaseFilter)" in cell_of(FILTERS, "01-exercise-pixels").source


def test_s03_pipelines_factory_and_batches_work_in_every_mode():
    assert "FilterPipeline([" in cell_of(FILTERS, "01-pipeline").source
    assert text(cell_of(FILTERS, "01-spec")).count("True") == 2
    assert "Did you mean blur?" in text(cell_of(FILTERS, "01-factory"))
    batch = text(cell_of(FILTERS, "01-batch"))
    for mode in ("sequential", "threads", "processes"):
        assert f"{mode:11}6 done, 0 failed" in batch
    assert batch.endswith("True")
    assert text(cell_of(FILTERS, "01-broken")).startswith("6 done\nbroken.jpg → ")


THREADS = "02_threads_or_processes.ipynb"


def test_s04_threads_share_a_queue_in_memory():
    assert "TaskQueue()" in cell_of(THREADS, "02-queue").source
    assert text(cell_of(THREADS, "02-queue")) == ("images/coffee.jpg 1\n1 {'status': 'success'}\n")
    assert "Thread(target=worker.start)" in cell_of(THREADS, "02-work").source


def test_s13_each_filter_is_measured_in_three_ways_and_the_conclusion_worded_by_it():
    table = text(cell_of(THREADS, "02-run-compare"))
    assert re.search(r"\d cores, GIL (on|off)", table)
    for name in ("blur:radius=8", "edges", "sharpen", "median:size=3", "invert"):
        assert re.search(rf"{name}.*×.*×.*gain", table), name
    assert text(cell_of(THREADS, "02-facts")).count("True") == 5


COMMANDS = "03_redis_in_ten_commands.ipynb"


def test_s06_a_person_can_read_every_key_of_the_queue():
    printed = text(cell_of(COMMANDS, "03-queue-live"))
    kinds = {"pending": "list", "processing": "hash", "completed": "list"}
    for key, kind in kinds.items():
        assert f"lesson-03:image_processing:{key}  {kind}, 1 long" in printed
    for key in ("task:astronaut", "task:coffee", "task:rocket", "result:astronaut"):
        assert f"lesson-03:{key}  hash, " in printed
    table = cell_of(COMMANDS, "03-types-after").source
    assert all(f"`{each}" in table for each in (":failed", "task:<id>", "result:<id>"))
    # No list moves into a hash, so the move of the session's text cannot work.
    assert "(error) WRONGTYPE" in text(cell_of(COMMANDS, "03-wrongtype"))


def test_s06_opposite_ends_make_a_queue_and_the_sessions_ends_a_stack():
    orders = text(cell_of(COMMANDS, "03-facts"))
    assert "LPUSH RPOP → astronaut coffee rocket" in orders
    assert "RPUSH RPOP → rocket coffee astronaut" in orders
    # And the rescue by hand puts a task at the front of the line.
    *_, answer, _ = text(cell_of(COMMANDS, "03-change-rescue")).splitlines()
    assert answer == "RPOP lesson-03:line → astronaut"


def test_s12_the_sessions_own_lines_look_inside_and_monitor_tells_every_command():
    lines = cell_of(COMMANDS, "03-inside").source.splitlines()[1:]
    asked = [" ".join(each.split()[:2]).replace("lesson-03:", "") for each in lines]
    assert asked == [
        "LRANGE image_processing:pending",
        "HGETALL image_processing:processing",
        "LRANGE image_processing:completed",
        "HGETALL task:astronaut",
        "HGETALL result:astronaut",
    ]
    facts = text(cell_of(COMMANDS, "03-facts-inside")).splitlines()
    assert facts[:3] == [
        "pending:    ['rocket']",
        "processing: ['coffee']",
        "completed:  ['astronaut']",
    ]
    told = text(cell_of(COMMANDS, "03-monitor"))
    assert told.startswith("a client sends EVALSHA\n    inside it: EXISTS lesson-03:task:hubble")
    assert "KEYS took one step: True" in text(cell_of(COMMANDS, "03-many-measured"))
    assert "FLUSHDB" in cell_of(COMMANDS, "03-many-after").source


QUEUE = "04_build_the_queue.ipynb"


def test_s05_the_calls_of_the_course_answer_as_printed_there():
    assert text(cell_of(QUEUE, "04-course-lines")).splitlines() == [
        "True images/coffee.jpg",
        "None {'status': 'success'}",
        "",
        "{'pending': 0, 'processing': 0, 'completed': 1, 'failed': 0}",
    ]


def test_s06_no_command_moves_a_task_from_a_list_into_a_hash():
    assert "RPOPLPUSH" in cell_of(QUEUE, "04-wrongtype").source
    assert text(cell_of(QUEUE, "04-wrongtype")).startswith("(error) WRONGTYPE")


def test_s07_every_order_of_two_claims_is_counted():
    assert "18 of 20: taken twice" in text(cell_of(QUEUE, "04-facts"))
    assert "3 of 6: lost" in text(cell_of(QUEUE, "04-pop-and-crash"))
    assert text(cell_of(QUEUE, "04-script-race")).count("fine") == 2
    assert "claims 400, different tasks 400" in text(cell_of(QUEUE, "04-fight-facts"))


def test_s17_producer_and_consumer_are_two_programs():
    for name in ("producer", "consumer"):
        assert cell_of(QUEUE, f"04-exercise-{name}").source.startswith("%%save output/lesson-04/")
    *tried, verdict = text(cell_of(QUEUE, "04-check-programs")).strip().splitlines()
    assert verdict.startswith("PASSED 04-exercise-programs: ")
    assert tried[0] == "Trying: the producer alone …"


MANY = "05_many_workers.ipynb"


def test_s08_a_worker_works_until_the_queue_is_empty():
    assert "RedisWorker(" in cell_of(MANY, "05-one-worker").source
    assert text(cell_of(MANY, "05-one-worker")) == "3"
    assert text(cell_of(MANY, "05-inside-after")).count("(empty array)") == 1


def test_s09_worker_processes_share_the_work_by_themselves():
    assert "with WorkerPool(" in cell_of(MANY, "05-run-three").source
    assert "tasks claimed exactly once: 15" in text(cell_of(MANY, "05-facts"))
    assert "workers from outside the pool: none" in text(cell_of(MANY, "05-facts"))


def test_s10_demo_1_connects_adds_works_persists_and_looks_inside():
    assert text(cell_of(MANY, "05-add")) == "3"
    assert '"astronaut"' in text(cell_of(MANY, "05-inside-before"))
    assert text(cell_of(MANY, "05-persist")) == "('success', 'output/lesson-05/sample.png')"


def test_s11_demo_2_filters_15_photographs_with_3_processes():
    assert "filter_all(3)" in cell_of(MANY, "05-run-three").source
    assert "processing=0, delayed=0, completed=15, failed=0" in text(cell_of(MANY, "05-facts"))
    assert "same pixels as without any queue: 15 of 15" in text(cell_of(MANY, "05-facts"))


def test_s13_the_comparison_shows_its_figures_and_the_courses():
    table = text(cell_of(MANY, "05-run-comparison"))
    assert "You predicted: 3.0" in table
    for word in ("one by one", "3 threads", "3 processes", "speed-up", "efficiency", "throughput"):
        assert word in table
    explained = cell_of(MANY, "05-explain").source
    for figure in ("0.6 s | 2.4× | 80% | 20 per s", "0.4 s | 3.0× | 95% | 30 per s"):
        assert figure in explained
    for words in ("| GIL |", "| machines |", "cannot give 3.0× on two cores"):
        assert words in explained
    # The session's own figures do not agree with each other.
    assert "efficiency 1.00  throughput 37.5" in text(cell_of(MANY, "05-course-figures"))


def test_s14_the_two_queues_are_compared_in_each_quality():
    both = re.findall(
        r"^\| ([a-z ]+) \| .+ \| .+ \|$", cell_of(MANY, "05-explain").source, re.MULTILINE
    )
    # Persistence, distribution, atomicity; scalability, retries, monitoring.
    assert {"the program ends", "machines", "two ask at once"} <= set(both)
    assert {"more workers", "a task fails", "who can look in"} <= set(both)


def test_s16_the_architecture_names_every_place_a_task_passes():
    diagram = cell_of(MANY, "05-architecture").source
    words = ("producer", "pending", "processing", "completed", "worker-3", "get_stats()")
    assert all(word in diagram for word in words)


def test_s11_the_board_the_timeline_and_the_curve_are_in_the_lesson():
    for cell, words in {
        "05-run-three": "with board(",
        "05-timeline": "charts.timeline(",
        "05-scaling": "charts.speed_up(",
    }.items():
        assert words in cell_of(MANY, cell).source
    assert "15</td>" in html(cell_of(MANY, "05-run-three")), "the last frame stays in the file"
    shares = re.findall(r"^worker-\d: \d+ tries", html(cell_of(MANY, "05-timeline")), re.MULTILINE)
    assert len(shares) == 3


LIVE = "06_live_monitor.ipynb"


def test_s12_a_look_by_hand_and_monitor_tells_what_a_look_sends():
    lines = cell_of(LIVE, "06-by-hand").source.splitlines()[1:]
    asked = [" ".join(each.split()[:2]).replace("lesson-06:", "") for each in lines]
    assert asked[:3] == [
        "LLEN image_processing:pending",
        "HLEN image_processing:processing",
        "LRANGE image_processing:completed",
    ]
    told = text(cell_of(LIVE, "06-yours-monitor"))
    assert told.startswith("HGETALL lesson-06:image_processing:processing\n")
    assert told.endswith("HGET lesson-06:task:rocket\n")


def test_s12_watching_has_its_price_and_monitor_the_highest():
    table = text(cell_of(LIVE, "06-cost-run"))
    for way in ("polling, 10 looks", "MONITOR", "keyspace events", "XREAD of :events"):
        assert way in table
    facts = text(cell_of(LIVE, "06-facts-cost"))
    assert "messages a task, from :events: 3.0" in facts
    assert "events < keyspace events < MONITOR: True" in facts


def test_s18_a_monitor_notices_a_killed_worker_only_when_its_lease_is_over():
    facts = text(cell_of(LIVE, "06-facts"))
    assert "is the process alive after the kill? False" in facts
    assert "first look after the kill: working" in facts
    assert "last look: silent" in facts
    assert "  expired worker-1\n" in facts
    assert "completed 11 failed 0" in facts


def test_s18_the_students_monitor_looks_once_a_second_beside_ours():
    assert "with monitor(look" in cell_of(LIVE, "06-beside").source
    assert "board(queue" in cell_of(LIVE, "06-beside").source
    kept = html(cell_of(LIVE, "06-beside"))
    for word in ("your monitor", "our board", "worker-1: silent", "silent since"):
        assert word in kept
    facts = text(cell_of(LIVE, "06-facts-beside"))
    assert "your monitor named worker-1 as silent: True" in facts
    assert "busy and silent at once: False" in facts


LEVELS = "07_priorities.ipynb"


def test_s19_high_goes_first_and_nobody_starves():
    lines = text(cell_of(LEVELS, "07-claims")).splitlines()
    assert [line.split()[0] for line in lines] == ["high"] * 3 + ["normal"] + ["low"] * 2
    assert "there are high, normal, low" in text(cell_of(LEVELS, "07-add"))
    assert '"--priority", "high"' in cell_of(LEVELS, "07-submit").source
    for cell, claimed in {
        "07-facts": {"high": 64, "normal": 0, "low": 0},
        "07-eighth": {"high": 700, "normal": 0, "low": 100},
        "07-facts-queue": {"high": 700, "normal": 50, "low": 50},
        "07-run-aged": {"high": 48, "normal": 8, "low": 8},
        "07-own": {"high": 700, "normal": 50, "low": 50},
    }.items():
        printed = text(cell_of(LEVELS, cell))
        for level, count in claimed.items():
            assert re.search(rf"^{level} +{count} ", printed, re.MULTILINE), cell
    assert text(cell_of(LEVELS, "07-check-claim")).startswith("PASSED")


KILL = "08_kill_a_worker.ipynb"


def test_s20_a_stuck_task_is_freed_by_hand_and_by_the_reap():
    by_hand = cell_of(KILL, "08-by-hand").source
    for command in ("HKEYS", "HDEL", "RPUSH"):
        assert f"%redis {command} " in by_hand
    assert text(cell_of(KILL, "08-by-hand")).endswith("completed: 6\n")
    assert "Is the worker really dead?" in cell_of(KILL, "08-by-hand-why").source
    reaped = text(cell_of(KILL, "08-reap"))
    assert "given back, for the lease is over: 0" in reaped
    assert "given back, for it is dead: 1" in reaped


def test_s24_nothing_is_lost_with_a_killed_worker_but_where_it_is_popped():
    facts = text(cell_of(KILL, "08-facts-lost"))
    assert "RPOP:  done 5 of 6, nowhere: astronaut" in facts
    assert "queue: done 5 of 6, processing: astronaut" in facts


def test_s24_a_heartbeat_holds_a_lease_and_a_zombie_is_refused():
    assert text(cell_of(KILL, "08-heartbeat")).endswith("we have None\n")
    assert text(cell_of(KILL, "08-freeze")).endswith("worker-1 recorded 0\n{'by': 'worker-2'}\n")
    *_, last = text(cell_of(KILL, "08-diagram")).splitlines()
    assert "coffee is done: refused" in last


def test_s24_a_task_that_ends_with_an_error_is_tried_again_until_its_tries_are_spent():
    facts = text(cell_of(KILL, "08-error"))
    again = "claimed delayed promoted"
    assert facts == f"added {again} {again} claimed failed 3 of 3\n"


def test_s24_poison_becomes_a_dead_letter_and_gets_a_fresh_start():
    facts = text(cell_of(KILL, "08-facts-poison"))
    assert facts.startswith("completed 5 failed 1\ncrashes 3 of 3\n")
    assert facts.split()[-2:] == ["expired", "failed"]
    assert "requeued: camera\ncompleted 6 failed 0" in text(cell_of(KILL, "08-requeue"))


def test_s22_tasks_and_results_survive_redis_with_its_file_and_not_without():
    facts = text(cell_of(KILL, "08-facts-redis"))
    assert "as it comes, killed:  [0, 0, 0], in the end 0 results" in facts
    assert "as it comes, stopped: [9, 1, 5], in the end 15 results" in facts
    assert "with file, killed:    [9, 1, 5], in the end 15 results" in facts


def test_s14_each_quality_is_named_and_each_line_of_the_protocol_has_its_promise():
    qualities = cell_of(KILL, "08-durability").source
    for quality in ("persistence", "atomicity", "retries"):
        assert f"| {quality} |" in qualities
    table = text(cell_of(KILL, "08-change-lines")).splitlines()
    (fence,) = [line for line in table if line.startswith("report: is it the token")]
    assert fence.split()[-5:] == ["·", "·", "✗", "·", "·"]


LOAD = "09_round_trips_and_load.ipynb"


def test_s21_a_pipeline_is_one_read_and_redis_counts_it():
    ways = text(cell_of(LOAD, "09-facts")).splitlines()
    assert [line.split() for line in ways[:3]] == [
        ["one_by_one", "100", "commands,", "100", "reads"],
        ["pipeline", "100", "commands,", "1", "reads"],
        ["one_command", "1", "commands,", "1", "reads"],
    ]
    assert "fewer than 100 reads: True" in text(cell_of(LOAD, "09-change-numbers"))
    assert text(cell_of(LOAD, "09-check-add")).startswith("PASSED")
    assert text(cell_of(LOAD, "09-yours-counted")).count("True") == 2


def test_s21_one_connection_lasts_and_who_waits_asks_least():
    lines = text(cell_of(LOAD, "09-facts-connections")).splitlines()
    assert lines == ["one_that_lasts connections: 0", "a_new_one_each connections: 20"]
    waits = text(cell_of(LOAD, "09-facts-wait")).splitlines()
    assert waits[0].endswith("True")
    assert waits[1] == "ask and sleep: reads 5"
    assert waits[2].endswith("True")
    assert "socket_timeout" in cell_of(LOAD, "09-wait-after").source


def test_s21_waits_rise_like_a_wall_and_the_chart_has_theory_beside_them():
    facts = text(cell_of(LOAD, "09-facts-load"))
    assert "in theory, after a long time: 4.75" in facts
    assert facts.count("True") == 3
    assert "charts.waits(" in cell_of(LOAD, "09-chart-load").source
    kept = html(cell_of(LOAD, "09-run-load"))
    assert "no limit" in kept, "the last frame, with a row above 100 %, stays in the file"
    assert text(cell_of(LOAD, "09-bounded")) == "in line 10 refused 20\n"
    assert text(cell_of(LOAD, "09-backpressure")).count("True") == 2
    assert "tries: 1100 " in text(cell_of(LOAD, "09-run-storm"))
    assert "tries: 345 " in text(cell_of(LOAD, "09-run-jitter"))
    assert "area = sum of stays: True" in text(cell_of(LOAD, "09-facts-law"))


def test_s21_the_figures_of_other_queues_are_those_that_the_readme_recorded():
    # Whole photographs have a table of their own, further down, with rows of the same names.
    empty_tasks = (ROOT / "tests/bench/README.md").read_text().partition("\n## ")[0]
    lesson = cell_of(LOAD, "09-peers").source
    names = {"imglab": "this queue"}
    for name in ("imglab", "Celery, acks late", "Dramatiq", "RQ SimpleWorker"):
        (recorded,) = re.findall(rf"^\| \**{name}\** \|(.*)\|$", empty_tasks, re.MULTILINE)
        figures = [figure.strip(" *") for figure in recorded.split("|")]
        alone, _, two, _, enqueue, bulk, _, after = figures
        row = " | ".join((names.get(name, name), alone, two, enqueue, bulk, after))
        assert f"| {row} |" in lesson


ROOMS = "10_fault_room_and_beyond.ipynb"


def test_s20_six_faults_are_diagnosed_from_evidence_and_put_right():
    facts = text(cell_of(ROOMS, "10-facts"))
    assert "the doctor finds something in 2 of 6 rooms" in facts
    assert text(cell_of(ROOMS, "10-check-rooms")).count("Trying: room ") == 6
    assert text(cell_of(ROOMS, "10-mended")).count(": all photographs came") == 6


def test_s20_the_causes_of_the_lesson_are_those_that_its_check_knows():
    causes = table(cell_of(ROOMS, "10-exercise").source, "| cause | what has happened |")
    assert dict(causes) == {name: cause.meaning for name, cause in CAUSES.items()}


def test_s20_the_classics_of_the_session_have_their_remedies():
    table = cell_of(ROOMS, "10-mended-after").source
    for word in ("Connection refused", "No module named", "HKEYS", "HDEL", "RPUSH", ".venv"):
        assert word in table


def test_s15_when_to_use_a_queue_in_redis_and_when_not():
    table = cell_of(ROOMS, "10-when").source
    use, leave = table.split("| leave it when")
    for reason in ("survive a restart", "several machines", "crash", "more work", "live"):
        assert reason in use
    for reason in ("one simple process", "within a millisecond", "nobody runs a Redis"):
        assert reason in leave


def test_s14_the_qualities_are_compared_and_the_words_of_five_systems_mapped():
    table = cell_of(ROOMS, "10-map").source
    qualities = ("persistence", "atomicity", "scalability", "retries", "monitoring", "istribution")
    assert all(quality in table for quality in qualities)
    for system in ("RQ", "Celery", "Dramatiq", "SQS", "Streams"):
        assert re.search(rf"^\| {system} \|", table, re.MULTILINE)
