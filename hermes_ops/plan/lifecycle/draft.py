"""What a plan knows of each profile before its services are planned, and how it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.look.facts import Facts
from hermes_ops.plan.ledger import Ledger


@dataclass(slots=True)
class Draft:
    """What the plan knows of one profile so far: its future settings."""

    config: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    restart: str = ""
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True, slots=True)
class How:
    """How a plan is made: `make_plan` says what each of these means."""

    urls: bool = True
    earlier: Facts | None = None
    rolling: bool = True
    drain: int = 0
