"""The plan of one host, and what of a look is told if there may be none."""

from __future__ import annotations

from dataclasses import replace

from hermes_ops.errors import MissingPrivilege
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState, Plan, make_plan
from hermes_ops.run.model import HostResult, Settings


def plan_of(desired: DesiredState, facts: Facts, settings: Settings, result: HostResult) -> Plan:
    """Return the plan; who may not carry it out is told in `result` how the host is.

    Raises:
        MissingPrivilege: a part of it is root's, and nobody can become root.
    """
    wait, urls = settings.wait and not settings.check, not settings.check
    rolling, drain = settings.rolling, settings.drain
    try:
        return make_plan(desired, facts, wait=wait, urls=urls, rolling=rolling, drain=drain)
    except MissingPrivilege:
        seen = make_plan(desired, replace(facts, may_root=None), wait=False, urls=False)
        states = Plan(desired.host, manager=seen.manager, evidence=seen.evidence)
        result.facts, result.plan = facts, states
        raise
