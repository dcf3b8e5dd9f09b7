"""A proxy in front of Redis that cuts each connection after a drawn number of bytes."""

from __future__ import annotations

import math
import random
import socket
import struct
import threading
from contextlib import suppress

#: How many bytes pass through a connection, both ways, before it is cut; from … to …
BYTES = (1, 400_000)
#: How much is passed on at a time, in bytes.
PIECE = 65_536
#: What makes close() send a reset in place of an orderly end (SO_LINGER: on, 0 s).
RESET = struct.pack("ii", 1, 0)


class _Line:
    """One connection through the proxy, and how many bytes may still pass."""

    def __init__(self, client: socket.socket, server: socket.socket, *, is_rude: bool) -> None:
        self.ends = (client, server)
        self.is_rude = is_rude
        self.left = math.inf
        self.was_cut = False
        self._lock = threading.Lock()

    def allow(self, wanted: int) -> int:
        """How many of so many bytes may pass; they count as passed."""
        with self._lock:
            allowed = int(min(wanted, self.left))
            self.left -= allowed
            return allowed

    def close(self) -> None:
        """End both ends, in the middle of whatever passes."""
        for end in self.ends:
            with suppress(OSError):
                if self.is_rude:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                # It wakes the thread that reads from this end.
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Cutter:
    """Passes bytes on between its port and a server's; while `is_cutting`, not all of them."""

    def __init__(self, port: int, seed: int) -> None:
        self._server_port = port
        self._dice = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0
        self._is_cutting = False
        self._lines: set[_Line] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Cutter:
        threading.Thread(target=self._listen, name="cutter", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # A shutdown wakes the thread that accepts; not every system allows it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in list(self._lines):
            line.close()

    def cut_from_now(self) -> None:
        """Begin to cut: also what is connected now gets its number of bytes."""
        self._is_cutting = True
        with self._lock:
            for line in self._lines:
                line.left = self._draw()

    def spare_from_now(self) -> None:
        """Cut no more."""
        self._is_cutting = False
        with self._lock:
            for line in self._lines:
                line.left = math.inf

    def _draw(self) -> float:
        """A number of bytes: each order of magnitude is as likely as the next."""
        least, most = BYTES
        return int(math.exp(self._dice.uniform(math.log(least), math.log(most))))

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                if self._listener.fileno() == -1:
                    return  # closed
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                client.close()
                continue
            self._connect(client, server)

    def _connect(self, client: socket.socket, server: socket.socket) -> None:
        for end in (client, server):
            with suppress(OSError):  # it has hung up
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            line = _Line(client, server, is_rude=self._dice.random() < 0.5)
            if self._is_cutting:
                line.left = self._draw()
            self._lines.add(line)
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(line, source, target), daemon=True).start()

    def _pump(self, line: _Line, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                allowed = line.allow(len(piece))
                target.sendall(piece[:allowed])
                if allowed < len(piece):
                    line.was_cut = True
                    break
        with self._lock:
            if line not in self._lines:
                return
            self._lines.discard(line)
            self.cuts += line.was_cut
        line.close()
