"""Turn Ansible's connection variables into a `Connection`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.jumps import is_odd_address, is_odd_user
from hermes_ops.inventory.model import Connection
from hermes_ops.loader.hosts.keys import private_key
from hermes_ops.loader.hosts.ssh_args import SshArgs, parse_ssh_args
from hermes_ops.loader.located import Located, Variables, kind
from hermes_ops.loader.schema import (
    BOOLEAN,
    PORT,
    SECONDS,
    TEXT,
    WORD,
    Key,
    Schema,
    check,
    one_of,
    written,
)
from hermes_ops.secrets.secret import Secret, without_odd_words

KINDS = ("local", "ssh")
_OTHER_KINDS = {"smart": "ssh", "paramiko": "ssh", "paramiko_ssh": "ssh"}
_YES, _NO = ("yes", "true", "on", "y", "t", "1"), ("no", "false", "off", "n", "f", "0")
SPELLINGS = {
    "ansible_host": ("ansible_host", "ansible_ssh_host"),
    "ansible_port": ("ansible_port", "ansible_ssh_port"),
    "ansible_user": ("ansible_user", "ansible_ssh_user"),
    "ansible_ssh_private_key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "ansible_become_password": ("ansible_become_password", "ansible_become_pass"),
}
"""Our name of a variable, and all the names that Ansible accepts for it."""

ARGUMENTS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
VARIABLES: Mapping[str, Schema] = {
    "ansible_host": Key(WORD, "its address, where the name is not one"),
    "ansible_port": Key(PORT, "of its SSH server", 22),
    "ansible_user": Key(WORD, "who logs in", otherwise="ssh's own choice"),
    "ansible_connection": Key(one_of(*KINDS), "ssh | local: this machine, without SSH", "ssh"),
    "ansible_ssh_private_key_file": Key(
        WORD, "the key to log in with", otherwise="ssh's own choice"
    ),
    "ansible_become": Key(BOOLEAN, "may use sudo, for linger", False),
    "ansible_become_password": Key(TEXT, "for sudo; never shown"),
    "ansible_ssh_common_args": Key(TEXT, "as for OpenSSH; options that only tune ssh are ignored"),
    "ansible_ssh_extra_args": Key(TEXT, "further ones"),
    "ansible_ssh_args": Key(TEXT, "further ones, the weakest"),
}
"""Ansible's variables of a connection, as the documentation has them."""

READ = frozenset({"ansible_connection", "ansible_become", *ARGUMENTS}.union(*SPELLINGS.values()))
"""Every variable that this module reads, except `hermes_…`."""

_LOGIN = re.compile(r"ansible_(?:\w+_)?(?:pass|password|passphrase)")

_ODD_ADDRESS = re.compile(r"[@/]")
_HOST_KEY = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")


def is_login(name: str) -> bool:
    """Return whether a variable is a password to log in with: templates do not get it.

    Templates do get other variables that hold credentials (`secrets.names`).
    """
    return _LOGIN.fullmatch(name) is not None


def connection_of(name: str, variables: Variables, known_hosts: Sequence[Path]) -> Connection:
    """Return how a host is reached; `known_hosts` are the files of its inventories."""
    kind_of = _checked(variables, "ansible_connection", VARIABLES["ansible_connection"], "ssh")
    args = parse_ssh_args([variables[name] for name in ARGUMENTS if name in variables])
    return Connection(
        kind=kind_of,
        address=_address(name, variables) if kind_of == "ssh" else "",
        port=_port(variables) or args.port,
        user=_user(variables) or args.user,
        key_file=_key_file(variables) or args.key_file,
        become=_boolean(variables, "ansible_become"),
        become_password=_password(variables),
        proxy_jump=args.proxy_jump,
        host_key_alias=args.host_key_alias,
        identities_only=bool(args.identities_only),
        user_known_hosts=args.known_hosts,
        system_known_hosts=args.system_known_hosts,
        known_hosts=tuple(known_hosts),
        host_key=_host_key(variables),
        connect_timeout=_connect_timeout(variables, args),
        is_patience_given=args.connect_timeout is not None
        or _found(variables, "hermes_connect_timeout") is not None,
        exchange_timeout=_checked(variables, "hermes_exchange_timeout", SECONDS, 120),
    )


