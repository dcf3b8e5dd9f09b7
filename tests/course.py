"""What the course promises, row by row, and who keeps it: the table at the end of DESIGN.md.

`python tests/course.py` writes the table; a test works it out again. A test says in its name which
rows it holds: `test_s9_s11_…`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from guide import NOTEBOOKS, ROOT, replaced

TESTS = ROOT / "tests"
DESIGN = ROOT / "imglab" / "DESIGN.md"
#: Between these two stands the table.
MARKS = ("<!-- course -->", "<!-- end of course -->")

#: Row → what the course promises, as this project keeps it: corrected where its text is wrong.
ROWS = {
    1: "A Redis that answers `PING` with `PONG`, on macOS, on Linux and in Docker; one command "
    "installs the rest into a virtual environment",
    2: "Four filters for photographs (blur, brightness, edges, grayscale), and a base class for "
    "filters of one's own",
    3: "`FilterPipeline` puts filters in a row, `FilterFactory` makes them from names, "
    "`BatchProcessor` filters a whole folder",
    4: "`TaskQueue`, a queue in memory that threads share: what Redis is compared with",
    5: "`RedisTaskQueue(host, port)`: add a task, wait for one or ask for one at once, complete "
    "it, count what is where",
    6: "All of it is lists and hashes under names that a person can read with `redis-cli`; which "
    "ends of a list make a queue, and why no list moves into a hash",
    7: "Only one worker ever gets a task",
    8: "`RedisWorker(name, pipeline, queue).start()` works until the queue is empty",
    9: "Several workers in processes of their own; whoever is free takes the next task",
    10: "Demo 1: connect, add tasks, let one worker do them, look inside; who connects later finds "
    "the results",
    11: "Demo 2: 15 tasks for 3 worker processes, how much faster that is on these cores, and who "
    "did how many",
    12: "Looking inside with `redis-cli`, and every command live with `MONITOR`; what `KEYS *` and "
    "`FLUSHDB` do to everybody else",
    13: "Threads with `TaskQueue` beside processes with `RedisTaskQueue` on the same work: time, "
    "speed-up, efficiency, throughput, the GIL, machines; the course's own figures, checked",
    14: "The two queues by their qualities: persistence, distribution, atomicity, scalability, "
    "retries, monitoring",
    15: "When a queue in Redis is worth it, and when it is not",
    16: "Producer, Redis, workers: who talks to whom; the producer can ask for the state at any "
    "time",
    17: "Exercise, easy: producer and consumer as two programs",
    18: "Exercise, medium: a live monitor of the queue, once a second",
    19: "Exercise, advanced: priorities, high first, and nobody starves",
    20: "What helps against three classics: connection refused, no module named redis, a task "
    "stuck in `processing` that is freed by hand",
    21: "Three ways to be faster: pipelines, one lasting connection, a timeout that fits",
    22: "Tasks and results survive a restart of the workers, and of a Redis that writes down what "
    "it does",
    23: "A guide for whoever teaches it",
    24: "Heartbeats, automatic recovery, retries, dead letters",
}
#: How a file in notebooks/ begins → the rows that it covers. test_lessons.py looks into lessons.
COVERS = {
    "00": {1, 20},
    "01": {2, 3},
    "02": {4, 13},
    "03": {6, 12},
    "04": {5, 6, 7, 17},
    "05": {8, 9, 10, 11, 13, 14, 16},
    "06": {12, 18},
    "07": {19},
    "08": {14, 20, 22, 24},
    "09": {21},
    "10": {14, 15, 20},
    "instructor_guide": {23},
    "control_room": {23},
}


def path_of(begin: str) -> Path:
    """The one file of notebooks/ whose name begins like this."""
    (found,) = NOTEBOOKS.glob(f"{begin}*.*")
    return found


def tests_of_rows() -> dict[int, list[str]]:
    """Row → the names of the files that have a test of it, in their order."""
    found: dict[int, list[str]] = {}
    for path in sorted(TESTS.glob("test_*.py")):
        for row in rows_in(path.read_text(encoding="utf-8")):
            found.setdefault(row, []).append(path.name)
    return found


def rows_in(source: str) -> set[int]:
    """The rows of which a file of tests has one that can fail by what it says."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and asserts(node):
            named = re.match(r"test((?:_s\d+)+)_", node.name)
            if named:
                found |= {int(row) for row in re.findall(r"\d+", named[1])}
    return found


def asserts(test: ast.FunctionDef) -> bool:
    """Whether a test can fail by what it says, and is not left out."""
    is_left_out = any("mark.skip(" in ast.unparse(each) for each in test.decorator_list)
    nodes = list(ast.walk(test))
    says = any(isinstance(each, ast.Assert) for each in nodes)
    refuses = any(isinstance(each, ast.Attribute) and each.attr == "raises" for each in nodes)
    return (says or refuses) and not is_left_out


def table(tests: Mapping[int, list[str]]) -> str:
    """Every row: its promise, who covers it, and the files that test it."""
    lines = ["| | promise | lessons | tests |", "|---|---|---|---|"]
    for row, promise in ROWS.items():
        lessons = [link(begin) for begin, rows in COVERS.items() if row in rows]
        files = [f"`{name}`" for name in tests.get(row, ())]
        lines.append(f"| S{row} | {promise} | {', '.join(lessons)} | {', '.join(files)} |")
    return "\n".join(lines)


def link(begin: str) -> str:
    """A link from DESIGN.md to a file of notebooks/."""
    return f"[{begin.replace('_', ' ')}](../notebooks/{path_of(begin).name})"


def with_table(text: str) -> str:
    """The text of DESIGN.md with its table worked out anew."""
    return replaced(text, *MARKS, table(tests_of_rows()))


if __name__ == "__main__":
    DESIGN.write_text(with_table(DESIGN.read_text(encoding="utf-8")), encoding="utf-8")
