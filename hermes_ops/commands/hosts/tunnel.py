"""`hosts.tunnel`: let a port of this machine lead to a profile's service, until Ctrl-C."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NoReturn

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.hosts.one_host import connection, open_one
from hermes_ops.errors import HermesError, Interrupted, Unreachable, UsageError
from hermes_ops.hermes import platforms
from hermes_ops.hermes.ports import number_of
from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.describe import describe
from hermes_ops.transport import Transport
from hermes_ops.transport.base import Stream

MOST = 64
"""Connections at once."""
BLOCK = 65536
LOOK = 0.5
"""Seconds after which a loss of the connection is noticed, whether or not a client has met it."""


def run(options: Options, output: Output, target: str, to: int | None, port: int | None) -> Result:
    """Forward until Ctrl-C, which is how it is meant to end: then the exit code is 0.

    `to`: the port on the host, else that of a gateway's API, or of the URL at which another service
    is ready. `port`: the port of this machine,
    else the same number, or if that is taken any other.

    Raises:
        UsageError: there is no such host or profile, or no port of it is known.
    """
    name, _, profile = target.partition("/")
    workspace, host = open_one(name, options, output)
    there = to or _port(host, profile, workspace.selected.roles)
    with (
        connection(host, workspace, options, output) as transport,
        _listening(port, there) as server,
    ):
        leads = f"http://127.0.0.1:{server.getsockname()[1]} leads to port {there} of {host.name}"
        output.text(f"{leads}; Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            _serve(server, transport, there, output)
    return Result(Interrupted.unless_asked(0))


def _port(host: Host, profile: str, roles: Mapping[str, Role]) -> int:
    """Return the port of a profile; without a name, of the only one that has a port."""
    found = dict(_ports(host, roles))
    if profile and profile not in {each.name for each in host.profiles}:
        raise UsageError(f"{host.name} has no profile {profile!r}", hint="./inv inventory.list")
    if not profile and len(found) == 1:
        return next(iter(found.values()))
    if profile in found:
        return found[profile]
    if profile or not found:
        who = f"{host.name}/{profile}" if profile else host.name
        raise UsageError(f"no port of {who} is known", hint="name its port: --to PORT")
    choices = " or ".join(f"{host.name}/{name}" for name in found)
    raise UsageError(f"several profiles of {host.name} have a port", hint=f"name one: {choices}")


def _ports(host: Host, roles: Mapping[str, Role]) -> Iterator[tuple[str, int]]:
    for profile in host.profiles:
        if port := number_of(describe(profile, roles[profile.role]).url):
            yield profile.name, port
            continue
        known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
        if endpoint := platforms.api_endpoint(profile.config, known):
            yield profile.name, int(endpoint.url.rpartition(":")[2])


@contextmanager
def _listening(port: int | None, wish: int) -> Iterator[socket.socket]:
    try:
        server = socket.create_server(("127.0.0.1", port or wish))
    except OSError as error:
        if port:
            hint = "without --port, a free one is chosen"
            raise UsageError(f"port {port} of this machine: {error.strerror}", hint=hint) from error
        server = socket.create_server(("127.0.0.1", 0))
    with server:
        yield server


def _serve(server: socket.socket, transport: Transport, port: int, output: Output) -> NoReturn:
    """Serve clients until Ctrl-C.

    Raises:
        Unreachable: the connection to the host was lost.
    """
    places = threading.Semaphore(MOST)
    lost: list[Unreachable] = []

    def serve(client: socket.socket) -> None:
        try:
            stream = transport.forward(port)
        except Unreachable as error:
            if error.kind == "lost":
                lost.append(error)
            else:
                output.note(str(error))
        except HermesError as error:
            output.note(f"error: {error}")
        else:
            _carry(client, stream)
        finally:
            client.close()
            places.release()

    server.settimeout(LOOK)
    told = False
    while not lost and not transport.is_lost:
        if not places.acquire(timeout=LOOK):
            if not told:
                output.note(f"{MOST} connections are open: a further one waits until one ends")
            told = True
            continue
        try:
            client, _ = server.accept()
        except TimeoutError:
            places.release()
            continue
        client.settimeout(None)
        threading.Thread(target=serve, args=(client,), daemon=True).start()
    raise (
        lost[0]
        if lost
        else Unreachable("the connection was lost", kind="lost", hint="run it again")
    )


def _carry(client: socket.socket, stream: Stream) -> None:
    """Carry bytes in both directions until both have ended."""
    back = threading.Thread(target=_copy, args=(stream, client), daemon=True)
    back.start()
    _copy(client, stream)
    back.join()
    stream.close()


def _copy(source: Stream | socket.socket, target: Stream | socket.socket) -> None:
    with suppress(OSError, EOFError):
        while data := source.recv(BLOCK):
            target.sendall(data)
    with suppress(OSError, EOFError):
        target.shutdown(socket.SHUT_WR)