def _found(variables: Variables, name: str) -> Located | None:
    for spelling in SPELLINGS.get(name, (name,)):
        value = variables.get(spelling)
        if value is not None and value.data is not None:
            return _in_our_words(value) if name == "ansible_connection" else value
    return None


def _in_our_words(value: Located) -> Located:
    """Return a kind of connection as `ssh` or `local`, if it is another name for one of them."""
    if not isinstance(value.data, str):
        return value
    name = value.data.removeprefix("ansible.builtin.")
    return value._replace(data=_OTHER_KINDS.get(name, name))


def _checked(variables: Variables, name: str, schema: Schema, default: Any) -> Any:
    value = _found(variables, name)
    if value is None:
        return default
    check(value, schema, name)
    return value.data


def _address(name: str, variables: Variables) -> str:
    value = _found(variables, "ansible_host")
    if value is None:
        if not _is_address(name):
            hint = "say where it is with ansible_host"
            raise InventoryError(f"{without_odd_words(name)!r} is not an address", hint=hint)
        return name
    check(value, WORD, "ansible_host")
    if not _is_address(value.data):
        hint = "a name or an IP address; a port is ansible_port"
        raise value.error(f"'ansible_host' cannot be {written(value)}", hint)
    return str(value.data)


def _is_address(text: str) -> bool:
    if is_odd_address(text) or _ODD_ADDRESS.search(text):
        return False
    try:
        return ":" not in text or bool(ip_address(text.partition("%")[0].strip("[]")))
    except ValueError:
        return False


def _user(variables: Variables) -> str | None:
    value = _found(variables, "ansible_user")
    if value is None:
        return None
    check(value, WORD, "ansible_user")
    if is_odd_user(value.data):
        raise value.error(f"'ansible_user' cannot be {written(value)}")
    return str(value.data)


def _port(variables: Variables) -> int | None:
    """Return the port; as in Ansible, it may be a text."""
    value = _found(variables, "ansible_port")
    if value is None:
        return None
    if isinstance(value.data, str) and value.data.isascii() and value.data.isdigit():
        value = Located(int(value.data), value.place, value.text)
    check(value, PORT, "ansible_port")
    return int(value.data)


def _boolean(variables: Variables, name: str) -> bool:
    value = _found(variables, name)
    if value is None:
        return False
    if str(value.data).lower() in (*_YES, *_NO):
        return str(value.data).lower() in _YES
    check(value, BOOLEAN, name)
    return bool(value.data)


def _password(variables: Variables) -> Secret | None:
    value = _found(variables, "ansible_become_password")
    if value is None:
        return None
    if isinstance(value.data, dict | tuple | bool):
        raise value.error(f"'ansible_become_password' must be a text, this is {kind(value)}")
    return Secret(value.data if isinstance(value.data, str) else value.text)


def _host_key(variables: Variables) -> str | None:
    value = _found(variables, "hermes_host_key")
    if value is None:
        return None
    if not isinstance(value.data, str) or not _HOST_KEY.fullmatch(value.data):
        hint = "ssh-keygen -lf shows it: SHA256: and 43 letters and digits"
        raise value.error("'hermes_host_key' must be a fingerprint", hint)
    return value.data


def _connect_timeout(variables: Variables, args: SshArgs) -> float:
    default = 10 if args.connect_timeout is None else args.connect_timeout
    timeout: float = _checked(variables, "hermes_connect_timeout", SECONDS, default)
    return timeout


def _key_file(variables: Variables) -> Path | None:
    value = _found(variables, "ansible_ssh_private_key_file")
    if value is None:
        return None
    check(value, WORD, "ansible_ssh_private_key_file")
    return private_key(value, value.data)
