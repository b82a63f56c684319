"""Whose installation of Hermes a host has: ours is upgraded here, every other in its own way."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import environment, stamp
from hermes_ops.hermes.versions import is_older
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts

OURS = "hermes-ops"


@dataclass(frozen=True, slots=True)
class Installation:
    """How Hermes came to a host, in a word, and what upgrades it there."""

    kind: str
    way: str


def installation(facts: Facts, version: str) -> Installation | None:
    """Return how the Hermes of a host was installed; None if there is none."""
    found = facts.hermes
    if found is None:
        return None
    if found.python.startswith(f"{facts.home}/{environment('hermes')}/") and (
        str(stamp("hermes")) in facts.paths
    ):
        return Installation(OURS, "")
    pinned = f"hermes-agent=={version or 'VERSION'}"  # which one was before, nobody has noted
    python = shlex.quote(found.python)
    if "/pipx/venvs/" in found.python:
        return Installation("pipx", f"pipx install --force {pinned}")
    if "/uv/tools/" in found.python:
        return Installation("uv tool", f"uv tool install --force {pinned}")
    if "site-packages" not in found.project and "dist-packages" not in found.project:
        way = f"{facts.hermes_by_hand} update   # or git checkout in {found.project}"
        return Installation("checkout", way)
    return Installation("pip", f"{python} -m pip install {pinned}")


def refuse_other(host: Host, facts: Facts, version: str = "") -> None:
    """Refuse a Hermes that is not ours, two hands would upgrade one environment; or a newer one.

    Raises:
        Conflict: with what to do in place of it.
    """
    found = installation(facts, version)
    if found is None:
        hint = f"./inv fleet.up -l {shlex.quote(host.name)}"
        raise Conflict("there is no Hermes on it to upgrade", hint=hint)
    if found.kind != OURS:
        python = facts.hermes.python if facts.hermes else ""
        hint = f"on the host: {found.way}; then ./inv fleet.restart -l {shlex.quote(host.name)}"
        raise Conflict(f"its Hermes is not ours: {python} ({found.kind})", hint=hint)
    if version and facts.hermes and is_older(version, facts.hermes.version):
        raise Conflict(
            f"hermes-agent {version} is older than {facts.hermes.version}, which it runs",
            hint=f"./inv fleet.rollback -l {shlex.quote(host.name)}",
        )
