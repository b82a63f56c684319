"""Read and validate what the operator wrote: `inventory/`, `roles/`, `.env`.

`load()` returns frozen values or raises an error that names the file, the line and the remedy.
It contacts no host and resolves no reference; the only programs it runs are executable
inventories. Its modules, in reading order:

    sources/   which files belong to an inventory, and a reader for each kind
    located    values that know where they were written
    groups     hosts, groups and who belongs to whom
    layers/    what all layers say of a host: precedence, merging, expressions
    profiles/  the catalogue and the layers upon it, to frozen profiles
    hosts/     one host, checked: its connection, and what must agree between its profiles
    roles/     `roles/<name>/role.yml`: its keys, and the frozen role that comes of it
    schema     what keys a mapping may have, and the error for any other
    load       all of it, step by step

Only those who ask need the others:

    explain/   who says a value, who wins and who lost; what may be set
    lint/      what is said and has no effect
    edit/      keys set in a file, every other byte as it was
    keypath    how the place of a value is written: `config.model.default`
"""

from hermes_ops.loader.load import InventoryFiles, gather, load
from hermes_ops.loader.profiles.env import check_env
from hermes_ops.loader.sources.dotenv import load_env
from hermes_ops.loader.sources.vault import Vault

__all__ = ["InventoryFiles", "Vault", "check_env", "gather", "load", "load_env"]
