"""`inventory.explain`: which file and line set a value. `inventory.schema`: what may be set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.workspace import gathered, open_workspace
from hermes_ops.errors import UsageError
from hermes_ops.secrets.secret import Public

if TYPE_CHECKING:
    from hermes_ops.loader.explain.provenance import Leaf, Saying
    from hermes_ops.loader.schema import Key

_WIDEST = 60


def explain(options: Options, output: Output, target: str, key: str | None) -> Result:
    """Show which file and line set each value, and with --key which values lost."""
    from hermes_ops.commands.config.set import setting_path
    from hermes_ops.loader.explain.provenance import leaves, variables
    from hermes_ops.loader.keypath import spelled

    read = gathered(open_workspace(options, output))
    host, _, profile = target.partition("/")
    found = leaves(read, host, profile) if "/" in target else variables(read, host)
    rows = [_row(host, profile, leaf) for leaf in found]
    if key is not None:
        # The keys of a profile are named as config.set takes them.
        in_config = spelled(setting_path(key)) if "/" in target else key
        chosen = _chosen(rows, found, key) or _chosen(rows, found, in_config)
        rows = chosen or [_default(host, profile, key, rows)]
    (_show_chains if key is not None else _show_winners)(output, rows)
    return items(rows)


def _row(host: str, profile: str, leaf: Leaf) -> dict[str, Any]:
    from hermes_ops.loader.explain.provenance import key_of

    winner = leaf.winner
    return {
        "host": Public(host),
        "profile": Public(profile) if profile else None,
        "key": Public(leaf.key),
        "path": [_name(key_of(key)) for key in leaf.path],
        "value": leaf.value,
        "layer": winner.layer,
        "variable": winner.variable or None,
        "where": str(winner.place),
        "said": [_said(saying) for saying in leaf.said],
    }


def _name(key: Any) -> Any:
    return Public(key) if isinstance(key, str) else key


def _said(saying: Saying) -> dict[str, Any]:
    from hermes_ops.loader.keypath import spelled

    return {
        "key": Public(spelled(saying.path)),
        "layer": saying.layer,
        "variable": saying.variable or None,
        "action": saying.action,
        "value": saying.value,
        "where": str(saying.place),
        "counts": saying.counts,
    }


def _chosen(rows: Sequence[Any], found: Sequence[Leaf], key: str) -> list[dict[str, Any]]:
    from hermes_ops.loader.hosts.connection import SPELLINGS
    from hermes_ops.loader.keypath import begins, parsed

    wanted = [parsed(name) for name in SPELLINGS.get(key, (key,))]
    return [
        row
        for row, leaf in zip(rows, found, strict=True)
        if any(begins(leaf.path, path) for path in wanted)
    ]


def _default(host: str, profile: str, key: str, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return the default of a key that no layer sets; raise if there is no such key."""
    from hermes_ops.loader.schema import near

    known = _documented(profile)
    if key not in known:
        names = [*(row["key"] for row in rows), *known]
        hint = near(key, names) or near(f"config.{key}", names)
        who = f"{host}/{profile}" if profile else host
        raise UsageError(f"nothing sets {key!r} for {who}", hint=hint)
    return {
        **{"host": host, "profile": profile or None, "key": key, "path": key.split(".")},
        **{"value": known[key].default, "layer": "default", "variable": None, "where": None},
        **{"otherwise": known[key].otherwise or None, "said": []},
    }


def _documented(profile: str) -> dict[str, Key]:
    """Return the documentation of all keys of a profile, or else of a host."""
    from hermes_ops.loader.hosts import connection
    from hermes_ops.loader.hosts import host as hosts
    from hermes_ops.loader.profiles.profile import PROFILE
    from hermes_ops.loader.profiles.service import SERVICE
    from hermes_ops.loader.schema import Key

    service = {f"service.{name}": key for name, key in SERVICE.keys.items()}
    of_host = (hosts.VARIABLES, connection.VARIABLES)
    tables = (PROFILE.keys, service) if profile else of_host
    return {name: key for table in tables for name, key in table.items() if isinstance(key, Key)}


def _show_winners(output: Output, rows: Sequence[Mapping[str, Any]]) -> None:
    if output.json:
        return
    from hermes_ops.reporting.report import table

    cells = [{**row, "value": _cut(_text(row["value"])), "layer": _layer(row)} for row in rows]
    table(output, ["key", "value", "where", "layer"], cells)


def _show_chains(output: Output, rows: Sequence[Mapping[str, Any]]) -> None:
    if output.json:
        return
    from hermes_ops.reporting.report import table

    for row in rows:
        if row["said"]:
            output.text(f"{row['key']} = {_text(row['value'])}")
            table(output, ["", "layer", "says", "where"], [_line(row, s) for s in row["said"]])
        else:
            nothing = "nothing" if row["value"] is None else _text(row["value"])
            value = row["otherwise"] or nothing
            output.text(f"{row['key']}: {value} (the default; no layer sets it)")


def _line(row: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, str]:
    elsewhere = f"{said['key']}: " if said["key"] != row["key"] else ""
    verb = "" if said["action"] == "sets" else f"{said['action']} "
    wins = "wins" if sum(other["counts"] for other in row["said"]) == 1 else "counts"
    return {
        "": wins if said["counts"] else "lost",
        "layer": _layer(said),
        "says": f"{elsewhere}{verb}{_text(said['value'])}",
        "where": said["where"],
    }


def _layer(row: Mapping[str, Any]) -> str:
    return f"{row['layer']} {row['variable']}" if row["variable"] else str(row["layer"])


def _text(value: Any) -> str:
    """Return a value in one line of YAML."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def schema(output: Output, of: str) -> Result:
    """Print the JSON Schema of hosts.yml, profiles/*.yml or variable files, for editors."""
    from hermes_ops.loader.explain.json_schema import SCHEMAS
    from hermes_ops.loader.schema import near

    if of not in SCHEMAS:
        known = ", ".join(SCHEMAS)
        raise UsageError(f"--of is one of {known}, not {of!r}", hint=near(of, SCHEMAS))
    document = SCHEMAS[of]()
    output.text(json.dumps(document, indent=2, ensure_ascii=False))
    return items([{"of": of, "json_schema": document}])
