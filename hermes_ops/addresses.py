"""Tell a host's name, or a range of them, from the port behind it, as Ansible does."""

from __future__ import annotations

import re

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_PART = r"(?:[0-9a-f]{1,4}|\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\])"
_IPV6 = re.compile(rf"(?=.*::|(?:{_PART}:){{7}})(?:{_PART}|:)+(?:[0-9]+(?:\.[0-9]+){{3}})?", re.I)
_IN_BRACKETS = re.compile(r"\[(.+)\]:([0-9]+)")
_BARE = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)")


def split_port(text: str) -> tuple[str, int | None] | None:
    """Return the name (or pattern of names) and the port; None where Ansible sees no address."""
    match = _IN_BRACKETS.fullmatch(text) or _BARE.fullmatch(text)
    name, port = (match[1], int(match[2])) if match else (text, None)
    return (name, port) if _NAME.fullmatch(name) or _IPV6.fullmatch(name) else None
