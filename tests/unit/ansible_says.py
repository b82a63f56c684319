"""Answer questions about inventories with ansible-core: a job a line on stdin, an answer a line.

A program of its own, for ansible-core keeps what it read in globals, and takes a second to start.
What is asked is what `ansible-inventory --list` and `--limit` are made of.
"""

from __future__ import annotations

import json
import sys
from typing import Any

OPTIONS = {"export": False, "basedir": None, "yaml": False, "toml": False}


def main() -> None:
    """Answer every job: the document of `--list`, and the hosts of each `--limit`."""
    from ansible import context
    from ansible.module_utils.common.collections import ImmutableDict
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader()
    context.CLIARGS = ImmutableDict(OPTIONS)
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Return what ansible-inventory says, or why it says nothing; or how a selector is split."""
    if "split" in job:
        return {"parts": parts_of(job["split"])}
    from ansible.cli.inventory import InventoryCLI
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.vault import VaultSecret
    from ansible.vars.manager import VariableManager

    cli = object.__new__(InventoryCLI)
    cli.loader = DataLoader()
    if "password" in job:
        secret = VaultSecret(job["password"].encode())
        cli.loader.set_vault_secrets([("default", secret)])
    try:
        cli.inventory = InventoryManager(loader=cli.loader, sources=job["sources"])
        cli.vm = VariableManager(loader=cli.loader, inventory=cli.inventory)
        document = json.loads(cli.dump(cli.json_inventory(cli.inventory.groups["all"])))
    except (AnsibleError, RecursionError) as error:
        return {"list": None, "limits": {}, "read": [], "error": str(error)}
    limits = {limit: hosts_of(cli.inventory, limit) for limit in job.get("limits", ())}
    read = [str(source) for source in cli.inventory._inventory.processed_sources]
    return {"list": document, "limits": limits, "read": read}


def hosts_of(inventory: Any, limit: str) -> list[str] | None:
    """Return what `ansible all --limit LIMIT --list-hosts` lists; None where it fails."""
    from ansible.errors import AnsibleError

    try:
        inventory.subset(limit)
        return [host.name for host in inventory.get_hosts("all")]
    except AnsibleError:
        return None


def parts_of(selector: str) -> list[str]:
    """Return the patterns of a selector."""
    from ansible.inventory.manager import split_host_pattern

    return list(split_host_pattern(selector))


if __name__ == "__main__":
    main()
