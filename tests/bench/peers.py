"""imglab beside eight other queues: `python tests/bench/peers.py`.

Each peer runs in an environment of its own, for their bounds on redis-py conflict. Only ratios
count: every figure stands beside a reference loop taken in the same placement right before and
right after it. "One worker" takes one task at a time, with whatever the peer's documentation asks
for so that a killed worker's task is not lost; "its best setting" is its fastest documented one,
in one process.
"""

from __future__ import annotations

import argparse
import bisect
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import redis

sys.path.insert(0, str(Path(__file__).parent.parent))
from helpers.project import ROOT
from helpers.server import Server, running
from leads import leads, processor

PROGRAMS = Path(__file__).with_name("peers")
ENVIRONMENTS = ROOT / ".imglab" / "bench"
HIREDIS = "hiredis==3.5.0"  # for everybody who speaks through redis-py, as imglab has it


@dataclass(frozen=True)
class Peer:
    """A queue to measure; no requirements: it runs in the environment of this very program."""

    label: str
    requirements: tuple[str, ...]
    #: What `work` and `work best` run with, for people; no best: none is documented.
    setting: str
    best: str | None


PEERS = {
    "imglab": Peer("imglab", (), "defaults: lease 30 s", "prefetch=16"),
    "rq": Peer(
        "RQ SimpleWorker",
        ("rq==3.0.0", "redis==8.1.0", HIREDIS),
        "SimpleWorker, Retry(max=3)",
        None,
    ),
    "celery": Peer(
        "Celery, acks late",
        ("celery[redis]==5.7.0", "redis==8.1.0", HIREDIS),
        "prefork, concurrency 1, acks_late, reject_on_worker_lost, prefetch multiplier 1",
        "prefork, concurrency 2 (two processes), prefetch multiplier 64",
    ),
    "dramatiq": Peer(
        "Dramatiq",
        ("dramatiq[redis]==2.2.1", "redis==8.1.0", HIREDIS),
        "1 process, 1 thread, Results",
        "1 process, 16 threads",
    ),
    "huey": Peer(
        "Huey",
        ("huey==3.5.4", "redis==8.1.0", HIREDIS),
        "1 thread; notify_result for the latency only",
        "8 threads",
    ),
    "arq": Peer(
        "arq",
        ("arq==0.28.0", "redis[hiredis]==5.3.1", HIREDIS),
        "max_jobs=1, poll_delay=0.5 (default)",
        "max_jobs=100, poll_delay=0.01",
    ),
    "taskiq": Peer(
        "taskiq stream",
        ("taskiq==0.13.0", "taskiq-redis==1.2.4", "redis==8.1.0", HIREDIS),
        "RedisStreamBroker, 1 worker, max-async-tasks 1, ack when saved",
        "max-async-tasks 100",
    ),
    "saq": Peer(
        "SAQ",
        # It imports typing_extensions without asking for it.
        ("saq[hiredis]==0.26.4", "redis==8.1.0", HIREDIS, "typing_extensions"),
        "concurrency 1, retries=3",
        "concurrency 100",
    ),
    "streaq": Peer(
        "streaQ", ("streaq==7.2.0", "coredis==6.9.0"), "concurrency 1, prefetch 1", "concurrency 16"
    ),
}

#: What is measured where. On one core, two workers would say nothing.
PLACEMENTS = {
    "spread": ("one worker", "two workers", "best", "enqueue", "bulk"),
    "one core": ("one worker", "best", "enqueue"),
}
PAIRS = 1500
BULK = 10_000
SAMPLES = 200
#: Peers whose kill tests run at the same time.
TOGETHER = 3
#: Seconds within which a worker has to run its first task.
START = 30
#: A rate from less than this many seconds says little: then once more, with more tasks.
ENOUGH = 1.0


class FailedError(Exception):
    """A peer could not be measured; the message is for the table."""


# Environments


