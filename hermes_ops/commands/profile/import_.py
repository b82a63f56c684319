"""`profile.import`: unpack the archive of a profile on a host, where none of that name is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as LocalPath
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.profile.archive.read import Archive, read
from hermes_ops.commands.profile.whose import ROOT, ProfileOnHost, open_any
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Path, Resource, Unpacked
from hermes_ops.program_name import spoken
from hermes_ops.services.base import home_of

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST = 200


@dataclass(frozen=True, slots=True)
class Lacking:
    """What an archive does not have, and an imported profile needs."""

    known: bool
    """Whether the archive says what it does not have."""
    supplied: tuple[str, ...] = ()
    """Names in `.env` that the inventory has for the profile."""
    missing: tuple[str, ...] = ()
    """Names in `.env` that somebody must supply."""
    masked: tuple[str, ...] = ()
    """Credentials that `config.yaml` had."""


def import_(options: Options, output: Output, file: str, to: str | None) -> Result:
    """Unpack an archive, and name each credential that is still to be supplied.

    Raises:
        UsageError: the archive is not sound, or the target is missing or `default`.
    """
    if not to:
        raise UsageError("--to is missing: where to import it", hint="--to host/profile")
    path = LocalPath(file).expanduser().absolute()
    wanted, archive = open_any(options, output, to), read(path)
    if wanted.profile.name == ROOT:
        hint = "import it under another name"
        raise UsageError("default is Hermes' own folder, with all profiles in it", hint=hint)
    workspace = wanted.wanting("started")
    converged = converge(
        "profile.import", [_step(path, archive)], options, output, wait=False, workspace=workspace
    )
    converged.close()
    result = finish(converged, output)
    lacks = lacking(wanted, archive)
    if result.exit == 0:
        for line in _lines(wanted, lacks):
            output.text(line)
    return Result(result.exit, {**result.document, **_document(lacks)})


def _step(path: LocalPath, archive: Archive) -> StepPlan:
    def body(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
        yield Unpacked(Path(home_of(profile, role)), path, archive.top)

    return StepPlan("profile.import", (), body)


def lacking(wanted: ProfileOnHost, archive: Archive) -> Lacking:
    """Return what the archive says that it does not have; its words are those of a stranger."""
    if "env" not in archive.about:
        return Lacking(known=False)
    names = [name for name in _texts(archive.about["env"]) if _VARIABLE.fullmatch(name)]
    own = wanted.profile.env
    return Lacking(
        True,
        tuple(name for name in names if name in own),
        tuple(name for name in names if name not in own),
        tuple(_texts(archive.about.get("masked"))),
    )


def _texts(value: Any) -> list[str]:
    found = value[:_MOST] if isinstance(value, list) else []
    return [text for text in found if isinstance(text, str) and text.isprintable()]


def _document(lacks: Lacking) -> dict[str, Any]:
    return {
        "credentials": {
            "known": lacks.known,
            "from_inventory": list(lacks.supplied),
            "missing": list(lacks.missing),
            "config": list(lacks.masked),
        }
    }


def _lines(wanted: ProfileOnHost, lacks: Lacking) -> Iterator[str]:
    if not lacks.known:
        yield "the archive does not say what it lacks: Hermes leaves out .env and auth.json"
    if lacks.supplied:
        yield f"the inventory has: {', '.join(lacks.supplied)}"
    for name in lacks.missing:
        yield f"still to be supplied: {name}"
    for name in lacks.masked:
        yield f"still to be supplied, `changeme` stands for it in config.yaml: {name}"
    if lacks.missing and wanted.is_managed:
        yield spoken(f"each by: ./inv secrets.set {wanted.name} NAME --layer profile")
    where = spoken(f"./inv fleet.up -l {wanted.name}")
    first = "" if wanted.is_managed else "name it in the inventory, then "
    yield f"to start it: {first}{where}"
