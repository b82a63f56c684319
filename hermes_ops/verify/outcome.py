"""The checks to run, and their outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role
from hermes_ops.verify.awake import checks_of

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
MISSING = "missing"
"""The check never ran: its file cannot be imported, or has no function of that name."""
UNKNOWN = "unknown"
"""The host did not answer, so the outcome is not known."""
UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, order=True)
class Check:
    """One promise of a role about one profile on one host, or without one about the host."""

    host: str
    profile: str
    name: str

    @property
    def target(self) -> str:
        """Return it as `host/profile`."""
        return f"{self.host}/{self.profile}" if self.profile else self.host


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How one check ended; `promise` is its docstring's first line."""

    check: Check
    outcome: str
    message: str = ""
    promise: str = ""
    seconds: float = 0
    mend: str = ""
    """What ends it, if the check itself is wrong: the file to edit."""

    @property
    def sentence(self) -> str:
        """Return the outcome as a sentence for people."""
        return f"{self.check.target}: {self.reason}"

    @property
    def reason(self) -> str:
        """Return what was checked, and why it is not so."""
        what = self.promise.rstrip(".") or self.check.name
        return f"{what}: {self.message or self.outcome}"

    def item(self) -> dict[str, Any]:
        """Return its entry in the JSON document of `fleet.verify`."""
        return {
            "host": self.check.host,
            "profile": self.check.profile or None,
            "check": self.check.name,
            "outcome": self.outcome,
            "message": self.message or None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Verified:
    """One outcome for each expected check, and how many shells were opened on each host."""

    outcomes: tuple[CheckOutcome, ...] = ()
    exchanges: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def count(self, *words: str) -> int:
        """Return how many checks ended in one of these ways."""
        counted = Counter(outcome.outcome for outcome in self.outcomes)
        return sum(counted[word] for word in words)

    @property
    def not_passed(self) -> list[CheckOutcome]:
        """Return the outcomes of all checks that did not pass."""
        return [outcome for outcome in self.outcomes if outcome.outcome != PASSED]

    def document(self) -> dict[str, Any]:
        """Return the `verify` object of `fleet.up --json` and `fleet.verify --json`."""
        return {
            "expected": len(self.outcomes),
            "passed": self.count(PASSED),
            "failed": self.count(FAILED),
            "skipped": self.count(SKIPPED),
            "exchanges": dict(self.exchanges),
        }


def expected_of(hosts: Sequence[Host], roles: Mapping[str, Role]) -> list[Check]:
    """Return every check that these hosts must pass: for each started profile, its role's.

    A host that is kept awake has some of its own.
    """
    own = [Check(host.name, "", name) for host in hosts if host.enabled for name in checks_of(host)]
    return own + [
        Check(host.name, profile.name, name)
        for host in hosts
        if host.enabled
        for profile in host.profiles
        if profile.state == "started"
        for name in roles[profile.role].checks
    ]
