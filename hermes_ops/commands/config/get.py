"""`config.get`: the settings on a host beside the wanted ones; `config.pull` reads them too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.config.by_hand import owned_by
from hermes_ops.commands.config.push import settings_steps
from hermes_ops.commands.look_hosts import Look, look_all
from hermes_ops.commands.target import open_target
from hermes_ops.files import envfile, ownership, yamlfile
from hermes_ops.files.ownership import MIGRATED, Ownership
from hermes_ops.hermes import gateway
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.loader.keypath import KeyPath, begins, parsed, spelled
from hermes_ops.look.facts import Facts
from hermes_ops.plan.resource import EnvFile, Owned, YamlFile
from hermes_ops.secrets.secret import veiled


@dataclass(frozen=True, slots=True)
class HostSetting:
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
    is_as_pushed: bool = False
    """Whether the host has exactly what we wrote: what differs was changed in the inventory."""
    is_initial: bool = False
    """Whether a new profile gets it from its role."""

    @property
    def differs(self) -> bool:
        """Whether the host's value is not the wanted one."""
        if not self.is_wanted or self.is_migrated:
            return False
        return not self.is_there or not yamlfile.same(self.now, self.wanted)

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else set this on the host: neither hermes-ops nor Hermes itself."""
        if self.is_wanted or self.is_ours or self.is_initial or not self.is_there:
            return False
        return self.path != (ownership.VERSION,) and not gateway.is_default(self.path, self.now)

    @property
    def has_credential(self) -> bool:
        """Whether the host's value is a credential, or contains one."""
        return self.file != ".env" and self._shown(self.now) != self.now

    def row(self) -> dict[str, Any]:
        """Return its entry in JSON documents; for `.env` without the value."""
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
        return value if self.file == ".env" else veiled(spelled(self.path), value)


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
        output.note(f"neither {target} nor the inventory has {key}")
        return items([], exit=2)
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, ["file", "key", "now", "wanted", "ours"], rows, _cell)
    return items(rows, exit=2 if any(row["differs"] for row in rows) else 0)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _key(key: str | None) -> tuple[str, ...]:
    """Return the key path that was asked for, which begins with `config` or `env`."""
    if key is None:
        return ()
    path = parsed(key)
    return path if path[0] in ("config", "env") else ("config", *path)


def _is_meant(setting: HostSetting, wanted: tuple[str, ...]) -> bool:
    section = "env" if setting.file == ".env" else "config"
    return begins((section, *setting.path), wanted)


def settings_of(look: Look) -> list[HostSetting]:
    """Return every key that the files of a host's profiles have, or should have."""
    return [setting for profile in look.host.profiles for setting in _of_profile(look, profile)]


def _of_profile(look: Look, profile: Profile) -> Iterator[HostSetting]:
    facts = look.facts
    assert facts is not None  # noqa: S101 - who asks has seen that the host answered
    own = [w.resource for w in look.desired.wanted if w.profile.name == profile.name]
    memory = next((r for r in own if isinstance(r, Owned)), None)
    owned = owned_by(memory, facts)
    for resource in own:
        if isinstance(resource, YamlFile):
            name = resource.path.name
            have = yamlfile.load(_text(facts, resource), file=f"{profile.name}:{name}")
            wanted = gateway.as_saved(resource.values, have)
            tree = owned.keys.get(name, {})
            leaves = (*ownership.leaves(have), *ownership.leaves(wanted))
            for path in dict.fromkeys(path for path, _ in leaves):
                setting = _setting(look.host, profile, name, path, have, wanted, tree)
                watchdog = look.desired.services[profile.name].role.service.watchdog
                first = path == gateway.WATCHDOG and setting.now == watchdog
                yield replace(setting, is_initial=first)
        elif isinstance(resource, EnvFile):
            yield from _names(look.host, profile, resource, facts, owned)


def _text(facts: Facts, resource: YamlFile | EnvFile) -> str:
    return facts.contents.get(str(resource.path), "")


def _setting(
    host: Host,
    profile: Profile,
    file: str,
    path: KeyPath,
    have: Mapping[Any, Any],
    wanted: Mapping[Any, Any],
    owned: ownership.Tree,
) -> HostSetting:
    is_there, now = ownership.at(have, path)
    is_wanted, want = ownership.at(wanted, path)
    is_ours, mark = ownership.at(owned, path)
    return HostSetting(
        host.name, profile.name, file, path, is_there, now, is_wanted, want,
        is_ours and mark != MIGRATED, is_migrated=mark == MIGRATED and not is_there,
        is_as_pushed=is_there and is_ours and mark == ownership.check(path, now),
    )  # fmt: skip


def _names(
    host: Host, profile: Profile, file: EnvFile, facts: Facts, owned: Ownership
) -> Iterator[HostSetting]:
    have = envfile.read(_text(facts, file))
    tree = owned.keys.get(file.path.name, {})
    known = [*file.values, *file.unresolved]
    for name in dict.fromkeys([*have, *known]):
        yield HostSetting(
            host.name, profile.name, file.path.name, (name,),
            name in have, "set", name in known, "set", name in tree,
        )  # fmt: skip
