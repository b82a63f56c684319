"""Hermes' own doctor: its text, quoted. It ends with 0 whatever it found, so it decides nothing.

It asks the network, takes up to half a minute, and may write into the home: a host runs one at a
time, and none under `--check`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.cli.printable import printable
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.run import over_hosts
from hermes_ops.transport import Transport

DEADLINE = 120
"""Seconds for each profile."""
MOST = 20_000
"""Characters that are shown of each."""

_SCRUBBED = (
    'env -i HOME="$HOME" USER="$(id -un)" LOGNAME="$(id -un)" PATH="$PATH" LANG=C.UTF-8'
    ' XDG_RUNTIME_DIR="/run/user/$(id -u)" NO_COLOR=1 TERM=dumb'
)


def ask(
    hosts: Sequence[HostSeen], workspace: Workspace, options: Options, output: Output
) -> list[dict[str, Any]]:
    """Run it for every profile that runs Hermes; return an item for each, and print its text."""
    if options.check:
        output.note("hermes doctor may write into the homes: it does not run with --check")
        return []
    pythons = {h.host.name: h.facts.hermes.python for h in hosts if h.facts and h.facts.hermes}
    names = {h.host.name: [p.name for p in h.profiles if p.runs_hermes] for h in hosts}

    def work(host: Host, transport: Transport) -> Mapping[str, str]:
        return {name: _said(transport, pythons[host.name], name) for name in names[host.name]}

    asked = [h.host for h in hosts if h.host.name in pythons and names[h.host.name]]
    outcomes = over_hosts(asked, work, rules_of(options), looking(workspace, options, output))
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        host, failure = outcome.host.name, outcome.failure
        if failure:
            output.note(f"{host}: {failure}")
            rows.append({"host": host, "profile": None, "error": failure.document()})
        for profile, text in (outcome.value or {}).items():
            _show(f"{host}/{profile}", text, output)
            rows.append({"host": host, "profile": profile, "hermes_doctor": text})
    return rows


def _said(transport: Transport, python: str, profile: str) -> str:
    words = shlex.join((python, "-m", "hermes_cli.main", "-p", profile, "doctor"))
    session = transport.session()
    try:
        code, out, err = session.run(f"cd && {_SCRUBBED} {words} 2>&1", timeout=DEADLINE)
    except HermesError as error:
        return f"no answer: {error}"
    finally:
        session.close()
    # Of a line that it wrote anew, such as one of progress, the end counts.
    whole = (line.rpartition("\r")[2] for line in (out or err).decode(errors="replace").split("\n"))
    text = printable("\n".join(whole))[:MOST]
    return text if code == 0 else f"{text}\n(exit {code})"


def _show(target: str, text: str, output: Output) -> None:
    output.text(f"{target}: hermes doctor says, and decides nothing here:")
    for line in text.splitlines():
        output.text(f"  | {line}".rstrip())
