"""The command of a queue's figures, and the options of a worker's own."""

from __future__ import annotations

from typing import Annotated

import typer

from imglab.cli.common import QUEUE, Name, Namespace, app, open_queue
from imglab.language import tr

#: The port of a queue's figures: none that another exporter is known to have.
PORT = 9469

#: Where figures are served unless somebody names another address.
LOCALHOST = "127.0.0.1"
MetricsPort = Annotated[
    int | None,
    typer.Option(help=tr("Serve its figures at http://HOST:PORT/metrics, its health at /healthz.")),
]
MetricsHost = Annotated[
    str, typer.Option(help=tr("The address to serve them at; 0.0.0.0 for every machine that asks."))
]


@app.command(
    help=tr(
        "Serve the figures of a queue for Prometheus at /metrics, until Ctrl-C.\n\n"
        "How many tasks are where, what ended how, how long tasks waited and ran, workers, "
        "deaths. One such process a queue is enough, with the rights of a viewer (imglab users). "
        "/healthz answers 200, or 503 with the reason when Redis is away or a worker is stuck.\n\n"
        "Example: imglab metrics --port 9469"
    )
)
def metrics(
    port: Annotated[int, typer.Option(help=tr("The port; 0 for any that is free."))] = PORT,
    host: MetricsHost = LOCALHOST,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Serve the figures of a queue, until Ctrl-C."""
    import signal

    from imglab.ops.metrics.of_queue import serve_queue

    with open_queue(queue, namespace) as tasks:
        address = serve_queue(tasks, port, host).address
        words = tr(
            "The figures of {queue}: {address}/metrics, its health: {address}/healthz",
            queue=queue,
            address=address,
        )
        typer.echo(words)
        while True:
            signal.pause()
