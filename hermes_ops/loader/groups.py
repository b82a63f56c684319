"""The structure of an inventory: which groups and hosts there are, and who belongs to whom.

A file is read into *mentions*, one for each place where a group stands; the mentions of all
files together make a `Tree`. A group or host may be mentioned any number of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.located import NONE, Located, Variables, kind
from hermes_ops.loader.patterns import names_of
from hermes_ops.loader.schema import unknown_key

SECTIONS = ("hosts", "children", "vars")
PRIORITY = "ansible_group_priority"


class HostNode(NamedTuple):
    """A host as the structure names it, with the variables written there."""

    name: str
    place: Place
    variables: Variables = NONE


class GroupNode(NamedTuple):
    """A group as the structure names it: direct members, variables, and its rank."""

    name: str
    place: Place
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    variables: Variables = NONE
    priority: int | None = None
    depth: int = 0

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sort groups by this: the later one's variables win."""
        return (self.depth, 1 if self.priority is None else self.priority, self.name)


class Mention(NamedTuple):
    """What one place says of one group."""

    group: GroupNode
    hosts: tuple[HostNode, ...] = ()


class Tree(NamedTuple):
    """All hosts and groups; `lineage` names every group of a host, `all` left out, by rank."""

    groups: Mapping[str, GroupNode]
    hosts: Mapping[str, HostNode]
    lineage: Mapping[str, tuple[str, ...]]


def mentions(document: Located) -> Iterator[Mention]:
    """Yield what a file says of each group, in the order of the file."""
    if document.data is None:
        raise document.error("is empty", "name at least one host: all: {hosts: {mini-1: }}")
    if not isinstance(document.data, dict):
        raise document.error(f"groups must be a mapping, this is {kind(document)}")
    for name, body in document.entries.items():
        yield from _mentions_of(name, body)


def _mentions_of(name: object, body: Located) -> Iterator[Mention]:
    group, hosts = _group(_name(name, body, "group"), body), tuple(_hosts(body))
    yield Mention(group._replace(hosts=tuple(host.name for host in hosts)), hosts)
    for child, child_body in _section(body, "children").items():
        yield from _mentions_of(child, child_body)


def _group(name: str, body: Located) -> GroupNode:
    if not isinstance(body.data, dict | None):
        raise body.error(f"group {name!r} must be a mapping, this is {kind(body)}")
    for key, entry in body.entries.items():
        if key not in SECTIONS:
            raise unknown_key(key, entry, SECTIONS)
    children = tuple(
        _name(key, entry, "group") for key, entry in _section(body, "children").items()
    )
    variables = dict(_section(body, "vars"))
    priority = variables.pop(PRIORITY, None)
    return GroupNode(name, body.place, (), children, variables, _priority(priority))


def _priority(value: Located | None) -> int | None:
    if value is None:
        return None
    try:
        return int(value.data)
    except (TypeError, ValueError):
        raise value.error(f"{PRIORITY} must be a whole number, this is {kind(value)}") from None


def _hosts(body: Located) -> Iterator[HostNode]:
    for pattern, entry in _section(body, "hosts").items():
        if not isinstance(entry.data, dict | None):
            raise entry.error(f"the variables of {pattern!r} must be a mapping")
        names, port = names_of(_name(pattern, entry, "host"), entry.place)
        ports = {} if port is None else {"ansible_port": Located(port, entry.place, str(port))}
        variables = {**ports, **_variables(entry)}
        yield from (HostNode(name, entry.place, variables) for name in names)


def _section(body: Located, name: str) -> Mapping[str, Located]:
    """Return `hosts`, `children` or `vars` of a group; a single word stands for its mapping."""
    section = body.entries.get(name)
    if section is None or section.data is None:
        return {}
    if isinstance(section.data, str) and name != "vars":
        return {section.data: Located(None, section.place)}
    if not isinstance(section.data, dict):
        hint = f"write `{name}: {{a: , b: }}`" if isinstance(section.data, tuple) else ""
        raise section.error(f"{name!r} must be a mapping, this is {kind(section)}", hint)
    return _variables(section) if name == "vars" else section.data


def _variables(value: Located) -> Variables:
    for name, entry in value.entries.items():
        _name(name, entry, "variable")
    return value.entries


