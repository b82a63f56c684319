"""Find what was changed by hand on a host, where we kept only a check of each value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.commands.look_hosts import Look
from hermes_ops.files import envfile, ownership
from hermes_ops.files.ownership import GENERATED, Ownership
from hermes_ops.inventory.model import Profile
from hermes_ops.look.facts import Facts
from hermes_ops.plan.resource import EnvFile, Owned


def owned_by(memory: Owned | None, facts: Facts) -> Ownership:
    """Return a profile's ownership file on the host; an empty one if it is absent or damaged."""
    text = facts.contents.get(str(memory.path)) if memory else None
    try:
        return ownership.parse(text or "", f"~/{memory.path}" if memory else "")
    except ValueError:
        return Ownership()


def touched(look: Look, profile: Profile) -> Iterator[tuple[str, str | None]]:
    """Yield what is not as we left it: values of `.env`, by file and name, and whole files.

    A value that the host generated is left out: no check of it was kept.
    """
    facts = look.facts
    own = [w.resource for w in look.desired.wanted if w.profile.name == profile.name]
    memory = next((r for r in own if isinstance(r, Owned)), None)
    if facts is None or memory is None:
        return
    owned = owned_by(memory, facts)
    for resource in own:
        if isinstance(resource, EnvFile):
            have = envfile.read(facts.contents.get(str(resource.path), ""))
            marks = owned.keys.get(resource.path.name, {})
            yield from ((resource.path.name, name) for name in _changed(have, marks))
    for name, digest in owned.files.items():
        path = memory.home / PurePosixPath(name)
        if str(path) in facts.paths and facts.digest(path) not in (digest, "+"):
            yield name, None


def _changed(have: dict[str, str], marks: ownership.Tree) -> Iterator[str]:
    for name, mark in marks.items():
        value: Any = have.get(name)
        if value is None or "\x01" in value or mark == GENERATED:
            continue
        if ownership.check((name,), value, secret=True) != mark:
            yield name
