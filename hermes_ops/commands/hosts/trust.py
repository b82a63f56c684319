"""`hosts.trust`: show host keys, let a person compare them, and write the accepted ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands.look_hosts import shown
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_unreachable
from hermes_ops.errors import (
    HermesError,
    Interrupted,
    UsageError,
)
from hermes_ops.inventory.model import Host
from hermes_ops.transport import forget_settings

if TYPE_CHECKING:
    from hermes_ops.transport.openssh.hostkeys import HostKeys


def trust(options: Options, output: Output) -> Result:
    """Ask for each host, and accept the keys that were confirmed."""
    workspace = open_workspace(options, output)
    forget_settings()
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
            for row in _trust(host, workspace.known_hosts, options, output):
                rows.append(row)
                codes.append(0 if row["trusted"] else 2)
        except UsageError:
            raise
        except HermesError as error:
            rows.append({"host": host.name, "trusted": False, "error": error.document()})
            codes.append(error.exit_code)
    return rows, codes


def _trust(
    host: Host, files: Sequence[Path], options: Options, output: Output
) -> Iterator[Mapping[str, Any]]:
    """Yield a row for each jump host whose key is not known yet, and one for the host itself.

    What is behind a host that is not trusted is not asked: nobody would know who answers.
    """
    from hermes_ops.transport.openssh.hops import HopFailed, shown_key
    from hermes_ops.transport.openssh.route import route_to

    hops = route_to(host)
    for number in range(1, len(hops) + 1):
        try:
            keys, key = shown_key(host, hops[:number], files)
        except HopFailed as error:
            raise error.failure from error.__cause__
        if number < len(hops) and keys.verdict(key) == "known":
            continue
        row = _row(host, keys, key, files[0], options, output)
        yield row
        if not row["trusted"]:
            return


def _row(
    host: Host, keys: HostKeys, key: Any, file: Path, options: Options, output: Output
) -> Mapping[str, Any]:
    from hermes_ops.transport.openssh.hostkeys import fingerprint, fingerprint_of

    row = {"host": host.name, "fingerprint": fingerprint(key), "trusted": True, "error": None}
    if keys.hop.host:
        row["hop"] = keys.hop.name
    verdict = keys.verdict(key)
    if verdict in ("known", "pinned"):
        return row
    if verdict in ("revoked", "not pinned"):
        keys.check(key)
    whose = f"{keys.hop}{keys.hop.on_the_way}" if keys.hop.host else host.name
    output.note(f"{whose} ({keys.name}) shows {key.get_name()} {fingerprint(key)}")
    for line, blob in keys.entries.of(""):
        output.note(f"  known until now: {line.kind} {fingerprint_of(blob)} ({line})")
    if options.check:
        return row | {"trusted": False}
    try:
        confirm(f"Accept this key for {whose}?", options)
    except Interrupted:
        return row | {"trusted": False}
    accept(file, keys.name, f"{keys.name} {key.get_name()} {key.get_base64()}")
    return row


def accept(file: Path, name: str, line: str) -> None:
    """Make `line` the only one for `name` in a known_hosts file; keep all lines of other names."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    kept = [old for old in text.splitlines() if not _is_of(name, old.split(maxsplit=1))]
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text("\n".join([*kept, line]) + "\n", encoding="utf-8")
    temporary.replace(file)


def _is_of(name: str, words: list[str]) -> bool:
    """Return whether a line names this host, plainly or as a hash; a pattern names others, too."""
    from hermes_ops.transport.openssh.known_hosts import matches

    names = words[0] if words else ""
    return name in names.split(",") or (names.startswith("|") and matches(name, names))