def _name(name: object, entry: Located, what: str) -> str:
    if isinstance(name, str) and name:
        return name
    shown = str(name).lower() if isinstance(name, bool) else name
    raise entry.error(f"the name of a {what} must be a text, {shown} is none", "put it in quotes")


def assemble(parts: Iterable[Mention]) -> Tree:
    """Return the tree that all mentions together describe."""
    groups, hosts = _collected(parts)
    _refuse_double(groups, hosts)
    groups = _rooted(groups, hosts)
    groups = _ranked(groups)
    return Tree(groups, hosts, _lineages(groups, hosts))


def _collected(parts: Iterable[Mention]) -> tuple[dict[str, GroupNode], dict[str, HostNode]]:
    nowhere = Place("", 0)
    groups = {name: GroupNode(name, nowhere) for name in ("all", "ungrouped")}
    hosts: dict[str, HostNode] = {}
    for mention in parts:
        group = mention.group
        known = groups.get(group.name)
        groups[group.name] = _united(known, group) if known else group
        for child in group.children:
            groups.setdefault(child, GroupNode(child, group.place))
        for host in mention.hosts:
            hosts[host.name] = _united_host(hosts[host.name], host) if host.name in hosts else host
    return groups, hosts


def _united(first: GroupNode, second: GroupNode) -> GroupNode:
    return first._replace(
        place=first.place if first.place.line else second.place,
        hosts=tuple(dict.fromkeys(first.hosts + second.hosts)),
        children=tuple(dict.fromkeys(first.children + second.children)),
        variables={**first.variables, **second.variables},
        priority=first.priority if second.priority is None else second.priority,
    )


def _united_host(first: HostNode, second: HostNode) -> HostNode:
    return first._replace(variables={**first.variables, **second.variables})


def _refuse_double(groups: Mapping[str, GroupNode], hosts: Mapping[str, HostNode]) -> None:
    for name in groups.keys() & hosts.keys():
        raise InventoryError(
            f"{name!r} is both a host and a group", hint="rename one", where=hosts[name].place
        )


def _rooted(groups: Mapping[str, GroupNode], hosts: Mapping[str, HostNode]) -> dict[str, GroupNode]:
    """Hang groups without a parent below `all`, and hosts without a group into `ungrouped`."""
    adopted = {child for group in groups.values() for child in group.children}
    orphans = [name for name in groups if name not in adopted and name not in ("all", "ungrouped")]
    children = dict.fromkeys(["ungrouped", *groups["all"].children, *orphans])
    grouped = {
        host
        for group in groups.values()
        if group.name not in ("all", "ungrouped")
        for host in group.hosts
    }
    loose = tuple(name for name in hosts if name not in grouped)
    return {
        **groups,
        "all": groups["all"]._replace(children=tuple(children)),
        "ungrouped": groups["ungrouped"]._replace(hosts=loose),
    }


def _ranked(groups: Mapping[str, GroupNode]) -> dict[str, GroupNode]:
    """Give every group its depth: the longest way down from `all`."""
    depths = dict.fromkeys(groups, 0)
    for name in _downwards(groups):
        for child in groups[name].children:
            depths[child] = max(depths[child], depths[name] + 1)
    return {name: group._replace(depth=depths[name]) for name, group in groups.items()}


def _downwards(groups: Mapping[str, GroupNode]) -> list[str]:
    """Return the names so that each group comes before its children; a circle is an error."""
    order = TopologicalSorter({name: group.children for name, group in groups.items()})
    try:
        return list(order.static_order())[::-1]
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        places = (groups[name].place for name in circle)
        place = next((place for place in places if place.line), None)
        raise InventoryError(
            f"groups contain each other: {' > '.join(circle)}", where=place
        ) from None


def _lineages(
    groups: Mapping[str, GroupNode], hosts: Mapping[str, HostNode]
) -> dict[str, tuple[str, ...]]:
    above: dict[str, frozenset[str]] = dict.fromkeys(groups, frozenset())
    for name in _downwards(groups):
        for child in groups[name].children:
            above[child] |= above[name] | {name}
    member: dict[str, set[str]] = {name: set() for name in hosts}
    for group in groups.values():
        for host in group.hosts:
            member[host] |= above[group.name] | {group.name}
    return {host: _by_rank(names - {"all"}, groups) for host, names in member.items()}


def _by_rank(names: Iterable[str], groups: Mapping[str, GroupNode]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: groups[name].rank))
