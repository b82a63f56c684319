"""Read and validate what the operator wrote: `inventory/`, `roles/`, `.env`.

`load()` returns frozen values or raises an error that names the file, the line and the remedy.
It contacts no host and resolves no reference; the only programs it runs are executable
inventories. Its modules, in reading order:

    find         which inventory is meant
    sources      which files belong to an inventory
    reading      which reader a file wants: `structure` (YAML), `ini`, `dynamic` (`programs`)
    yaml_source  a file as values that know their place (`located`); `json_source`, `vault`
    groups       hosts, groups and who belongs to whom (`patterns`: ranges)
    variables    what all layers say of a host (`late`: made when somebody asks)
    expressions  `{{ … }}` in variables (`jinja`)
    profiles     the catalogue and the layers upon it (`overlay`: how two merge; `env_values`)
    hosts        one host, checked (`reach`: `connection`, `ssh_args`, `keys`)
    agreement    what must hold between profiles and hosts
    role         `roles/<name>/role.yml`
    dotenv       `.env`, which feeds `{env: …}`

Only those who ask need the others:

    provenance   who says a value, who wins and who lost (`keypath`: how its key is written)
    lint         what is said in vain
    json_schema  the tables of `schema`, for editors
    spots        where a layer says something, or would: the file, and the keys in it
    edits        keys set in a file (`splice`: in its text, `nodes`), or the file as it was
"""

from hermes_ops.loader.dotenv import load_env
from hermes_ops.loader.env_values import check_env
from hermes_ops.loader.find import find_inventory
from hermes_ops.loader.load import Gathered, gather, load
from hermes_ops.loader.vault import Vault

__all__ = ["Gathered", "Vault", "check_env", "find_inventory", "gather", "load", "load_env"]
