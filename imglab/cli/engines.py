"""What `--engine` means: the same tasks on Celery or Dask, in place of imglab's own queue."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imglab.cli.common import redis_address
from imglab.errors import ImglabError
from imglab.language import tr, tr_count
from imglab.queues.vocabulary import Status
from imglab.text import shown

if TYPE_CHECKING:
    from imglab.engines import Engine
    from imglab.queues.batches import BatchTask
    from imglab.workers import WorkerSpec

#: What the queue of this project is called among the engines.
OURS = "imglab"
#: The engine whose workers have limits on the tasks and on the time of each.
CELERY = "celery"
OnEngine = Annotated[
    str,
    typer.Option("--engine", help=tr("imglab, its own queue; or celery or dask, extras both.")),
]
Manifest = Annotated[
    Path | None, typer.Option(help=tr("With --engine: what became of each; else NAME.jsonl."))
]
Patience = Annotated[
    float, typer.Option(min=0.1, help=tr("With --engine: seconds without any result."))
]
#: Seconds without any result, after which nobody waits for more.
PATIENCE_S = 300.0
#: Where Dask's scheduler is, if it is not on this machine.
DASK_VARIABLE = "IMGLAB_DASK"
#: How each line of a manifest begins.
BEGINNING = b'{"at": '


def check_options(engine: str, ours_only: Mapping[str, Any]) -> None:
    """Raise ImglabError for an engine that there is not, and for an option that it has not."""
    from imglab.engines import check_engine

    check_engine(engine)
    for option, value in ours_only.items():
        if value:
            raise ImglabError(
                tr(
                    "{option} is of imglab's own queue, and {engine} has none of it: leave it out.",
                    option=option,
                    engine=engine,
                )
            )


def submit_to(
    engine: str,
    name: str,
    tasks: Iterable[BatchTask],
    path: Path,
    *,
    patience: float,
    queue: str,
    namespace: str,
) -> None:
    """Have all tasks done that the manifest in `path` does not tell of as completed; add to it.

    Engines keep no batches: who submits waits for the results, and the manifest is what is known.
    """
    from imglab.engines import open_engine
    from imglab.queues.batches import check_batch_name, task_id_in

    check_batch_name(name)
    done = _completed(path)
    total = 0
    new: list[tuple[str, BatchTask]] = []
    for task in tasks:
        total += 1
        task_id = task_id_in(name, 0, task.key)
        if task_id not in done:
            new.append((task_id, task))
            done.add(task_id)  # a photograph that is named twice is one task
    if not total:
        raise ImglabError(tr("There is no photograph. Nothing was sent."))
    with open_engine(engine, address_of(engine), queue, namespace) as opened:
        typer.echo(
            tr_count(
                "{name}: {count:,} photographs found, {new:,} of them to do.",
                "{name}: {count:,} photographs found, {new:,} of them to do.",
                total,
                name=name,
                new=len(new),
            )
        )
        _run(opened, name, new, path, patience)


def _run(
    engine: Engine, name: str, tasks: list[tuple[str, BatchTask]], path: Path, patience: float
) -> None:
    from rich.console import Console

    from imglab.batches.report import REASONS, as_plain
    from imglab.engines import follow
    from imglab.engines.reasons import reason_in_words

    counts = Counter[str]()
    failed: list[str] = []
    # On a terminal alone, and gone before the next line.
    status = Console(stderr=True).status(_so_far(0, len(tasks)))
    with path.open("a", encoding="utf-8") as file:
        try:
            with status:
                for ending in follow(engine, tasks, patience):
                    file.write(f"{json.dumps(as_plain(ending), ensure_ascii=False)}\n")
                    file.flush()
                    counts[ending.status] += 1
                    if ending.status == Status.FAILED:
                        reason = reason_in_words(ending.reason)
                        failed.append(f"  {shown(ending.label)}: {shown(reason)}")
                    status.update(_so_far(counts.total(), len(tasks)))
        finally:
            _tell(name, len(tasks), counts, failed[:REASONS], path)


def _so_far(ended: int, total: int) -> str:
    return tr("{ended:,} of {total:,} ended …", ended=ended, total=total)


def _tell(name: str, total: int, counts: Counter[str], failed: list[str], path: Path) -> None:
    figures = {
        "name": name,
        "ended": counts.total(),
        "total": total,
        "completed": counts[Status.COMPLETED],
        "failed": counts[Status.FAILED],
        "cancelled": counts[Status.CANCELLED],
    }
    words = tr(
        "{name}: {ended:,} of {total:,} ended: {completed:,} completed, {failed:,} failed.",
        **figures,
    )
    if counts[Status.CANCELLED]:
        words = tr(
            "{name}: {ended:,} of {total:,} ended: {completed:,} completed, {failed:,} failed, "
            "{cancelled:,} cancelled.",
            **figures,
        )
    typer.echo(words)
    for line in failed:
        typer.echo(line)
    typer.echo(tr("What became of each stands in {path}.", path=shown(path)))


def _completed(path: Path) -> set[str]:
    """The tasks that a manifest tells of as completed; none where there is no such file.

    A last line without an end, as a full disk or a `kill -9` leaves it, is cut off.
    """
    if not path.exists():
        return set()
    content = path.read_bytes()
    whole, newline, rest = content.rpartition(b"\n")
    lines = [_read_line(path, line) for line in whole.splitlines()]
    if not BEGINNING.startswith(rest[: len(BEGINNING)]):
        raise _no_manifest(path)
    if rest:
        os.truncate(path, len(whole + newline))
    return {task for task, status in lines if status == Status.COMPLETED}


def _read_line(path: Path, line: bytes) -> tuple[str, str]:
    """Task and status, as a line of a manifest has them."""
    try:
        found = json.loads(line)
        return str(found["task"]), str(found["status"])
    except (ValueError, KeyError, TypeError):
        raise _no_manifest(path) from None


def _no_manifest(path: Path) -> ImglabError:
    return ImglabError(
        tr(
            "{path} is no manifest of a batch, and was left as it is. Nothing was sent; name "
            "another file with --manifest.",
            path=path,
        )
    )


def work_for(
    engine: str,
    spec: WorkerSpec,
    workers: int,
    time_limit: float | None,
    queue: str,
    namespace: str,
) -> None:
    """Be workers of an engine until a signal."""
    address = address_of(engine)
    if engine == CELERY:
        from imglab.engines import with_celery

        if time_limit is None:
            time_limit = with_celery.TIME_LIMIT_S
        app = with_celery.celery_app(address, queue, namespace, time_limit=time_limit)
        with_celery.work(spec, app, workers)
    else:
        from imglab.engines import with_dask

        logging.getLogger("distributed").setLevel(logging.WARNING)
        with_dask.work(spec, address, workers)


def address_of(engine: str) -> str:
    """Where an engine's broker or scheduler is."""
    if engine == CELERY:
        return redis_address()
    from imglab.engines.with_dask import ADDRESS

    return os.environ.get(DASK_VARIABLE, ADDRESS)
