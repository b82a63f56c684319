"""What an inventory says in vain: never used, never winning, or probably misspelt.

`lint()` looks at what `gather()` read. All of it is legal, and `load()` takes it; each finding has
its place, what it is and how to mend it. Its modules:

    model   a finding, and what findings are drawn from
    files   what nobody uses: profiles, groups, files
    values  what never wins: settings, variables, changes of lists
    names   what looks misspelt (`typos`)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hermes_ops.loader.lint import files, names, values
from hermes_ops.loader.lint.model import Remark, survey
from hermes_ops.loader.load import InventoryFiles

__all__ = ["Remark", "lint"]


def lint(gathered: InventoryFiles, folders: Sequence[Path]) -> tuple[Remark, ...]:
    """Return the findings, in the order of their places; `folders` are those of the inventory."""
    seen = survey(gathered, folders)
    checks = (*files.CHECKS, *values.CHECKS, *names.CHECKS)
    found = dict.fromkeys(finding for check in checks for finding in check(seen))
    return tuple(sorted(found, key=_order))


def _order(finding: Remark) -> tuple[str, int, int, str]:
    place = finding.place
    return (place.file, place.line, place.column, finding.message)
