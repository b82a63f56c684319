"""`ansible_ssh_common_args`: which options of OpenSSH are used, ignored or refused.

Options that identify the host or the way to it are used. Options that only tune OpenSSH's own
process are ignored. Any other is an error: ignoring it silently could connect to another machine,
or trust one that the operator does not.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hermes_ops.inventory.jumps import is_odd_address, is_odd_user, parse_jumps
from hermes_ops.loader.hosts.keys import private_key
from hermes_ops.loader.located import Located, kind
from hermes_ops.loader.schema import suggestion

FLAGS_PASSED_OVER = frozenset("aACkKnqTvxXyY46t")
FLAGS_WITH_OPTION = {"J": "ProxyJump", "i": "IdentityFile", "l": "User", "p": "Port"}
PASSED_OVER = re.compile(
    r"control\w+|serveralive\w+|tcpkeepalive|compression|forward\w+|loglevel|batchmode|requesttty"
    r"|addressfamily|\w+authentication|preferredauthentications|updatehostkeys"
    r"|hashknownhosts|visualhostkey|checkhostip|connectionattempts|ipqos",
)
_STRICT = "stricthostkeychecking"
_PROGRAMS = frozenset({"proxycommand", "localcommand", "knownhostscommand", "remotecommand"})
"""Inventories are data of strangers: only the operator's own settings may name a program."""


class SshArgs(NamedTuple):
    """The options that are used here."""

    known_hosts: tuple[Path, ...] = ()
    system_known_hosts: tuple[Path, ...] = ()
    host_key_alias: str | None = None
    identities_only: bool | None = None
    proxy_jump: str | None = None
    connect_timeout: float | None = None
    key_file: Path | None = None
    user: str | None = None
    port: int | None = None


def parse_ssh_args(values: Iterable[Located]) -> SshArgs:
    """Return the options; of an option given twice the first counts, as in OpenSSH."""
    args = SshArgs()
    for value in values:
        for name, argument in _options(value):
            args = _with(args, name, argument, value)
    return args


def _options(value: Located) -> Iterator[tuple[str, str]]:
    """Yield each option and its argument: `-o A=b`, `-oA=b`, `-o 'A b'`, `-J host`."""
    words = iter(_words(value))
    for word in words:
        if not re.match(r"-[A-Za-z0-9]", word):
            raise value.error(f"{word!r} is not an option of ssh")
        flag, rest = word[1], word[2:]
        if flag == "o":
            yield _assignment(rest or _next(words, word, value), value)
        elif flag in FLAGS_WITH_OPTION:
            yield FLAGS_WITH_OPTION[flag], rest or _next(words, word, value)
        elif not FLAGS_PASSED_OVER.issuperset(word[1:]):
            raise _unknown(f"-{flag}", value)


def _words(value: Located) -> Sequence[str]:
    if value.data is None:
        return []
    if not isinstance(value.data, str):
        raise value.error(f"ssh arguments must be a text, this is {kind(value)}")
    try:
        return shlex.split(value.data)
    except ValueError as error:
        raise value.error(f"ssh arguments cannot be read: {error}") from None


def _next(words: Iterator[str], flag: str, value: Located) -> str:
    word = next(words, None)
    if word is None:
        raise value.error(f"{flag} wants an argument")
    return word


def _assignment(text: str, value: Located) -> tuple[str, str]:
    match = re.fullmatch(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*", text, re.DOTALL)
    if not match:
        raise value.error(f"-o wants NAME=VALUE, this is {text!r}")
    return match[1], match[2]


def _with(args: SshArgs, name: str, argument: str, value: Located) -> SshArgs:
    lower = name.lower()
    if lower == _STRICT:
        _refuse_lax(argument, value)
    elif lower in _HONOURED:
        field, read = _HONOURED[lower]
        if getattr(args, field) in (None, ()):
            # One of the names of the table above, so a field of the class.
            args = args._replace(**{field: read(argument, value)})  # type: ignore[arg-type]
    elif not PASSED_OVER.fullmatch(lower):
        raise _unknown(name, value)
    return args


def _unknown(name: str, value: Located) -> Exception:
    if name.lower() in _PROGRAMS:
        return value.error(
            f"the ssh option {name} would run a program that the inventory names",
            "reach it with ProxyJump (-J), or write it into ~/.ssh/config, where it counts",
        )
    known = ["StrictHostKeyChecking", *_SPELLED]
    return value.error(f"the ssh option {name} is not supported", suggestion(name, known))


def _refuse_lax(argument: str, value: Located) -> None:
    if argument.lower() not in ("yes", "true", "ask"):
        raise value.error(
            f"StrictHostKeyChecking={argument} would accept any machine as this host",
            "remove it, and accept the host's key once with hosts.trust",
        )


def _known_hosts(argument: str, value: Located) -> tuple[Path, ...]:
    return tuple(_path(word, value) for word in shlex.split(argument))


def _path(word: str, value: Located) -> Path:
    if "%" in word:
        raise value.error(f"{word!r}: '%' in ssh paths is not supported", "write the path out")
    return Path(word).expanduser()


def _text(argument: str, value: Located) -> str | None:
    if is_odd_address(argument):
        raise value.error(f"{argument!r} cannot be the argument of an ssh option")
    return None if argument.lower() == "none" else argument


def _user(argument: str, value: Located) -> str:
    if is_odd_user(argument):
        raise value.error(f"{argument!r} cannot be the name of a user")
    return argument


def _jumps(argument: str, value: Located) -> str:
    try:
        parse_jumps(argument)
    except ValueError as error:
        hint = "[user@]host[:port] or ssh://[user@]host[:port], with commas between them"
        raise value.error(f"{str(error)!r} is no jump host", hint) from None
    return argument


def _yes(argument: str, value: Located) -> bool:
    if argument.lower() not in ("yes", "no", "true", "false"):
        raise value.error(f"this option wants yes or no, this is {argument!r}")
    return argument.lower() in ("yes", "true")


_NUMBER = re.compile("[0-9]{1,9}")


def _seconds(argument: str, value: Located) -> float | None:
    if argument.lower() == "none":
        return None
    if not _NUMBER.fullmatch(argument) or int(argument) == 0:
        raise value.error(f"ConnectTimeout wants seconds above 0, this is {argument!r}")
    return float(argument)


def _port(argument: str, value: Located) -> int:
    if not _NUMBER.fullmatch(argument) or not 0 < int(argument) < 65536:
        raise value.error(f"Port wants a number from 1 to 65535, this is {argument!r}")
    return int(argument)


def _key(argument: str, value: Located) -> Path:
    return private_key(value, argument)


_SPELLED: dict[str, tuple[str, Callable[[str, Located], object]]] = {
    "UserKnownHostsFile": ("known_hosts", _known_hosts),
    "HostKeyAlias": ("host_key_alias", _text),
    "GlobalKnownHostsFile": ("system_known_hosts", _known_hosts),
    "ProxyJump": ("proxy_jump", _jumps),
    "IdentitiesOnly": ("identities_only", _yes),
    "ConnectTimeout": ("connect_timeout", _seconds),
    "IdentityFile": ("key_file", _key),
    "User": ("user", _user),
    "Port": ("port", _port),
}
_HONOURED = {name.lower(): reading for name, reading in _SPELLED.items()}
