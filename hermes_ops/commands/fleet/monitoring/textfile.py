"""`fleet.status --textfile FILE`: what a look saw, as metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hermes_ops.alerts.metrics import Metric, exposition
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, shown
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.commands.fleet.troubles import counted
from hermes_ops.errors import UsageError
from hermes_ops.files.replace import put_file

MODE = 0o644
"""The node exporter is another user."""


def textfile_writer(
    path: str, options: Options, output: Output
) -> Callable[[Sequence[HostSeen], int], Mapping[str, Any]]:
    """Return the function that writes a look into the file, checked before any contact.

    Raises:
        UsageError: the file cannot be one of metrics.
    """
    file = _checked(path)
    if file.suffix != ".prom":
        output.note(f"warning: a node exporter reads files named *.prom only, not {path}")

    def write(hosts: Sequence[HostSeen], code: int) -> Mapping[str, Any]:
        if options.check:
            output.note(f"--check: would write {path}")
            return {"textfile": None}
        put_file(file, exposition(metrics(hosts, code, time.time())), mode=MODE)
        return {"textfile": str(file)}

    return write


def _checked(path: str) -> Path:
    file = Path(path).expanduser()
    if not path or file.is_dir() or (file.exists() and not file.is_file()):
        raise UsageError(f"--textfile takes the name of a file, not {path!r}")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise UsageError(f"{file.parent} may not be written: a metrics file is replaced as a whole")
    return file


def metrics(hosts: Sequence[HostSeen], code: int, now: float) -> Iterable[Metric]:
    """Return what a look saw; `now` is the time of its end, in seconds of the epoch."""
    own = [(host, seen) for host in hosts for seen in host.profiles if seen.desired is not None]
    counts = counted(hosts)
    asked = [host for host in hosts if host.host.enabled]
    states = counts["states"].items()
    yield Metric(
        "hermes_ops_profile_state", "1 for the state that a profile is in.",
        [(_labels(*pair, state=pair[1].verdict.state), 1) for pair in own],
    )  # fmt: skip
    yield Metric(
        "hermes_ops_profile_as_desired", "Whether a profile is as the inventory wants it.",
        [
            (_labels(host, seen), seen.as_desired)
            for host, seen in own
            if seen.as_desired is not None and host.error is None
        ],
    )  # fmt: skip
    yield Metric(
        "hermes_ops_host_reachable", "Whether a host could be looked at.",
        [({"host": shown(host.host.name)}, host.error is None) for host in asked],
    )  # fmt: skip
    yield Metric(
        "hermes_ops_profiles", "Profiles of the inventory by state.",
        [({"state": state}, number) for state, number in states],
    )  # fmt: skip
    yield Metric("hermes_ops_hosts", "Hosts of the selection.", [({}, counts["hosts"])])
    yield Metric(
        "hermes_ops_findings", "Findings by kind.",
        [({"kind": kind}, number) for kind, number in counts["findings"].items()],
    )  # fmt: skip
    yield Metric("hermes_ops_exit_code", "The exit code of the look.", [({}, code)])
    yield Metric(
        "hermes_ops_last_look_timestamp_seconds", "When the look ended, by this machine's clock.",
        [({}, now)],
    )  # fmt: skip


def _labels(host: HostSeen, seen: SeenProfile, **more: str) -> Mapping[str, str]:
    return {"host": shown(host.host.name), "profile": seen.name, **more}
