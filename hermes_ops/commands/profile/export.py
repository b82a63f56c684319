"""`profile.export`: a profile as one file on this machine, without any credential."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.printable import in_bytes
from hermes_ops.commands.profile.archive.ask import Packed, ask
from hermes_ops.commands.profile.archive.read import taken
from hermes_ops.commands.profile.whose import ROOT, ProfileOnHost, open_any
from hermes_ops.errors import UsageError
from hermes_ops.reporting.report import count

_FEW = 5


def export(options: Options, output: Output, target: str, to: str | None) -> Result:
    """Write the archive of a profile; its gateway runs on meanwhile.

    Raises:
        UsageError: there is no such profile, it is `default`, the file exists, or its folder does
            not.
    """
    wanted = open_any(options, output, target)
    if wanted.profile.name == ROOT:
        export = wanted.by_hand("profile export default")
        hint = f"its folder holds all other profiles, too; on the host: {export}"
        raise UsageError("default cannot be exported", hint=hint)
    path = _path(to, wanted)
    if path.exists():
        raise taken(path)
    if not path.parent.is_dir():
        hint = f"make it first: mkdir -p {shlex.quote(str(path.parent))}"
        raise UsageError(f"there is no folder {path.parent}", hint=hint)
    packed = ask(wanted, path, options, output)
    if packed is None:
        hint = f"./inv profile.show {wanted.name}"
        raise UsageError(f"{wanted.host.name} has no folder of {wanted.profile.name!r}", hint=hint)
    for line in lines(wanted, packed, path):
        output.text(line)
    return items([document(wanted, packed, path)])


def _path(to: str | None, wanted: ProfileOnHost) -> Path:
    """Return the path of the archive: in the working folder, unless `to` names another."""
    if to == "":
        raise UsageError("--to needs a value", hint="is a shell variable empty?")
    path = Path(to).expanduser() if to else Path()
    is_folder = path.is_dir() or (to or "").endswith(os.sep)
    return (new_file(path, wanted.name) if is_folder else path).absolute()


def new_file(folder: Path, target: str) -> Path:
    """Return the path of a new archive: host, profile, the time in UTC; a number if that is taken.

    Two archives in one second are had by whoever is killed at once and begins again.
    """
    name = f"{target.replace('/', '-')}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    paths = (folder / f"{name}.tar.gz" for name in names)
    return next(path for path in paths if not path.exists())


def lines(wanted: ProfileOnHost, packed: Packed, path: Path) -> Iterator[str]:
    """Yield what people are told of a new archive."""
    size = in_bytes(packed.size)
    yield f"{wanted.name} is exported to {path} ({size}, mode 0600)"
    if packed.env:
        yield f"not in it: the values of {', '.join(packed.env)} (.env)"
    if packed.masked:
        yield f"taken out of config.yaml: {', '.join(packed.masked)}"
    left = [f"{file} ({why})" for file, why in packed.left if file != ".env"]
    if left:
        more = f" and {count(len(left) - _FEW, 'more path')}" if len(left) > _FEW else ""
        yield f"left out: {', '.join(left[:_FEW])}{more}"


def document(wanted: ProfileOnHost, packed: Packed, path: Path) -> dict[str, Any]:
    """Return what documents say of a new archive."""
    return {
        "host": wanted.host.name,
        "profile": wanted.profile.name,
        "archive": str(path),
        "bytes": packed.size,
        "env": list(packed.env),
        "masked": list(packed.masked),
        "left_out": [{"path": file, "why": why} for file, why in packed.left],
    }
