"""Unused profiles, groups and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, groupby
from pathlib import Path

from hermes_ops.errors import Place, few
from hermes_ops.loader.explain.provenance import Saying, sayings_of
from hermes_ops.loader.lint.model import Check, Remark, Survey, Wish
from hermes_ops.loader.profiles.profile import Contribution
from hermes_ops.loader.sources.files import ENDINGS
from hermes_ops.loader.sources.text import shown
from hermes_ops.loader.strays import named_files, strays
from hermes_ops.loader.typos import meant


def unused_profiles(seen: Survey) -> Iterator[Remark]:
    """Profiles of the catalogue that no host names."""
    used = {wish.profile for wish in seen.wishes}
    for name, document in seen.gathered.around.catalogue.items():
        if name not in used:
            message = f"no host has the profile {name!r}"
            hint = "name it in hermes_profiles, or remove the file"
            yield Remark("unused-profile", document.place, message, hint)


def unknown_profiles(seen: Survey) -> Iterator[Remark]:
    """Profiles without a file, whose name is one letter from that of a file."""
    catalogue = seen.gathered.around.catalogue
    for wish in seen.wishes:
        if wish.profile not in catalogue and (other := meant(wish.profile, catalogue)):
            message = f"no file of profiles/ describes {wish.profile!r}"
            yield Remark("misspelt", wish.place, message, f"did you mean {other!r}?")


def empty_groups(seen: Survey) -> Iterator[Remark]:
    """Groups without a host, directly or in a child group."""
    peopled = {"all", "ungrouped"}.union(*seen.gathered.tree.lineage.values())
    for group in seen.gathered.tree.groups.values():
        if group.name not in peopled:
            message = f"no host is in the group {group.name!r}"
            yield Remark("empty-group", group.place, message, "put hosts into it, or remove it")


def stray_variable_files(seen: Survey) -> Iterator[Remark]:
    """Files of `group_vars/` and `host_vars/` without a host or group, or never read."""
    tree = seen.gathered.tree
    for stray in strays(seen.folders, tree):
        message = f"there is no {stray.what} {stray.name!r}"
        hint = stray.hint or "rename it, or remove it"
        yield Remark("unknown-target", Place(shown(stray.path)), message, hint)
    for folder in seen.folders:
        yield from _unread(folder / "group_vars", tree.groups)
        yield from _unread(folder / "host_vars", tree.hosts)


def _unread(folder: Path, known: Iterable[str]) -> Iterator[Remark]:
    read: dict[str, Path] = {}
    for path, name in sorted(named_files(folder, known), key=_rank):
        if name in read:
            message = f"is not read: {shown(read[name])} comes before it"
            yield Remark("unread-file", Place(shown(path)), message, "put both into one")
        elif name in known:
            read[name] = path


def _rank(file: tuple[Path, str]) -> tuple[int, str]:
    """Sort key: the order in which files of one name are looked for."""
    path, _ = file
    ending = path.suffix if path.suffix in ENDINGS else ""
    return (ENDINGS.index(ending), path.name)


def unused_souls(seen: Survey) -> Iterator[Remark]:
    """Files `*.soul.md` of the catalogue that no layer names."""
    used = {
        (Path(saying.place.file).parent / str(saying.value)).resolve()
        for saying in (*seen.said, *_catalogue_says(seen))
        if saying.path == ("soul",)
    }
    for folder in seen.folders:
        for file in sorted((folder / "profiles").glob("*.soul.md")):
            if file.resolve() not in used:
                yield Remark(
                    "unused-soul",
                    Place(shown(file)),
                    "no profile has this soul",
                    f"write `soul: {file.name}` into a profile, or remove the file",
                )


def _catalogue_says(seen: Survey) -> Iterator[Saying]:
    for document in seen.gathered.around.catalogue.values():
        yield from sayings_of(Contribution("catalogue", "", document))


def prefixes(seen: Survey) -> Iterator[Remark]:
    """Profiles of one host where the name of one begins with the name of the other."""
    pairs: dict[tuple[str, str], list[Wish]] = {}
    for _, group in groupby(seen.wishes, key=lambda wish: wish.host):
        for short, long in combinations(sorted(group, key=lambda wish: wish.profile), 2):
            if long.profile.startswith(short.profile):
                pairs.setdefault((short.profile, long.profile), []).append(long)
    for (short_name, long_name), wishes in pairs.items():
        hosts = few([wish.host for wish in wishes], 3)
        yield Remark(
            "name-prefix",
            wishes[0].place,
            f"the name {short_name!r} begins {long_name!r}, on {hosts}:"
            " Hermes may take the process of one for the other's",
            "give one of them another name",
        )


CHECKS: tuple[Check, ...] = (
    unused_profiles,
    unknown_profiles,
    empty_groups,
    stray_variable_files,
    unused_souls,
    prefixes,
)
