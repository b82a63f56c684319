"""Jump hosts as ssh writes them, and the addresses and users that may be given to a program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_ODD_ADDRESS = re.compile(r"^-|[\s\x00-\x1f\x7f'`\"$\\;&<>|(){}*?!]")
_ODD_USER = re.compile(r"^-|[\x00-\x1f\x7f'`\";&<>|(){}]|\$.|\s-|\\$")
_PORT = re.compile(r"(?a:\d{1,5})")


@dataclass(frozen=True, slots=True)
class Jump:
    """A host on the way to another one, as `-J` names it."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}" + (f":{self.port}" if self.port else "")


def is_odd_address(text: str) -> bool:
    """Return whether a program or a shell could take this for something else than an address."""
    return not text or _ODD_ADDRESS.search(text) is not None


def is_odd_user(text: str) -> bool:
    """Return whether this is no user that OpenSSH itself would accept on its command line."""
    return not text or _ODD_USER.search(text) is not None


def parse_jumps(text: str) -> tuple[Jump, ...]:
    """Return the jump hosts of a `-J` or `ProxyJump`, first to last; none for the word `none`.

    Raises:
        ValueError: this is no list of hosts; the message is the part that is wrong.
    """
    if text.strip().lower() == "none":
        return ()
    return tuple(_jump(part.strip()) for part in text.split(","))


def _jump(part: str) -> Jump:
    uri = part[:6].lower() == "ssh://"
    rest = part[6:].removesuffix("/") if uri else part
    user, at, where = rest.rpartition("@")
    host, port = _host_and_port(where, part)
    if uri:
        user = unquote(user.partition(";")[0])
    if is_odd_address(host) or "/" in host or (at and is_odd_user(user)):
        raise ValueError(part)
    return Jump(host, user or None, port)


def _host_and_port(where: str, part: str) -> tuple[str, int | None]:
    """Split `host`, `host:22`, `[::1]`, `[::1]:22` or a bare IPv6 address."""
    if where.startswith("["):
        host, closed, rest = where[1:].partition("]")
        if not closed or (rest and rest[0] != ":"):
            raise ValueError(part)
        port = rest[1:]
    elif where.count(":") > 1:
        host, port, rest = where, "", ""
    else:
        host, rest, port = where.partition(":")
    if not rest:
        return host, None
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError(part)
    return host, int(port)
