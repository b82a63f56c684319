"""`files:` of a role: the files that each profile gets."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.inventory.role import RoleEnv, RoleFile, RoleSoul, RoleTemplate, RoleYaml
from hermes_ops.loader.located import Located, plain
from hermes_ops.loader.roles.keys import FORMS, SOURCES
from hermes_ops.loader.roles.values import Said, flag, mode_of, role_text, word_of
from hermes_ops.loader.schema import filled
from hermes_ops.loader.sources.named import MARK, named_text
from hermes_ops.loader.sources.text import shown


def role_file(entry: Located, folder: Path) -> RoleFile:
    """Return one entry of `files`; its keys are already checked."""
    found = filled(entry)
    form = _form(entry, found)
    path = role_text(found[form])
    if form == "yaml":
        initial = plain(found["initial"]) if "initial" in found else {}
        return RoleYaml(path, mode_of(found, 0o600), flag(found, "restart"), initial)
    if form == "env":
        return RoleEnv(path, mode_of(found, 0o600), flag(found, "restart", True))
    return _whole(entry, found, folder)


def _form(entry: Located, found: Said) -> str:
    forms = [form for form in FORMS if form in found]
    if len(forms) != 1:
        raise entry.error(f"an entry of 'files' wants exactly one of {', '.join(FORMS)}")
    form = forms[0]
    for key in found:
        if key not in {form, *FORMS[form]}:
            raise found[key].error(f"{key!r} has no meaning beside {form!r}")
    if word_of(found, "from", SOURCES[form]) != SOURCES[form]:
        raise found["from"].error(f"'from' can only be {SOURCES[form]!r} beside {form!r}")
    return form


def _whole(entry: Located, found: Said, folder: Path) -> RoleTemplate | RoleSoul:
    if ("template" in found) == ("from" in found):
        raise entry.error("'file' wants exactly one of template: NAME, from: soul")
    path, mode, restart = role_text(found["file"]), mode_of(found, 0o644), flag(found, "restart")
    if "from" in found:
        return RoleSoul(path, mode, restart)
    file = folder / "templates" / str(found["template"].data)
    return RoleTemplate(path, mode, restart, _content(file, found["template"]), shown(file))


def _content(file: Path, entry: Located) -> str:
    return named_text(file, entry, "the template").removeprefix(MARK)
