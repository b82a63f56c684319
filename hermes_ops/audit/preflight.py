"""Refuse to start two profiles with the same identity, or on the same port of a machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from itertools import chain

from hermes_ops.audit import model, rules
from hermes_ops.audit.collisions import conflicts
from hermes_ops.audit.finding import Finding
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.credentials import references, with_secrets
from hermes_ops.inventory.model import Inventory, Profile
from hermes_ops.secrets.reference import Origin, Reference
from hermes_ops.secrets.secret import Secret


def refuse_conflicts(whole: Inventory, selected: Inventory) -> None:
    """Raise if a profile that would be started conflicts with another, selected or not.

    No reference is resolved for this: of profiles that were not selected, only plain values and
    references with the source of a selected profile are compared.
    """
    starting = {target for target, profile in _profiles(selected) if profile.state == "started"}
    if not starting:
        return
    known = with_secrets(whole, _resolved(whole, selected))
    # These fingerprints are not stored: any key will do.
    there = model.wanted(known, secrets.token_bytes(32))
    found = conflicts(holder for holder in there if holder.state == "started")
    allowed = rules.allowances(whole)
    for finding in rules.unexcused(rules.excused(found, allowed)):
        if any(side.target in starting for side in rules.silent(finding, allowed)):
            raise _refusal(finding)


def _profiles(inventory: Inventory) -> Iterator[tuple[str, Profile]]:
    for host in inventory.hosts:
        yield from ((f"{host.name}/{profile.name}", profile) for profile in host.profiles)


def _resolved(whole: Inventory, selected: Inventory) -> Mapping[Reference, Secret]:
    """Return the value of every reference whose source was resolved for a selected profile."""
    asked: dict[Origin, Secret] = {}
    written = dict(_profiles(whole))
    for target, profile in _profiles(selected):
        for name, value in profile.env.items():
            source = written[target].env[name]
            if isinstance(source, Reference) and isinstance(value, Secret):
                asked[source.origin] = value
    return {
        reference: asked[reference.origin]
        for reference in references(whole)
        if reference.origin in asked
    }


def _refusal(finding: Finding) -> InventoryError:
    places = list(chain.from_iterable(side.places for side in finding.sides))
    where = f" ({', '.join(dict.fromkeys(places))})" if places else ""
    line = f"allow: [{{finding: {finding.kind}, name: {finding.name}, reason: …}}]"
    return InventoryError(
        f"{finding.message}{where}: {finding.ignored}",
        hint=f"{finding.mend}; or, if it is meant, write in the profile of one:  {line}",
        kind="conflict",
    )
