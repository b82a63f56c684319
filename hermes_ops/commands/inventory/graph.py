"""`inventory.graph`: draw the graph of the steps."""

from __future__ import annotations

from collections.abc import Mapping

from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import UsageError


def graph(output: Output, edges: Mapping[str, tuple[str, ...]], format: str) -> Result:
    """Draw the graph; `edges` maps each step to the steps that it requires."""
    output.text("\n".join(draw(edges, format)))
    return items([{"step": name, "requires": list(before)} for name, before in edges.items()])


def draw(edges: Mapping[str, tuple[str, ...]], format: str) -> list[str]:
    """Return the lines of the drawing; `format` is tree or mermaid."""
    if format not in ("tree", "mermaid"):
        raise UsageError(f"--format is tree or mermaid, not {format!r}")
    return _mermaid(edges) if format == "mermaid" else _drawn("fleet.up", edges)


def _drawn(name: str, edges: Mapping[str, tuple[str, ...]], depth: int = 0) -> list[str]:
    lines = [f"{'   ' * (depth - 1)}└─ {name}" if depth else name]
    for before in edges.get(name, ()):
        lines += _drawn(before, edges, depth + 1)
    return lines


def _mermaid(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    pairs = [(a, b) for b, before in edges.items() for a in before]
    return ["graph LR", *(f"  {a} --> {b}" for a, b in reversed(pairs))]
