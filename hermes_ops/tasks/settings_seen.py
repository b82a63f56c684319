"""`config.get` and `config.pull`: what the hosts have, beside what is wanted of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hermes_ops import envfile, hermes, ownership, yamlfile
from hermes_ops.errors import HermesError, UsageError
from hermes_ops.facts import Facts
from hermes_ops.inventory import Host, Profile
from hermes_ops.loader.keypath import KeyPath, begins, parsed, spelled
from hermes_ops.ownership import MIGRATED, Ownership
from hermes_ops.resource import EnvFile, Owned, YamlFile
from hermes_ops.secret import SHOWN
from hermes_ops.tasks.looking import Look, look_all
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import Output, Result, exit_code, items
from hermes_ops.tasks.settings_pushed import settings_steps
from hermes_ops.tasks.targets import open_target
from hermes_ops.tasks.workspace import Workspace, open_workspace

_CREDENTIAL = re.compile(
    r"(token|api_?key|secret|pass|password|passphrase|credentials?)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of one file: what the host has, what is wanted, and whether it is ours."""

    host: str
    profile: str
    file: str
    path: KeyPath
    is_there: bool
    now: Any
    is_wanted: bool
    wanted: Any
    is_ours: bool
    is_migrated: bool = False

    @property
    def differs(self) -> bool:
        """Say whether the host has something else than what is wanted."""
        if not self.is_wanted or self.is_migrated:
            return False
        return not self.is_there or not yamlfile.same(self.now, self.wanted)

    @property
    def is_foreign(self) -> bool:
        """Say whether somebody set this on the host: neither we nor Hermes by itself."""
        if self.is_wanted or self.is_ours or not self.is_there:
            return False
        return self.path != (ownership.VERSION,) and not hermes.is_default(self.path, self.now)

    @property
    def is_credential(self) -> bool:
        """Say whether its value is not to be shown, or something in it."""
        return self.file != ".env" and veiled(self.path[-1], self.now) != self.now

    def row(self) -> dict[str, Any]:
        """Return it as documents have it; values of `.env` are not even read."""
        return {
            "host": self.host,
            "profile": self.profile,
            "file": self.file,
            "key": spelled(self.path),
            "now": self._shown(self.now) if self.is_there else None,
            "wanted": self._shown(self.wanted) if self.is_wanted else None,
            "ours": self.is_ours,
            "differs": self.differs,
        }

    def _shown(self, value: Any) -> Any:
        return value if self.file == ".env" else veiled(self.path[-1], value)


