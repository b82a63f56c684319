"""Files of variables that are not read: no such group or host, or one folder too high."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hermes_ops.loader.groups import Tree
from hermes_ops.loader.schema import near
from hermes_ops.loader.sources.files import ENDINGS
from hermes_ops.loader.sources.text import shown

_FEW = 3
_OTHER_FILES = (".md", ".txt", ".rst", ".bak", ".orig", ".swp")


class Stray(NamedTuple):
    """A file or folder of variables for a group or host that does not exist."""

    path: Path
    what: str
    """`group` or `host`."""
    name: str
    hint: str


def strays(folders: Iterable[Path], tree: Tree) -> Iterator[Stray]:
    """Yield what is in `group_vars/` and `host_vars/` for no group and no host."""
    for folder in folders:
        for what, known in (("group", tree.groups), ("host", tree.hosts)):
            parts = {part for name in known for part in (name, name.partition("/")[0])}
            for path, name in sorted(named_files(folder / f"{what}_vars", known)):
                if name not in parts:
                    yield Stray(path, what, name, near(name, known))


def named_files(folder: Path, known: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yield each file with the name that it is for; a name may have a dot, a folder no suffix."""
    names = set(known)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(".") or path.name.endswith(("~", *_OTHER_FILES)):
            continue
        bare = path.name in names or path.suffix not in ENDINGS[1:]
        yield path, path.name if bare else path.name.removesuffix(path.suffix)


def stray_warnings(found: Sequence[Stray]) -> Iterator[str]:
    """Yield a warning for each file, or one about all of a kind if there are many."""
    for what in ("group", "host"):
        of_kind = [stray for stray in found if stray.what == what]
        for stray in of_kind if len(of_kind) <= _FEW else ():
            remedy = f"; {stray.hint}" if stray.hint else ""
            yield f"{shown(stray.path)} is not read: there is no {what} {stray.name!r}{remedy}"
        if len(of_kind) > _FEW:
            names = ", ".join(stray.path.name for stray in of_kind[:_FEW])
            yield (
                f"{shown(of_kind[0].path.parent)}: {names} and {len(of_kind) - _FEW} more are not"
                f" read: there are no such {what}s (inventory.lint names all)"
            )


def playbook_warnings(folders: Sequence[Path], tree: Tree) -> Iterator[str]:
    """Yield a warning for variables beside a playbook, which only `ansible-playbook` reads."""
    read = {folder.resolve() for folder in folders}
    for above in dict.fromkeys(folder.absolute().parent for folder in folders):
        for of, known in (("group_vars", tree.groups), ("host_vars", tree.hosts)):
            files = named_files(above / of, known) if above.resolve() not in read else ()
            if any(name in known for _, name in files):
                yield (
                    f"{shown(above / of)} is not read, as by ansible-inventory: variables stand"
                    " beside the inventory, not beside a playbook"
                )
