"""Hosts, groups and memberships: the tree that all sources describe together.

Each source is read into *mentions*, one for each statement about a group, in Ansible's order
(`structure`: YAML, `ini`, `dynamic`). That order decides which of two values wins. All mentions
together make a `Tree`. A group or host may be mentioned any number of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.located import NONE, Located, Variables, kind

PRIORITY = "ansible_group_priority"
ROOTS = ("all", "ungrouped")
SECTIONS = ("hosts", "children", "vars")


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
    """One statement about a group; `ports` were written after the names of its hosts."""

    group: GroupNode
    hosts: tuple[HostNode, ...] = ()
    port: Located | None = None

    @classmethod
    def of_group(cls, name: str, place: Place) -> Mention:
        """Return the mention of a group alone."""
        return cls(GroupNode(name, place))

    @classmethod
    def of_variables(cls, name: str, place: Place, variables: Variables) -> Mention:
        """Return the mention of a group's variables; one of them is its priority."""
        others = {key: value for key, value in variables.items() if key != PRIORITY}
        priority = _priority(variables[PRIORITY]) if PRIORITY in variables else None
        return cls(GroupNode(name, place, variables=others, priority=priority))

    @classmethod
    def of_hosts(
        cls, name: str, place: Place, hosts: Iterable[HostNode], port: Located | None = None
    ) -> Mention:
        """Return the mention of hosts in a group."""
        nodes = tuple(hosts)
        return cls(GroupNode(name, place, hosts=tuple(host.name for host in nodes)), nodes, port)

    @classmethod
    def of_child(cls, name: str, place: Place, child: str) -> Mention:
        """Return the mention of a group in a group."""
        return cls(GroupNode(name, place, children=(child,)))


class Tree(NamedTuple):
    """All hosts and groups; `lineage` lists every group of a host except `all`, by rank."""

    groups: Mapping[str, GroupNode]
    hosts: Mapping[str, HostNode]
    lineage: Mapping[str, tuple[str, ...]]
    shared: tuple[str, ...] = ()
    """Names of hosts that are also names of groups, which hold no other host."""


def members(group: str, groups: Mapping[str, GroupNode]) -> tuple[str, ...]:
    """Return the hosts of a group and of its child groups, nearest first, as Ansible does."""
    level, seen = [group], {group: None}
    while level:
        below = [child for name in level for child in groups[name].children]
        level = [name for name in dict.fromkeys(below) if name not in seen]
        seen.update(dict.fromkeys(level))
    return tuple(dict.fromkeys(host for name in seen for host in groups[name].hosts))


def _priority(value: Located) -> int:
    try:
        return int(value.data)
    except (TypeError, ValueError):
        raise value.error(f"{PRIORITY} must be a whole number, this is {kind(value)}") from None


class Gathering:
    """All mentions so far; readers use it to see which groups are known."""

    def __init__(self) -> None:
        nowhere = Place("", 0)
        self.groups = {name: _Group(GroupNode(name, nowhere)) for name in ROOTS}
        self.hosts: dict[str, tuple[HostNode, dict[str, Located]]] = {}

    def add_all(self, mentions: Iterable[Mention]) -> None:
        """Add the mentions of a source in their order."""
        for mention in mentions:
            self._add(mention)

    def _add(self, mention: Mention) -> None:
        node = mention.group
        self.groups.setdefault(node.name, _Group(node)).hear(node)
        for child in node.children:
            self.groups.setdefault(child, _Group(GroupNode(child, node.place)))
        for host in mention.hosts:
            self._add_host(host, mention.port)

    def _add_host(self, host: HostNode, port: Located | None) -> None:
        if host.name not in self.hosts:
            # As in Ansible, a port counts only where the host is first named.
            first = {"ansible_port": port} if port else {}
            self.hosts[host.name] = (host, first)
        self.hosts[host.name][1].update(host.variables)

    def tree(self) -> Tree:
        """Return the tree that all mentions together describe."""
        groups = {name: group.node() for name, group in self.groups.items()}
        hosts = {
            name: host._replace(variables=variables)
            for name, (host, variables) in self.hosts.items()
        }
        shared = _shared_names(groups, hosts)
        rooted = _ranked(_rooted(groups, hosts))
        lineages = _lineages(rooted, hosts)
        for host in set(groups["ungrouped"].hosts) - set(rooted["ungrouped"].hosts):
            # As in Ansible, a host never returns to `ungrouped`, even as a group's child.
            lineages[host] = tuple(name for name in lineages[host] if name != "ungrouped")
        return Tree(rooted, hosts, lineages, shared)


class _Group:
    """A group while it is being read; names keep the order of their first mention."""

    def __init__(self, node: GroupNode) -> None:
        self._first = node
        self._hosts: dict[str, None] = {}
        self._children: dict[str, None] = {}
        self._variables: dict[str, Located] = {}
        self._priority: int | None = None

    def hear(self, node: GroupNode) -> None:
        if not self._first.place.file:
            self._first = node
        self._hosts.update(dict.fromkeys(node.hosts))
        self._children.update(dict.fromkeys(node.children))
        self._variables.update(node.variables)
        self._priority = self._priority if node.priority is None else node.priority

    def node(self) -> GroupNode:
        return GroupNode(
            name=self._first.name,
            place=self._first.place,
            hosts=tuple(self._hosts),
            children=tuple(self._children),
            variables=self._variables,
            priority=self._priority,
        )


def _shared_names(
    groups: Mapping[str, GroupNode], hosts: Mapping[str, HostNode]
) -> tuple[str, ...]:
    """Return the names of a host and a group that mean the same; refuse those that do not."""
    shared = [name for name in hosts if name in groups]
    for name in shared:
        if name in ROOTS or members(name, groups) != (name,):
            message = f"{name!r} is both a host and a group, and the group holds other hosts"
            raise InventoryError(message, hint="rename one", where=hosts[name].place)
    return tuple(shared)


def _rooted(groups: Mapping[str, GroupNode], hosts: Mapping[str, HostNode]) -> dict[str, GroupNode]:
    """Put groups without a parent below `all`, and hosts without a group into `ungrouped`."""
    adopted = {child for group in groups.values() for child in group.children}
    orphans = [name for name in groups if name not in adopted and name not in ROOTS]
    children = dict.fromkeys(["ungrouped", *groups["all"].children, *orphans])
    grouped = {host for group in groups.values() if group.name not in ROOTS for host in group.hosts}
    ungrouped = groups["ungrouped"]
    loose = [name for name in dict.fromkeys([*ungrouped.hosts, *hosts]) if name not in grouped]
    return {
        **groups,
        "all": groups["all"]._replace(children=tuple(children)),
        "ungrouped": ungrouped._replace(hosts=tuple(loose)),
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
        place = next((place for place in places if place.file), None)
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
    return {
        host: tuple(sorted(names - {"all"}, key=lambda name: groups[name].rank))
        for host, names in member.items()
    }
