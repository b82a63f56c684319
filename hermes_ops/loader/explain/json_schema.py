"""The tables of `schema` as JSON Schema (draft 2020-12), for editors and other tools.

Any value of the inventory may be an expression, `{{ … }}`; a file of the catalogue has none.
Only the loader can check that names agree and files exist. So the schema accepts a little more
than `load()` does, and never less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hermes_ops.inventory.model import PROFILE_NAME
from hermes_ops.loader.groups import PRIORITY
from hermes_ops.loader.hosts import connection
from hermes_ops.loader.hosts.host import VARIABLES
from hermes_ops.loader.profiles.env import LONGEST_GENERATED, SHORTEST_GENERATED
from hermes_ops.loader.profiles.profile import PROFILE
from hermes_ops.loader.schema import Each, Fields, Key, Kind, Schema, bare
from hermes_ops.secrets.reference import GENERATE
from hermes_ops.secrets.sources import SOURCES

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Document = dict[str, Any]

_EXPRESSION: Document = {"type": "string", "pattern": r"\{[{%#]"}
_SCALAR: Document = {"type": ["string", "number", "boolean"]}
_SCALARS: Document = {"type": "object", "additionalProperties": _SCALAR}
_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _env() -> Document:
    """Return the schema of `env`: plain values, and mappings of one of the forms."""
    bytes_ = {"type": "integer", "minimum": SHORTEST_GENERATED, "maximum": LONGEST_GENERATED}
    generated = {GENERATE: _form(bytes_, "so many random bytes, made on the host")}
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": _secret(generated),
    }


def _secret(further: Document | None = None) -> Document:
    """Return the schema of a secret: a plain value, or a mapping of one of the forms."""
    forms = {kind: _form(source.schema, source.meaning) for kind, source in SOURCES.items()}
    mapping = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {**forms, **(further or {})},
    }
    return {"anyOf": [_SCALAR, mapping]}


def _secrets() -> Document:
    return {"type": "array", "items": _secret()}


def _form(argument: Mapping[str, Any], description: str) -> Document:
    return {**_any_of(dict(argument), _EXPRESSION), "description": description}


def _environment() -> Document:
    return {**_SCALARS, "propertyNames": {"pattern": _NAME}}


_PARTS: Mapping[str, Callable[[], Document]] = {
    "env": _env, "environment": _environment, "urls": _secrets, "ping": _secret,
}  # fmt: skip
"""Values whose form is checked in another module."""


def profile_schema() -> Document:
    """Return the schema of a file of `profiles/`."""
    return _document("A hermes-ops profile", _record(PROFILE, expressions=False))


def variables_schema() -> Document:
    """Return the schema of a file of `group_vars/` or `host_vars/`."""
    return _document("hermes-ops variables", {"$ref": "#/$defs/variables"}, _definitions())


def hosts_schema() -> Document:
    """Return the schema of `hosts.yml`."""
    definitions = {**_definitions(), "group": _group()}
    groups = {"type": "object", "additionalProperties": _or_null({"$ref": "#/$defs/group"})}
    return _document("A hermes-ops inventory", groups, definitions)


SCHEMAS = {"hosts": hosts_schema, "profile": profile_schema, "variables": variables_schema}


def _document(title: str, body: Document, definitions: Document | None = None) -> Document:
    extra = {"$defs": definitions} if definitions else {}
    return {"$schema": DRAFT, "title": title, **body, **extra}


def _definitions() -> Document:
    return {"profile": _record(PROFILE, expressions=True), "variables": _variables()}


def _variables() -> Document:
    own = {name: _variable(name, schema) for name, schema in VARIABLES.items()}
    ansible = {name: _variable(name, schema) for name, schema in connection.VARIABLES.items()}
    older = {
        other: {**ansible[name], "description": f"another name of {name}"}
        for name, spellings in connection.SPELLINGS.items()
        for other in spellings[1:]
    }
    return {
        "type": "object",
        "properties": {**own, **ansible, **older},
        "patternProperties": {"^(?!hermes_)": True},
        "additionalProperties": False,
    }


def _variable(name: str, schema: Schema) -> Document:
    special = {"hermes_profiles": _profiles, "hermes_profile_defaults": _defaults}
    body = special[name]() if name in special else _or_expression(_fragment(schema, True))
    if name in _LOOSE:
        body = _any_of(body, _LOOSE[name])
    return {**body, **_documentation(schema)}


_LOOSE: Mapping[str, Document] = {
    "ansible_port": {"type": "string", "pattern": "^[0-9]+$"},
    "ansible_become": {"enum": ["yes", "no", "true", "false"]},
    "ansible_become_password": {"type": ["number", "null"]},
    "hermes_linger": {"const": False},
}
"""Values accepted in addition, as in Ansible; and `off`, which YAML reads as a boolean."""


def _profiles() -> Document:
    name = {"type": "string", "pattern": f"^{PROFILE_NAME.pattern}$"}
    mapping = {
        "type": "object",
        "propertyNames": name,
        "additionalProperties": _or_null({"$ref": "#/$defs/profile"}),
    }
    names = {"type": "array", "items": {"anyOf": [name, _EXPRESSION]}}
    return {"anyOf": [names, mapping, _EXPRESSION, {"type": "null"}]}


def _defaults() -> Document:
    return {"anyOf": [{"$ref": "#/$defs/profile"}, _EXPRESSION, {"type": "null"}]}


def _group() -> Document:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "hosts": _members(
                "variables", "names, also ranges such as mini-[01:03]; what differs there"
            ),
            "children": _members("group", "groups of this group"),
            "vars": _vars(),
        },
    }


def _members(definition: str, description: str) -> Document:
    return {
        "description": description,
        "type": ["object", "string", "null"],
        "additionalProperties": _or_null({"$ref": f"#/$defs/{definition}"}),
    }


def _vars() -> Document:
    priority = {
        "description": "of the groups at one depth the highest wins",
        "type": ["integer", "string"],
        "default": 1,
    }
    return {
        "description": "variables of every host of the group",
        "type": ["object", "null"],
        "allOf": [{"if": {"type": "object"}, "then": {"$ref": "#/$defs/variables"}}],
        "properties": {PRIORITY: priority},
    }


def _fragment(schema: Schema, expressions: bool) -> Document:
    match bare(schema):
        case Fields() as record:
            return _record(record, expressions=expressions)
        case Each(item):
            return {"type": "array", "items": _fragment(item, expressions)}
        case Kind() as kind:
            return dict(kind.json)


def _record(record: Fields, *, expressions: bool) -> Document:
    lists = [name for name, schema in record.keys.items() if isinstance(bare(schema), Each)]
    signed = {
        rf"^[+-]{name}$": _or_null(_value(name, record.keys[name], expressions))
        for name in lists
        if record.is_layered
    }
    body: Document = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {**_or_null(_value(name, schema, expressions)), **_documentation(schema)}
            for name, schema in record.keys.items()
        },
    }
    body |= {"patternProperties": signed} if signed else {}
    return _any_of(body, {"type": "boolean"}) if record.or_boolean else body


def _value(name: str, schema: Schema, expressions: bool) -> Document:
    body = _PARTS[name]() if name in _PARTS else _fragment(schema, expressions)
    return _or_expression(body) if expressions else body


def _documentation(schema: Schema) -> Document:
    if not isinstance(schema, Key):
        return {}
    default = {} if schema.default is None else {"default": schema.default}
    return {"description": schema.comment, **default}


def _or_expression(body: Document) -> Document:
    """Return the schema that accepts an expression too, unless it accepts any text anyway."""
    is_text = body.get("type") == "string" and "pattern" not in body
    return body if is_text else _any_of(body, _EXPRESSION)


def _any_of(*bodies: Document) -> Document:
    """Return the schema of one of these; one that accepts everything replaces the others."""
    return {"anyOf": list(bodies)} if all(bodies) else {}


def _or_null(body: Document) -> Document:
    """Return the schema that accepts null too: a key without a value is ignored."""
    if isinstance(body.get("type"), str) and "enum" not in body:
        return {**body, "type": [body["type"], "null"]}
    if "anyOf" in body:
        return {**body, "anyOf": [*body["anyOf"], {"type": "null"}]}
    return _any_of(body, {"type": "null"})
