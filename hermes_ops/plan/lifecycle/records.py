"""The record of a gateway's start: written with each start, and again when it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from hermes_ops.files.ownership import Tree
from hermes_ops.hermes import started
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.look.facts import Facts
from hermes_ops.plan.files import plan_text
from hermes_ops.plan.lifecycle.draft import Draft
from hermes_ops.plan.lifecycle.orders import order_of
from hermes_ops.plan.model import Change, Control, Wanted
from hermes_ops.services.base import ServiceSpec


def recorded(change: Change, service: ServiceSpec, profile: Draft, facts: Facts) -> Change:
    """Return a start or restart with the record of its settings."""
    control = change.operation
    if service.text != "hermes" or not isinstance(control, Control) or control.verb == "stop":
        return change
    keys = profile.ledger.keys
    keeps = (service.home / started.RECORD, started.record(keys, facts.now))
    return replace(change, operation=replace(control, keeps=keeps, made=started.made_of(keys)))


def with_start(
    wanted: Wanted, service: ServiceSpec, evidence: Evidence, profile: Draft, facts: Facts
) -> Evidence:
    """Return the evidence of a gateway with how its settings differ from those at its start.

    It is not judged if somebody else started it. If our record of its start is gone, and a file is
    newer than the process, nobody knows whether it runs with what is wanted.
    """
    if service.text != "hermes" or not evidence.alive:
        return evidence
    home = service.home
    stale, known = started.compared(home, profile.ledger.keys, evidence, facts)
    said = f"the settings at the start of process {evidence.pid}"
    unknown = () if known else (said,)
    doubts: tuple[str, ...] = ()
    if not known and _is_gone(wanted, home, evidence, profile, facts):
        path = home / started.RECORD
        doubts = (f"{said} are not known: ~/{path} is gone, and a file was written since then",)
    return replace(evidence, stale=stale, unjudged=(*evidence.unjudged, *unknown), doubts=doubts)


def missing(
    wanted: Wanted, service: ServiceSpec, evidence: Evidence, profile: Draft, facts: Facts
) -> Iterable[Change]:
    """Yield the record of a running gateway that has none, if its settings at its start are known.

    A process that is younger than its files has read what is in them.
    """
    home = service.home
    path = home / started.RECORD
    # What is there and cannot be read is told as what is in the way of the next start.
    is_closed = str(path) in facts.paths and str(path) not in facts.contents
    if not _is_kept(wanted, evidence, profile) or is_closed:
        return
    if started.read(home, facts) is not None:
        text = facts.contents[str(path)]
    elif started.is_newer(home, facts):
        return
    else:
        born, keys = facts.now - (evidence.age_s or 0), profile.ledger.keys
        text = started.record(keys, born, _made(home, keys, facts))
    # One that can be read differs at most in its mode.
    for change in plan_text(wanted, path, text, 0o600, facts, None):
        yield replace(change, resource=f"file:{path}")


def _is_gone(
    wanted: Wanted, home: PurePosixPath, evidence: Evidence, profile: Draft, facts: Facts
) -> bool:
    """Whether a gateway that is to run has no record that can be read, although it should."""
    return _is_kept(wanted, evidence, profile) and started.read(home, facts) is None


def _is_kept(wanted: Wanted, evidence: Evidence, profile: Draft) -> bool:
    """Whether a record of its start should be there."""
    runs = evidence.alive and evidence.supervised and evidence.age_s is not None
    judged = not order_of(wanted) and not profile.ledger.partial and profile.ledger.keys
    return bool(wanted.profile.state == "started" and runs and judged)


def _made(home: PurePosixPath, keys: Mapping[str, Tree], facts: Facts) -> Mapping[str, str]:
    found = {n: facts.made.get(f"{home}/{started.ENV}={n}", "") for n in started.made_of(keys)}
    return {name: check for name, check in found.items() if check}
