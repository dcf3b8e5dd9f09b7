"""The command that adds tasks for photographs, and which of its options go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from imglab.cli.common import (
    QUEUE,
    STDIN,
    AsJson,
    Filters,
    Name,
    Namespace,
    app,
)
from imglab.cli.engines import OURS, PATIENCE_S, Manifest, OnEngine, Patience
from imglab.cli.options import check_needs, check_together
from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues.vocabulary import NORMAL, PRIORITIES


@app.command(
    help=tr(
        "Add a task for each image; a worker writes the result into its output folder.\n\n"
        "With --batch each is added once: the same line again adds only what is new or changed."
        "\n\n"
        "Example: imglab submit images/*.jpg --filters blur:radius=3,edges"
    )
)
def submit(
    files: Annotated[
        list[str],
        typer.Argument(
            help=tr(
                "Images to filter, or their addresses; with --batch folders, too, or - for stdin."
            )
        ),
    ],
    filters: Filters = "",
    batch: Annotated[
        str, typer.Option(help=tr("A name for all of them: `imglab batch NAME` tells of it."))
    ] = "",
    keep_folders: Annotated[
        bool, typer.Option(help=tr("With --batch: results in folders as their photographs."))
    ] = False,
    contact_sheet: Annotated[
        bool, typer.Option(help=tr("With --batch: at its end, some of the results on one sheet."))
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help=tr("Names on stdin end with NUL: find -print0."))
    ] = False,
    to: Annotated[
        str, typer.Option(help=tr("Where results go, such as s3://BUCKET/FOLDER/."))
    ] = "",
    carry: Annotated[
        bool,
        typer.Option(help=tr("Let Redis carry picture and result, for an hour: no shared folder.")),
    ] = False,
    priority: Annotated[
        str, typer.Option(help=tr("One of {priorities}.", priorities=", ".join(PRIORITIES)))
    ] = NORMAL,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, help=tr("Tries of these tasks, if not the queue's."))
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help=tr("Seconds to wait for room, where the queue is full."))
    ] = 0,
    resume: Annotated[
        str, typer.Option(help=tr("What a submit said that stopped half-way: adds only the rest."))
    ] = "",
    engine: OnEngine = OURS,
    manifest: Manifest = None,
    patience: Patience = PATIENCE_S,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Add a task for each image, or for each of a batch."""
    given = {
        "--batch": batch,
        "--keep-folders": keep_folders,
        "--contact-sheet": contact_sheet,
        "--null": null,
        "--to": to,
        "--carry": carry,
        "--resume": resume,
        "--engine": engine != OURS,
        "--manifest": manifest is not None,
        "--patience": patience != PATIENCE_S,
    }
    _check_given(files, given)
    if engine != OURS:
        from imglab.cli.submit_batch import submit_on_engine

        submit_on_engine(
            engine,
            {
                "--contact-sheet": contact_sheet,
                "--carry": carry,
                "--resume": resume,
                "--wait": wait,
                "--max-attempts": max_attempts,
                "--priority": priority != NORMAL,
                "--json": as_json,
            },
            files,
            batch,
            filters=filters,
            keep_folders=keep_folders,
            to=to,
            ends_with_null=null,
            manifest=manifest,
            patience=patience,
            queue=queue,
            namespace=namespace,
        )
        return
    if batch:
        from imglab.cli.submit_batch import submit_batch

        submit_batch(
            files,
            batch,
            filters=filters,
            keep_folders=keep_folders,
            contact_sheet=contact_sheet,
            to=to,
            ends_with_null=null,
            priority=priority,
            max_attempts=max_attempts,
            wait=wait,
            queue=queue,
            namespace=namespace,
            as_json=as_json,
        )
        return
    from imglab.cli.submit_files import submit_files

    submit_files(
        files,
        filters=filters,
        to=to,
        carry=carry,
        priority=priority,
        max_attempts=max_attempts,
        wait=wait,
        resume=resume,
        queue=queue,
        namespace=namespace,
        as_json=as_json,
    )


def _check_given(files: list[str], given: Mapping[str, object]) -> None:
    """Refuse what was given and means nothing for these tasks, before anything is done."""
    if given["--carry"] and given["--batch"]:
        raise ImglabError(tr("Redis carries single pictures, no batches: leave --carry out."))
    if given["--carry"] and given["--to"]:
        raise ImglabError(tr("With --carry the result comes back through Redis: leave --to out."))
    if not given["--engine"]:
        check_needs({name: given[name] for name in ("--manifest", "--patience")}, "--engine NAME")
    if given["--batch"]:
        check_together({name: given[name] for name in ("--batch", "--resume")})
    elif not given["--engine"]:  # which says itself that it needs a batch
        names = ("--keep-folders", "--contact-sheet", "--null")
        on_stdin = {STDIN: STDIN in files}
        check_needs(on_stdin | {name: given[name] for name in names}, "--batch NAME")
    if STDIN not in files:
        check_needs({"--null": given["--null"]}, STDIN)
