"""The variables of a host, layer by layer, in Ansible's order of precedence.

Weakest first: `all` and then the other groups in the structure files, `group_vars/` of `all`,
`group_vars/` of the groups, the host in the structure files, `host_vars/`.
Groups are sorted by rank: parents first, then priority, then the alphabet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hermes_ops.loader.groups import Tree
from hermes_ops.loader.located import Located, Variables
from hermes_ops.loader.sources.files import VariableFiles


class Layer(NamedTuple):
    """Variables of one origin, such as `group minis` or `host mini-1`."""

    origin: str
    variables: Variables


class Scope(NamedTuple):
    """The names that the expressions of one host may use."""

    variables: Variables
    magic: Mapping[str, Any]
    environ: Mapping[str, str]
    lacks_files: bool = False
    """Whether files of variables were left out, as they are encrypted."""


def layers_of(host: str, tree: Tree, files: Sequence[VariableFiles]) -> tuple[Layer, ...]:
    """Return the layers of a host that have variables, weakest first."""
    return tuple(layer for layer in _all_layers(host, tree, files) if layer.variables)


def _all_layers(host: str, tree: Tree, files: Sequence[VariableFiles]) -> Iterator[Layer]:
    lineage = tree.lineage[host]
    for name in ("all", *lineage):
        yield Layer(f"group {name}", tree.groups[name].variables)
    for source in files:
        yield from _of_group("all", source)
    for source in files:
        for name in lineage:
            yield from _of_group(name, source)
    yield Layer(f"host {host}", tree.hosts[host].variables)
    for source in files:
        yield from _of_host(host, source)


def _of_group(name: str, source: VariableFiles) -> Iterator[Layer]:
    """Yield a layer for each file, so that variables are merged across files too."""
    return (Layer(f"group {name}", said) for said in source.of_group(name))


def _of_host(name: str, source: VariableFiles) -> Iterator[Layer]:
    return (Layer(f"host {name}", said) for said in source.of_host(name))


def folded(layers: Sequence[Layer]) -> dict[str, Located]:
    """Return each variable with the value of the strongest layer."""
    variables: dict[str, Located] = {}
    for layer in layers:
        variables.update(layer.variables)
    return variables


def every_layer(tree: Tree, files: Sequence[VariableFiles]) -> Iterator[Layer]:
    """Yield the layers of all groups and hosts once, used or not."""
    for name in tree.groups:
        yield from group_layers(name, tree, files)
    for host in tree.hosts.values():
        yield Layer(f"host {host.name}", host.variables)
        yield from (layer for source in files for layer in _of_host(host.name, source))


def group_layers(name: str, tree: Tree, files: Sequence[VariableFiles]) -> Iterator[Layer]:
    """Yield the layers of one group, weakest first."""
    yield Layer(f"group {name}", tree.groups[name].variables)
    yield from (layer for source in files for layer in _of_group(name, source))
