"""`hosts.trust`: show host keys, let a person compare them, and write the accepted ones."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands.look_hosts import shown
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_unreachable
from hermes_ops.errors import (
    HermesError,
    Interrupted,
    Unreachable,
    UsageError,
)
from hermes_ops.inventory.model import Host


def trust(options: Options, output: Output) -> Result:
    """Ask for each host, and accept the keys that were confirmed."""
    workspace = open_workspace(options, output)
    refuse_unreachable(workspace.selected)
    rows, codes = trust_hosts(workspace, options, output)
    result = shown(output, ["host", "fingerprint", "trusted"], rows, codes)
    return items(rows, exit=result.exit)


def trust_hosts(
    workspace: Workspace, options: Options, output: Output
) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Return a row and an exit code for each host that is reached over SSH."""
    rows: list[Mapping[str, Any]] = []
    codes = []
    for host in workspace.selected.hosts:
        if host.connection.kind != "ssh":
            continue
        try:
            row = _trust(host, workspace.known_hosts[0], options, output)
            rows.append(row)
            codes.append(0 if row["trusted"] else 2)
        except UsageError:
            raise
        except HermesError as error:
            rows.append({"host": host.name, "trusted": False, "error": error.document()})
            codes.append(error.exit_code)
    return rows, codes


def _trust(host: Host, file: Path, options: Options, output: Output) -> Mapping[str, Any]:
    from hermes_ops.transport.hostkeys import KnownHosts, fingerprint, lookup_name

    address, port = host.connection.address or host.name, host.connection.port or 22
    key = offered_key(address, port, host.connection.connect_timeout)
    name = lookup_name(host.connection.host_key_alias or address, port)
    known: Mapping[str, Any] = KnownHosts.read((file,)).keys.lookup(name) or {}
    row = {"host": host.name, "fingerprint": fingerprint(key), "trusted": True, "error": None}
    if any(other == key for other in known.values()):
        return row
    output.note(f"{host.name} ({name}) shows {key.get_name()} {fingerprint(key)}")
    for other in known.values():
        output.note(f"  known until now: {other.get_name()} {fingerprint(other)}")
    if options.check:
        return row | {"trusted": False}
    try:
        confirm(f"Accept this key for {host.name}?", options)
    except Interrupted:
        return row | {"trusted": False}
    accept(file, name, f"{name} {key.get_name()} {key.get_base64()}")
    return row


def offered_key(address: str, port: int, timeout: float) -> Any:
    """Return the key that the host shows, without any login."""
    import paramiko

    try:
        with socket.create_connection((address, port), timeout) as peer:
            transport = paramiko.Transport(peer)
            try:
                transport.start_client(timeout=timeout)
                return transport.get_remote_server_key()
            finally:
                transport.close()
    except (OSError, paramiko.SSHException) as error:
        raise Unreachable(f"{address}: {error}", hint="is sshd running there?") from error


def accept(file: Path, name: str, line: str) -> None:
    """Make `line` the only one for `name` in a known_hosts file; keep all lines of other names."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    kept = [old for old in text.splitlines() if name not in old.split(" ", 1)[0].split(",")]
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text("\n".join([*kept, line]) + "\n", encoding="utf-8")
    temporary.replace(file)
