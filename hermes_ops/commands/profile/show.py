"""`profile.show`: what a host has of one profile, beside what the inventory wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.printable import in_bytes
from hermes_ops.commands import steps
from hermes_ops.commands.config.get import HostSetting, settings_of
from hermes_ops.commands.fleet.profile_table import duration, in_words
from hermes_ops.commands.fleet.ps import STEPS
from hermes_ops.commands.fleet.status import SeenProfile, seen_from
from hermes_ops.commands.look_hosts import Look, look_all
from hermes_ops.commands.profile.about import description_of, whole_step
from hermes_ops.commands.profile.whose import (
    ProfileOnHost,
    aliases_of,
    is_active,
    is_there,
    nothing_of,
    open_any,
)
from hermes_ops.commands.workspace import gathered
from hermes_ops.errors import HermesError
from hermes_ops.files import envfile, ownership
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader.keypath import spelled
from hermes_ops.look.facts import Facts
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import EnvFile, Resource
from hermes_ops.secrets.fingerprint import fingerprint, operator_key
from hermes_ops.secrets.secret import Public

COLUMNS = ("key", "host", "wanted", "fingerprint", "ours", "where")


def show(graph: Sequence[StepPlan], options: Options, output: Output, target: str) -> Result:
    """Show one profile of a host; the exit code is 2 if it is not as the inventory wants it.

    `graph` has the steps that say what the profile is compared with.
    """
    wanted = open_any(options, output, target)
    compared = [step for step in graph if step.name in STEPS]
    own = compared if wanted.is_managed else [StepPlan("config.get", (), _read)]
    workspace = wanted.wanting(wanted.profile.state)
    (look,) = look_all(
        options, output, steps=[*own, whole_step()], strangers=True, workspace=workspace
    )
    if look.failure:
        raise look.failure
    row, differs = _document(wanted, look)
    if not output.json:
        _print(output, row)
    return items([row], exit=2 if differs else 0)


def _read(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    return steps.partly(profile, role, lambda path, file: EnvFile(path, {}, file.mode))


def _document(target: ProfileOnHost, look: Look) -> tuple[dict[str, Any], bool]:
    """Return the whole document of a profile, and whether it is not as wanted."""
    facts, seen = look.facts, _seen(target, look)
    assert facts is not None  # noqa: S101 - the look has not failed
    there = is_there(target, facts)
    if not there and not target.is_managed:
        raise nothing_of(target, facts)
    settings = [_setting(one, look, places) for places in [_places(target)] for one in _all(look)]
    differs = seen.as_desired is False or any(row["differs"] for row in settings)
    row = {
        "host": target.host.name,
        "profile": target.profile.name,
        "exists": there,
        "where": str(target.profile.place) if target.profile.place else None,
        "home": {
            "path": target.home,
            "size_bytes": facts.spaces.get(target.home),
            "is_link": getattr(facts.paths.get(target.home), "kind", "") == "link",
        },
        "description": description_of(target, facts),
        "aliases": aliases_of(target.profile.name, facts),
        "is_active": is_active(target.profile.name, facts),
        "memory": _memory(target, facts),
        **{key: value for key, value in seen.document(facts.now).items() if key != "profile"},
        "settings": settings,
    }
    return row, differs


def _seen(target: ProfileOnHost, look: Look) -> SeenProfile:
    whole = seen_from(look, target.workspace.whole.roles)
    if whole.error:
        raise whole.error
    seen = next(seen for seen in whole.profiles if seen.name == target.profile.name)
    orphan = look.facts is not None and seen.name in look.facts.orphans
    bare = replace(seen, desired=None, drift=None, drift_reasons=(), not_compared="")
    return seen if target.is_managed else replace(bare, orphan=orphan)


def _all(look: Look) -> Iterator[HostSetting]:
    yield from sorted(settings_of(look), key=lambda one: (one.file == ".env", one.file))


def _places(target: ProfileOnHost) -> Mapping[tuple[Any, ...], str]:
    """Return where the inventory sets each setting of the profile, by its path."""
    from hermes_ops.loader.explain.provenance import leaves

    if not target.is_managed:
        return {}
    found = leaves(gathered(target.workspace), target.host.name, target.profile.name)
    return {leaf.path: str(leaf.winner.place) for leaf in found}


def _setting(one: HostSetting, look: Look, places: Mapping[tuple[Any, ...], str]) -> dict[str, Any]:
    is_env = one.file == ".env"
    path = ("env" if is_env else "config", *map(str, one.path))
    above = (path[:end] for end in range(len(path), 1, -1))
    return {
        "key": Public(spelled(path)),
        "host": "set" if one.is_there else None,
        "wanted": ("differs" if one.differs else "same") if one.is_wanted else None,
        "differs": one.differs,
        "ours": one.is_ours,
        "fingerprint": _mark(one, look) if one.is_there else None,
        "where": next((places[part] for part in above if part in places), None),
    }


def _mark(one: HostSetting, look: Look) -> str | None:
    """Return the fingerprint of a value of `.env`, or of a credential among the settings."""
    facts = look.facts
    assert facts is not None  # noqa: S101 - the look has not failed
    if one.file != ".env":
        return fingerprint(operator_key(), str(one.now)) if one.has_credential else None
    files = (w.resource for w in look.desired.wanted if isinstance(w.resource, EnvFile))
    text = next((facts.contents.get(str(file.path), "") for file in files), "")
    value = envfile.read(text).get(str(one.path[0]), "")
    return None if "\x01" in value else fingerprint(operator_key(), value)


def _memory(target: ProfileOnHost, facts: Facts) -> dict[str, Any] | None:
    """Return what our record in the profile's home says, and who owns it; None if there is none."""
    path = f"{target.home}/{ownership.NAME}"
    state, text = facts.paths.get(path), facts.contents.get(path)
    if state is None:
        return None
    told: dict[str, Any] = {"path": path, "uid": state.uid, "files": None, "settings": None}
    try:
        owned = ownership.parse(text or "", f"~/{path}")
    except (ValueError, HermesError) as error:
        return {**told, "error": str(error)}
    settings = sum(1 for tree in owned.keys.values() for _ in ownership.leaves(tree))
    return {**told, "files": len(owned.files), "settings": settings, "error": None}


