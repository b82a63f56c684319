"""`inventory.list`: groups and hosts, with --json as `ansible-inventory --list` prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result
from hermes_ops.commands.workspace import open_workspace
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.loader.located import Literal
from hermes_ops.secrets.secret import Public

_SET_BY_ANSIBLE = frozenset(
    {
        *("ansible_async_path", "ansible_collection_name", "ansible_config_file"),
        *("ansible_dependent_role_names", "ansible_diff_mode", "ansible_facts", "ansible_forks"),
        *("ansible_inventory_sources", "ansible_limit", "ansible_play_batch", "ansible_play_hosts"),
        *("ansible_play_hosts_all", "ansible_play_role_names", "ansible_playbook_python"),
        *("ansible_role_name", "ansible_role_names", "ansible_run_tags", "ansible_skip_tags"),
        *(
            "ansible_verbosity",
            "ansible_version",
            "group_names",
            "groups",
            "hostvars",
            "inventory_dir",
        ),
        *(
            "inventory_file",
            "inventory_hostname",
            "inventory_hostname_short",
            "play_hosts",
            "playbook_dir",
        ),
        *("role_name", "role_names", "role_path", "role_uuid"),
    }
)


def list_(options: Options, output: Output) -> Result:
    """List the selected groups and hosts, for people or as Ansible's own program does."""
    inventory = open_workspace(options, output).selected
    if output.json:
        return Result(0, ansible_view(inventory))
    hosts = {host.name: host for host in inventory.hosts}
    for line in _tree(inventory, hosts, "all", 0):
        output.text(Public(line))
    return Result(0, {})


def _tree(inventory: Inventory, hosts: Mapping[str, Host], group: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    yield f"{indent}@{group}"
    node = inventory.groups.get(group)
    if node is None:
        return
    for child in node.children:
        yield from _tree(inventory, hosts, child, depth + 1)
    loose = frozenset(inventory.groups["ungrouped"].hosts if group == "all" else ())
    for name in node.hosts:
        if name in hosts and name not in loose:
            profiles = " ".join(profile.name for profile in hosts[name].profiles)
            yield f"{indent}  {name}" + (f": {profiles}" if profiles else "")


def ansible_view(inventory: Inventory) -> dict[str, Any]:
    names = {host.name for host in inventory.hosts}
    variables = {host.name: _own(host.written) for host in inventory.hosts}
    body: dict[str, Any] = {
        "_meta": {
            "hostvars": {name: found for name, found in variables.items() if found},
            "profile": "inventory_legacy",
        }
    }
    for group in inventory.groups.values():
        entry: dict[str, Any] = {}
        if group.children:
            entry["children"] = list(group.children)
        if group.name != "all" and (hosts := [host for host in group.hosts if host in names]):
            entry["hosts"] = hosts
        if entry:
            body[group.name] = entry
    return body


def _own(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables, without those that are set automatically."""
    return {
        Public(name): shown(value)
        for name, value in variables.items()
        if name not in _SET_BY_ANSIBLE
    }


def shown(value: Any) -> Any:
    """Return a variable for a JSON document: plain values, and `***` for secrets."""
    if isinstance(value, Mapping):
        return {_key(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, Literal):
        return {"__ansible_unsafe": shown(str(value))}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return Public(REDACTOR.in_words(REDACTOR.of_setting(value)))
    return value if isinstance(value, int | float | bool | None) else str(value)


def _key(key: Any) -> str:
    """Return the key of a mapping as a JSON key."""
    return Public(key if isinstance(key, str) else json.dumps(key, default=str))
