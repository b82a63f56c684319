"""The inventory, as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.tasks.executor import required, step_key, step_plans
from hermes_ops.tasks.explaining import explain, schema
from hermes_ops.tasks.inventory_lint import lint
from hermes_ops.tasks.listing import ansible_view, shown
from hermes_ops.tasks.options import COMMON, Option, Options
from hermes_ops.tasks.output import Output, Result, items
from hermes_ops.tasks.step import verb
from hermes_ops.tasks.workspace import open_workspace

__all__ = ["explain", "graph", "lint", "list_", "schema", "show"]

_ANSWER = tuple(option for option in COMMON if option.name in ("json", "verbose"))


@verb(name="list", example="./inv inventory.list -i inventory --json")
def list_(options: Options, output: Output) -> Result:
    """List groups and hosts; with --json, as `ansible-inventory --list` does."""
    inventory = open_workspace(options, output).selected
    if not output.json:
        for line in _tree(inventory, "all", 0):
            output.text(line)
    return Result(0, ansible_view(inventory))


def _tree(inventory: Inventory, group: str, depth: int) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}@{group}"]
    node = inventory.groups.get(group)
    if node is None:
        return lines
    for child in node.children:
        lines += _tree(inventory, child, depth + 1)
    names = {host.name: host for host in inventory.hosts}
    loose = inventory.groups["ungrouped"].hosts if group == "all" else ()
    for name in node.hosts:
        if name in names and name not in loose:
            profiles = " ".join(profile.name for profile in names[name].profiles)
            lines.append(f"{indent}  {name}" + (f": {profiles}" if profiles else ""))
    return lines


@verb(example="./inv inventory.show -l mini-1")
def show(options: Options, output: Output) -> Result:
    """Show what each selected host and profile will be, all layers merged; no secret."""
    inventory = open_workspace(options, output).selected
    rows = [_profile(host, profile) for host in inventory.hosts for profile in host.profiles]
    if not output.json:
        import yaml

        output.text(yaml.safe_dump(rows, sort_keys=False, allow_unicode=True).rstrip())
    return items(rows)


def _profile(host: Host, profile: Profile) -> dict[str, Any]:
    return {
        "host": host.name,
        "profile": profile.name,
        "role": profile.role,
        "state": profile.state,
        "address": host.connection.address or host.name,
        "connection": host.connection.kind,
        "manager": host.manager,
        "hermes": host.hermes.version or None,
        "config": shown(profile.config),
        "env": sorted(profile.env),
        "service": {
            "memory_max": profile.service.memory_max,
            "watchdog": profile.service.watchdog,
            "environment": shown(profile.service.environment),
        },
        "after": list(profile.after),
        "where": str(profile.place) if profile.place else None,
    }


@verb(
    options=(Option("format", "tree or mermaid (tree)", "tree"),),
    common=_ANSWER,
    example="./inv inventory.graph --format mermaid",
)
def graph(_options: Options, output: Output, *, format: str) -> Result:
    """Draw the graph of the steps, as `pre=` has it."""
    output.text("\n".join(draw(format)))
    return items([{"step": name, "requires": list(before)} for name, before in _edges().items()])


def _edges() -> dict[str, tuple[str, ...]]:
    from hermes_ops.tasks import fleet

    edges = {plan.name: plan.requires for plan in step_plans(fleet.up)}
    return {**edges, "fleet.up": tuple(step_key(task) for task in required(fleet.up))}


def draw(format: str) -> list[str]:
    """Return the lines of the drawing; `format` is tree or mermaid."""
    if format not in ("tree", "mermaid"):
        raise UsageError(f"--format is tree or mermaid, not {format!r}")
    edges = _edges()
    return _mermaid(edges) if format == "mermaid" else _drawn("fleet.up", edges)


def _drawn(name: str, edges: Mapping[str, tuple[str, ...]], depth: int = 0) -> list[str]:
    lines = [f"{'   ' * (depth - 1)}└─ {name}" if depth else name]
    for before in edges.get(name, ()):
        lines += _drawn(before, edges, depth + 1)
    return lines


def _mermaid(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    pairs = [(a, b) for b, before in edges.items() for a in before]
    return ["graph LR", *(f"  {a} --> {b}" for a, b in reversed(pairs))]
