"""Profiles that exclude each other: the same identity, or the same port of a machine."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from urllib.parse import urlsplit

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.model import SOURCE, Holder, Setting, first_set
from hermes_ops.hermes import identities, platforms
from hermes_ops.hermes.ports import number_of


def conflicts(holders: Iterable[Holder]) -> list[Finding]:
    """Return which profiles exclude each other: by identity, or by port of a machine."""
    present = [holder for holder in holders if holder.state != "absent"]
    return [*_duplicates(present), *_ports(present)]


# --- the same identity -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Use:
    """Something that only one may use, and its users."""

    holder: Holder
    name: str
    platform: str
    place: str
    mark: str = ""


def _duplicates(holders: Sequence[Holder]) -> Iterator[Finding]:
    uses: dict[Hashable, list[_Use]] = {}
    for holder in holders:
        for key, use in _identities(holder):
            uses.setdefault(key, []).append(use)
    told: set[Hashable] = set()
    for shared in uses.values():
        sides = _sides(shared)
        about = (shared[0].name, tuple(side.target for side in sides))
        if len(sides) > 1 and about not in told:
            told.add(about)
            yield _duplicate(shared, sides)


def _duplicate(uses: Sequence[_Use], sides: tuple[Side, ...]) -> Finding:
    first = uses[0]
    one_host = len({use.holder.machine for use in uses}) == 1
    locked = one_host and identities.is_locked(first.platform)
    mark = "" if first.mark.startswith(SOURCE) else first.mark
    return make(
        "duplicate-credential", first.name, sides, first.platform,
        case="locked" if locked else "unlocked", platform=first.platform, fingerprint=mark,
        severity="" if _can_meet(uses) else "warning",
    )  # fmt: skip


def _can_meet(uses: Sequence[_Use]) -> bool:
    """Return whether two of them may run at once."""
    return len({use.holder.target for use in uses if use.holder.may_run}) > 1


def _identities(holder: Holder) -> Iterator[tuple[Hashable, _Use]]:
    """Yield each identity of a profile's platforms, with a key that is equal for equal ones."""
    for platform in sorted(platforms.expected(holder.tree, holder.variables)):
        for parts in identities.identities(platform):
            settings = [first_set(holder, platform, part.names) for part in parts]
            pairs = list(zip(parts, settings, strict=True))
            if any(s is None and not part.optional for part, s in pairs):
                continue
            present = [setting for setting in settings if setting is not None]
            name = " + ".join(setting.name.rpartition(".")[2] for setting in present)
            scope = holder.machine if _is_local(platform, present) else None
            for marks in product(*(s.marks if s else ("",) for s in settings)):
                use = _Use(holder, name, platform, present[0].place, marks[0])
                yield (platform, parts, scope, marks), use


def _is_local(platform: str, settings: Iterable[Setting]) -> bool:
    """Return whether an identity is valid on one machine only: a path, a local address."""
    return platform == "whatsapp" or any("loopback" in s.traits for s in settings)


def _sides(uses: Iterable[_Use]) -> tuple[Side, ...]:
    """Return its users, each once, with every place."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for use in uses:
        places.setdefault((use.holder.host, use.holder.profile), {}).setdefault(use.place)
    return tuple(Side(*who, tuple(filter(None, where))) for who, where in places.items())


# --- the same port ---------------------------------------------------------------------------

_EVERY = ("0.0.0.0", "::", "")  # noqa: S104 - what Hermes is told, not what we bind


def _ports(holders: Sequence[Holder]) -> Iterator[Finding]:
    bound: dict[Hashable, list[tuple[str, _Use]]] = {}
    for holder in holders:
        for host, port in _of_url(holder.url):
            use = _Use(holder, str(port), "", holder.url_place)
            bound.setdefault((holder.machine, port), []).append((_address(host), use))
        for platform, host, port in platforms.listeners(holder.tree, holder.variables):
            if not _hides_port(holder, platform):
                use = _Use(holder, str(port), platform, _place_of_port(holder, platform))
                bound.setdefault((holder.machine, port), []).append((_address(host), use))
    for listeners in bound.values():
        uses = list(_overlapping(listeners))
        if uses:
            yield _port(uses)


def _of_url(url: str) -> Iterator[tuple[str, int]]:
    """Yield the address of a service that answers on its own machine."""
    if not (port := number_of(url)):
        return
    host = urlsplit(url).hostname or ""
    if host in ("127.0.0.1", "localhost", *_EVERY):
        yield host, port


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _overlapping(listeners: Sequence[tuple[str, _Use]]) -> Iterable[_Use]:
    """Return the servers that listen on the same address as another, or one of them on all."""
    met: dict[_Use, None] = {}
    for (one, first), (other, second) in combinations(listeners, 2):
        meet = one == other or one in _EVERY or other in _EVERY
        if meet and _server(first) != _server(second):
            met.update(dict.fromkeys((first, second)))
    return met


def _server(use: _Use) -> tuple[str, str]:
    return (use.holder.target, use.platform)


def _port(uses: Sequence[_Use]) -> Finding:
    names = dict.fromkeys(use.platform or use.holder.profile for use in uses)
    what, is_gateways = ", ".join(names), all(use.platform for use in uses)
    case = "api_server" if "api_server" in what else "other"
    case = case if is_gateways else "service"
    severity = "" if _can_meet(uses) or len(_sides(uses)) == 1 else "warning"
    return make("duplicate-port", uses[0].name, _sides(uses), what, case=case, platform=what,
                    severity=severity)  # fmt: skip


def _hides_port(holder: Holder, platform: str) -> bool:
    variables = holder.variables
    return any(variables.get(name, "") is None for name in identities.ports_of(platform))


def _place_of_port(holder: Holder, platform: str) -> str:
    named = [holder.env[name] for name in identities.ports_of(platform) if name in holder.env]
    block = [s for n, s in holder.config.items() if n.endswith(f"{platform}.extra.port")]
    return next((setting.place for setting in (*named, *block)), "its default")
