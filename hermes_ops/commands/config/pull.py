"""`config.pull`: take what was changed by hand on the hosts into the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands.config.by_hand import touched
from hermes_ops.commands.config.get import HostSetting, settings_of
from hermes_ops.commands.config.push import settings_steps
from hermes_ops.commands.look_hosts import Look, look_all
from hermes_ops.commands.workspace import Workspace, open_workspace
from hermes_ops.errors import HermesError, UsageError, belongs_to
from hermes_ops.files import ownership
from hermes_ops.files.layout import KEPT
from hermes_ops.inventory.model import Profile
from hermes_ops.loader.keypath import spelled
from hermes_ops.loader.located import inert
from hermes_ops.plan import make_plan


def pull(options: Options, output: Output, layer: str | None) -> Result:
    """Show what was changed by hand on the hosts; with a layer, ask and then write it there."""
    workspace = open_workspace(options, output)
    looks = look_all(options, output, steps=settings_steps(), strangers=True, workspace=workspace)
    if layer is not None:
        return _write(options, output, workspace, looks, layer)
    rows: list[dict[str, Any]] = []
    codes = [look.code for look in looks]
    for look in looks:
        if look.failure:
            output.note(f"{look.host.name}: {look.failure}")
            rows.append({"host": look.host.name, "profile": None, "error": look.error})
            continue
        rows += _told(output, look, codes)
    if not rows and not any(codes):
        output.text("nobody changed anything by hand")
    kept = [row for look in looks for row in _kept(output, look)]
    return items([*rows, *kept], exit=exit_code([*codes, 2 if rows else 0]))


def _told(output: Output, look: Look, codes: list[int]) -> Iterator[dict[str, Any]]:
    try:
        with belongs_to(look.host.name):
            found = settings_of(look)
    except HermesError as error:
        output.note(f"{look.host.name}: {error}")
        codes.append(error.exit_code)
        return
    for profile in look.host.profiles:
        own = [setting for setting in found if setting.profile == profile.name]
        changed = [setting for setting in own if setting.differs or setting.is_foreign]
        target = f"{look.host.name}/{profile.name}"
        yield from _profile(output, target, changed)
        yield from _touched(output, look, profile)
        yield from _replaced(output, look, profile)


def _kept(output: Output, look: Look) -> Iterator[dict[str, Any]]:
    """Tell the files that were kept on a host when they were replaced."""
    for path in look.facts.kept if look.facts else ():
        output.text(f"# {look.host.name}: what others wrote is kept: ~/{path}")
        yield _row(look.host.name, None, path, None, kept=f"~/{path}")


def _replaced(output: Output, look: Look, profile: Profile) -> Iterator[dict[str, Any]]:
    """Tell the files of others that the next run will replace, and keep."""
    facts = replace(look.facts, may_root=None) if look.facts else None
    plan = make_plan(look.desired, facts, wait=False, urls=False) if facts else None
    for change in plan.changes if plan else ():
        if change.kept and change.profile == profile.name:
            file = str(change.kept.relative_to(KEPT))
            target = f"{look.host.name}/{profile.name}"
            output.text(f"# {target}: others wrote ~/{file}: fleet.up keeps it as ~/{change.kept}")
            yield _row(look.host.name, profile.name, file, None, differs=True)


def _row(host: str, profile: str | None, file: str, key: str | None, **more: Any) -> dict[str, Any]:
    return {
        "host": host, "profile": profile, "file": file, "key": key, "now": None, "wanted": None,
        "ours": False, "differs": False, "offered": False, "kept": None, **more,
    }  # fmt: skip


def _touched(output: Output, look: Look, profile: Profile) -> Iterator[dict[str, Any]]:
    for file, name in touched(look, profile):
        what = f"{file}: {name}" if name else file
        target = f"{look.host.name}/{profile.name}"
        output.text(f"# {target}: {what} was changed on the host: config.push sets it back")
        yield _row(look.host.name, profile.name, file, name, ours=True, differs=True)


def _profile(
    output: Output, target: str, changed: Sequence[HostSetting]
) -> Iterator[dict[str, Any]]:
    if not changed:
        return
    output.text(f"# {target}")
    offered = offer(changed)
    if offered:
        import yaml

        from hermes_ops.loader.edit.values import TextDumper

        tree = {"config": offered}
        text = yaml.dump(tree, Dumper=TextDumper, sort_keys=False, allow_unicode=True)
        output.text(text.rstrip())
    for setting in changed:
        if (note := _note(setting)) is not None:
            output.text(f"# {note}")
    for setting in changed:
        yield {**setting.row(), "offered": _is_offered(setting)}


def offer(changed: Iterable[HostSetting]) -> dict[Any, Any]:
    """Return what was changed by hand as `config:` of a profile, without secrets and removed keys.

    What a host says is data: `{{ … }}` in it must never be rendered with the operator's variables.
    """
    tree: dict[Any, Any] = {}
    for setting in changed:
        if _is_offered(setting):
            ownership.put(tree, setting.path, inert(setting.now))
    return tree


def _is_offered(setting: HostSetting) -> bool:
    """Return whether the inventory lacks a value: nobody changed what is as we pushed it."""
    return (
        setting.file != ".env"
        and setting.is_there
        and not (setting.has_credential or setting.is_as_pushed)
    )


def _note(setting: HostSetting) -> str | None:
    key = spelled(setting.path)
    if setting.file == ".env":
        word = "is missing on the host" if not setting.is_there else "is set on the host alone"
        return f".env: {key} {word}"
    if not setting.is_there:
        word = "was removed on the host" if setting.is_ours else "is not there yet: config.push"
        return f"{key} is wanted, and {word}"
    if setting.has_credential:
        return f"{key} is a credential in clear: put it under env:, as a reference"
    if setting.is_wanted:
        push = ", and it is not there yet: config.push" if setting.is_as_pushed else ""
        return f"{key}: the inventory says {setting.row()['wanted']!r}{push}"
    return None


def _write(
    options: Options, output: Output, workspace: Workspace, looks: Sequence[Look], layer: str
) -> Result:
    from hermes_ops.cli.prompts import confirm
    from hermes_ops.commands.config import set

    if len(looks) != 1 or len(looks[0].host.profiles) != 1:
        raise UsageError(
            "--layer takes one profile at a time", hint="select it with -l host/profile"
        )
    (look,) = looks
    if look.failure:
        raise look.failure
    changed = [s for s in settings_of(look) if s.differs or s.is_foreign]
    for setting in changed:
        if setting.has_credential:
            output.note(f"not written: {_note(setting)}")
    offered = offer(changed)
    if not offered:
        output.text("nothing to write" if changed else "nobody changed anything by hand")
        return items([])
    host, profile = look.host.name, look.host.profiles[0].name
    path = ("config",)
    planned = set.write(workspace, host, profile, layer, path, offered, check=True)
    if planned.changes and not options.check:
        for line in () if options.yes else planned.lines:
            output.note(line)
        confirm(f"Write this into {planned.spot.file}?", options)
    return set.write_told(options, output, workspace, (host, profile), layer, path, offered)
