"""From what is known of credentials to findings: shared, weak, exposed or conflicting ones.

Pure functions that see no value, only fingerprints. In reading order:

    on_host      what may be disclosed of a value (here, and on hosts)
    model        a profile's settings as they were disclosed
    collisions   an identity or a port used twice
    exposures    findings about a single profile or host
    finding      the text of findings
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from hermes_ops.audit.collisions import conflicts
from hermes_ops.audit.exposures import exposed, of_machines
from hermes_ops.audit.finding import Finding, Side, make, united
from hermes_ops.audit.model import Holder, Machine
from hermes_ops.inventory.model import Allowance, Inventory, Profile

NEEDS_HOST = frozenset({"sticky-profile", "open-file", "unreadable"})
"""Findings that only a host itself can show."""


def findings(
    wanted: Sequence[Holder], there: Sequence[Holder] = (), machines: Sequence[Machine] = ()
) -> list[Finding]:
    """Return all findings, the most severe first.

    `there` is what hosts hold now, `wanted` what they will hold: the two are not compared.
    """
    described = {holder.target for holder in wanted}
    others = [holder for holder in there if holder.target not in described]
    met = united([*conflicts(there), *conflicts([*wanted, *others])])
    return _sorted([*met, *exposed([*there, *wanted]), *of_machines(machines)])


def _sorted(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda f: (not f.is_error, f.kind, f.name, f.sides[0].target))


# --- exceptions ----------------------------------------------------------------------------

Allowed = Mapping[tuple[str, str], Sequence[Allowance]]
"""The exceptions of each host's profiles."""


def allowances(inventory: Inventory) -> Allowed:
    """Return the exceptions in the inventory, by host and profile."""
    return {
        (host.name, profile.name): profile.allow
        for host in inventory.hosts
        for profile in host.profiles
    }


def excused(found: Iterable[Finding], allowed: Allowed) -> list[Finding]:
    """Return the findings; those that the inventory allows have its reason.

    A finding about several profiles is allowed if at most one of them does not allow it.
    """
    return [replace(finding, allowed=_reason(finding, allowed)) for finding in found]


def _reason(finding: Finding, allowed: Allowed) -> str:
    reasons = [_allowance(finding, side, allowed) for side in finding.sides]
    if len(silent(finding, allowed)) > (len(reasons) > 1):
        return ""
    return next(entry.reason for entry in reasons if entry is not None)


def silent(finding: Finding, allowed: Allowed) -> list[Side]:
    """Return the sides of a finding that do not allow it."""
    return [side for side in finding.sides if _allowance(finding, side, allowed) is None]


def _allowance(finding: Finding, side: Side, allowed: Allowed) -> Allowance | None:
    entries = allowed.get((side.host, side.profile or "default"), ())
    return next((entry for entry in entries if is_meant(entry, finding)), None)


def is_meant(entry: Allowance, finding: Finding) -> bool:
    """Return whether an exception is about this finding."""
    names = {"", finding.name, *finding.name.split(" + ")}
    return entry.finding == finding.kind and entry.name in names


def needless(
    inventory: Inventory, found: Sequence[Finding], *, live: bool, whole: bool
) -> list[Finding]:
    """Return the exceptions that no finding needs, as far as known.

    Only a host knows what a person wrote there: without it (not `live`) an exception is judged only
    if the inventory sets the value. One about several profiles is judged only if all are selected.
    """
    return _sorted(
        _needless(host.name, profile.name, entry)
        for host in inventory.hosts
        for profile in host.profiles
        for entry in profile.allow
        if _can_be_judged(entry, profile, live=live, whole=whole)
        and not any(_is_needed(entry, host.name, profile.name, finding) for finding in found)
    )


def _can_be_judged(entry: Allowance, profile: Profile, *, live: bool, whole: bool) -> bool:
    if entry.finding.startswith(("duplicate", "ambiguous")) and not whole:
        return False
    return live or (entry.finding not in NEEDS_HOST and entry.name in profile.env)


def _is_needed(entry: Allowance, host: str, profile: str, finding: Finding) -> bool:
    ours = any((side.host, side.profile or "default") == (host, profile) for side in finding.sides)
    return ours and is_meant(entry, finding)


def _needless(host: str, profile: str, entry: Allowance) -> Finding:
    side = Side(host, profile, (str(entry.place),) if entry.place else ())
    name = f"{entry.finding} {entry.name}".rstrip()
    return make("needless-exception", name, (side,))


def unexcused(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that the inventory does not allow."""
    return (finding for finding in found if not finding.allowed)
