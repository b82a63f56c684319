"""The tokens of ssh's settings: `%h`, `${NAME}` and `~`."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

_TOKEN = re.compile(r"%(.)|\$\{([A-Za-z0-9_]+)\}", re.DOTALL)


def expanded(text: str, values: Mapping[str, str], *, paths: bool = True) -> str:
    """Return a text with its tokens replaced; of a path also `~`, and variables in braces."""

    def value(match: re.Match[str]) -> str:
        token, variable = match.groups()
        if variable:
            return os.environ.get(variable, match[0]) if paths else match[0]
        return values[token] if token in values else _own(token) or match[0]

    replaced = _TOKEN.sub(value, text)
    return str(Path(replaced).expanduser()) if paths and replaced.startswith("~") else replaced


def _own(token: str) -> str | None:
    match token:
        case "%":
            return "%"
        case "d":
            return str(Path.home())
        case "u":
            return getpass.getuser()
        case "i":
            return str(os.getuid())
        case "l":
            return socket.gethostname()
        case "L":
            return socket.gethostname().partition(".")[0]
    return None
