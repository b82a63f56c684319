"""The settings of a run, and its result for each host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.transport import Transport, connect

if TYPE_CHECKING:
    from hermes_ops.audit.finding import Finding
    from hermes_ops.hermes.readiness import Verdict
    from hermes_ops.look.facts import Facts
    from hermes_ops.plan import Change, Plan
    from hermes_ops.plan.difference import Difference
    from hermes_ops.run.turns import Turns

Connect = Callable[..., Transport]


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run behaves towards every host; times are in seconds."""

    check: bool = False
    wait: bool = True
    rolling: bool = True
    """Whether one gateway of each messaging platform is restarted at a time, on a host as well."""
    turns: Turns | None = None
    """Whose turn it is to restart; None: the hosts restart as they come."""
    drain: int = 0
    """Seconds for which a restart waits for turns that run."""
    owner: dict[str, str] = field(default_factory=dict)
    lock_timeout: int = 60
    known_hosts: tuple[Path, ...] = ()
    pip: Path | None = None
    cache: Path = Path()
    connect: Connect = connect
    meanwhile: Callable[[], None] = nothing
    """Called once while the hosts are waited for: it loads what their answers will need."""
    trace: Callable[[str, str], None] | None = None
    """Called with host and line for everything that is exchanged (`-v`)."""
    learn: Callable[[str], None] | None = None
    """Called with every value of a host's `.env` files, so that none of them is ever shown."""


@dataclass(slots=True)
class Done:
    """How one change ended."""

    change: Change
    outcome: str
    because: str | None = None
    seconds: float = 0


@dataclass(slots=True)
class HostResult:
    """Everything that a run knows about one host at its end."""

    host: Host
    outcome: str = "unknown"
    error: HermesError | None = None
    changes: list[Done] = field(default_factory=list)
    plan: Plan | None = None
    facts: Facts | None = None
    looked: Facts | None = None
    """What the look saw. A wait asks about fewer services, and so do its `facts`."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    doubts: dict[str, Verdict] = field(default_factory=dict)
    """What the checks saw later of profiles that do not pass them, or could not be asked."""
    logs: dict[str, str] = field(default_factory=dict)
    """The last lines of the logs of profiles that did not become ready."""
    waited: float = 0
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exchanges: int = 0
    seconds: float = 0
    transport: Transport | None = None
    findings: tuple[Finding, ...] = ()
    """What stands on the host that no run mends by itself."""

    @property
    def differs(self) -> bool:
        """Whether something is not as wanted and this run did not change it."""
        planned = any(done.outcome == "planned" for done in self.changes)
        return planned or bool(self.findings or self.differences)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What the look found otherwise than wanted, but for services that are ready by now."""
        ready = {name for name, verdict in self.verdicts.items() if verdict.is_ready}
        differs = self.plan.differs if self.plan else ()
        return tuple(one for one in differs if not (one.state and one.profile in ready))

    @property
    def known(self) -> Facts | None:
        """What is known at the end: of services that no wait has asked about, what the look saw."""
        looked, facts = self.looked, self.facts
        if looked is None or facts is None:
            return facts
        units = {
            manager: {**looked.units.get(manager, {}), **facts.units.get(manager, {})}
            for manager in {*looked.units, *facts.units}
        }
        return replace(facts, units=units, processes={**looked.processes, **facts.processes})
