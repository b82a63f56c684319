"""TARGET of the tasks on one profile as it is on a host: the inventory need not name it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import PurePosixPath

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.target import near, parts
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_disabled
from hermes_ops.errors import UsageError
from hermes_ops.files.layout import STATE, environment
from hermes_ops.hermes.gateway import ACTIVE
from hermes_ops.inventory.model import PROFILE_NAME, RESERVED_NAMES, Host, Profile
from hermes_ops.look.facts import Facts
from hermes_ops.program_name import spoken
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe

ROOT = "default"
"""The profile whose home is Hermes' own folder, in which all others lie."""


@dataclass(frozen=True, slots=True)
class ProfileOnHost:
    """One profile on one host; `profile` is a bare one if the inventory does not name it."""

    workspace: Workspace
    host: Host
    profile: Profile

    @property
    def name(self) -> str:
        """Return it as it is typed: host/profile."""
        return f"{self.host.name}/{self.profile.name}"

    @property
    def is_managed(self) -> bool:
        """Whether the inventory names it for this host."""
        return not self.profile.unmanaged

    @property
    def home(self) -> str:
        """Return the profile's folder, relative to the user's home."""
        return home_of(self.profile, self.workspace.whole.roles[self.profile.role])

    def by_hand(self, words: str) -> str:
        """Return a command of Hermes for a shell of the host, wherever its Hermes is: it was not
        looked for."""
        if python := self.host.hermes.python:
            return f"{shlex.quote(python)} -m hermes_cli.main {words}"
        places = (environment("hermes") / "bin", ".local/bin", ".hermes/hermes-agent/venv/bin")
        first, *rest = (f"~/{place}" for place in places)
        return f"PATH={first}:$PATH:{':'.join(rest)}:/usr/local/bin hermes {words}"

    def wanting(self, state: str, why: str = "") -> Workspace:
        """Return the workspace with this profile alone selected, in a state."""
        one = replace(self.profile, state=state, why=why)
        known = tuple(dict.fromkeys((*self.host.all_profiles, one.name)))
        host = replace(self.host, profiles=(one,), all_profiles=known)
        selected = replace(self.workspace.whole, hosts=(host,))
        return replace(self.workspace, selected=selected)


def open_any(options: Options, output: Output, target: str) -> ProfileOnHost:
    """Load the inventory, and return a TARGET whose host it has.

    Raises:
        UsageError: it is not written as host/profile, there is no such host, or Hermes has no
            profiles of such a name.
    """
    name, profile = parts(target)
    refuse_bad_name(profile)
    workspace = open_workspace(options, output)
    hosts = {each.name: each for each in workspace.whole.hosts}
    if name not in hosts:
        raise UsageError(f"there is no host {name!r}", hint=near(name, hosts))
    host = hosts[name]
    refuse_disabled(host)
    own = {each.name: each for each in host.profiles}
    return ProfileOnHost(workspace, host, own.get(profile, Profile(profile, unmanaged=True)))


def refuse_bad_name(name: str) -> None:
    """Refuse a name of a profile that Hermes refuses.

    Raises:
        UsageError: says why.
    """
    if not PROFILE_NAME.fullmatch(name):
        hint = "small letters, digits, - and _, 64 at most; the first is a letter or a digit"
        raise UsageError(f"{name!r} cannot be the name of a profile", hint=hint)
    if name in RESERVED_NAMES:
        raise UsageError(f"{name!r} cannot be the name of a profile: Hermes keeps it for itself")


def is_there(target: ProfileOnHost, facts: Facts) -> bool:
    """Whether the host has anything of the profile: its folder, or a definition of its service."""
    service = describe(target.profile, target.workspace.whole.roles[target.profile.role])
    units = (
        known.path for one in MANAGERS.values() for known in one.paths(service) if known.is_own
    )
    return any(str(path) in facts.paths for path in (target.home, *units))


def refuse_missing(target: ProfileOnHost, look: Look) -> Facts:
    """Return the facts of a host that has the profile.

    Raises:
        HermesError: the host did not answer.
        UsageError: it has no such profile.
    """
    if look.failure:
        raise look.failure
    facts = look.facts
    assert facts is not None  # noqa: S101 - without a failure there are facts
    if not is_there(target, facts):
        raise nothing_of(target, facts)
    return facts


def nothing_of(target: ProfileOnHost, facts: Facts) -> UsageError:
    """Return the error of a profile of which the host has nothing."""
    names, name = facts.profiles, target.profile.name
    close = get_close_matches(name, names)
    # Not every look asks for all that Hermes has there.
    there = spoken(f"./inv fleet.ps -l {shlex.quote(target.host.name)}")
    there = f"it has {', '.join(names[:8])}" if names else there
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else there
    return UsageError(f"{target.host.name} has no profile {name!r}", hint=hint)


def aliases_of(name: str, facts: Facts) -> list[str]:
    """Return the paths of Hermes' own commands that start this profile, relative to the home."""
    return sorted(path for path, profile in facts.aliases.items() if profile == name)


def is_active(name: str, facts: Facts) -> bool:
    """Whether it is the sticky profile, that of every `hermes` without `-p`."""
    return facts.contents.get(ACTIVE, "").strip() == name


def logs_of(service: str) -> list[PurePosixPath]:
    """Return the files in which any manager keeps what a service of this name prints."""
    return [STATE / f"{service}{end}" for one in MANAGERS.values() for end in one.log_ends]
