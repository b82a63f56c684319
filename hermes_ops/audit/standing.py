"""The findings about hosts that are known from every look; a new kind is a function here, or a
module of its own that this one imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.orphans import orphans_of
from hermes_ops.audit.register import Seen, all_of, finds
from hermes_ops.hermes import platforms
from hermes_ops.hermes.versions import is_same
from hermes_ops.inventory.model import Host
from hermes_ops.secrets.secret import Secret


def standing(seen: Seen) -> list[Finding]:
    """Return the findings about a host; each makes `plan`, `ps` and `status` end with 2."""
    return all_of(seen)


@finds(
    "other-version",
    says="{who} has Hermes {what}, wanted is {name}",
    ignored="fleet.up does not change the version of a Hermes that is there",
    mend="install {name} there, or set hermes_version: {what}",
)
def _other_version(seen: Seen) -> Iterable[Finding]:
    programs = (seen.roles[p.role].program for p in seen.host.profiles if p.role in seen.roles)
    pinned = next((p.version for p in programs if p and p.name == "hermes"), "")
    wanted, found = seen.host.hermes.version or pinned, seen.facts.hermes
    if found and wanted and not is_same(found.version, wanted):
        yield make("other-version", wanted, (Side(seen.host.name, None),), found.version)


@finds(
    "orphan",
    says="{who} is not in the inventory any more, and {what}",
    ignored="it keeps its port and its tokens, also after the next boot, and nothing updates it",
    mend="./inv fleet.prune -l {who}   (its data stays), or name it in the inventory again",
)
def _orphans(seen: Seen) -> Iterable[Finding]:
    if "gateway" in seen.roles:
        ports = dict(_wanted_ports(seen.host))
        for orphan in orphans_of(seen.facts, seen.roles["gateway"]):
            side = Side(seen.host.name, orphan.profile)
            yield make("orphan", orphan.profile, (side,), orphan.what(ports))


def _wanted_ports(host: Host) -> Iterator[tuple[int, str]]:
    for profile in host.profiles:
        env = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
        if profile.role == "gateway" and profile.state == "started":
            for _, _, port in platforms.listeners(profile.config, env):
                yield port, profile.name
