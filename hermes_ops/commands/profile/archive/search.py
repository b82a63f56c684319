"""Find credentials in the content of files. This runs on hosts, as a part of `on_host`."""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from hermes_ops.secrets.names import holds_credential

PLACEHOLDER = b"changeme"
"""Stands for a credential in config.yaml: Hermes takes it for no key."""
BLOCK = 8 << 20
"""What is searched at once, in bytes."""
SHORTEST = 6
"""Shorter values are not searched for."""

_PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)$", re.MULTILINE)


def variables(text: str) -> dict[str, str]:
    """Return the names in a `.env` and their values, without quotes."""
    return {name: _unquoted(value.strip()) for name, value in _LINE.findall(text)}


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        body = value[1:-1]
        return body if value[0] == "'" else body.replace('\\"', '"').replace("\\\\", "\\")
    return value


def is_secret(name: str, value: str) -> bool:
    """Whether a value is searched for: it has such a name, or is long and looks random."""
    if len(value) < SHORTEST or value.lower() in ("true", "false") or value.isdigit():
        return False
    random = len(value) >= 20 and not re.search(r"[\s/@]", value)
    return holds_credential(name) or random


def leaves(tree: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text in a tree of mappings and lists, with its path."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, name)
    elif isinstance(tree, str):
        yield name, tree


def credentials(home: Path) -> dict[str, str]:
    """Return the values that the archive must not have: each with the name that it is known by."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys((home, Path(".hermes"))):
        for file in sorted(folder.glob(".env*")) if folder.is_dir() else ():
            for name, value in variables(text_of(file)).items():
                if is_secret(name, value):
                    found.setdefault(value, name)
        for file in (folder / "auth.json", folder / "slack_tokens.json"):
            for name, value in _json(file):
                if is_secret(name, value):
                    found.setdefault(value, f"{file.name}: {name}")
    for name, value in settings_of(text_of(home / "config.yaml")):
        if holds_credential(name) and len(value) >= SHORTEST and "${" not in value:
            found.setdefault(value, f"config.{name}")
    return found


def text_of(file: Path) -> str:
    with suppress(OSError):
        if stat.S_ISREG(file.stat().st_mode):
            return file.read_bytes().decode("utf-8", "surrogateescape")
    return ""


def _json(file: Path) -> list[tuple[str, str]]:
    with suppress(ValueError, RecursionError):
        return list(leaves(json.loads(text_of(file))))
    return []


def settings_of(text: str) -> list[tuple[str, str]]:
    import yaml

    with suppress(yaml.YAMLError, ValueError, RecursionError):
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return list(leaves(yaml.load(text, Loader=loader)))  # noqa: S506 - safe ones
    return []


def forms(value: str) -> set[bytes]:
    """Return how a value may stand in a file: as it is, escaped, or encoded at any offset."""
    raw = value.encode("utf-8", "surrogateescape")
    found = {
        raw,
        raw.hex().encode(),
        json.dumps(value)[1:-1].encode(),
        quote(raw, safe="").encode(),
    }
    for before in range(3):
        begin, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        digits = base64.b64encode(bytes(before) + raw)[begin:end]
        found |= {digits, digits.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in found if len(form) >= SHORTEST}


class Search:
    """Finds known credentials in the content of files."""

    def __init__(self, known: dict[str, str]) -> None:
        """Take the values, and the name of each."""
        self.known = known
        self._forms = {form: name for value, name in known.items() for form in forms(value)}
        longest = sorted(self._forms, key=len, reverse=True)
        # A form may be broken into lines, and lie on both sides of the end of a block.
        self._overlap = 2 * len(longest[0] if longest else b"") + 4096
        self._any = re.compile(b"|".join(map(re.escape, longest))) if longest else None

    def found(self, content: bytes) -> str:
        """Return the name of a credential in a content; empty if there is none."""
        flat = content.translate(None, b"\r\n")  # base64 is often broken into lines
        for form, name in self._forms.items():
            if form in content or form in flat:
                return name
        return "a private key" if _PRIVATE.search(content) else ""

    def found_in(self, stream: BinaryIO) -> str:
        """Return the name of a credential in a file that may be larger than the memory."""
        before = b""
        while block := stream.read(BLOCK):
            if name := self.found(before + block):
                return name
            before = (before + block)[-self._overlap :]
        return ""

    def masked(self, content: bytes) -> tuple[bytes, list[str]]:
        """Return a content with its credentials replaced, and their names."""
        if self._any is None:
            return content, []
        names = {self._forms[hit] for hit in self._any.findall(content)}
        return self._any.sub(PLACEHOLDER, content), sorted(names)
