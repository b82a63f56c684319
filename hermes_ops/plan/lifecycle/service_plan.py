"""What a plan does with one service: its changes, and what is watched of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from hermes_ops.errors import Conflict
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.plan.model import Change, Control, Refuse, Wanted, Watch
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


@dataclass(slots=True)
class ServicePlan:
    """What the plan does with one service."""

    wanted: Wanted
    service: ServiceSpec
    evidence: Evidence
    changes: list[Change]
    watch: Watch | None
    """None for a service that this plan does not need to run."""
    elsewhere: bool = False
    """Whether another manager runs it, which stops it before everything else."""

    @property
    def name(self) -> str:
        """Return its profile."""
        return self.service.profile

    @property
    def begins(self) -> bool:
        """Whether its process is started, after a stop or not."""
        return any(_verb(change) in ("start", "restart") for change in self.changes)

    @property
    def ends(self) -> bool:
        """Whether a process of it is ended."""
        controls = [c.operation for c in self.changes if isinstance(c.operation, Control)]
        return any(control.ends or control.verb != "start" for control in controls)

    def refuse(self, why: Conflict) -> None:
        """Replace its changes by one that fails with the reason."""
        refusal = Refuse(str(why), why.kind, why.hint)
        self.changes = [replace(change, operation=refusal) for change in self.changes[:1]]

    def leave(self, manager: ServiceManager) -> Iterable[Change]:
        """Split its restart: yield the stop, and keep the start; another service needs its port."""
        for number, one in enumerate(self.changes):
            operation = one.operation
            if isinstance(operation, Control) and operation.verb != "stop":
                words = manager.control(self.service, "stop", known=True)
                stop = replace(operation, words=words, verb="stop")
                reason = "another service needs its port"
                yield replace(one, action="stop", reason=reason, operation=stop)
                words = manager.control(self.service, "start", known=True)
                start = replace(operation, words=words, verb="start", ends=None, drain=0)
                self.changes[number] = replace(one, action="start", operation=start, seen=())

    def wait_for(self, others: Collection[str], rolls: Sequence[str] = ()) -> Iterable[Change]:
        """Yield its changes; a start needs that `others` have stopped, and `rolls` are ready."""
        for one in self.changes:
            operation = one.operation
            if isinstance(operation, Control) and operation.verb != "stop":
                after = tuple(sorted(others))
                operation = replace(operation, after=after, rolls_after=tuple(rolls))
            yield replace(one, operation=operation)


def _verb(change: Change) -> str:
    return change.operation.verb if isinstance(change.operation, Control) else ""
