"""The settings of the client: what `ssh` itself would do to reach a host, as `ssh -G` tells it.

`ssh -G` connects to nothing, and knows everything: `Include`, `Match`, the system's file, tokens.
Where there is no `ssh`, Paramiko's parser reads the same files (`parser`).
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from socket import AddressFamily
from typing import Final

from hermes_ops.errors import Unreachable
from hermes_ops.inventory.jumps import Jump, parse_jumps
from hermes_ops.transport.openssh.known_hosts import lookup_name
from hermes_ops.transport.openssh.own_home import copies_for
from hermes_ops.transport.openssh.settings import (
    DEFAULT_KEYS,
    Asked,
    ClientSettings,
)
from hermes_ops.transport.openssh.tokens import expanded

PATIENCE: Final = 30
"""Seconds that `ssh -G` may take: `Match exec` runs programs."""


# --- once a run -------------------------------------------------------------------------------

_ANSWERS: dict[tuple[Asked, str], Future[ClientSettings]] = {}
_LOCK = threading.Lock()


def forget() -> None:
    """Ask again from now on: files change between two runs, and `Match exec` is a program."""
    with _LOCK:
        _ANSWERS.clear()


def settings_of(asked: Asked) -> ClientSettings:
    """Return the settings for a host; in one run each is asked for once.

    Raises:
        Unreachable: ssh does not accept its own settings; the message is ssh's.
    """
    with _LOCK:
        key = asked, os.environ.get("HOME", "")
        answer, ours = _ANSWERS.get(key), False
        if answer is None:
            answer, ours = _ANSWERS.setdefault(key, Future()), True
    if ours:
        try:
            answer.set_result(_settings(asked))
        except BaseException as error:
            answer.set_exception(error)
    return answer.result()


def _settings(asked: Asked) -> ClientSettings:
    if program := shutil.which("ssh"):
        return _understood(asked, _answer(program, asked))
    # Imported only here: it brings Paramiko's parser, and most machines have ssh.
    from hermes_ops.transport.openssh.parser import lines_of

    return _understood(asked, lines_of(asked))


# --- ask ssh ------------------------------------------------------------------------------------


def _answer(program: str, asked: Asked) -> list[tuple[str, str]]:
    if Path.home() == _account_home():
        return _lines(program, [], asked)
    with copies_for(Path.home()) as copies:
        return _lines(program, ["-F", str(copies.main)], asked, copies.originals)


def _lines(
    program: str, config: Sequence[str], asked: Asked, told: Callable[[str], str] = str
) -> list[tuple[str, str]]:
    words = [program, "-G", "-T", *config, *_options(asked), "--", asked.host]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(asked, str(error)) from error
    if done.returncode:
        raise _refused(asked, told(done.stderr.decode(errors="replace")))
    lines = done.stdout.decode(errors="surrogateescape").splitlines()
    return [(name.lower(), value) for name, _, value in (line.partition(" ") for line in lines)]


def _options(asked: Asked) -> Iterator[str]:
    if asked.user:
        yield from ("-l", asked.user)
    if asked.port:
        yield from ("-p", str(asked.port))
    if asked.jumps is not None:  # then ssh needs not know them, and takes none from its files
        yield from ("-o", "ProxyJump=none")
    if asked.identities_only:
        yield from ("-o", "IdentitiesOnly=yes")


_LOOP = re.compile(r"jumphost loop via (\S+)")


def circle(name: str, way: str) -> Unreachable:
    """Return the error for a jump host that leads to itself."""
    return Unreachable(
        f"the jump host {name} would have to be reached through itself: {way}",
        kind="refused",
        hint=f"write `ProxyJump none` for {name} in ~/.ssh/config, above what applies to it",
    )


def _refused(asked: Asked, said: str) -> Unreachable:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if lines and (loop := _LOOP.match(lines[0])):
        return circle(loop[1], f"{asked.host} -> {loop[1]}")
    return Unreachable(
        f"ssh does not accept its settings for {asked.host}: {lines[0] if lines else 'no reason'}",
        kind="refused",
        hint=f"what ssh itself says: ssh -G -- {asked.host}",
    )


def _account_home() -> Path:
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path.home()


# --- understand it ------------------------------------------------------------------------------


def _understood(asked: Asked, lines: Sequence[tuple[str, str]]) -> ClientSettings:
    told: dict[str, str] = {}
    for name, value in lines:
        told.setdefault(name, value)
    values = {
        "h": told["hostname"], "p": told["port"], "r": told["user"], "n": asked.host,
        "k": told.get("hostkeyalias") or asked.host,
    }  # fmt: skip
    keys = [value for name, value in lines if name == "identityfile"]
    named = [key for key in keys if key not in DEFAULT_KEYS]
    return ClientSettings(
        address=told["hostname"],
        port=int(told["port"]),
        user=told["user"],
        jumps=_jumps(asked, told),
        proxy_command=_command(told, values),
        alias=told.get("hostkeyalias"),
        keys=_paths(keys, values),
        named_keys=_paths(named, values),
        certificates=_paths([v for name, v in lines if name == "certificatefile"], values),
        identities_only=told.get("identitiesonly") == "yes",
        agent=_agent(told.get("identityagent", "SSH_AUTH_SOCK"), values),
        user_known_hosts=_files(told.get("userknownhostsfile", "none"), values),
        system_known_hosts=_files(told.get("globalknownhostsfile", "none"), values),
        revoked_keys=next(iter(_files(told.get("revokedhostkeys", "none"), values)), None),
        known_hosts_command=_keys_command(asked, told, values),
        patience=int(told["connecttimeout"]) if _is_number(told.get("connecttimeout")) else None,
        family=_FAMILIES.get(told.get("addressfamily", "any"), AddressFamily.AF_UNSPEC),
        bind_address=_bind_address(asked, told),
    )


_FAMILIES = {"inet": AddressFamily.AF_INET, "inet6": AddressFamily.AF_INET6}
_OF_A_KEY = re.compile("%[CKTfjt]")
"""Tokens that need the key which the host will show, or what only ssh computes."""


def _is_number(text: str | None) -> bool:
    return text is not None and text.isdecimal() and int(text) > 0


def _bind_address(asked: Asked, told: dict[str, str]) -> str | None:
    if address := told.get("bindaddress"):
        return address
    if "bindinterface" in told:
        raise _not_obeyed(asked, "BindInterface", "write an address of it: BindAddress")
    return None


def _keys_command(asked: Asked, told: dict[str, str], values: dict[str, str]) -> tuple[str, ...]:
    text = told.get("knownhostscommand", "none")
    if text.lower() == "none":
        return ()
    name = told.get("hostkeyalias") or lookup_name(values["h"], int(values["p"]))
    if odd := _OF_A_KEY.search(text.replace("%%", "")):
        raise _not_obeyed(asked, f"KnownHostsCommand with {odd[0]}", "use %H and no other name")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _not_obeyed(asked, "KnownHostsCommand", str(error)) from None
    tokens = {**values, "H": name, "I": "HOSTNAME"}
    return tuple(expanded(word, tokens, paths=False) for word in words)


def _not_obeyed(asked: Asked, setting: str, hint: str) -> Unreachable:
    return Unreachable(
        f"{setting} in ssh's settings for {asked.host} cannot be obeyed", kind="refused", hint=hint
    )


def _jumps(asked: Asked, told: dict[str, str]) -> tuple[Jump, ...]:
    if asked.jumps is not None:
        return asked.jumps
    text = told.get("proxyjump", "none")
    try:
        return parse_jumps(text)
    except ValueError as error:
        raise _refused(asked, f"ProxyJump {text}: {error} is no host") from None


def _command(told: dict[str, str], values: dict[str, str]) -> str | None:
    text = told.get("proxycommand", "none")
    return None if text.lower() == "none" else expanded(text, values, paths=False)


def _agent(text: str, values: dict[str, str]) -> str | None:
    if text == "none":
        return None
    if text == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if text.startswith("$") and not text.startswith("${"):
        return os.environ.get(text[1:]) or None
    return expanded(text, values)


def _paths(texts: Sequence[str], values: dict[str, str]) -> tuple[Path, ...]:
    return tuple(Path(expanded(text, values)) for text in texts if text.lower() != "none")


def _files(text: str, values: dict[str, str]) -> tuple[Path, ...]:
    """Return the files of a list; ssh tells them without quotes, so a blank may be of a name."""
    whole = _paths([text], values)
    return whole if whole and whole[0].exists() else _paths(text.split(), values)
