"""The slow line of dev.bench: what it carries is late, and whole."""

from __future__ import annotations

import socket
import threading
import time

from hermes_ops.commands.dev.slow_line import slow_line


def test_a_round_trip_takes_its_time() -> None:
    """All bytes arrive as they were sent, each way after half of the time; the end arrives, too."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data.upper())

        threading.Thread(target=answer, daemon=True).start()
        with (
            slow_line(server.getsockname()[:2], 0.06) as port,
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            for text in (b"one", b"two"):
                began = time.monotonic()
                client.sendall(text)
                assert client.recv(100) == text.upper()
                assert time.monotonic() - began >= 0.06
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""
