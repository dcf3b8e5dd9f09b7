"""A store that fails as a test asks it to: a web server in a thread, which obstore takes for S3."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: A change of each file, as HTTP writes it.
CHANGED = "Thu, 26 Nov 2026 10:00:00 GMT"


class FaultyStore:
    """What it answers, by the method of a request; by default a file of `body`."""

    def __init__(self) -> None:
        self.body = b"x" * 100_000
        #: Method → status of its answer.
        self.status: dict[str, int] = {}
        #: What a body of an error says.
        self.words = "<Error><Code>Odd</Code></Error>"
        #: Bytes of a body after which the connection is cut, and after which nothing comes.
        self.cut_after: int | None = None
        self.stop_after: int | None = None
        #: What the head says of the length; None for the truth.
        self.announced: int | None = None
        #: How often the file changes, each time when it was asked for.
        self.changes = 0
        #: Whether there is a file, so that none can be created; whether conditions are unknown.
        self.has_file = False
        self.has_no_conditions = False
        self.asked: Counter[str] = Counter()
        self.puts: list[bytes] = []
        self.is_over = threading.Event()

    @property
    def version(self) -> int:
        return min(self.asked.total(), self.changes + 1)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: FaultyStore

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        store = self.store
        store.asked[self.command] += 1
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = store.status.get(self.command, self.status_of_condition())
        if status == 200 and self.command == "PUT":
            store.puts.append(sent)
        body = store.body
        if status != 200:
            body = store.words.encode()
        elif self.command == "PUT":
            body = b""
        begin = 0
        wanted = self.headers.get("Range", "")
        if wanted and status == 200:
            begin = int(wanted.removeprefix("bytes=").partition("-")[0])
            status = 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        self.send_header("ETag", f'"{store.version}"')
        self.send_header("Last-Modified", CHANGED)
        self.send_header("Content-Length", str(store.announced or len(body) - begin))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(body[begin:])

    do_GET = do_HEAD = do_PUT = answer  # noqa: N815

    def status_of_condition(self) -> int:
        if self.command == "PUT" and self.headers.get("If-None-Match"):
            if self.store.has_file:
                return 412
            if self.store.has_no_conditions:
                return 501
        return 200

    def send_body(self, body: bytes) -> None:
        store = self.store
        end = store.cut_after
        if end is None:
            end = store.stop_after
        if end is None or self.command == "PUT":
            self.wfile.write(body)
            return
        self.wfile.write(body[:end])
        self.wfile.flush()
        if store.stop_after is not None:
            store.is_over.wait(60)
        self.close_connection = True
        self.connection.close()


@contextmanager
def faulty_store() -> Iterator[tuple[FaultyStore, str]]:
    """A store that does what it is told, and its address."""
    store = FaultyStore()
    handler = type("Handler", (_Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store, f"http://127.0.0.1:{server.server_port}"
    finally:
        store.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
