"""Ask a host about its credentials: one script and one answer, without any value in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from hermes_ops.errors import CommandError, Unknown
from hermes_ops.wire import Hidden, Reply, Script, assemble


def probe(request: Mapping[str, Any], python: str = "") -> Script:
    """Return the script that asks for `request`; `python` is that of Hermes, if known.

    It contains the operator's key, so it is sent on standard input, as every script.
    """
    asked = shlex.quote(json.dumps(request))
    lines = ["identify; enter_home", shlex.join(["look_hermes", python])]
    lines.append(Hidden(f'disclose "$program" {asked}', 'disclose "$program"'))
    libraries = ("wire/common", "look/look", "look/hermes", "audit/on_host")
    return assemble(libraries, lines, definitions=f"program={shlex.quote(_program())}\n")


FUTURE = "from __future__ import annotations\n"
IMPORT = "from hermes_ops.secrets.names import holds_credential\n"


@cache
def _program() -> str:
    """Return `on_host` as one text: a host has nothing of ours to import."""
    names = (files("hermes_ops.secrets") / "names.py").read_text("utf-8")
    body = (files("hermes_ops.audit") / "on_host.py").read_text("utf-8")
    return body.replace(IMPORT, names.partition(FUTURE)[2], 1)


def parse(reply: Reply) -> Mapping[str, Any]:
    """Return the answer of the host.

    Raises:
        Unknown: it could not answer; the message says why.
    """
    for record in reply.of("fatal"):
        raise CommandError(record.rest)
    if next(reply.of("python"), None) is not None:
        raise Unknown("there is no Python on it to read its files with", hint="run fleet.up first")
    told = [record.text or "" for record in reply.of("disclosed")]
    if not reply.complete or not told:
        raise Unknown("the connection was lost during the look", hint="run it again")
    return _told(told[0])


def _told(text: str) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = _printable(json.loads(text))
    except ValueError:
        raise Unknown("its Python could not read its files", hint="look at it with -v") from None
    if not isinstance(told, dict):
        raise Unknown("its Python could not read its files", hint="look at it with -v")
    if "missing" in told:
        raise Unknown(
            f"its Python lacks {told['missing']}, which Hermes reads its own files with",
            hint="run fleet.up first, or name Hermes' Python with hermes_python",
        )
    return told


def _printable(value: Any) -> Any:
    """Return a host's answer without control characters: its names are not to be trusted."""
    if isinstance(value, str):
        return (
            value if value.isprintable() else "".join(c if c.isprintable() else "?" for c in value)
        )
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
