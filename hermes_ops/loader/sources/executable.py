"""Executable inventories: their output for `--list`, and for `--host` if needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.groups import SECTIONS, GroupNode, HostNode, Mention
from hermes_ops.loader.located import Located, kind
from hermes_ops.loader.sources.json import decoded, doubles_in, located
from hermes_ops.loader.sources.programs import run
from hermes_ops.loader.sources.reading import Kind, Reading
from hermes_ops.loader.sources.text import place_after, shown

_WHAT = "the executable inventory"
_AT_ONCE = 8


def dynamic_mentions(path: Path, reading: Reading) -> Iterator[Mention]:
    """Run an executable inventory and yield its mentions."""
    return mentions_of(_answer(path, ["--list"], reading), path, reading)


def mentions_of(document: Located, path: Path, reading: Reading) -> Iterator[Mention]:
    """Yield the mentions in the output of `--list`; without `_meta`, run `--host` for each host."""
    groups = [
        (name, _group(name, body)) for name, body in document.entries.items() if name != "_meta"
    ]
    hosts: dict[str, None] = {}
    for name, body in groups:
        yield Mention.of_group(name, body.place)
        yield from _of_group(name, body)
        hosts.update(dict.fromkeys(_names(name, body, "hosts")))
    variables = _host_variables(document, list(hosts), path, reading)
    for host in hosts:
        said = variables.get(host)
        if said is not None and said.entries:
            node = HostNode(host, said.place, said.entries)
            # Only variables: the host has its groups already.
            yield Mention(GroupNode("all", said.place), (node,))


def _of_group(name: str, body: Located) -> Iterator[Mention]:
    nodes = (HostNode(host, body.place) for host in _names(name, body, "hosts"))
    yield Mention.of_hosts(name, body.place, nodes)
    section = body.entries.get("vars")
    if section is not None:
        yield Mention.of_variables(name, section.place, _mapping(section, f"'vars' of {name!r}"))
    for child in _names(name, body, "children"):
        yield Mention.of_child(name, body.place, child)


def _group(name: str, body: Located) -> Located:
    """Return a group as a mapping; a list is a list of hosts, as in the oldest scripts."""
    if isinstance(body.data, tuple):
        return Located({"hosts": body}, body.place)
    entries = _mapping(body, f"group {name!r}")
    if entries and not entries.keys() & set(SECTIONS):
        message = f"group {name!r} has none of {', '.join(SECTIONS)}"
        raise body.error(message, "Ansible would take it for a host")
    return body


def _names(group: str, body: Located, section: str) -> list[str]:
    """Return the names in `hosts` or `children` of a group."""
    found = body.entries.get(section)
    if found is None:
        return []
    if not isinstance(found.data, tuple):
        raise found.error(f"{section!r} of {group!r} must be a list, this is {kind(found)}")
    for item in found.items:
        if not isinstance(item.data, str) or not item.data:
            raise item.error(f"{section!r} of {group!r} must hold names, one is {kind(item)}")
    return [item.data for item in found.items]


def _host_variables(
    document: Located, hosts: list[str], path: Path, reading: Reading
) -> Mapping[str, Located]:
    meta = document.entries.get("_meta")
    said = _mapping(meta, "'_meta'").get("hostvars") if meta is not None else None
    if said is not None:
        found = _mapping(said, "'_meta.hostvars'")
        for host in found.keys() & set(hosts):
            _mapping(found[host], f"the variables of {host!r}")
        return found
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(
            zip(hosts, pool.map(lambda host: _asked(path, host, reading), hosts), strict=True)
        )


def _asked(path: Path, host: str, reading: Reading) -> Located:
    answer = _answer(path, ["--host", host], reading)
    _mapping(answer, f"the answer to --host {host}")
    return answer


def _mapping(value: Located, what: str) -> Mapping[str, Located]:
    if not isinstance(value.data, dict):
        raise value.error(f"{what} must be a mapping, this is {kind(value)}")
    return value.entries


def _answer(path: Path, words: list[str], reading: Reading) -> Located:
    place = Place(shown(path))
    printed = run(path, words, _WHAT)
    if words[0] == "--host" and not printed.strip():
        return Located({}, place)
    value = _json(printed, f"{place} {words[0]}")
    if not isinstance(value, dict):
        message = f"{_WHAT} must print a JSON object for {words[0]}, this is something else"
        raise InventoryError(message, where=Place(f"{place} {words[0]}", 1, 1))
    kind: Kind = "variables" if words[0] == "--host" else "answer"
    reading.tell([double._replace(kind=kind) for double in doubles_in(value, place)])
    return located(value, place, reading.vault)


def _json(printed: bytes, file: str) -> Any:
    """Return what was printed; errors have the program, its option, and the place in the output."""
    # The output is not repeated: it may hold credentials.
    if not printed.strip():
        raise InventoryError(f"{_WHAT} printed nothing", where=Place(file, 1, 1))
    try:
        return decoded(printed.decode("utf-8"))
    except UnicodeDecodeError as error:
        place = place_after(printed[: error.start].decode("utf-8"), file)
        raise InventoryError(f"{_WHAT} printed text that is not UTF-8", where=place) from None
    except json.JSONDecodeError as error:
        message = f"{_WHAT} printed invalid JSON: {error.msg}"
        raise InventoryError(message, where=Place(file, error.lineno, error.colno)) from None
    except ValueError as error:
        message = f"{_WHAT} printed invalid JSON: {error}"
        raise InventoryError(message, where=Place(file, 1, 1)) from None