def interpreter(name: str) -> str:
    """The Python a peer runs with; its environment is made if it is not there as required."""
    wanted = PEERS[name].requirements
    if not wanted:
        return sys.executable
    folder = ENVIRONMENTS / name
    python, note = folder / "bin" / "python", folder / "requirements.txt"
    text = "\n".join((*wanted, ""))
    if not note.exists() or note.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        quietly = ("--quiet", "--disable-pip-version-check")
        install = [str(python), "-m", "pip", "install", *quietly, *wanted]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FailedError(f"pip install: {_last_line(done.stderr)}")
        note.write_text(text)  # the last step: an environment without it is half made
    return str(python)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "no message"


# Placements and the reference


def _no_pinning() -> bool:
    return not hasattr(psutil.Process(), "cpu_affinity")


@contextmanager
def placed(placement: str, server: Server) -> Iterator[None]:
    """The server, this program and all it starts from now on: on one core, or left alone."""
    if placement == "spread":
        yield
        return
    if _no_pinning():
        raise FailedError("this system pins no process to a core")
    processes = [psutil.Process(pid) for pid in (os.getpid(), server.process.pid)]
    before = [process.cpu_affinity() for process in processes]
    try:
        for process in processes:
            process.cpu_affinity(before[0][:1])
        yield
    finally:
        for process, cores in zip(processes, before, strict=True):
            process.cpu_affinity(cores)


def reference(server: Server) -> float:
    """LPUSH + BRPOP pairs a second from one Python process."""
    with redis.Redis(port=server.port) as client:
        client.ping()
        began = time.perf_counter()
        for number in range(PAIRS):
            client.lpush("reference", number)
            client.brpop("reference")
        return PAIRS / (time.perf_counter() - began)


# Workers and their stamps


def read_stamps(path: Path) -> list[int]:
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) - len(data) % 8
    return sorted(int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8))


