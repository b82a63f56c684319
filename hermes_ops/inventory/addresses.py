"""Split a host's name, or a range of names, from the port after it, as Ansible does."""

from __future__ import annotations

import re

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\[(.+)\]:([0-9]{1,9})")
_BARE = re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]{1,9})")
_RANGE_OF_IPV6 = re.compile(r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]", re.IGNORECASE)
_LETTERS_OF_IPV6 = re.compile(r"[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)


def split_port(text: str) -> tuple[str, int | None] | None:
    """Return the name (or pattern of names) and the port; None if Ansible sees no address."""
    match = _IN_BRACKETS.fullmatch(text) or _BARE.fullmatch(text)
    name, port = (match[1], int(match[2])) if match else (text, None)
    return (name, port) if _NAME.fullmatch(name) or _is_ipv6(name) else None


def _is_ipv6(name: str) -> bool:
    """Return whether a name is an IPv6 address; a part of it may be a range."""
    one = _RANGE_OF_IPV6.sub("0", name)
    if not _LETTERS_OF_IPV6.fullmatch(one):
        return False
    # Imported late: most inventories have names, not addresses.
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(one)
    except AddressValueError:
        return False
    return True
