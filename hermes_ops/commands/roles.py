"""`roles.trust`: which folders of roles may run their checks, which are programs.

A role beside an inventory is data, except its checks: they run here, as the operator. So they run
only if they belong to this program, to a folder of `--role-path`, or to a folder that the
operator trusted, with the content that it had then.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from hermes_ops.assets import ROLES
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.prompts import confirm
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader.sources.files import ROLE_PATH, role_path
from hermes_ops.loader.sources.text import shown


def trust(options: Options, output: Output, folder: str) -> Result:
    """Show the checks of the roles in a folder, ask, and remember their content."""
    path = Path(folder).expanduser().resolve()
    files = _files(path)
    if not files:
        raise UsageError(f"no role in {folder} has checks", hint="name a folder such as roles/")
    for file in files:
        output.text(shown(file))
    confirm(f"Let the checks of roles in {shown(path)} run on this machine, as you?", options)
    _remember(path)
    return items([{"host": None, "profile": None, "folder": str(path), "files": len(files)}])


def use_role_path(options: Options) -> None:
    """Let everything in this process find the roles of `--role-path`."""
    if options.role_path:
        os.environ[ROLE_PATH] = ":".join(options.role_path)


def refuse_untrusted(selected: Inventory, options: Options) -> None:
    """Ask about each folder whose checks would run and that is not trusted.

    Raises:
        UsageError: nobody is there to answer.
    """
    for folder in _folders_with_checks(selected):
        before = _trusted().get(str(folder))
        if _is_own(folder) or before == _digest(folder):
            continue
        what = "were changed since they were trusted" if before else "are programs of an inventory"
        said = f"the checks of roles in {shown(folder)} {what}"
        if not (options.yes or sys.stdin.isatty()):
            hint = f"read them, then ./inv roles.trust {shown(folder)}; or --role-path"
            raise UsageError(said, hint=hint)
        confirm(f"{said}. Let them run on this machine, as you?", options)
        if not options.yes:
            _remember(folder)


def _folders_with_checks(selected: Inventory) -> Iterable[Path]:
    used = {profile.role for host in selected.hosts for profile in host.profiles}
    roles = (role for name, role in selected.roles.items() if name in used and role.checks)
    return dict.fromkeys(role.folder.resolve().parent for role in roles)


def _is_own(folder: Path) -> bool:
    allowed = (ROLES, *role_path(os.environ))
    return any(folder == own.resolve() for own in allowed)


def _files(folder: Path) -> list[Path]:
    found = (file for checks in folder.glob("*/checks") for file in checks.rglob("*"))
    return sorted(file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _digest(folder: Path) -> str:
    """Return what the checks of a folder are: every name and every content."""
    digest = hashlib.sha256()
    for file in _files(folder):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(folder)}\0{content}\n".encode())
    return digest.hexdigest()


def _state() -> Path:
    from platformdirs import user_state_path

    return user_state_path("hermes-ops") / "trusted-roles.json"


def _trusted() -> Mapping[str, str]:
    try:
        found = json.loads(_state().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(folder: Path) -> None:
    from hermes_ops.loader.edit.edits import replace_file

    state = _state()
    state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = {**_trusted(), str(folder): _digest(folder)}
    replace_file(state, json.dumps(known, indent=1) + "\n")
