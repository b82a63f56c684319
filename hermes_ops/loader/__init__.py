"""Read and validate what the operator wrote: `inventory/`, `roles/`, `.env`.

`load()` returns frozen values or raises an error that names the file, the line and the remedy.
It contacts no host, runs no command and resolves no reference. Its modules, in reading order:

    find         which inventory is meant
    yaml_source  a file as values that know their place (`located`)
    sources      which files belong to an inventory
    groups       hosts, groups and who belongs to whom (`patterns`: ranges)
    variables    what all layers say of a host
    profiles     the catalogue and the layers upon it (`env_values`)
    hosts        one host, checked (`connection`, `ssh_args`, `keys`)
    agreement    what must hold between profiles and hosts
    role         `roles/<name>/role.yml`
    dotenv       `.env`, which feeds `{env: …}`
    edits        one key into the file of a layer (`splice`: into a text, `nodes`), or not at all
"""

from hermes_ops.loader.dotenv import load_env
from hermes_ops.loader.env_values import check_env
from hermes_ops.loader.find import find_inventory
from hermes_ops.loader.load import load

__all__ = ["check_env", "find_inventory", "load", "load_env"]
