"""Pass the package sources of this machine's pip to a pip inside a chroot."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from configparser import RawConfigParser
from pathlib import Path

# Only the settings of package sources: a `target` or `user` setting of this machine
# would install the packages into the wrong folder of the image.
KEYS = (
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "cert",
    "client-cert",
    "trusted-host",
    "proxy",
    "default-timeout",
    "timeout",
    "retries",
)


def settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return pip's settings as the environment variables with the same effect."""
    found: dict[str, str] = {}
    for file in _files(environ):
        found |= _read(file)
    return found | {name: environ[name] for name in map(_variable, KEYS) if name in environ}


def local_paths(values: Mapping[str, str]) -> list[Path]:
    """Return the files and folders on this machine that `values` name, each once."""
    words = (re.sub("^file://", "", word) for value in values.values() for word in value.split())
    found = {Path(word) for word in words if word.startswith("/") and Path(word).exists()}
    # An index in a folder `simple` links to files beside that folder: ../../files/NAME.whl
    return sorted({path.parent if path.name == "simple" else path for path in found})


def moved(values: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return `values` with `prefix` in front of each local path."""
    paths = "|".join(re.escape(str(path)) for path in reversed(local_paths(values)))
    pattern = re.compile(rf"(?<!\S)(file://)?({paths})(?=[/\s]|$)")
    moves = {name: pattern.sub(rf"\1{prefix}\2", value) for name, value in values.items()}
    return moves if paths else dict(values)


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files, the weakest first."""
    home = Path.home()
    yield Path("/etc/xdg/pip/pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip/pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME", home / ".config")) / "pip/pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    yield Path(environ.get("PIP_CONFIG_FILE", os.devnull))


def _read(file: Path) -> dict[str, str]:
    parser = RawConfigParser()
    parser.read(file)
    sections = [parser[name] for name in ("global", "install") if name in parser]
    return {
        _variable(key): " ".join(section[key].split())
        for section in sections
        for key in KEYS
        if key in section
    }


def _variable(key: str) -> str:
    return "PIP_" + key.upper().replace("-", "_")
