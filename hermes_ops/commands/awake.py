"""`awake.on`, `awake.off`, `awake.status`: whether a machine may go to sleep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.converge import run_steps
from hermes_ops.commands.look_hosts import Look, look_all, shown
from hermes_ops.errors import Conflict
from hermes_ops.inventory.awake import Awake
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import KeptAwake, Resource
from hermes_ops.services.awake import keeper_of
from hermes_ops.services.awake.keeper import Hold


def _on(_profile: Profile, _role: Role, host: Host) -> Iterable[Resource]:
    yield KeptAwake(replace(host.awake or Awake(), is_on=True), begins=True)


def _off(_profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    yield KeptAwake(Awake(is_on=False))


def on(options: Options, output: Output) -> Result:
    """Keep the machines awake, whether or not the inventory wants it."""
    return run_steps("awake.on", [StepPlan("awake.on", (), _on)], options, output)


def off(options: Options, output: Output) -> Result:
    """Let the machines sleep again; `fleet.up` keeps awake those of which the inventory says so."""
    return run_steps("awake.off", [StepPlan("awake.off", (), _off)], options, output)


def status(options: Options, output: Output) -> Result:
    """Look at each host; exit 2 if one is not as `hermes_awake` says."""
    looks = look_all(options, output, steps=[StepPlan("awake.status", (), _on)])
    rows = [_row(look) for look in looks]
    codes = [look.code for look in looks]
    for look, row in zip(looks, rows, strict=True):
        if said := difference(look.host, look.facts):
            codes.append(2)
            row["warnings"].append(said)
    result = shown(output, ["host", "wanted", "on", "where", "holds"], rows, codes, _cell)
    for row in rows:
        for warning in row["warnings"]:
            output.note(f"{row['host']}: {warning}")
    return result


def difference(host: Host, facts: Facts | None) -> str:
    """Return what `fleet.up` would change first, empty if nothing: a time that is over is over."""
    if facts is None or host.awake is None or not facts.awake:
        return ""
    known, lingers = replace(facts, may_root=True), host.linger != "off"  # who looks needs no right
    try:
        orders = keeper_of(facts).orders(host.awake, known, begins=False, lingers=lingers)
        return next((f"{one.resource} {one.reason}" for one in orders), "")
    except Conflict as conflict:
        return str(conflict)


def _row(look: Look) -> dict[str, Any]:
    awake, facts = look.host.awake, look.facts
    row: dict[str, Any] = {
        "host": look.host.name, "profile": None, "wanted": awake.is_on if awake else None,
        "on": None, "where": None, "holds": None, "warnings": [], "error": look.error,
    }  # fmt: skip
    if facts is None:
        return row
    try:
        keeper = keeper_of(facts)
    except Conflict as conflict:
        return row | {"warnings": [str(conflict)]}
    if not facts.awake:
        return row | {"warnings": ["it does not tell what keeps it awake"]}
    holds = keeper.holds(facts.awake.get("holders", ""))
    return row | {
        "on": keeper.is_on(facts),
        "where": keeper.where(facts) or None,
        "holds": None if holds is None else [_hold(hold) for hold in holds],
        "warnings": list(keeper.notes(awake, facts)) if awake else [],
    }


def _hold(hold: Hold) -> Mapping[str, Any]:
    return {name: getattr(hold, name) for name in ("who", "what", "why", "mode", "pid")}


def _cell(value: Any) -> str:
    """Return a cell of the table: holders in a line, each with what it holds."""
    if isinstance(value, list):
        return ", ".join(f"{one['who']} ({one['what']}, pid {one['pid']})" for one in value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
