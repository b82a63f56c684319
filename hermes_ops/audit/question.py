"""Ask a host about its credentials: one script and one answer, without any value in it."""

from __future__ import annotations

import json
import re
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
    return probe_with(_program(), request, python)


def probe_with(program: str, request: Mapping[str, Any], python: str = "") -> Script:
    """Return the script that runs a program of ours by Hermes' Python, or by another there is."""
    asked = shlex.quote(json.dumps(request))
    lines = ["identify; enter_home", shlex.join(["look_hermes", python])]
    lines.append(Hidden(f'disclose "$program" {asked}', 'disclose "$program"'))
    libraries = ("wire/common", "look/look", "look/hermes", "audit/on_host")
    return assemble(libraries, lines, definitions=f"program={shlex.quote(program)}\n")


def _program() -> str:
    return program_of("hermes_ops.audit")


_FUTURE = "from __future__ import annotations\n"
_OURS = re.compile(r"^from (hermes_ops\.[\w.]+) import (?:\(\n(?:.*\n)*?\)|.+)\n", re.MULTILINE)


@cache
def program_of(package: str) -> str:
    """Return the `on_host` of a package as one text: a host has nothing of ours to import.

    In place of each import of ours stands that module, the first time.
    """
    return _FUTURE + _joined(f"{package}.on_host", set())


def _joined(module: str, known: set[str]) -> str:
    folder, _, name = module.rpartition(".")
    known.add(module)
    text = (files(folder) / f"{name}.py").read_text("utf-8").partition(_FUTURE)[2]
    return _OURS.sub(lambda found: "" if found[1] in known else _joined(found[1], known), text)


def parse(reply: Reply) -> Mapping[str, Any]:
    """Return the answer of the host.

    Raises:
        Unknown: it could not answer; the message says why.
    """
    for record in reply.of("fatal"):
        raise CommandError(record.rest)
    if next(reply.of("python"), None) is not None:
        words = "there is no Python on it to read its files with"
        raise Unknown(words, hint="run ./inv fleet.up first")
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
            hint="run ./inv fleet.up first, or name Hermes' Python with hermes_python",
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