# --- for people -------------------------------------------------------------------------------


def _print(output: Output, row: Mapping[str, Any]) -> None:
    from hermes_ops.reporting.report import table

    for name, text in _lines(row):
        if text:
            output.text(f"{name:<12} {text}")
    if row["settings"]:
        output.text("")
        table(output, COLUMNS, row["settings"], _cell)


def _lines(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "profile", f"{row['host']}/{row['profile']}"
    yield "inventory", row["where"] or ("named" if row["managed"] else "does not name it")
    yield "home", _home(row) if row["exists"] else "nothing of it is on the host"
    yield "description", _said(row["description"])
    wanted = f", wanted: {row['desired']}" if row["desired"] else ""
    yield "state", f"{row['state']}{wanted}"
    yield "because", ", ".join(row["reasons"])
    yield "differs", ", ".join(map(in_words, row["drift_reasons"]))
    yield "service", _service(row)
    yield "process", _process(row)
    yield "commands", ", ".join(f"~/{path}" for path in row["aliases"])
    yield "active", "every hermes without -p uses it" if row["is_active"] else ""
    yield "our memory", _remembered(row["memory"])


def _home(row: Mapping[str, Any]) -> str:
    home = row["home"]
    size = f", {in_bytes(home['size_bytes'])}" if home["size_bytes"] is not None else ""
    return f"~/{home['path']}{', a link' if home['is_link'] else ''}{size}"


def _said(description: Mapping[str, str | None]) -> str:
    host, wanted = description["host"] or "", description["wanted"] or ""
    if wanted in ("", host):
        return host
    return f"{host or 'none'} (the inventory: {wanted})"


def _service(row: Mapping[str, Any]) -> str:
    word = {True: ", enabled", False: ", not enabled"}.get(row["enabled"], "")
    return f"{row['unit']}{word}"


def _process(row: Mapping[str, Any]) -> str:
    if row["pid"] is None:
        return ""
    since = f", for {duration(row['uptime_s'])}" if row["uptime_s"] is not None else ""
    return f"{row['pid']}{since}"


def _remembered(memory: Mapping[str, Any] | None) -> str:
    if memory is None:
        return "none: nothing here is ours"
    if memory["error"]:
        return f"~/{memory['path']} cannot be read: {memory['error']}"
    settings, files = memory["settings"], memory["files"]
    return f"~/{memory['path']} of uid {memory['uid']}: settings: {settings}, files: {files}"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
