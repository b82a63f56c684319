"""The script `hermes-gateways` of a host, with which a person there commands its gateways."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import STOPPED, environment
from hermes_ops.files.quoting import moving
from hermes_ops.inventory.model import Profile
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import unreadable
from hermes_ops.plan.files import change, plan_text
from hermes_ops.plan.model import Change, DesiredState, Remove, Wanted
from hermes_ops.plan.resource import Wrapper
from hermes_ops.services.base import template
from hermes_ops.services.describe import describe
from hermes_ops.services.manager import ServiceManager
from hermes_ops.templates import rendered_here

SOURCE = "wrapper/hermes-gateways.sh.j2"
_OURS = "\n# Written by hermes-ops "
"""How its second line begins: a file without it is somebody's own."""


@dataclass(frozen=True, slots=True)
class WrapperPlan:
    """The change of the wrapper, if any, and what to say of a file that is not ours."""

    changes: tuple[Change, ...] = ()
    note: str = ""


def foreseen(desired: DesiredState, manager: ServiceManager, facts: Facts) -> Facts:
    """Return the facts as they will be with the wrapper: its folder is on the PATH of gateways."""
    each = [w.resource for w in desired.wanted if isinstance(w.resource, Wrapper)]
    if not (manager.by_hand and any(wrapper.gateways for wrapper in each)):
        return facts
    return replace(facts, folders=facts.folders | {str(wrapper.path.parent) for wrapper in each})


def plan_wrapper(
    desired: DesiredState, manager: ServiceManager, facts: Facts, refused: Collection[str]
) -> WrapperPlan:
    """Return the write or the removal of the wrapper: it is the same for every profile."""
    each = [w for w in desired.wanted if isinstance(w.resource, Wrapper)]
    wanted = next((w for w in each if w.profile.name not in refused), None)
    if wanted is None or not manager.by_hand:
        return WrapperPlan()
    assert isinstance(wanted.resource, Wrapper)  # noqa: S101 - chosen above
    if (why := _why_foreign(wanted.resource, facts)) is not None:
        return WrapperPlan(note=f"{why}, and stays; for ours, {moving(wanted.resource.path)}")
    gone = {w.profile.name for w in each if w.profile.state == "absent"}
    names = [name for name in wanted.resource.gateways if name not in gone]
    return WrapperPlan(tuple(_changes(wanted, wanted.resource, names, manager, facts)))


def _why_foreign(wrapper: Wrapper, facts: Facts) -> str | None:
    """Return that somebody else's is in its place; None if there is nothing, or ours."""
    state = facts.paths.get(str(wrapper.path))
    if state is None:
        return None
    if state.kind != "file":
        return f"~/{wrapper.path} is a {state.kind} that is not ours"
    text = facts.contents.get(str(wrapper.path))
    if text is None:
        return str(unreadable(wrapper.path, facts))
    first, newline, rest = text.partition("\n")
    ours = first.startswith("#!") and (newline + rest).startswith(_OURS)
    return None if ours else f"~/{wrapper.path} is not ours"


def _changes(
    wanted: Wanted, wrapper: Wrapper, names: list[str], manager: ServiceManager, facts: Facts
) -> Iterable[Change]:
    if names:
        text = _text(wanted, names, manager, facts)
        yield from plan_text(wanted, wrapper.path, text, 0o755, facts, None)
    elif str(wrapper.path) in facts.paths:
        yield change(wanted, "remove", "no gateway is left", Remove(wrapper.path), facts)


def _text(wanted: Wanted, names: list[str], manager: ServiceManager, facts: Facts) -> str:
    folder = wanted.role.folder
    paths = {name: _quoted(facts, path) for name, path in manager.shell_paths.items()}
    known = {"uid": facts.uid, "home_dir": shlex.quote(facts.home), **paths}
    part = rendered_here(template(folder, manager.by_hand), known, manager.by_hand)
    values = {
        **known,
        "user": shlex.quote(facts.user),
        "marks": _quoted(facts, STOPPED),
        "hermes": _quoted(facts, environment("hermes") / "bin/hermes"),
        "manager": manager.name,
        "manager_part": part,
        "lines": [_line(name, wanted, manager) for name in names],
    }
    return rendered_here(template(folder, SOURCE), values, SOURCE)


def _line(name: str, wanted: Wanted, manager: ServiceManager) -> str:
    service = describe(Profile(name, wanted.profile.role), wanted.role)
    return f"{name} {service.name} {manager.id(service)} {service.home}"


def _quoted(facts: Facts, path: Any) -> str:
    return shlex.quote(str(PurePosixPath(facts.home) / path))
