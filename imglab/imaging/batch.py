"""Many photographs on one machine: one after the other, in threads, or in processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from imglab.errors import FilterError, ImageError, ImagingError, ImglabError
from imglab.imaging.base_filter import BaseFilter, Spec
from imglab.imaging.files import open_image
from imglab.imaging.frames import film_of
from imglab.imaging.kinds import FORMATS, check_fits, format_of
from imglab.imaging.normal import shown
from imglab.imaging.pipeline import FilterPipeline
from imglab.imaging.progress import follow
from imglab.imaging.writing import AS_THE_SOURCE
from imglab.language import tr
from imglab.storage.names import fitting
from imglab.storage.whole_file import write_whole

Mode = Literal["sequential", "threads", "processes"]
Source = str | Path | Iterable[str | Path]
Job = tuple[Path, Path]

#: A new process imports the main script again; without the guard it would start the batch again.
DIED = tr(
    "Cannot filter {path}: a process died first (a script needs `if __name__ == '__main__':`)"
)


@dataclass(frozen=True)
class Outcome:
    """What became of one photograph: what went wrong, or None; what else somebody should know."""

    reason: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class BatchReport:
    """What became of a batch: files written, and input file → what went wrong, in input order.

    `notes` says of input files what their results do not show, such as frames that were dropped;
    `skipped` what else lay in the folder, and why it was not taken.
    """

    done: tuple[Path, ...]
    failures: Mapping[Path, str]
    seconds: float
    notes: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    skipped: Mapping[Path, str] = field(default_factory=dict)

    def __str__(self) -> str:
        total = len(self.done) + len(self.failures)
        lines = [
            tr(
                "{done} of {total} images done in {seconds:.2f} s",
                done=len(self.done),
                total=total,
                seconds=self.seconds,
            )
        ]
        lines += self.failures.values()
        lines += [f"{path}: {', '.join(notes)}" for path, notes in self.notes.items()]
        lines += [
            tr("{path} was left out: {reason}", path=path, reason=reason)
            for path, reason in self.skipped.items()
        ]
        return "\n  ".join(lines)


@dataclass(frozen=True, init=False)
class BatchProcessor:
    """Sends photographs through a pipeline, several at a time in threads or processes.

    Takes a pipeline, or what `FilterPipeline` takes. ImagingError for a mode that does not exist or
    does not go with so many workers; FilterError for what is no filter, and for one that another
    process could not import.
    """

    pipeline: FilterPipeline
    workers: int = 1
    mode: Mode = "sequential"

    def __init__(
        self,
        pipeline: Iterable[BaseFilter | Spec],
        workers: int = 1,
        mode: Mode = "sequential",
    ) -> None:
        _check_mode(workers, mode)
        object.__setattr__(self, "pipeline", FilterPipeline(pipeline))
        object.__setattr__(self, "workers", workers)
        object.__setattr__(self, "mode", mode)
        if self.mode == "processes":
            self._check_importable()

    def _check_importable(self) -> None:
        """A new process imports modules; it sees no notebook cell and no inside of a function."""
        for kind in {type(each) for each in self.pipeline}:
            home = sys.modules.get(kind.__module__)
            if kind.__module__ == "__main__" or getattr(home, kind.__name__, None) is not kind:
                raise FilterError(
                    tr("{name}: for processes, the class must be in a module", name=kind.name)
                )

    def process(
        self, source: Source, output_dir: str | Path, *, progress: bool = False
    ) -> BatchReport:
        """Filter the photographs of a folder, or those listed, into another folder.

        One that fails is reported, and the rest go on; of two called cat.jpg, the second becomes
        cat-2.jpg. ImageError where a result would overwrite a photograph, and for what is no
        folder.
        """
        started = time.perf_counter()
        jobs, skipped = _jobs(source, _as_path(output_dir))
        outcomes: Iterable[tuple[Job, Outcome]] = zip(jobs, self._outcomes(jobs), strict=True)
        if progress:
            outcomes = follow(outcomes, total=len(jobs))
        results = list(outcomes)
        return BatchReport(
            done=tuple(target for (_, target), each in results if each.reason is None),
            failures={path: each.reason for (path, _), each in results if each.reason is not None},
            seconds=time.perf_counter() - started,
            notes={path: each.notes for (path, _), each in results if each.notes},
            skipped=skipped,
        )

    def _outcomes(self, jobs: list[Job]) -> Iterator[Outcome]:
        """What became of each of the jobs, in their order."""
        work = partial(_work, self.pipeline)
        if self.mode == "sequential":
            yield from map(work, jobs)
            return
        pool = self._pool()
        pending: list[futures.Future[Outcome]] = []
        try:
            with suppress(futures.BrokenExecutor):  # a pool may break before all is submitted
                pending.extend(pool.submit(work, job) for job in jobs)
            for (path, _), future in zip(jobs, pending, strict=False):
                if isinstance(future.exception(), futures.BrokenExecutor):
                    yield Outcome(DIED.format(path=path))
                else:
                    yield future.result()
            yield from (Outcome(DIED.format(path=path)) for path, _ in jobs[len(pending) :])
        finally:
            pool.shutdown(cancel_futures=True)  # interrupted, it does not run to the end

    def _pool(self) -> futures.Executor:
        if self.mode == "threads":
            return futures.ThreadPoolExecutor(self.workers)
        from multiprocessing import get_context  # noqa: PLC0415 - slow, and seldom wanted

        # Not fork: a notebook's kernel has threads, and a fork of it may hang for ever.
        return futures.ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))


def _check_mode(workers: int, mode: str) -> None:
    is_whole = isinstance(workers, int) and not isinstance(workers, bool)
    is_mode = isinstance(mode, str) and mode in get_args(Mode)
    if is_whole and is_mode:
        is_alone = workers == 1
        is_many = workers > 1 and mode != "sequential"
        if is_alone or is_many:
            return
    modes = tr("sequential (1 worker), threads or processes")
    raise ImagingError(
        tr(
            "{mode!r} with {workers} workers: choose {modes}",
            mode=mode,
            workers=shown(workers),
            modes=modes,
        )
    )


def _as_path(value: object) -> Path:
    """A path that somebody gave. ImageError for anything else."""
    if not isinstance(value, str | PathLike):
        raise ImageError(
            tr(
                "{value} is no path: photographs come as a folder or a list of files, and their "
                "results need a folder.",
                value=shown(value),
            )
        )
    return Path(value)


def _jobs(source: Source, folder: Path) -> tuple[list[Job], dict[Path, str]]:
    """Each photograph with the file for its result, no two of them the same; what was left out."""
    skipped: dict[Path, str] = {}
    if not isinstance(source, str | Path) and isinstance(source, Iterable):
        paths = list(dict.fromkeys(map(_as_path, source)))
    elif _as_path(source).is_dir():
        paths = []
        for path in sorted(_as_path(source).iterdir()):
            reason = _why_skip(path)
            if reason:
                skipped[path] = reason
            else:
                paths.append(path)
    else:
        raise ImageError(
            tr("{source} is not a folder; single photographs come in a list", source=source)
        )
    if folder.resolve() in {path.parent.resolve() for path in paths}:
        raise ImageError(
            tr("{folder} holds the photographs; their results need another folder", folder=folder)
        )
    targets: dict[str, Path] = {}  # by lower-case name: not every disk tells Cat.jpg from cat.jpg
    for path in paths:
        numbered = (fitting(path.stem, f"-{n}{path.suffix}") for n in count(2))
        names = chain([path.name], numbered)
        name = next(name for name in names if name.lower() not in targets)
        targets[name.lower()] = folder / name
    return list(zip(paths, targets.values(), strict=True)), skipped


def _why_skip(path: Path) -> str:
    """Why an entry of a folder is not taken for a photograph; an empty text if it is taken."""
    if path.name.startswith("._"):
        return tr("what macOS notes about another file")
    if path.is_dir():
        return tr("a folder")
    if path.suffix.lower() not in FORMATS:
        return tr("its name ends in none of {endings}", endings=", ".join(FORMATS))
    return ""


def _work(pipeline: FilterPipeline, job: Job) -> Outcome:
    """Filter one photograph; runs here, in a thread or in another process."""
    path, target = job
    try:
        return _filtered(pipeline, path, target)
    except ImglabError as error:
        return Outcome(str(error))
    except Exception as error:  # noqa: BLE001 - whatever one photograph raises, the rest go on
        return Outcome(tr("Cannot filter {path}: {error!r}", path=path, error=error))


def _filtered(pipeline: FilterPipeline, path: Path, target: Path) -> Outcome:
    image = open_image(path)
    check_fits(target, image.size)  # before the work
    image_format = format_of(target)
    film = film_of(path, image, image_format).each(pipeline.apply)
    write = partial(film.write, image_format=image_format, quality=AS_THE_SOURCE)
    write_whole(target, write, spelled=str(target))
    return Outcome(None, tuple(film.notes(image_format)))
