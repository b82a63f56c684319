"""From files to an `Inventory`, step by step."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Group, Inventory
from hermes_ops.loader.doubles import doubled, named_twice
from hermes_ops.loader.groups import Tree, members
from hermes_ops.loader.hosts.agreement import refuse_disagreement, warnings_of, with_neighbours
from hermes_ops.loader.hosts.guarded import shown_variables
from hermes_ops.loader.hosts.host import (
    Surroundings,
    make_host,
    refuse_unknown,
    rendered_layers,
)
from hermes_ops.loader.layers.variables import Layer, every_layer, folded, group_layers, layers_of
from hermes_ops.loader.located import VAULT_HINT
from hermes_ops.loader.misspelt import misspelt_warnings
from hermes_ops.loader.profiles.profile import load_catalogue
from hermes_ops.loader.roles.load import load_roles
from hermes_ops.loader.sources.files import VariableFiles, folder_of, role_folders, role_path
from hermes_ops.loader.sources.named import home_of_inventory
from hermes_ops.loader.sources.read import gather_mentions
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.text import shown
from hermes_ops.loader.sources.vault import Vault
from hermes_ops.loader.strays import Stray, playbook_warnings, stray_warnings, strays
from hermes_ops.secrets.secret import Public


class InventoryFiles(NamedTuple):
    """The content of the files, before anything is merged."""

    tree: Tree
    files: Sequence[VariableFiles]
    around: Surroundings
    warnings: tuple[str, ...] = ()
    strays: tuple[Stray, ...] = ()

    def layers(self, host: str) -> Sequence[Layer]:
        """Return the layers of a host, weakest first, with their expressions rendered."""
        layers = layers_of(host, self.tree, self.files)
        return rendered_layers(self.tree.hosts[host], self.tree.lineage[host], layers, self.around)


def load(
    paths: Sequence[Path],
    roles_folder: Path,
    environ: Mapping[str, str],
    vault: Vault | None = None,
) -> Inventory:
    """Return the inventory of all these files and folders."""
    with _no_collection():
        return _load(paths, roles_folder, environ, vault)


def _load(
    paths: Sequence[Path], roles_folder: Path, environ: Mapping[str, str], vault: Vault | None
) -> Inventory:
    tree, files, around, warnings, found = gather(paths, roles_folder, environ, vault)
    hosts = tuple(
        make_host(tree.hosts[name], tree.lineage[name], layers_of(name, tree, files), around)
        for name in members("all", tree.groups)
    )
    refuse_disagreement(hosts)
    return Inventory(
        hosts=with_neighbours(hosts, around.roles),
        groups={name: _group(name, tree, files) for name in tree.groups},
        roles=around.roles,
        sources=tuple(paths),
        mentioned=tuple(tree.hosts),
        warnings=(*warnings, *warnings_of(hosts)),
        strays=tuple(stray.path for stray in found if stray.what == "group"),
    )


def gather(
    paths: Sequence[Path],
    roles_folder: Path,
    environ: Mapping[str, str],
    vault: Vault | None = None,
) -> InventoryFiles:
    """Return the content of these files and folders, to find out where a value comes from."""
    with _no_collection():
        return _gather(paths, roles_folder, environ, vault)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let Python look for no garbage: a large inventory is millions of values, and none is."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _gather(
    paths: Sequence[Path], roles_folder: Path, environ: Mapping[str, str], vault: Vault | None
) -> InventoryFiles:
    folders = _each_last(folder_of(path) for path in paths)
    reading = Reading(vault, _own_folders(paths, folders, roles_folder, environ))
    warnings: list[str] = []
    tree = gather_mentions(paths, reading, warnings.append).tree()
    files = [VariableFiles(folder, reading) for folder in folders]
    layers = list(every_layer(tree, files))
    refuse_unknown(layers)
    around = Surroundings(
        environ=environ,
        groups=_members(tree),
        catalogue=load_catalogue(folders, reading),
        roles=load_roles(
            [
                roles_folder,
                *(own for path in folders for own in role_folders(path)),
                *role_path(environ),
            ],
            reading,
        ),
        known_hosts=[folder / "known_hosts" for folder in folders],
        lacks_files=bool(reading.vault.left_out),
    )
    found = tuple(strays(folders, tree))
    warnings += [*_shared(tree), *doubled(reading.doubles), *_sealed(reading.vault)]
    warnings += [*misspelt_warnings(layers), *named_twice(layers)]
    warnings += [*stray_warnings(found), *playbook_warnings(folders, tree)]
    return InventoryFiles(tree, files, around, tuple(warnings), found)


def _own_folders(
    paths: Sequence[Path], folders: Sequence[Path], roles_folder: Path, environ: Mapping[str, str]
) -> list[Path]:
    """Return where files of an inventory may lie: where the operator said, and beside that."""
    beside = (folder.parent / "roles" for folder in folders)
    named = (*paths, roles_folder, *role_path(environ), *beside)
    return [*(path.resolve() for path in named), *map(home_of_inventory, folders)]


def _members(tree: Tree) -> dict[str, list[str]]:
    """Return every host of each group, including those of its child groups."""
    return {name: list(members(name, tree.groups)) for name in tree.groups}


def _each_last(folders: Iterable[Path]) -> list[Path]:
    """Return each folder once, at its last position: later variables win."""
    return list(dict.fromkeys(reversed(list(folders))))[::-1]


def _shared(tree: Tree) -> Iterable[str]:
    for name in tree.shared:
        yield f"{name!r} is a host and the group that holds only this host"


def _sealed(vault: Vault) -> Iterable[str]:
    if vault.sealed:
        what = "1 encrypted value" if vault.sealed == 1 else f"{vault.sealed} encrypted values"
        yield f"{what} cannot be decrypted: {VAULT_HINT}"
    for file in vault.left_out:
        yield f"{shown(file)} is encrypted, and left out: {VAULT_HINT}"


def left_out(file: Path) -> InventoryError:
    """Return the error for a file of variables that is needed, but still encrypted."""
    return InventoryError(
        "is encrypted, and no password was given", hint=VAULT_HINT, where=shown(file)
    )


def _group(name: str, tree: Tree, files: Sequence[VariableFiles]) -> Group:
    node = tree.groups[name]
    variables = folded(list(group_layers(name, tree, files)))
    hosts, children = tuple(map(Public, node.hosts)), tuple(map(Public, node.children))
    return Group(Public(name), hosts, children, shown_variables(variables))
