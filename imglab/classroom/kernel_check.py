"""Whether a notebook's kernel starts on this machine, and moves a live view: without a browser."""

from __future__ import annotations

import subprocess
from typing import Any

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr

#: What the kernel runs: a live view that moves for a moment.
CODE = """
import time
from imglab.views.live_view import Live
with Live(lambda: "it moves"):
    time.sleep(0.6)
"""
#: How long the kernel may take to start, and to run the code; in seconds.
TIMEOUT_S = 60


def pictures() -> int:
    """Start a kernel, let it draw a live view, and end it; return how often it drew.

    ImglabError when it drew nothing, or raised an error; RuntimeError when it did not start.
    """
    need("lab", "jupyter_client", "ipykernel")
    from jupyter_client.manager import start_new_kernel  # noqa: PLC0415 - only who looks needs it

    nowhere = subprocess.DEVNULL  # what a kernel prints when it starts is for nobody
    manager, client = start_new_kernel(TIMEOUT_S, stdout=nowhere, stderr=nowhere)
    drawn = 0

    def count(message: dict[str, Any]) -> None:
        nonlocal drawn
        if message["msg_type"] == "update_display_data":
            drawn += 1

    try:
        reply = client.execute_interactive(CODE, timeout=TIMEOUT_S, output_hook=count)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    content = reply["content"]
    if content["status"] != "ok":
        raise ImglabError(
            tr(
                "A notebook cannot draw here: {kind}: {reason}",
                kind=content["ename"],
                reason=content["evalue"],
            )
        )
    if not drawn:
        raise ImglabError(tr("A notebook's kernel runs here, but what it draws does not arrive."))
    return drawn
