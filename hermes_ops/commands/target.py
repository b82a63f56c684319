"""TARGET: one profile of one host, as `host/profile`."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.workspace import Workspace, open_workspace
from hermes_ops.errors import NoSuchGateway, UsageError
from hermes_ops.inventory.model import Host, Profile


def open_target(options: Options, output: Output, target: str) -> tuple[Workspace, Host, Profile]:
    """Load the inventory, and return the workspace, host and profile of a TARGET.

    Raises:
        UsageError: it is not written as host/profile, or there is no such profile.
    """
    host, profile = parts(target)
    workspace = open_workspace(options, output)
    hosts = {each.name: each for each in workspace.whole.hosts}
    found = hosts.get(host)
    if found is None:
        raise UsageError(f"there is no host {host!r}", hint=near(host, hosts))
    profiles = {each.name: each for each in found.profiles}
    if profile not in profiles:
        raise NoSuchGateway(f"{host} has no profile {profile!r}", hint=near(profile, profiles))
    only = workspace.whole.narrowed({host: frozenset({profile})})
    return replace(workspace, selected=only), found, profiles[profile]


def one_gateway(
    options: Options, output: Output, target: str, *, unmanaged: bool
) -> tuple[Options, Host]:
    """Return the options with a TARGET as the only selection, and its host.

    With `unmanaged` it may be outside the inventory.

    Raises:
        UsageError: it does not name exactly one profile of a host of the inventory.
    """
    if not unmanaged:
        _, host, profile = open_target(options, output, target)
        return replace(options, limit=f"{host.name}/{profile.name}"), host
    name, profile_name = parts(target)
    hosts = {each.name: each for each in open_workspace(options, output).whole.hosts}
    if name not in hosts:
        raise UsageError(f"there is no host {name!r}", hint=near(name, hosts))
    if re.search(r"[^\w.-]", profile_name):
        message = f"{profile_name!r} is no name of a profile"
        raise UsageError(message, hint="a target is one gateway: mini-1/coder")
    return replace(options, limit=f"{name}/{profile_name}"), hosts[name]


def parts(target: str) -> tuple[str, str]:
    """Return the host and the profile in a TARGET.

    Raises:
        UsageError: it is not written as host/profile.
    """
    host, slash, profile = target.partition("/")
    if not slash or not host or not profile:
        raise UsageError(f"{target!r} is not a target", hint="write host/profile: mini-1/coder")
    return host, profile


def near(name: str, known: dict[str, object] | dict[str, Host] | dict[str, Profile]) -> str:
    """Return the hint for a name that is not known: what is spelt alike, or who lists them."""
    close = get_close_matches(name, known)
    hint = "./inv inventory.list"
    return f"did you mean {' or '.join(map(repr, close))}?" if close else hint
