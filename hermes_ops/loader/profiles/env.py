"""Values of `env:`: plain values become secrets, mappings say where a secret is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.loader.located import SEALED, Located, kind, plain
from hermes_ops.secrets.reference import GENERATE, Elsewhere, EnvValue, Generate, Reference, Written
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources import SOURCES, forms, unknown
from hermes_ops.secrets.sources.base import Source

SHORTEST_GENERATED, LONGEST_GENERATED = 16, 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BOOLEANS = {True: "true", False: "false"}


def env_values(entries: Mapping[object, Located]) -> dict[str, EnvValue]:
    """Return the values that an `env:` section puts into the `.env` file."""
    return {_env_name(name, entry): env_value(str(name), entry) for name, entry in entries.items()}


def _env_name(name: object, entry: Located) -> str:
    if name == "HERMES_HOME":
        raise entry.error("HERMES_HOME in .env would send the gateway to another home")
    return variable_name(name, entry)


def variable_name(name: object, entry: Located) -> str:
    """Return the name of an environment variable; raise if it is not valid."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    message = f"{str(name)!r} cannot be the name of an environment variable"
    hint = "letters, digits and _, the first no digit"
    raise entry.error(message, hint if isinstance(name, str) else "put it in quotes")


def env_value(name: str, entry: Located) -> EnvValue:
    """Return one value: the secret itself, a reference to it, or a request to generate it."""
    value = _value(name, entry)
    if isinstance(value, Written):
        check_env(name, value, entry.place)
    return value


def secret_value(name: str, entry: Located) -> Elsewhere:
    """Return a secret that is not for a `.env`: its text or a reference; no host can make it."""
    value = _value(name, entry)
    if isinstance(value, Generate):
        hint = f"known are: {', '.join(SOURCES)}"
        raise entry.error(f"{name} cannot be generated: only its owner knows it", hint)
    return value


def _value(name: str, entry: Located) -> Elsewhere | Generate:
    if entry.data is SEALED:
        return Reference("vault", str(entry.place), entry.place)
    return _reference(name, entry) if isinstance(entry.data, dict) else _written(name, entry)


def _written(name: str, entry: Located) -> Written:
    """Return a value written in the file itself; it is secret only if it was in a vault."""
    kind = "vault" if getattr(entry, "secret", False) else "plain"
    return Written(scalar_text(name, entry), entry.place, kind)


def scalar_text(name: str, entry: Located) -> str:
    """Return a scalar as the text that a person wrote, `True` as `true`.

    YAML's other words for a boolean are refused: whoever writes `off` may mean the word.
    """
    if isinstance(entry.data, bool):
        if entry.text.lower() not in ("true", "false"):
            message = (
                f"{name!r} is the word {entry.text}, which YAML reads as {_BOOLEANS[entry.data]}"
            )
            raise entry.error(message, f'put it in quotes: "{entry.text}"')
        return _BOOLEANS[entry.data]
    if entry.data is None or isinstance(entry.data, dict | tuple):
        hint = 'write "" for an empty value' if entry.data is None else ""
        raise entry.error(f"{name!r} must be a text or a number, this is {kind(entry)}", hint)
    return entry.data if isinstance(entry.data, str) else entry.text


def check_env(name: str, secret: Secret, place: Place | None) -> None:
    """Raise if a `.env` file cannot hold the value, or Hermes would ignore it.

    The error never shows it.
    """
    # Imported late: an inventory without plain values does not need them.
    from hermes_ops.files.envfile import refusal
    from hermes_ops.hermes.variables import expected

    reason = refusal(name, secret.reveal())
    if reason:
        raise InventoryError(f"{name} cannot be kept in .env: {reason}", where=place)
    if kind := expected(name, secret.reveal()):
        message = f"{name} has a value that Hermes would ignore or take for another"
        raise InventoryError(message, hint=f"it must be {kind}", where=place)


def _reference(name: str, entry: Located) -> Reference | Generate:
    if len(entry.entries) != 1:
        raise entry.error(f"{name} wants exactly one of {', '.join(forms())}")
    ((form, argument),) = entry.entries.items()
    if form == GENERATE:
        return Generate(_generated_bytes(argument), place=argument.place)
    if form not in SOURCES:
        raise argument.error(*unknown(str(form)))
    return reference(SOURCES[form], argument)


def reference(source: Source[Any], argument: Located) -> Reference:
    """Return the reference to a source with this argument; raise if the argument is not valid."""
    return Reference(source.kind, _argument(source, argument), argument.place)


def _argument(source: Source[Any], argument: Located) -> Any:
    found = source.read(plain(argument))
    if found is None:
        raise _no_argument(source, argument)
    try:
        return source.checked(found, Path(argument.place.file).parent)
    except UsageError as error:
        raise argument.error(error.message, error.hint) from None


def _no_argument(source: Source[Any], argument: Located) -> InventoryError:
    """Return the error for an argument of a wrong kind; of a list, for its item that is wrong."""
    message = f"{source.kind!r} must be {source.takes}"
    for number, item in enumerate(argument.items, 1):
        if source.read([plain(item)]) is None and source.read(["x"]) is not None:
            hint = "put it in quotes" if item.text else f"{source.kind}: {source.example}"
            return item.error(f"{message}: word {number} is {kind(item)}", hint)
    return argument.error(
        f"{message}, this is {kind(argument)}", f"{source.kind}: {source.example}"
    )


def _generated_bytes(argument: Located) -> int:
    count = argument.data
    if isinstance(count, bool) or not isinstance(count, int):
        raise argument.error(f"{GENERATE!r} must be a number of bytes, this is {kind(argument)}")
    if not SHORTEST_GENERATED <= count <= LONGEST_GENERATED:
        limits = f"{SHORTEST_GENERATED} to {LONGEST_GENERATED}"
        raise argument.error(f"{GENERATE!r} must be from {limits} bytes")
    return count
