"""Files of keys to log in with: check that they exist, can be read and are keys."""

from __future__ import annotations

import re
from pathlib import Path

from hermes_ops.loader.located import Located
from hermes_ops.loader.sources.text import shown

_HEADER = re.compile(rb"\s*-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|(?:ssh|ecdsa|sk)-[\w@.-]+ AAAA")
"""A private key, or a public one: its private one is in the agent then."""


def private_key(value: Located, name: str) -> Path:
    """Return the path of the key file `name`, which must be a key that can be read.

    A relative path starts at the working folder, as in Ansible, or else at the file that
    names it.
    """
    path = Path(name).expanduser()
    if not path.is_absolute() and not path.exists():
        path = Path(value.place.file).parent / path
    if not _HEADER.match(_head(path, value)):
        raise value.error(f"{shown(path)} is not a private key")
    return path


def _head(path: Path, value: Located) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(64)
    except OSError as error:
        raise value.error(f"the key {shown(path)} cannot be read: {error.strerror}") from None