def veiled(name: Any, value: Any) -> Any:
    """Return a value as it may be shown: without what has the name of a credential."""
    if isinstance(value, Mapping):
        return {key: veiled(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [veiled(name, item) for item in value]
    return SHOWN if isinstance(value, str) and value and _CREDENTIAL.search(str(name)) else value


# --- get --------------------------------------------------------------------------------------


def get(options: Options, output: Output, target: str, key: str | None) -> Result:
    """Show the settings of one profile on its host."""
    wanted = _key(key)
    workspace, _, _ = open_target(options, output, target)
    (look,) = look_all(options, output, steps=settings_steps(), workspace=workspace)
    if look.failure:
        raise look.failure
    found = [setting for setting in settings_of(look) if _is_meant(setting, wanted)]
    rows = [setting.row() for setting in found]
    if not rows and key is not None:
        output.note(f"{target} has no {key}, and the inventory says nothing of it")
        return items([], exit=2)
    if not output.json:
        from hermes_ops.report import table

        table(output, ["file", "key", "now", "wanted", "ours"], rows, _cell)
    return items(rows, exit=2 if any(row["differs"] for row in rows) else 0)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _key(key: str | None) -> tuple[str, ...]:
    """Return what is asked for: the file's name in the inventory, and the keys below it."""
    if key is None:
        return ()
    path = parsed(key)
    return path if path[0] in ("config", "env") else ("config", *path)


def _is_meant(setting: Setting, wanted: tuple[str, ...]) -> bool:
    section = "env" if setting.file == ".env" else "config"
    return begins((section, *setting.path), wanted)


def settings_of(look: Look) -> list[Setting]:
    """Return every key that a host has, or should have, in the files of its profiles."""
    return [setting for profile in look.host.profiles for setting in _of_profile(look, profile)]


def _of_profile(look: Look, profile: Profile) -> Iterator[Setting]:
    facts = look.facts
    assert facts is not None  # noqa: S101 - who asks has seen that the host answered
    own = [w.resource for w in look.desired.wanted if w.profile.name == profile.name]
    memory = next((r for r in own if isinstance(r, Owned)), None)
    owned = _owned(memory, facts)
    for resource in own:
        if isinstance(resource, YamlFile):
            name = resource.path.name
            have = yamlfile.load(_text(facts, resource), file=f"{profile.name}:{name}")
            wanted = hermes.as_saved(resource.values, have)
            tree = owned.keys.get(name, {})
            for path in _paths(have, wanted):
                yield _setting(look.host, profile, name, path, have, wanted, tree)
        elif isinstance(resource, EnvFile):
            yield from _names(look.host, profile, resource, facts, owned)


def _owned(memory: Owned | None, facts: Facts) -> Ownership:
    text = facts.contents.get(str(memory.path)) if memory else None
    try:
        return ownership.parse(text or "")
    except ValueError:
        return Ownership()


def _text(facts: Facts, resource: YamlFile | EnvFile) -> str:
    return facts.contents.get(str(resource.path), "")


def _paths(*trees: Mapping[Any, Any]) -> list[KeyPath]:
    found = {path: None for tree in trees for path, _ in ownership.leaves(tree)}
    return list(found)


def _setting(
    host: Host,
    profile: Profile,
    file: str,
    path: KeyPath,
    have: Mapping[Any, Any],
    wanted: Mapping[Any, Any],
    owned: ownership.Tree,
) -> Setting:
    is_there, now = ownership.at(have, path)
    is_wanted, want = ownership.at(wanted, path)
    is_ours, mark = ownership.at(owned, path)
    return Setting(
        host.name, profile.name, file, path, is_there, now, is_wanted, want,
        is_ours and mark != MIGRATED, is_migrated=mark == MIGRATED and not is_there,
    )  # fmt: skip


def _names(
    host: Host, profile: Profile, file: EnvFile, facts: Facts, owned: Ownership
) -> Iterator[Setting]:
    have = envfile.read(_text(facts, file))
    tree = owned.keys.get(file.path.name, {})
    known = [*file.values, *file.unresolved]
    for name in dict.fromkeys([*have, *known]):
        yield Setting(
            host.name, profile.name, file.path.name, (name,),
            name in have, "set", name in known, "set", name in tree,
        )  # fmt: skip


# --- pull -------------------------------------------------------------------------------------


def pull(options: Options, output: Output, layer: str | None) -> Result:
    """Show what somebody changed by hand; with a layer, write it there after asking."""
    workspace = open_workspace(options, output)
    looks = look_all(options, output, steps=settings_steps(), workspace=workspace)
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
    return items(rows, exit=exit_code([*codes, 2 if rows else 0]))


def _told(output: Output, look: Look, codes: list[int]) -> Iterator[dict[str, Any]]:
    try:
        found = settings_of(look)
    except HermesError as error:
        output.note(f"{look.host.name}: {error}")
        codes.append(error.exit_code)
        return
    for profile in look.host.profiles:
        own = [setting for setting in found if setting.profile == profile.name]
        changed = [setting for setting in own if setting.differs or setting.is_foreign]
        yield from _profile(output, f"{look.host.name}/{profile.name}", changed)


def _profile(output: Output, target: str, changed: Sequence[Setting]) -> Iterator[dict[str, Any]]:
    if not changed:
        return
    output.text(f"# {target}")
    offered = offer(changed)
    if offered:
        import yaml

        text = yaml.safe_dump({"config": offered}, sort_keys=False, allow_unicode=True)
        output.text(text.rstrip())
    for setting in changed:
        if (note := _note(setting)) is not None:
            output.text(f"# {note}")
    for setting in changed:
        yield {**setting.row(), "offered": _is_offered(setting)}


def offer(changed: Iterable[Setting]) -> dict[Any, Any]:
    """Return the changes as `config:` of a profile: what is no secret and is there."""
    tree: dict[Any, Any] = {}
    for setting in changed:
        if _is_offered(setting):
            ownership.put(tree, setting.path, setting.now)
    return tree


def _is_offered(setting: Setting) -> bool:
    return setting.file != ".env" and setting.is_there and not setting.is_credential


def _note(setting: Setting) -> str | None:
    key = spelled(setting.path)
    if setting.file == ".env":
        word = "is missing on the host" if not setting.is_there else "is set on the host alone"
        return f".env: {key} {word}"
    if not setting.is_there:
        word = "was removed on the host" if setting.is_ours else "is not there yet: config.push"
        return f"{key} is wanted, and {word}"
    if setting.is_credential:
        return f"{key} is a credential in clear: put it under env:, as a reference"
    if setting.is_wanted:
        return f"{key}: the inventory says {setting.wanted!r}"
    return None


def _write(
    options: Options, output: Output, workspace: Workspace, looks: Sequence[Look], layer: str
) -> Result:
    from hermes_ops.tasks import settings_written
    from hermes_ops.tasks.questions import confirm

    if len(looks) != 1 or len(looks[0].host.profiles) != 1:
        raise UsageError("--layer takes one profile at a time", hint="-l host/profile")
    (look,) = looks
    if look.failure:
        raise look.failure
    offered = offer(s for s in settings_of(look) if s.differs or s.is_foreign)
    if not offered:
        output.text("nobody changed anything by hand")
        return items([])
    host, profile = look.host.name, look.host.profiles[0].name
    path = ("config",)
    planned = settings_written.write(workspace, host, profile, layer, path, offered, check=True)
    if planned.changes and not options.check:
        for line in () if options.yes else planned.lines:
            output.note(line)
        confirm(f"Write this into {planned.spot.file}?", options)
    return settings_written.write_told(
        options, output, workspace, (host, profile), layer, path, offered
    )
