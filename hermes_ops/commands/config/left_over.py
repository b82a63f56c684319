"""What a push leaves to `fleet.up`: what is part of a service's definition, and stops."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hermes_ops.commands import steps
from hermes_ops.errors import HermesError
from hermes_ops.files.layout import WRAPPER
from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Change, make_plan
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import Control, Write, WriteUnit
from hermes_ops.plan.services import is_defined
from hermes_ops.reporting.summary import lines_of
from hermes_ops.services import choose

_INSTALL = StepPlan("gateway.install", ("profile.configure",), steps.install)
_START = StepPlan("gateway.start", ("gateway.install",), steps.start)
_DIRECTIVE = re.compile(r"[+-]\s*([A-Za-z]\w*)=")


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What a push does not do: write a file of a service's definition, or stop the service."""

    profile: str
    change: Change
    names: tuple[str, ...]
    """The directives that differ, such as `MemoryMax`."""

    @property
    def difference(self) -> Difference:
        """Return it as a difference that stays, with the task that writes it."""
        what = (
            f"{', '.join(self.names)} of its service" if self.names else "the unit of its service"
        )
        does = "stop it" if isinstance(self.change.operation, Control) else f"write {what}"
        words = f"config.push does not {does}: fleet.up does"
        return Difference(self.profile, words, is_settled=True)

    def __str__(self) -> str:
        return str(self.difference)


def left_over(
    host: Host, facts: Facts, roles: Mapping[str, Role], settings: Sequence[StepPlan]
) -> Iterator[LeftOver]:
    """Yield the definitions of services that differ, and the services that run but should not.

    An absent definition is not reported.

    A definition depends on the settings: `settings` are the steps that write them.
    """
    desired = desired_state(host, roles, (*settings, _INSTALL, _START))
    try:
        plan = make_plan(desired, replace(facts, may_root=None), wait=False, urls=False)
        manager = choose(host, facts)
    except HermesError:
        return
    for change in plan.changes:
        service = desired.services.get(change.profile or "")
        # The wrapper of the host is no part of a service, and changes nothing that one does.
        wrapper = change.resource == f"file:{WRAPPER}"
        if service is None or wrapper:
            continue
        if isinstance(change.operation, Control) and change.operation.verb == "stop":
            yield LeftOver(service.profile, change, ())
        if change.step != "gateway.install":
            continue
        if isinstance(change.operation, Write | WriteUnit) and is_defined(service, manager, facts):
            yield LeftOver(service.profile, change, tuple(_names(change)))


def _names(change: Change) -> Iterable[str]:
    found = (_DIRECTIVE.match(line) for line in lines_of(change))
    return dict.fromkeys(match[1] for match in found if match)
