"""Write an inventory of the lab's hosts, for `fleet.up -i` and for Ansible itself."""

from __future__ import annotations

import json
from pathlib import Path

from hermes_ops.lab.files import host_key, login_key, public
from hermes_ops.lab.layout import Lab

DEMO = """\
description: answers on loopback
env:
  API_SERVER_ENABLED: "true"
  API_SERVER_PORT: "8642"
  API_SERVER_KEY: {generate: 32}
"""


def known_hosts(lab: Lab) -> Path:
    """Return the path of the lab's known_hosts file."""
    return lab.root / "inventory" / "known_hosts"


def write(lab: Lab) -> None:
    """Write hosts.yml, known_hosts and the profile `demo`."""
    folder = lab.root / "inventory"
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(_hosts(lab))
    demo = folder / "profiles" / "demo.yml"
    if not demo.exists():
        demo.write_text(DEMO)
    keys = [f"{lab.address(host)} {public(host_key(lab, host))}" for host in lab.members]
    known_hosts(lab).write_text("\n".join(keys) + "\n")


def _hosts(lab: Lab) -> str:
    key = json.dumps(str(login_key(lab)))  # a JSON string is a YAML string
    groups = "".join(_group(lab, kind) for kind in dict.fromkeys(m.kind for m in lab.members))
    return (
        "# Written by lab.up, removed by lab.down.\n"
        "all:\n"
        "  vars:\n"
        "    ansible_user: hermes\n"
        f"    ansible_ssh_private_key_file: {key}\n"
        "    hermes_profiles: [demo]\n"
        f"  children:\n{groups}"
    )


def _group(lab: Lab, kind: str) -> str:
    hosts = [
        f"        {member.name}: {{ansible_host: {lab.address(member)}}}\n"
        for member in lab.members
        if member.kind == kind
    ]
    return f"    {kind.replace('-', '_')}:\n      hosts:\n{''.join(hosts)}"
