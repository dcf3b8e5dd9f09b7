"""A web server of two pages: /metrics for Prometheus, /healthz for whoever restarts things."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr
from imglab.system_words import system_words
from imglab.text import shown

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

#: Only this machine may ask, unless somebody says other.
LOCAL = "127.0.0.1"
#: How long a client may take to say what it wants, in seconds.
REQUEST_TIMEOUT_S = 10.0
#: The highest number of a port.
MAX_PORT = 65_535
PLAIN = "text/plain; charset=utf-8"


class Pages:
    """The pages: `collector` has the figures, `health` says why all is not well, "" when it is."""

    def __init__(self, collector: Collector, health: Callable[[], str]) -> None:
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

        self._registry = CollectorRegistry()
        self._registry.register(collector)
        # What the system knows of this process: its memory, its processor time, its open files.
        ProcessCollector(registry=self._registry)
        self._health = health
        #: Whoever asks while somebody is served waits: Redis is asked once at a time.
        self._turn = threading.Lock()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """The status, the type and the text of a page."""
        page = path.partition("?")[0]
        if page == "/metrics":
            return HTTPStatus.OK, *self._metrics()
        if page == "/healthz":
            with self._turn:
                reason = self._health()
            if reason:
                return HTTPStatus.SERVICE_UNAVAILABLE, PLAIN, _line(reason)
            return HTTPStatus.OK, PLAIN, _line("ok")
        return HTTPStatus.NOT_FOUND, PLAIN, _line(tr("There are /metrics and /healthz."))

    def _metrics(self) -> tuple[str, bytes]:
        from prometheus_client.exposition import (  # noqa: PLC0415
            CONTENT_TYPE_LATEST,
            generate_latest,
        )

        with self._turn:
            return CONTENT_TYPE_LATEST, generate_latest(self._registry)


class _Handler(BaseHTTPRequestHandler):
    """Answers one client; it logs nothing, for somebody asks every few seconds."""

    server: _Server
    server_version = "imglab"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        try:
            status, kind, body = self.server.pages.answer(self.path)
        except Exception as error:  # anybody may have written what stands in Redis
            logger.exception("The page %s cannot be made", self.path)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            kind = PLAIN
            words = tr(
                "This page cannot be made: {kind}: {error}", kind=type(error).__name__, error=error
            )
            body = _line(words)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    """The server; its threads end with the process."""

    daemon_threads = True
    pages: Pages

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that hangs up in the middle is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class Site:
    """The two pages as they are served; `with site: …` ends it, and so does the process."""

    def __init__(self, server: _Server, address: str, on_close: Callable[[], object]) -> None:
        #: Where it is, such as http://127.0.0.1:9469.
        self.address = address
        self._server = server
        self._on_close = on_close

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Serve no more, and leave the port to others."""
        self._server.shutdown()
        self._server.server_close()
        self._on_close()


def serve(
    collector: Callable[[], Collector],
    health: Callable[[], str],
    port: int,
    host: str = LOCAL,
    on_close: Callable[[], object] = lambda: None,
) -> Site:
    """Serve the two pages from a thread, and return the site; `on_close` is called at its end.

    With port 0 the system chooses one. ImglabError for a port that is taken, or may not be had;
    NotInstalled without prometheus-client.
    """
    need("metrics", "prometheus_client")
    pages = Pages(collector(), health)
    server = _bound(port, host)
    server.pages = pages
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    name = host
    if ":" in host:
        name = f"[{host}]"
    return Site(server, f"http://{name}:{server.server_address[1]}", on_close)


def _bound(port: int, host: str) -> _Server:
    if not 0 <= port <= MAX_PORT:
        raise ImglabError(
            tr("A port is a number from 0 to {most}, not {port}.", most=MAX_PORT, port=port)
        )
    kind = _Server
    if ":" in host:
        kind = _Server6
    try:
        return kind((host, port), _Handler)
    except OSError as error:
        raise ImglabError(_why_not(error, port, host)) from error


def _why_not(error: OSError, port: int, host: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return tr(
            "The port {port} of {host} is taken: name another one for the metrics, or 0 for any "
            "that is free.",
            port=port,
            host=shown(host),
        )
    if error.errno == errno.EACCES:
        return tr(
            "The port {port} of {host} is for the system's own programs: name one from 1024 on.",
            port=port,
            host=shown(host),
        )
    return tr(
        "The metrics cannot be had at port {port} of {host}, for {reason}: name an address of "
        "this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.",
        port=port,
        host=shown(host),
        reason=system_words(error.strerror or str(error)),
    )


def _line(text: str) -> bytes:
    """A text of one line, whatever is in it."""
    return f"{shown(text)}\n".encode(errors="backslashreplace")
