"""The structure of a YAML inventory: groups with `hosts`, `children` and `vars`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hermes_ops.loader.groups import SECTIONS, HostNode, Mention
from hermes_ops.loader.located import Located, Variables, kind
from hermes_ops.loader.schema import unknown_key
from hermes_ops.loader.sources.patterns import names_of

_PLUGIN = (
    "write its result with `ansible-inventory -i FILE --list --yaml --export`, or give -i an"
    " executable that prints `ansible-inventory -i FILE --list`"
)


def mentions(document: Located) -> Iterator[Mention]:
    """Yield the mentions of each group, in the order of the file."""
    if document.data is None:
        return
    if not isinstance(document.data, dict):
        raise document.error(f"groups must be a mapping, this is {kind(document)}")
    _refuse_plugin(document)
    for name, body in document.entries.items():
        yield from _mentions_of(_name(name, body, "group"), body)


def _refuse_plugin(document: Located) -> None:
    plugin = document.entries.get("plugin")
    if plugin is not None and isinstance(plugin.data, str):
        message = f"configures Ansible's inventory plugin {plugin.data!r}, which is not run here"
        raise plugin.error(message, _PLUGIN)


def is_inventory(document: Located) -> bool:
    """Return whether a document that was not named as an inventory can be one.

    It can if a group has one of the three sections, or if all groups are empty.
    """
    if "plugin" in document.entries:
        return True
    bodies = document.entries.values()
    has_sections = any(body.entries.keys() & set(SECTIONS) for body in bodies)
    return has_sections or all(body.data is None or body.data == {} for body in bodies)


def _mentions_of(name: str, body: Located) -> Iterator[Mention]:
    if not isinstance(body.data, dict | None):
        raise body.error(f"group {name!r} must be a mapping, this is {kind(body)}")
    yield Mention.of_group(name, body.place)
    for key, entry in body.entries.items():
        if key not in SECTIONS:
            raise unknown_key(key, entry, SECTIONS)
        section = _section(entry, key)
        if key == "vars":
            yield Mention.of_variables(name, entry.place, section)
        elif key == "hosts":
            yield from _hosts(name, section)
        else:
            yield from _children(name, section)


def _children(name: str, section: Mapping[str, Located]) -> Iterator[Mention]:
    for key, body in section.items():
        child = _name(key, body, "group")
        yield from _mentions_of(child, body)
        yield Mention.of_child(name, body.place, child)


def _hosts(group: str, section: Mapping[str, Located]) -> Iterator[Mention]:
    for pattern, entry in section.items():
        if entry.data and not isinstance(entry.data, dict):
            raise entry.error(f"the variables of {pattern!r} must be a mapping")
        names, port = names_of(_name(pattern, entry, "host"), entry.place)
        given = None if port is None else Located(port, entry.place, str(port))
        variables = _variables(entry)
        nodes = (HostNode(name, entry.place, variables) for name in names)
        yield Mention.of_hosts(group, entry.place, nodes, given)


def _section(section: Located, name: str) -> Mapping[str, Located]:
    """Return `hosts`, `children` or `vars` of a group; a single word counts as a mapping of it."""
    if section.data is None:
        return {}
    if isinstance(section.data, str) and name != "vars":
        return {section.data: Located(None, section.place)}
    if not isinstance(section.data, dict):
        hint = f"write `{name}: {{a: , b: }}`" if isinstance(section.data, tuple) else ""
        raise section.error(f"{name!r} must be a mapping, this is {kind(section)}", hint)
    return _variables(section) if name == "vars" else section.data


def _variables(value: Located) -> Variables:
    for name, entry in value.entries.items():
        _name(name, entry, "variable")
    return value.entries


def _name(name: object, entry: Located, what: str) -> str:
    if isinstance(name, str) and name:
        return name
    shown = str(name).lower() if isinstance(name, bool) else name
    raise entry.error(f"the name of a {what} must be a text, {shown} is not", "put it in quotes")
