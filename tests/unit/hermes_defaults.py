"""Print `hermes_ops/hermes/data/hermes-defaults.txt`; run with a Python that has hermes-agent.

HERMES_HOME=$(mktemp -d) PYTHONPATH=. python tests/unit/hermes_defaults.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from hermes_ops.files.ownership import check


def leaves(tree: Mapping[Any, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield path and value of every default."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def text(defaults: Mapping[Any, Any], release: str) -> str:
    """Return the file."""
    lines = [f"{check(path, value)} {json.dumps(path)}" for path, value in leaves(defaults)]
    head = (
        f"# What the settings of hermes-agent {release} are where nobody says otherwise: a check\n"
        "# of each value, as in an ownership file, and its key. What a host has of these, nobody"
        " set.\n"
    )
    return head + "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line[13:]))


if __name__ == "__main__":
    from hermes_cli.config import DEFAULT_CONFIG  # type: ignore[import-not-found]

    print(text(DEFAULT_CONFIG, version("hermes-agent")), end="")
