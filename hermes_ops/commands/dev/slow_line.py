"""A slow line: a proxy on loopback in front of one address, which delays all bytes both ways."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BLOCK = 65536
_Delayed = queue.SimpleQueue[tuple[float, bytes]]


@contextmanager
def slow_line(address: tuple[str, int], round_trip: float) -> Iterator[int]:
    """Yield the port on 127.0.0.1 that leads to the address; a round trip takes these seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, address, round_trip), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts


def _serve(server: socket.socket, address: tuple[str, int], round_trip: float) -> None:
    with suppress(OSError):
        while True:
            near, _ = server.accept()
            far = socket.create_connection(address)
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, target in ((near, far), (far, near)):
                _carry(source, target, round_trip / 2)


def _carry(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """Carry what one says to the other, each piece as much later."""
    under_way: _Delayed = queue.SimpleQueue()
    for work in (_take, _bring):
        threading.Thread(
            target=work, args=(source, target, under_way, seconds), daemon=True
        ).start()


def _take(source: socket.socket, _: socket.socket, under_way: _Delayed, seconds: float) -> None:
    data = b"begin"
    while data:
        try:
            data = source.recv(BLOCK)
        except OSError:
            data = b""
        under_way.put((time.monotonic() + seconds, data))


def _bring(_: socket.socket, target: socket.socket, under_way: _Delayed, _seconds: float) -> None:
    with suppress(OSError):
        while True:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
