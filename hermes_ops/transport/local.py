"""This machine as a host: /bin/sh with as small an environment as a login over SSH has."""

from __future__ import annotations

import os
import pwd
import secrets
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from hermes_ops.errors import CommandError, Unknown, Unreachable
from hermes_ops.inventory.model import Host
from hermes_ops.transport.base import Session, Stream
from hermes_ops.transport.become import become, line_for, on_terminal, opening, receiving, sent
from hermes_ops.transport.session import FramedShell
from hermes_ops.transport.streams import Pipes
from hermes_ops.transport.unheard import refuse_unheard
from hermes_ops.wire import OnRecord, Reader, Reply, Script

if TYPE_CHECKING:
    from hermes_ops.transport.terminal import Remote

KEPT: Final = (
    "HOME", "PATH", "PIP_CERT", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL",
    "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE",
)  # fmt: skip
"""Variables that a local shell inherits: home, path, and how pip reaches its index."""


def environment() -> dict[str, str]:
    """Return the environment of a local shell, without other variables of an agent or CI runner."""
    account = pwd.getpwuid(os.getuid())
    own = {"HOME": account.pw_dir, "PATH": os.defpath, "USER": account.pw_name}
    kept = {name: os.environ[name] for name in KEPT if os.environ.get(name)}
    return {**own, "LOGNAME": account.pw_name, **kept}


class Local:
    """This machine as a host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.exchanges = 0

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Run the script in a session of its own, so that Ctrl-C here does not interrupt it."""
        self.exchanges += 1
        reader = Reader(script.nonce, on_record)
        shell = subprocess.Popen(
            ["/bin/sh", "-c", line_for(self.host, script)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(), cwd="/", start_new_session=True,
        )  # fmt: skip
        # After its deadline the script goes on, as on a host whose connection was lost.
        with _closing(shell):
            _converse(
                shell,
                sent(self.host, script),
                reader,
                timeout or self.host.connection.exchange_timeout,
            )
            code = shell.wait()
        # Without another user there is nothing between us and the shell.
        if self.host.hermes.user and not reader.heard:
            refuse_unheard(self.host, reader.said, code)
        return reader.reply()

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file under the home, atomically."""
        words = self._words(receiving(target, source.stat().st_size))
        with source.open("rb") as content:
            before = opening(self.host)
            given = {"input": before + content.read()} if before else {"stdin": content}
            ended = subprocess.run(
                words, **given, capture_output=True, env=environment(), cwd="/", check=False
            )
        if ended.returncode:
            raise CommandError(f"~/{target} cannot be written on this machine")

    def _words(self, command: str = "/bin/sh") -> list[str]:
        return ["/bin/sh", "-c", become(self.host, command)]

    def session(self) -> Session:
        """Open a long-lived shell."""
        pipes = Pipes(self._words(), environment())
        return FramedShell(pipes, partial(refuse_unheard, self.host), opening(self.host))

    def terminal(self, command: str) -> Remote:
        """Run a command on a terminal of its own."""
        from hermes_ops.transport.terminal import begun, forked

        term = {"TERM": os.environ.get("TERM", "vt100")}
        asks, begins = secrets.token_hex(8), secrets.token_hex(8)
        words = ["/bin/sh", "-c", on_terminal(self.host, command, asks, begins)]
        return begun(forked(words, environment() | term), self.host, asks, begins)

    def forward(self, port: int) -> Stream:
        """Open a connection to a port of the loopback."""
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError as error:
            raise Unreachable(f"port {port} of this machine: {error}", kind="refused") from error

    @property
    def is_lost(self) -> bool:
        """There is no connection that could end."""
        return False

    def close(self) -> None:
        """Do nothing: there is no connection to close."""


@contextmanager
def _closing(shell: subprocess.Popen[bytes]) -> Iterator[None]:
    """Close our ends of a shell's pipes, however the block ends."""
    try:
        yield
    finally:
        for pipe in (shell.stdin, shell.stdout):
            with suppress(OSError):
                assert pipe  # noqa: S101 - both are pipes
                pipe.close()


def _converse(
    shell: subprocess.Popen[bytes], script: bytes, reader: Reader, timeout: float
) -> None:
    assert shell.stdin and shell.stdout  # noqa: S101 - both are pipes
    until = time.monotonic() + timeout
    data = memoryview(script)
    os.set_blocking(shell.stdin.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(shell.stdout, selectors.EVENT_READ)
        selector.register(shell.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready or time.monotonic() > until:
                raise Unknown(
                    f"no answer within {timeout:.0f} s", kind="timeout", hint="run it again"
                )
            for key, _ in ready:
                if key.fileobj is shell.stdin:
                    data = _send(shell, selector, data)
                elif chunk := os.read(key.fd, 65536):
                    reader.feed(chunk)
                else:
                    selector.unregister(shell.stdout)


def _send(
    shell: subprocess.Popen[bytes], selector: selectors.BaseSelector, data: memoryview
) -> memoryview:
    assert shell.stdin  # noqa: S101 - it is a pipe
    try:
        data = data[os.write(shell.stdin.fileno(), data[:65536]) :]
    except BrokenPipeError:
        data = data[:0]
    if not data:
        selector.unregister(shell.stdin)
        shell.stdin.close()
    return data
