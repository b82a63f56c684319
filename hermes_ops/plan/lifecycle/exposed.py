"""What of a service other accounts of the host could replace: by folders that they may write in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import is_open, kind_at_end
from hermes_ops.plan.model import DesiredState
from hermes_ops.plan.resource import AtPath, Owned
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


def folders_of(service: ServiceSpec, manager: ServiceManager) -> list[PurePosixPath]:
    """Return the folders below the user's home in which the files of a service lie."""
    files = [service.home / "file", *(known.path for known in manager.paths(service))]
    files = [file for file in files if not file.is_absolute()]
    return list(dict.fromkeys(folder for file in files for folder in file.parents if folder.name))


def exposed(
    service: ServiceSpec, manager: ServiceManager, desired: DesiredState, facts: Facts
) -> Iterator[Conflict]:
    """Yield the folders and links by which others can replace files of a service.

    Whoever may write in a folder may replace each file in it, whatever its mode is.
    """
    for folder in folders_of(service, manager):
        found = facts.paths.get(str(folder))
        if found and found.kind == "folder" and is_open(found, facts):
            name = shlex.quote(str(folder))
            words = f"others may write in ~/{folder}, and so replace what is in it"
            yield Conflict(words, hint=f"on the host: chmod go-w ~/{name}")
    for path in _files(service, manager, desired):
        found = facts.paths.get(str(path))
        end = found.end if found and found.kind == "link" else None
        if found and end and end.folder and kind_at_end(found) and is_open(end.folder, facts):
            name = shlex.quote(str(path))
            words = f"~/{path} is a link to {end.path}, in a folder that others may write"
            copy = f"cp ~/{name} ~/{name}.new && mv ~/{name}.new ~/{name}"
            yield Conflict(words, hint=f"on the host: {copy}")


def _files(
    service: ServiceSpec, manager: ServiceManager, desired: DesiredState
) -> Iterator[PurePosixPath]:
    """Yield the files of a profile that we write."""
    for wanted in desired.wanted:
        if wanted.profile.name == service.profile and isinstance(wanted.resource, AtPath | Owned):
            yield wanted.resource.path
    own = (known for known in manager.paths(service) if known.is_own)
    yield from (known.path for known in own if known.kind != "link")
