"""The page of versions shows the table, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from hermes_ops.hermes.versions import Capabilities, capabilities

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/versions.md").read_text(encoding="utf-8")
ROWS = list(yaml.safe_load((ROOT / "hermes_ops/hermes/data/versions.yml").read_text("utf-8")))
HEAD = (
    "| from | known | `config.yaml` | its unit | its property list | drain by a file | gateways "
    "| evidence | ends with |"
)


def table() -> str:
    """Return the table, a row for each range of versions."""
    lines = [HEAD, "|---" * 9 + "|"]
    return "\n".join([*lines, *(line(start, capabilities(start)) for start in ROWS)])


def line(start: str, row: Capabilities) -> str:
    """Return one row."""
    gateways = {"units": "one a profile", "multiplex": "one for all"}
    exits = [f"{row.planned_restart_exit} to be restarted" if row.planned_restart_exit else "",
             f"{row.fatal_exit} for good" if row.fatal_exit else ""]  # fmt: skip
    drains = {None: "", False: "no", True: "yes, for ever"}[row.drain_marker]
    if row.drain_marker_limit:
        drains = f"yes, for {row.drain_marker_limit} s"
    cells = (
        start, row.standing, row.config_schema or "", difference(row.unit_more, row.unit_less),
        difference(row.plist_more, row.plist_less), drains,
        ", ".join(gateways[name] for name in row.topologies), ", ".join(sorted(row.evidence)),
        ", ".join(filter(None, exits)),
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |".replace("  ", " ")


def difference(more: Iterable[str], less: Iterable[str]) -> str:
    """Return how a text differs from that of 0.19."""
    added = [f"+ `{text}`" for text in more]
    return ", ".join([*added, *(f"- `{text}`" for text in less)]).replace("|", "\\|")


def not_done() -> str:
    """Return what hermes-ops does not do, by version, and from where the row is known."""
    return "\n\n".join(
        f"From {start} ({row.source}):\n\n" + "\n".join(f"- {text}" for text in row.not_done)
        for start in ROWS
        if (row := capabilities(start)).not_done
    )


@pytest.mark.parametrize("part", [table, not_done])
def test_the_page_is_the_table(part: object) -> None:
    """Whoever changes the table writes this text into docs/versions.md."""
    assert callable(part)
    assert part() in PAGE, f"docs/versions.md must have:\n\n{part()}"


def test_only_what_is_proven_has_nothing_left() -> None:
    """A row that nobody has tried says what is not done there; one that was tried needs not."""
    for start in ROWS:
        row = capabilities(start)
        assert (row.standing == "proven") == (not row.not_done), start
