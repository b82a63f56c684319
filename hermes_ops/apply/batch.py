"""Start, restart or stop several services with one call of their manager: it is much faster."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from hermes_ops.apply.lines import Numbered, has_moved, prepare
from hermes_ops.inventory.model import Host
from hermes_ops.plan.model import Control

Section = tuple[str, Sequence[Numbered]]
"""A profile and a run of its consecutive changes."""


@dataclass(frozen=True, slots=True)
class Order:
    """A control of one service that may share a call with others.

    `moved` is the shell test whether the profile's files changed since the look.
    """

    number: int
    profile: str
    control: Control
    moved: str


def orders(sections: Sequence[Section], host: Host, done: Collection[int]) -> list[Order]:
    """Return the orders of the first section, and the later ones that can go in the same call.

    A stop is always the first change of a profile and waits for nothing, so all stops go together.
    Starts go together until a section needs a file first, or waits for another profile; those of
    a host that wants time between them go alone.
    """
    found = [order for order in _orders(sections[0]) if order.number not in done]
    if not found:
        return []
    verb = found[0].control.words[1]
    waits = {p.name for p in host.profiles if p.after}

    def goes_along(section: Section) -> bool:
        rolls = any(getattr(change.operation, "rolls_after", ()) for _, change in section[1])
        return section[0] not in waits and not rolls and _only_controls(section)

    first, *rest = sections
    if verb != "stop" and host.start_stagger:
        rest = []
    elif verb != "stop":
        rest = list(takewhile(goes_along, rest)) if _only_controls(first) else []
    return [
        order for section in (first, *rest) for order in _orders(section)
        if order.control.words[1] == verb and order.number not in done
    ]  # fmt: skip


def _waits(control: Control) -> bool:
    return bool(control.ends or control.after or control.rolls_after)


def _only_controls(section: Section) -> bool:
    return all(isinstance(change.operation, Control) for _, change in section[1])


def _orders(section: Section) -> Iterator[Order]:
    name, changes = section
    for number, change in changes:
        control = change.operation
        if isinstance(control, Control) and control.together and not _waits(control):
            yield Order(number, name, control, has_moved(changes))


def order_ahead(together: Sequence[Order]) -> Iterator[str]:
    """Yield the lines that order all services in one call, except those of failed profiles."""
    yield "set --"
    for order in together:
        yield f"profile={shlex.quote(order.profile)}"
        yield f"if ! is_broken{f' && ! {order.moved}' if order.moved else ''}; then"
        yield from prepare(order.control)
        yield f'set -- "$@" {shlex.quote(order.control.words[2])}; fi'
    control = together[0].control
    yield f'{control.together} {control.words[1]} "$@"'
