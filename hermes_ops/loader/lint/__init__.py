"""What has no effect in an inventory: unused, always overridden, or probably misspelt.

`lint()` looks at what `gather()` read. All of it is valid for `load()`. Each finding has its
place, a message and a remedy. Its modules:

    model   a finding, and the data that findings are made from
    files   unused profiles, groups and files
    values  always overridden: settings, variables, changes of lists
    names   names that look misspelt (`loader.typos`)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hermes_ops.loader.lint import files, names, values
from hermes_ops.loader.lint.model import Remark, survey
from hermes_ops.loader.load import InventoryFiles

__all__ = ["Remark", "lint"]


def lint(gathered: InventoryFiles, folders: Sequence[Path]) -> tuple[Remark, ...]:
    """Return the findings, sorted by place; `folders` are those of the inventory."""
    seen = survey(gathered, folders)
    checks = (*files.CHECKS, *values.CHECKS, *names.CHECKS)
    found = dict.fromkeys(finding for check in checks for finding in check(seen))
    return tuple(sorted(found, key=_order))


def _order(finding: Remark) -> tuple[str, int, int, str]:
    place = finding.place
    return (place.file, place.line, place.column, finding.message)
