"""Load `roles/<name>/role.yml` as frozen roles, or raise an error with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from hermes_ops.inventory.role import Creation, ProgramRole, Readiness, Role, RoleFolder
from hermes_ops.loader.located import Located, refuse_sealed
from hermes_ops.loader.profiles.service import SETTING_KINDS
from hermes_ops.loader.roles.checks import refuse_unknown_checks
from hermes_ops.loader.roles.file import role_file
from hermes_ops.loader.roles.keys import PROGRAM, ROLE
from hermes_ops.loader.roles.service import readiness, role_service
from hermes_ops.loader.roles.values import (
    items_of,
    mode_of,
    role_text,
    texts_of,
    word_of,
    words_of,
)
from hermes_ops.loader.schema import check, filled, one_of, suggestion, unknown_key
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.yaml import read


def load_roles(folders: Iterable[Path], reading: Reading | None = None) -> dict[str, Role]:
    """Return every role of a service that has a `role.yml` below a folder.

    If two have the same name, the one in the later folder wins.
    """
    files = {
        file.parent.name: file
        for folder in dict.fromkeys(folders)
        for file in sorted(folder.glob("*/role.yml"))
    }
    documents = {name: _document(file, reading) for name, file in files.items()}
    programs = {
        name: _program(name, document)
        for name, document in documents.items()
        if "defaults" in document.entries
    }
    services = {name: found for name, found in documents.items() if name not in programs}
    roles = {name: role_in(found, files[name].parent, programs) for name, found in services.items()}
    for name, found in services.items():
        if "checks" in found.entries:
            refuse_unknown_checks(found.entries["checks"], files[name].parent / "checks")
    return roles


def _document(file: Path, reading: Reading | None) -> Located:
    document = read(file, reading)
    refuse_sealed(document)
    if document.data is None:
        return document._replace(data={})
    for key, entry in document.entries.items():
        if key not in _KEYS:
            raise unknown_key(key, entry, _KEYS)
    return document


_KEYS = tuple(dict.fromkeys([*ROLE.keys, *PROGRAM.keys]))


def _program(name: str, document: Located) -> ProgramRole:
    check(document, PROGRAM, "role.yml")
    pinned = document.entries["defaults"].entries
    return ProgramRole(name, word_of(pinned, "package"), word_of(pinned, "version"))


def role_in(document: Located, folder: Path, programs: Mapping[str, ProgramRole]) -> Role:
    """Return the role that a document describes; `folder` has its templates and its name."""
    check(document, ROLE, "role.yml")
    found = filled(document)
    return Role(
        name=folder.name,
        folder=folder,
        home=role_text(found["home"]),
        service=role_service(found["service"], folder),
        description=word_of(found, "description"),
        program=_program_of(found["program"], programs) if "program" in found else None,
        create=_creation(found["create"]) if "create" in found else None,
        folders=tuple(map(_folder, items_of(found, "directories"))),
        files=tuple(role_file(entry, folder) for entry in items_of(found, "files")),
        readiness=readiness(found["readiness"]) if "readiness" in found else Readiness(),
        checks=words_of(found, "checks"),
        settings=_settings(found["settings"]) if "settings" in found else None,
    )


def _settings(entry: Located) -> dict[str, str]:
    for name, kind in entry.entries.items():
        check(kind, one_of(*SETTING_KINDS), name)
    return {name: str(kind.data) for name, kind in entry.entries.items()}


def _program_of(entry: Located, programs: Mapping[str, ProgramRole]) -> ProgramRole:
    if entry.data not in programs:
        message = f"'program': there is no role {entry.data!r} with 'defaults'"
        raise entry.error(message, suggestion(entry.data, programs))
    return programs[entry.data]


def _creation(entry: Located) -> Creation:
    found = filled(entry)
    return Creation(texts_of(found, "command"), frozenset(words_of(found, "except")))


def _folder(entry: Located) -> RoleFolder:
    found = filled(entry)
    return RoleFolder(role_text(found["path"]), mode_of(found, 0o755))
