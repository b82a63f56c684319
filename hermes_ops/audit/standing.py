"""The findings about hosts that are known from every look; a new kind is a function here, or a
module of its own that this one imports.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.orphans import orphans_of
from hermes_ops.audit.register import Seen, all_of, finds
from hermes_ops.hermes import platforms
from hermes_ops.hermes.versions import is_older, is_same
from hermes_ops.inventory.model import Host
from hermes_ops.look.upgrades import REVERTED, REVERTING, note_of, used
from hermes_ops.program_name import spoken
from hermes_ops.secrets.secret import Secret


def standing(seen: Seen) -> list[Finding]:
    """Return the findings about a host; each makes `plan`, `ps` and `status` end with 2."""
    return all_of(seen)


@finds(
    "orphan",
    says="{who} is not in the inventory any more, and {what}",
    ignored="it keeps its port and its tokens, also after the next boot, and nothing updates it",
    mend="./inv fleet.prune -l {who}   # its data stays; or name it in the inventory again",
)
def _orphans(seen: Seen) -> Iterable[Finding]:
    ports = dict(_wanted_ports(seen.host))
    for orphan in orphans_of(seen.host, seen.facts, seen.roles):
        side = Side(seen.host.name, orphan.profile)
        yield make("orphan", orphan.profile, (side,), orphan.what(ports))


@finds(
    "other-version",
    says="Hermes of {who} is {name}, wanted {what}",
    ignored="its units and settings are written for another version than the inventory names",
    mend="./inv {path}   # or set hermes_version: {name}",
)
def _other_versions(seen: Seen) -> Iterable[Finding]:
    found, wanted = seen.facts.hermes, _wanted_version(seen)
    if found and wanted and not is_same(found.version, wanted):
        host, side = shlex.quote(seen.host.name), Side(seen.host.name, None)
        way = f"fleet.upgrade --to {wanted} -l {host}"
        is_back = is_older(wanted, found.version)  # what it migrated, an older one does not read
        if is_back:
            way = f"fleet.rollback -l {host}"
        one = make("other-version", found.version, (side,), wanted, path=way)
        if is_back and not _leads_back(seen, wanted):
            stays = f"set hermes_version: {found.version}   # no way leads back to {wanted}"
            one = replace(one, mend=stays)
        yield one


def _leads_back(seen: Seen, wanted: str) -> bool:
    """Whether the last upgrade of a host was from this version, and can be taken back."""
    note = note_of(seen.facts)
    return note.phase not in ("", REVERTED) and is_same(note.before, wanted)


@finds(
    "half-upgraded",
    says="{who} is in the middle of an upgrade from {name}: {what}",
    ignored="if that run was killed, nobody judges the new version, and what it stopped stays so",
    mend="./inv {path}",
)
def _half_upgraded(seen: Seen) -> Iterable[Finding]:
    note = note_of(seen.facts)
    if note.is_open and seen.facts.hermes:
        host, what = shlex.quote(seen.host.name), f"it runs {used(seen.facts)}"
        back = f"fleet.rollback -l {host}"
        or_back = spoken(f"./inv {back}")
        way = f"fleet.upgrade --to {note.after} -l {host}   # it is judged; or: {or_back}"
        if note.phase == REVERTING:
            way, what = back, f"{what}, and was on its way back"
        said = f"{what}, and run {note.run} has not ended it yet"
        side = Side(seen.host.name, None)
        yield make("half-upgraded", f"{note.before} to {note.after}", (side,), said, path=way)


def _wanted_version(seen: Seen) -> str:
    """Return the version for the profiles of this host; empty if none of them runs Hermes."""
    present = {profile.role for profile in seen.host.profiles if profile.state != "absent"}
    programs = [role.program for name, role in seen.roles.items() if name in present]
    pinned = (one.version for one in programs if one and one.name == "hermes")
    return next((seen.host.hermes.version or version for version in pinned), "")


@finds(
    "two-versions",
    says="the environment of Hermes {name} on {who} also has the metadata of {what}",
    ignored="pip and Hermes' own commands may name the wrong version",
    mend="on the host: {path} -m pip install --force-reinstall --no-deps hermes-agent=={name}",
)
def _two_versions(seen: Seen) -> Iterable[Finding]:
    if (found := seen.facts.hermes) and found.others:
        side, others = Side(seen.host.name, None), " and ".join(found.others)
        yield make("two-versions", found.version, (side,), others, path=found.python)


def _wanted_ports(host: Host) -> Iterator[tuple[int, str]]:
    for profile in host.profiles:
        env = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
        if profile.role == "gateway" and profile.state == "started":
            for _, _, port in platforms.listeners(profile.config, env):
                yield port, profile.name
