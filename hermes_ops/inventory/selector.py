"""Choose hosts and profiles: Ansible's host patterns, each with an optional `/profile`.

A term means a set of `(host, profile)` pairs. Terms unite, then those with `&` narrow, then
those with `!` exclude, in whatever order they are written. A host without profiles stands as
`(host, None)`, so that `hosts.ping` can choose it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from hermes_ops.errors import NoSuchGateway, UsageError, few
from hermes_ops.inventory.addresses import split_port
from hermes_ops.inventory.model import Host, Inventory

Pair = tuple[str, str | None]
Pairs = frozenset[Pair]

_SPLIT_AT_COLONS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_AGAIN = re.compile(r"\s+-l\s+")
"""Between selectors, if `-l` was given several times."""
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]{1,9})|([0-9]{1,9})[:-]([0-9]{0,9}))\]")
_GLOB = re.compile(r"[.?*\[]")
_LOCALHOST = ("127.0.0.1", "::1", "localhost")


class Term(NamedTuple):
    """One pattern: its sign (`""`, `&` or `!`), its hosts and, optionally, its profiles."""

    text: str
    sign: str
    hosts: str
    profiles: str | None = None


def select(inventory: Inventory, selector: str | None) -> tuple[Inventory, list[str]]:
    """Return the selected part of the inventory, and warnings about terms without a match."""
    if not inventory.hosts:
        raise UsageError("the inventory has no host", hint="name one in its hosts.yml")
    if selector is None:
        return inventory, []
    terms = parse(selector)
    if not terms:
        raise UsageError("the selector names nothing", hint="leave --limit out to select all")
    index = _Index.of(inventory)
    terms = [index.meant(term) for term in terms]
    found = [(term, index.pairs(term)) for term in terms]
    pairs = _combined(found, index.everything)
    missed = [term for term, matches in found if not matches]
    if not pairs:
        raise _nothing(selector, missed, index)
    return inventory.narrowed(_by_host(pairs)), [index.complaint(term) for term in missed]


def within(inventory: Inventory, part: Inventory) -> Inventory:
    """Return what is of both: of one inventory, and of another part of the same."""
    pairs = frozenset(pair for host in part.hosts for pair in _pairs(host))
    both = _by_host(pair for host in inventory.hosts for pair in _pairs(host) if pair in pairs)
    return inventory.narrowed(both)


def parse(selector: str) -> list[Term]:
    """Return the terms of a selector; `@file` gives one on each line of the file.

    The terms of several selectors, `a -l b`, count together.
    """
    return [term for one in _AGAIN.split(selector) for text in _split(one) for term in _terms(text)]


def _split(selector: str) -> list[str]:
    """Split at commas or, if there are none, at colons that are not part of an address."""
    if "," in selector:
        parts = selector.split(",")
    elif _is_one(selector):
        parts = [selector]
    else:
        parts = _SPLIT_AT_COLONS.findall(selector)
        if sum(map(len, parts)) < len(re.sub(r"[\s:]", "", selector)):
            raise UsageError(f"{selector!r} has a bracket that is not closed, or not opened")
    return [part.strip() for part in parts if part.strip()]


def _is_one(selector: str) -> bool:
    """Return whether a colon is part of an address with port, an IPv6 address or a file name."""
    if selector.startswith("@"):
        return Path(selector[1:]).expanduser().exists()
    hosts, _, profiles = selector.partition("/")
    return split_port(hosts) is not None and ":" not in profiles


def _terms(text: str) -> Iterable[Term]:
    if not text.startswith("@"):
        return [_term(text)]
    return [_term(line) for line in _lines(Path(text[1:]).expanduser())]


def _lines(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the selection {file} cannot be read: {reason}") from None
    bare = (line.partition("#")[0].strip() for line in lines)
    return [line for line in bare if line]


def _term(text: str) -> Term:
    sign = text[0] if text[0] in "&!" else ""
    body = text.removeprefix(sign)
    if body.startswith("~"):
        return Term(text, sign, body)
    hosts, slash, profiles = body.partition("/")
    return Term(text, sign, hosts or "all", profiles if slash else None)


def _combined(found: Sequence[tuple[Term, Pairs]], everything: Pairs) -> Pairs:
    """Unite, narrow and exclude; with signed terms only, start from everything, as in Ansible."""
    united = [pairs for term, pairs in found if not term.sign]
    start: Pairs = frozenset().union(*united) if united else everything
    narrowed = reduce(frozenset.intersection, (p for t, p in found if t.sign == "&"), start)
    return reduce(frozenset.difference, (p for t, p in found if t.sign == "!"), narrowed)


def _by_host(pairs: Iterable[Pair]) -> dict[str, frozenset[str]]:
    chosen: dict[str, set[str]] = {}
    for host, profile in pairs:
        chosen.setdefault(host, set()).update([] if profile is None else [profile])
    return {host: frozenset(profiles) for host, profiles in chosen.items()}


class _Index(NamedTuple):
    """The names of an inventory, to match patterns."""

    hosts: Mapping[str, Host]
    members: Mapping[str, tuple[str, ...]]
    everything: Pairs

    @classmethod
    def of(cls, inventory: Inventory) -> _Index:
        found = {host.name: host for host in inventory.hosts}
        hosts = {name: found[name] for name in inventory.mentioned or found if name in found}
        members = {name: _members(name, inventory) for name in inventory.groups}
        members.setdefault("all", tuple(found))
        return cls(hosts, members, frozenset(p for host in hosts.values() for p in _pairs(host)))

    def meant(self, term: Term) -> Term:
        """Return the term; where names of hosts have a slash, it may belong to such a name."""
        if term.profiles is None or not any("/" in name for name in self.hosts):
            return term
        body = term.text.removeprefix(term.sign)
        hosts, _, profiles = body.rpartition("/")
        terms = (
            term._replace(hosts=body, profiles=None),
            Term(term.text, term.sign, hosts, profiles),
        )
        return next((term for term in terms if term.hosts and self._names(term)), term)

    def pairs(self, term: Term) -> Pairs:
        names = self._names(term)
        pairs = (pair for name in names for pair in _pairs(self.hosts[name]))
        if term.profiles is None:
            return frozenset(pairs)
        return frozenset(
            pair for pair in pairs if pair[1] is not None and fnmatchcase(pair[1], term.profiles)
        )

    def has_host(self, term: Term) -> bool:
        """Whether a term names hosts of the inventory."""
        return bool(self._names(term))

    def _names(self, term: Term) -> Sequence[str]:
        pattern = term.hosts
        if pattern in self.hosts:
            return [pattern]
        match = None if pattern.startswith("~") else _SUBSCRIPT.fullmatch(pattern)
        if not match:
            return self._matching(pattern)
        return _subscripted(self._matching(match[1]), match, term)

    def _matching(self, pattern: str) -> Sequence[str]:
        """Return hosts of the groups that match, and hosts that match by name.

        A plain word that is the name of a group is not matched against hosts. A host of two
        groups appears twice, and a subscript counts it twice, as in Ansible.
        """
        matches = _matcher(pattern)
        groups = [name for name in self.members if matches(name)]
        names = [host for group in groups for host in self.members[group]]
        if not groups or pattern.startswith("~") or _GLOB.search(pattern):
            names += [name for name in self.hosts if matches(name)]
        if not names and pattern in _LOCALHOST:
            # As in Ansible, each of its names means the host that is listed under another.
            names = [name for name in self.hosts if name in _LOCALHOST][:1]
        return names

    def complaint(self, term: Term) -> str:
        """Return the message for a term that matches nothing, with what was probably meant."""
        near = self.near(term)
        remedy = f"did you mean {near}?" if near else ""
        if ":" in term.hosts and not near:
            remedy = "beside a comma, ':' separates nothing"
        return f"{term.text!r} matches nothing" + (f"; {remedy}" if remedy else "")

    def near(self, term: Term) -> str:
        """Return names similar to those of a term, written as in the term."""
        known = [*self.members, *self.hosts]
        hosts = get_close_matches(term.hosts.lstrip("~"), known, n=3, cutoff=0.5)
        profiles = sorted({p for _, p in self.everything if p is not None})
        if term.profiles is None:
            of_profiles = get_close_matches(term.hosts, profiles, n=2, cutoff=0.7)
            return " or ".join([repr(name) for name in hosts] + [f"'*/{p}'" for p in of_profiles])
        near = get_close_matches(term.profiles, profiles, n=3, cutoff=0.5)
        host = term.hosts if self._names(term) else (hosts or [term.hosts])[0]
        alike = (f"{host}/{profile}" for profile in near)
        # Its host and its profile may both be known, and not belong together.
        return " or ".join(repr(one) for one in alike if one != f"{term.hosts}/{term.profiles}")


def _members(group: str, inventory: Inventory) -> tuple[str, ...]:
    """Return the hosts of a group and of its child groups, nearest first."""
    level, seen = [group], {group: None}
    while level:
        below = [child for name in level for child in inventory.groups[name].children]
        level = [name for name in dict.fromkeys(below) if name not in seen]
        seen.update(dict.fromkeys(level))
    present = {host.name for host in inventory.hosts}
    names = (host for name in seen for host in inventory.groups[name].hosts)
    return tuple(name for name in dict.fromkeys(names) if name in present)


def _pairs(host: Host) -> list[Pair]:
    return [(host.name, profile.name) for profile in host.profiles] or [(host.name, None)]


def _matcher(pattern: str) -> Callable[[str], bool]:
    if not pattern.startswith("~"):
        return lambda name: fnmatchcase(name, pattern)
    if pattern == "~":
        raise UsageError("'~' must be followed by a regular expression")
    try:
        expression = re.compile(pattern[1:])
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a regular expression: {error}") from None
    return lambda name: bool(expression.match(name))


def _subscripted(names: Sequence[str], match: re.Match[str], term: Term) -> Sequence[str]:
    """Return the one host of `[2]`, or those of `[0:2]`, including the last."""
    _, index, first, last = match.groups()
    if index is None:
        # As in Ansible `[2:0]` means `[2]`: 0 is not an end.
        end = int(first) if last and not int(last) else int(last or len(names))
        return names[int(first) : end + 1]
    if names and not -len(names) <= int(index) < len(names):
        raise UsageError(f"{term.text!r}: {match[1]!r} has only {len(names)} hosts")
    return [names[int(index)]] if names else []


def _nothing(selector: str, missed: Sequence[Term], index: _Index) -> UsageError:
    near = dict.fromkeys(text for text in map(index.near, missed) if text)
    hint = f"did you mean {' or '.join(near)}?" if near else _inventory_of(index)
    if not missed:
        hint = "each term matches, but together they leave no host or profile"
    kind = NoSuchGateway if any(t.profiles and index.has_host(t) for t in missed) else UsageError
    return kind(f"{selector!r} selects nothing", hint=hint)


def _inventory_of(index: _Index) -> str:
    groups = [name for name, hosts in index.members.items() if hosts]
    profiles = sorted({profile for _, profile in index.everything if profile is not None})
    lists = {"hosts": list(index.hosts), "groups": groups, "profiles": profiles}
    return "; ".join(f"{name}: {few(names)}" for name, names in lists.items() if names)
