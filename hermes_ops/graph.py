"""Order by dependency, for tasks and for profiles that wait for others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from hermes_ops.errors import UsageError


def ordered(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """Return every node after those it requires, depth first, siblings as listed.

    `edges` maps a node to what it requires. A cycle is a `UsageError` that names it.
    """
    _sorter(edges)
    done: dict[str, None] = {}

    def visit(node: str) -> None:
        if node not in done:
            for required in edges.get(node, ()):
                visit(required)
            done[node] = None

    for node in edges:
        visit(node)
    return list(done)


def waves(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the nodes in groups; each group requires only nodes of earlier ones."""
    sorter = _sorter(edges)
    listed = {node: place for place, node in enumerate(edges)}
    groups = []
    while sorter.is_active():
        ready = sorter.get_ready()
        groups.append(sorted(ready, key=lambda node: (listed.get(node, len(listed)), node)))
        sorter.done(*ready)
    return groups


def _sorter(edges: Mapping[str, Iterable[str]]) -> TopologicalSorter[str]:
    """Return a sorter that is ready; a circle is refused."""
    sorter = TopologicalSorter({node: list(required) for node, required in edges.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise UsageError(
            f"each of these requires the next: {circle}", hint="remove one of these dependencies"
        ) from None
    return sorter
