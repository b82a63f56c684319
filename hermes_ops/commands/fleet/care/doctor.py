"""`fleet.doctor`: look at the operator's machine and every host, and say all that is wrong."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

# Importing these registers what only a doctor asks hosts for.
import hermes_ops.audit.awake
import hermes_ops.audit.health
import hermes_ops.audit.mac
import hermes_ops.audit.protection.limits  # noqa: F401
from hermes_ops.audit.finding import Finding, Side, lines, make, register
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands.fleet.care import cron, growth, hermes_doctor, homes, operator, twice
from hermes_ops.commands.fleet.faults import remedy_of_stranger
from hermes_ops.commands.fleet.ps import STEPS, look_at, look_at_unmanaged
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.commands.fleet.troubles import sentence
from hermes_ops.commands.steps import KEEP_AWAKE
from hermes_ops.commands.workspace import Workspace, open_workspace
from hermes_ops.plan.desired import StepPlan
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import count

_BAD = ("down", "unknown", "absent")
"""The states of a gateway that make its finding an error."""
_ILL = ("down", "degraded", "unknown")
"""The states in which a gateway is ill that nobody has said to run."""

register(
    "not-as-desired",
    {
        "severity": "warning",
        "says": "{what}",
        "ignored": {
            "gateway": "it stays so: nothing mends it by itself",
            "host": "nothing is known of its gateways",
        },
        "mend": "",
    },
)


def run(
    steps: Sequence[StepPlan], options: Options, output: Output,
    *, fix: bool, hermes: bool, unmanaged: bool = False,
) -> Result:  # fmt: skip
    """Say all that is wrong; the exit code is 2 if anything is left.

    `fix`: first let `fleet.up` mend the profiles for which it is the remedy. `hermes`: also show
    what Hermes' own doctor says; it decides nothing. `unmanaged`: the selection also means gateways
    that are not in the inventory.
    """
    compared = [*(step for step in steps if step.name in STEPS), KEEP_AWAKE]
    look = _look_unmanaged if unmanaged and options.limit else _look
    workspace, hosts = look(compared, options, output)
    if fix and (targets := list(_mended_by_up(hosts))):
        _bring_up(targets, steps, options, output)
        if not options.check:
            workspace, hosts = look(compared, options, output)
    found = [*operator.findings(workspace)]
    found += [one for host in hosts for one in _of_host(host, unmanaged=unmanaged)]
    found += twice.used_twice(hosts, workspace.whole)
    found += cron.run_twice(hosts)
    found += growth.growing(hosts, workspace.paths, time.time())
    _show(found, hosts, output)
    said = hermes_doctor.ask(hosts, workspace, options, output) if hermes else []
    codes = [code for host in hosts for code in host.codes] + [2 for _ in found]
    return items([*(one.document() for one in found), *said], exit=exit_code(codes))


def _look(
    steps: Sequence[StepPlan], options: Options, output: Output
) -> tuple[Workspace, list[HostSeen]]:
    workspace = open_workspace(options, output)
    return workspace, look_at(steps, options, output, workspace, health=True)


def _look_unmanaged(
    steps: Sequence[StepPlan], options: Options, output: Output
) -> tuple[Workspace, list[HostSeen]]:
    return look_at_unmanaged(steps, options, output, health=True)


def _of_host(host: HostSeen, *, unmanaged: bool = False) -> Iterator[Finding]:
    name = host.host.name
    if host.error:
        hint = host.error.hint or spoken(f"./inv hosts.ping -l {shlex.quote(name)}")
        yield _finding("host", Side(name, None), f"{name}: {host.error}", hint, severity="error")
        return
    for seen in host.profiles:
        stranger = unmanaged and seen.desired is None
        if seen.as_desired is False or (stranger and seen.verdict.state in _ILL):
            side, bad = Side(name, seen.name), seen.verdict.state in _BAD
            mend = seen.remedy
            if stranger:
                mend = remedy_of_stranger(f"{name}/{seen.name}", seen.verdict, seen.evidence)
            yield _finding(
                "gateway", side, sentence(host, seen), mend,
                severity="error" if bad else "warning",
            )  # fmt: skip
    yield from host.findings
    yield from homes.findings(host)


def _finding(case: str, side: Side, what: str, remedy: str, *, severity: str) -> Finding:
    # The remedy names the program already.
    found = make("not-as-desired", side.target, (side,), what, case=case, severity=severity)
    return replace(found, mend=remedy)


def _mended_by_up(hosts: Iterable[HostSeen]) -> Iterator[str]:
    """Yield the profiles that `fleet.up` would mend: what else is to be done, a person decides."""
    for host in hosts:
        for seen in host.profiles:
            target = f"{host.host.name}/{seen.name}"
            up = spoken(f"./inv fleet.up -l {shlex.quote(target)}")
            if seen.as_desired is False and seen.remedy == up:
                yield target


def _bring_up(
    targets: Sequence[str], steps: Sequence[StepPlan], options: Options, output: Output
) -> None:
    from hermes_ops.commands.fleet.up import up

    output.note(f"fleet.up -l {','.join(targets)}")
    only = replace(options, limit=",".join(targets))
    up(steps, only, output, no_verify=True, no_wait=False, junit=None, prune=False)


# --- what is shown ----------------------------------------------------------------------------


def _show(found: Sequence[Finding], hosts: Sequence[HostSeen], output: Output) -> None:
    """Print every finding, errors first, and the total."""
    for finding in sorted(found, key=lambda one: not one.is_error):
        for text in lines(finding):
            output.text(text)
    errors = sum(finding.is_error for finding in found)
    profiles = sum(len(host.profiles) for host in hosts)
    where = f"{count(profiles, 'profile')} on {count(len(hosts), 'host')}"
    left = f"{count(errors, 'error')} and {count(len(found) - errors, 'warning')}"
    output.text(f"{left if found else 'nothing found'}: {where}")