def _size(paths: list[Path]) -> int:
    return sum(path.stat().st_size // 8 for path in paths if path.exists())


def busy_rate(stamps: list[list[int]]) -> tuple[float, float]:
    """Tasks a second while every worker was at work, the first 10 % left out; of how many s."""
    if not all(stamps):
        return 0.0, 0.0
    begin, end = max(each[0] for each in stamps), min(each[-1] for each in stamps)
    inside = sorted(at for each in stamps for at in each if begin <= at <= end)
    inside = inside[len(inside) // 10 :]
    if len(inside) < 3 or inside[0] == inside[-1]:
        return 0.0, 0.0
    seconds = (inside[-1] - inside[0]) / 1e9
    return (len(inside) - 1) / seconds, seconds


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker with all it started; no goodbye: its database is emptied anyway."""
    family: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    # Nobody has reaped it before `wait` below: its number is still its own, and its group's.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for each in family:  # whoever has a process group of its own
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    psutil.wait_procs(family, timeout=5)


def has_left(process: subprocess.Popen[bytes]) -> bool:
    return psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE


def resident(pid: int) -> float:
    """Megabytes of a process and all it started."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / 1e6


@dataclass
class Bench:
    """One server, and what it takes to measure one peer after the other on it."""

    server: Server
    scratch: Path
    tasks: int = 2000
    seconds: float = 8
    patience: float = 75
    logs: Path | None = None
    _numbers: Iterator[int] = field(default_factory=count)
    #: How many tasks a figure took to last long enough, for the next round.
    _enough: dict[tuple[str, str], int] = field(default_factory=dict)

    def environment(self, name: str, stamps: Path | None = None, **more: str) -> dict[str, str]:
        # A logical database each: the kill tests of all run at the same time.
        url = f"{self.server.url}/{self.database(name)}"
        added = {"BENCH_REDIS_URL": url, **more}
        if stamps:
            added["BENCH_STAMPS"] = str(stamps)
        return {**os.environ, **added}

    def database(self, name: str) -> int:
        return 1 + list(PEERS).index(name)

    def empty(self, name: str) -> None:
        # FLUSHDB is fine here and nowhere else: this server is our own and thrown away afterwards.
        with redis.Redis(port=self.server.port, db=self.database(name)) as client:
            client.flushdb()

    def command(self, name: str, *arguments: object) -> list[str]:
        return [interpreter(name), str(PROGRAMS / f"with_{name}.py"), *map(str, arguments)]

    def ask(self, name: str, *arguments: object, **more: str) -> Any:
        """What a command of the peer's program prints."""
        try:
            done = subprocess.run(
                self.command(name, *arguments),
                env=self.environment(name, **more),
                cwd=self.scratch,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FailedError(f"{arguments[0]}: no answer within 300 s") from None
        if done.returncode:
            raise FailedError(f"{arguments[0]}: {_last_line(done.stderr)}")
        return json.loads(done.stdout)

    def new_stamps(self) -> Path:
        return self.scratch / f"stamps-{next(self._numbers)}"

    def log(self, name: str) -> Path:
        folder = self.logs or self.scratch
        return folder / f"{name}.log"

    @contextmanager
    def worker(
        self, name: str, stamps: Path, *arguments: str, **more: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                self.command(name, "work", *arguments),
                env=self.environment(name, stamps, **more),
                cwd=self.scratch,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            end(process)

    def until_stamps(
        self, name: str, processes: list[subprocess.Popen[bytes]], paths: list[Path], wanted: int
    ) -> None:
        """Wait for so many tasks, or for `seconds` after the first one."""
        limit = time.monotonic() + START
        first = None
        while (done := _size(paths)) < wanted and time.monotonic() < limit:
            if done and first is None:
                first = time.monotonic()
                limit = first + self.seconds
            if any(map(has_left, processes)):
                raise FailedError(f"the worker left: {self.last_words(name)}")
            time.sleep(0.02)
        if not done:
            raise FailedError(f"no task within {START} s: {self.last_words(name)}")

    def last_words(self, name: str) -> str:
        return _last_line(self.log(name).read_text(errors="replace"))

    # The figures

    def fill(self, name: str, tasks: int) -> None:
        self.empty(name)
        if self.ask(name, "add_bulk", tasks) is None:
            self.ask(name, "add", tasks)

    def beside(self, measure: Callable[[], Any]) -> tuple[Any, float]:
        """What was measured, and the reference around it."""
        before = reference(self.server)
        value = measure()
        return value, (before + reference(self.server)) / 2

    def work(self, name: str, figure: str) -> tuple[float, float]:
        """The rate of workers that find their tasks waiting, and of how many seconds."""
        arguments = ("best",) if figure == "best" else ()
        # A file for each worker: only from when both are at work their rate is that of two.
        paths = [self.new_stamps() for _ in range(2 if figure == "two workers" else 1)]
        with ExitStack() as stack:
            workers = [stack.enter_context(self.worker(name, path, *arguments)) for path in paths]
            self.until_stamps(name, workers, paths, self._enough.get((name, figure), self.tasks))
        return busy_rate([read_stamps(path) for path in paths])

    def work_rate(self, name: str, figure: str) -> tuple[float, float]:
        for _ in range(4):
            tasks = self._enough.get((name, figure), self.tasks)
            self.fill(name, tasks)
            (rate, seconds), beside = self.beside(lambda: self.work(name, figure))
            if seconds >= min(ENOUGH, self.seconds / 3):
                break
            more = math.ceil(1.5 * tasks * ENOUGH / max(seconds, 0.1))
            self._enough[name, figure] = max(more, 2 * tasks)
        if not rate:
            raise FailedError(f"{figure}: too few tasks ran")
        return rate, beside

    def enqueue_rate(self, name: str, command: str, tasks: int) -> tuple[float | None, float]:
        self.empty(name)
        answer, beside = self.beside(lambda: self.ask(name, command, tasks))
        return answer and answer["count"] / answer["seconds"], beside

    def figure(self, name: str, figure: str) -> dict[str, float] | None:
        """A rate and its ratio to the references beside it; None where the peer has no such."""
        if figure == "best" and PEERS[name].best is None:
            return None
        if figure == "enqueue":
            rate, beside = self.enqueue_rate(name, "add", self.tasks)
        elif figure == "bulk":
            rate, beside = self.enqueue_rate(name, "add_bulk", BULK)
        else:
            rate, beside = self.work_rate(name, figure)
        return rate and {"rate": rate, "ratio": rate / beside, "reference": beside}

    def idle(self, name: str) -> dict[str, float]:
        """How long a task waits for a worker that sleeps, in ms, and what that one weighs."""
        self.empty(name)
        stamps = self.new_stamps()
        with self.worker(name, stamps, BENCH_LATENCY="1") as process:
            seconds = math.ceil(self.seconds)
            answer = self.ask(name, "latency", SAMPLES, seconds, BENCH_LATENCY="1")
            time.sleep(0.5)
            size = resident(process.pid)
        began = read_stamps(stamps)
        added, done = answer["added"], answer["done"]
        running_after = sorted(
            (began[at] - each) / 1e6
            for each in added
            if (at := bisect.bisect_left(began, each)) < len(began)
        )
        if not running_after:
            raise FailedError(f"latency: no sample: {self.last_words(name)}")
        return {
            "running p50": statistics.median(running_after),
            "running p99": running_after[math.ceil(0.99 * len(running_after)) - 1],
            "result p50": statistics.median(
                (b - a) / 1e6 for a, b in zip(added, done, strict=True)
            ),
            "samples": len(running_after),
            "rss": size,
        }

    # After a kill

    def kill(self, name: str, stack: ExitStack) -> tuple[Path, int]:
        """Kill a worker in the midst of a task and start another; its stamps, and when."""
        self.empty(name)
        stamps = self.new_stamps()
        with self.worker(name, stamps) as process:
            self.ask(name, "add_hanging", 1)
            self.until_stamps(name, [process], [stamps], 1)
            time.sleep(0.5)  # whatever it still had to say of this task is said
        killed = time.time_ns()
        stack.enter_context(self.worker(name, stamps))
        return stamps, killed

    def after_kill(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """Seconds until a killed worker's task runs again, of all peers at the same time."""
        found: dict[str, dict[str, Any]] = {}
        waiting: dict[str, tuple[Path, int]] = {}
        with ExitStack() as stack:
            for name in names:
                try:
                    waiting[name] = self.kill(name, stack)
                except FailedError as error:
                    found[name] = {"problem": str(error)}
            while waiting:
                for name, (path, killed) in list(waiting.items()):
                    stamps = read_stamps(path)
                    if len(stamps) > 1:
                        found[name] = {"seconds": (stamps[1] - killed) / 1e9}
                    elif time.time_ns() - killed > self.patience * 1e9:
                        found[name] = {"not within": self.patience}
                    if name in found:
                        del waiting[name]
                time.sleep(0.05)
        return found


# The whole


def compare(
    bench: Bench, names: list[str], rounds: int, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Measure the peers, in turns; what came out, as plain data."""
    measured: dict[str, dict[str, Any]] = {}
    for name in names:
        entry = _prepare(bench, name)
        measured[name] = entry
        say(f"{name}: {entry.get('failed') or entry['versions']}")
    ready = [name for name in names if "failed" not in measured[name]]
    # In turns, so that a slow minute does not hit all rounds of one peer.
    for round_ in range(1, rounds + 1):
        for name in ready:
            say(f"round {round_}: {name}")
            _measure(bench, name, measured[name])
    # A few at the same time: they only wait. With all nine, some were late for want of a core.
    for begin in range(0, len(ready), TOGETHER):
        say(f"after kill -9: {', '.join(ready[begin : begin + TOGETHER])}")
        for name, outcome in bench.after_kill(ready[begin : begin + TOGETHER]).items():
            measured[name]["kill"] = outcome
    with redis.Redis(port=bench.server.port) as client:
        server = client.info("server")["redis_version"]
    return {
        "python": platform.python_version(),
        "redis": server,
        "cores": os.cpu_count(),
        "processor": processor(),
        "rounds": rounds,
        "tasks": bench.tasks,
        "peers": {name: _summary(entry) for name, entry in measured.items()},
    }


def _prepare(bench: Bench, name: str) -> dict[str, Any]:
    peer = PEERS[name]
    entry: dict[str, Any] = {"label": peer.label, "setting": peer.setting, "best": peer.best}
    try:
        entry["versions"] = bench.ask(name, "versions")
    except (FailedError, OSError, subprocess.CalledProcessError) as error:
        entry["failed"] = str(error)
    return entry | {"figures": {}, "idle": [], "problems": {}}


def _measure(bench: Bench, name: str, entry: dict[str, Any]) -> None:
    for placement, figures in PLACEMENTS.items():
        for figure in figures:
            key = f"{figure}, {placement}"
            with _noting(entry, key), placed(placement, bench.server):
                if sample := bench.figure(name, figure):
                    entry["figures"].setdefault(key, []).append(sample)
    with _noting(entry, "idle"):
        entry["idle"].append(bench.idle(name))
    bench.empty(name)


@contextmanager
def _noting(entry: dict[str, Any], key: str) -> Iterator[None]:
    """Let the other figures go on when one fails."""
    try:
        yield
    except (FailedError, redis.RedisError, psutil.Error) as error:
        entry["problems"][key] = str(error)


def _summary(entry: dict[str, Any]) -> dict[str, Any]:
    """The medians of all rounds, with their spread."""
    figures = {
        key: {part: _median(sample[part] for sample in samples) for part in samples[0]}
        for key, samples in entry["figures"].items()
    }
    idle = entry["idle"]
    return entry | {
        "figures": figures,
        "idle": {part: _median(each[part] for each in idle) for part in idle[0]} if idle else {},
    }


def _median(values: Any) -> dict[str, float]:
    values = sorted(values)
    return {"median": statistics.median(values), "min": values[0], "max": values[-1]}


# What people see

COLUMNS = {
    "one worker, spread": "one worker, spread",
    "one worker, one core": "one core",
    "two workers, spread": "two workers",
    "best, spread": "its best setting",
    "enqueue, spread": "enqueue one by one",
    "bulk, spread": f"bulk of {BULK:,}",
}
AFTER = ("idle → running p50 / p99, ms", "→ result p50, ms", "RSS, MB", "after `kill -9`")


def table(results: dict[str, Any]) -> str:
    """Markdown: tasks a second, in brackets the ratio to the reference and its spread."""
    head = ["", *COLUMNS.values(), *AFTER]
    lines = [_row(head), _row(["---"] * len(head))]
    for entry in results["peers"].values():
        if "failed" in entry:
            cells = [f"failed: {entry['failed']}", *[""] * (len(head) - 2)]
        else:
            cells = [*(_rate(entry, key) for key in COLUMNS), *_idle(entry), _kill(entry)]
        lines.append(_row([entry["label"], *cells]))
    ahead = leads(results["peers"], COLUMNS)
    lines.append(_row(["lead over the best other", *ahead, *[""] * len(AFTER)]))
    return "\n".join(lines)


def notes(results: dict[str, Any]) -> str:
    """What the table was made with, and what went wrong."""
    lines = [
        f"{results['processor']}, {results['cores']} cores; Redis {results['redis']}, "
        f"Python {results['python']}; medians of {results['rounds']}."
    ]
    for entry in results["peers"].values():
        versions = ", ".join(f"{key} {value}" for key, value in entry.get("versions", {}).items())
        best = entry["best"] or "none documented"
        lines.append(f"- {entry['label']}: {versions}; {entry['setting']}; best: {best}")
        lines += [f"  - {key} failed: {problem}" for key, problem in entry["problems"].items()]
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |"


def _rate(entry: dict[str, Any], key: str) -> str:
    if key not in entry["figures"]:
        return "failed" if key in entry["problems"] else "–"
    figure = entry["figures"][key]
    ratio = figure["ratio"]
    spread = "" if ratio["min"] == ratio["max"] else f"; {ratio['min']:.2f}–{ratio['max']:.2f}"
    return f"{figure['rate']['median']:,.0f} ({ratio['median']:.2f}{spread})"


def _idle(entry: dict[str, Any]) -> list[str]:
    if not (idle := {key: value["median"] for key, value in entry["idle"].items()}):
        return ["failed"] * 3
    return [
        f"{idle['running p50']:.2f} / {idle['running p99']:.2f}",
        f"{idle['result p50']:.2f}",
        f"{idle['rss']:.0f}",
    ]


def _kill(entry: dict[str, Any]) -> str:
    outcome = entry.get("kill", {"problem": "not tried"})
    if "seconds" in outcome:
        return f"{outcome['seconds']:.1f} s"
    if "not within" in outcome:
        return f"not within {outcome['not within']:g} s"
    return f"failed: {outcome['problem']}"


def chart(results: dict[str, Any], path: Path | str) -> None:
    """A picture of what one worker does, as ratios to the reference."""
    # Only here: nothing else needs it, and importing it takes a while.
    from matplotlib.figure import Figure

    key = "one worker, spread"
    found = [each for each in results["peers"].values() if key in each["figures"]]
    found.sort(key=lambda each: each["figures"][key]["ratio"]["median"])
    ratios = [each["figures"][key]["ratio"] for each in found]
    medians = [ratio["median"] for ratio in ratios]
    errors = [
        [ratio["median"] - ratio["min"] for ratio in ratios],
        [ratio["max"] - ratio["median"] for ratio in ratios],
    ]
    # Blue against grey differs in brightness, too: for every eye, and on paper.
    colours = ["#0072B2" if each["label"] == "imglab" else "#B0B0B0" for each in found]
    figure = Figure(figsize=(8, 0.8 + 0.45 * len(found)), layout="constrained")
    axes = figure.subplots()
    axes.barh([each["label"] for each in found], medians, color=colours, xerr=errors, capsize=3)
    for place, ratio in enumerate(ratios):
        axes.annotate(
            f"{ratio['median']:.2f}",
            (ratio["max"], place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_xlabel("tasks ÷ LPUSH + BRPOP pairs, in the same time (more is better)")
    axes.set_title("One worker, one task at a time, tasks that do nothing")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    figure.savefig(path, dpi=150)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=",".join(PEERS), help="names, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=8, help="the longest a figure may take")
    parser.add_argument("--patience", type=float, default=75, help="seconds to wait after a kill")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--chart", type=Path, help="draw one worker's ratios here")
    parser.add_argument("--logs", type=Path, help="keep what the workers say in this folder")
    options = parser.parse_args()
    options.peers = [name for name in PEERS if name in options.peers.split(",")]
    if not options.peers or options.tasks < 50 or options.rounds < 1:
        parser.error(f"peers are {', '.join(PEERS)}; at least 50 tasks and one round")
    return options


def _leave(*_: object) -> None:
    raise SystemExit(143)  # through every `finally` on the way: no process is left behind


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    if options.logs:
        options.logs.mkdir(parents=True, exist_ok=True)
        options.logs = options.logs.resolve()
    with (
        tempfile.TemporaryDirectory() as scratch,
        running("redis", Path(scratch)) as server,
    ):
        bench = Bench(
            server,
            Path(scratch),
            options.tasks,
            options.seconds,
            options.patience,
            options.logs,
        )
        results = compare(bench, options.peers, options.rounds)
    print(f"\n{table(results)}\n\n{notes(results)}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))
    if options.chart:
        chart(results, options.chart)


if __name__ == "__main__":
    main()
