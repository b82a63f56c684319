"""Read and validate what the operator wrote: `inventory/`, `roles/`, `.env`.

`load()` returns frozen values or raises an error that names the file, the line and the remedy.
It contacts no host and resolves no reference; the only programs it runs are executable
inventories. Its modules, in reading order:

    sources/   which files belong to an inventory, and a reader for each kind
    located    values that know where they were written
    groups     hosts, groups and memberships
    layers/    the layers of a host: precedence, merging, expressions
    profiles/  the catalogue and the layers above it, merged into frozen profiles
    hosts/     one host, checked: its connection, and that its profiles agree
    roles/     `roles/<name>/role.yml`: its keys, and the frozen role made from it
    schema     the keys that a mapping may have, and the errors for others
    load       all of this, step by step

The others are loaded only when needed:

    explain/   which layers set a value and which wins; what may be set
    lint/      settings that have no effect
    edit/      setting keys in a file; every other byte stays
    keypath    how the path of a value is written: `config.model.default`
"""

from hermes_ops.loader.load import InventoryFiles, gather, left_out, load
from hermes_ops.loader.profiles.env import check_env
from hermes_ops.loader.sources.dotenv import load_env
from hermes_ops.loader.sources.vault import Vault

__all__ = ["InventoryFiles", "Vault", "check_env", "gather", "left_out", "load", "load_env"]
