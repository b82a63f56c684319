"""Orphans on ports: services that we once configured, and that are no longer in the inventory.

Which orphans a host has, `audit.orphans` says.
"""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hermes_ops.errors import HermesError
from hermes_ops.files import envfile, yamlfile
from hermes_ops.hermes import platforms
from hermes_ops.hermes.gateway import PID_FILE
from hermes_ops.inventory.model import Profile
from hermes_ops.inventory.role import Role, RoleService, RoleText
from hermes_ops.look.facts import Facts
from hermes_ops.program_name import spoken
from hermes_ops.services import MANAGERS
from hermes_ops.services.describe import describe

NOWHERE = ".local/state/hermes-ops/no-home"
"""Stands for the home of a service whose role nobody knows any more: nothing is there."""


def on_port(number: int | None, facts: Facts, *, pid: int | None = None) -> str | None:
    """Return the orphan whose settings let it listen on this port, if there is one.

    If the process that listens there is known, it must be the orphan's.
    """
    for name in facts.orphans:
        home = home_of_orphan(name)
        if number in ports_of(facts, home) and pid in (None, _pid(facts, home)):
            return name
    return None


def _pid(facts: Facts, home: str) -> int | None:
    try:
        record = json.loads(facts.contents.get(f"{home}/{PID_FILE}", "null"))
    except ValueError:
        return None
    pid = record.get("pid") if isinstance(record, dict) else record
    return pid if isinstance(pid, int) else None


def role_of(name: str, like: Role | None = None, home: str = "") -> Role:
    """Return a role whose only service has this name: all that is needed to stop and remove it.

    `like` is the role that it once had, if the inventory still has that.
    """
    text = RoleText(home or f"{NOWHERE}/{name}")
    service = RoleService(RoleText(name), (RoleText("true"),))
    return Role(like.name if like else name, like.folder if like else Path(), text, service)


def owner_of(pid: int | None, facts: Facts) -> str:
    """Return the name of our service outside the inventory that has this process, if one has."""
    for key, names in facts.ours.items():
        for name in sorted(names):
            told = MANAGERS[key].told(describe(Profile(name), role_of(name)), facts)
            if pid is not None and told.pid == pid:
                return name
    return ""


def prune_hint(host: str, orphan: str) -> str:
    """Return the command that ends an orphan; its data stays."""
    return spoken(f"./inv fleet.prune -l {shlex.quote(f'{host}/{orphan}')}")


def home_of_orphan(name: str) -> str:
    """Return the home of a gateway, which Hermes itself decides."""
    return ".hermes" if name == "default" else f".hermes/profiles/{name}"


def ports_of(facts: Facts, home: str) -> Sequence[int]:
    """Return the ports on which its settings let it listen; of settings in ruins, none."""
    texts = (facts.contents.get(posixpath.join(home, name), "") for name in ("config.yaml", ".env"))
    config, env = texts
    with suppress(HermesError):
        found = platforms.listeners(yamlfile.load(config), envfile.read(env))
        return sorted({port for _, _, port in found})
    return ()
