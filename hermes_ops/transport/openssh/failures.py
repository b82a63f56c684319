"""What a failed connection means: our error, and whether another attempt may help."""

from __future__ import annotations

import socket
from errno import EHOSTUNREACH, ENETUNREACH

import paramiko

from hermes_ops.errors import HermesError, Unreachable
from hermes_ops.transport.openssh.login import RefusedLogin
from hermes_ops.transport.openssh.route import Hop


def classify(error: Exception, hop: Hop, seconds: float) -> tuple[HermesError, bool]:
    """Return our error for a hop that failed, and whether another attempt may help.

    `seconds` is the time that a connection may take.
    """
    where = f"{hop}{hop.on_the_way}"
    if isinstance(error, RefusedLogin | paramiko.AuthenticationException):
        return _refused_login(error, hop, where), False
    if isinstance(error, HermesError):
        return error, False
    if isinstance(error, paramiko.ChannelException):
        return _no_way(error, hop), False
    where = _named(hop, where)
    if _is_late(error):
        return Unreachable(f"{where} did not answer within {seconds:g} s", kind="timeout"), False
    if isinstance(error, socket.gaierror):
        hint = "set ansible_host to its address" if not hop.host else ""
        return Unreachable(f"{where} cannot be resolved", hint=hint), False
    if isinstance(error, EOFError) or str(error).startswith(_WORDLESS):
        return _wordless(hop, where), True
    return _lost(error, where), True


_WORDLESS = "Error reading SSH protocol banner"
"""What Paramiko says if nothing came, or nothing that begins SSH."""
_UNFINISHED = "No existing session"
"""What Paramiko says if the first exchange of keys did not end in time."""


def _is_late(error: Exception) -> bool:
    """Whether it was waited for; Paramiko's words for silence are those for a connection's end."""
    if str(error).startswith(_WORDLESS):
        return isinstance(error.__context__, TimeoutError)
    return isinstance(error, TimeoutError) or str(error) == _UNFINISHED


def _named(hop: Hop, where: str) -> str:
    """Return where a connection was to go, with the address if the settings have another one."""
    address = hop.settings.address
    return where if address == hop.name or hop.host else f"{where} ({address})"


def _no_way(error: paramiko.ChannelException, hop: Hop) -> Unreachable:
    """A jump host does not connect further; `hop` is the one behind it."""
    address, port = hop.settings.address, hop.settings.port
    return Unreachable(
        f"the jump host in front of {hop.name} cannot reach {address}:{port}: {error.text}",
        hint="is it on, and does the jump host allow TCP forwarding?",
    )


def _wordless(hop: Hop, where: str) -> Unreachable:
    """Something ended the connection, or is no SSH server."""
    if hop.settings.proxy_command:
        words = f"the ProxyCommand for {where} ended, or leads to no SSH server"
        return Unreachable(words, kind="lost", hint=f"what ssh itself says: ssh -v -- {hop.name}")
    words = f"{where} ended the connection before the login, or runs no SSH server there"
    hint = "check that sshd listens on that port, and is not overloaded"
    return Unreachable(words, kind="lost", hint=hint)


def _lost(error: Exception, where: str) -> Unreachable:
    causes = list(getattr(error, "errors", {}).values())
    if any(getattr(e, "errno", None) in (EHOSTUNREACH, ENETUNREACH) for e in (error, *causes)):
        return Unreachable(f"there is no route to {where}", hint="is the host on the network?")
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError | ConnectionRefusedError):
        return Unreachable(f"{where} refuses the connection", hint="is sshd running there?")
    if isinstance(error, OSError):
        return Unreachable(f"{where}: {error.strerror or error}", kind="refused")
    return Unreachable(f"{where}: {str(error) or type(error).__name__}", kind="lost")


def _refused_login(error: Exception, hop: Hop, where: str) -> Unreachable:
    hint = "set ansible_ssh_private_key_file to the key, or load it with: ssh-add KEY"
    return Unreachable(
        f"{where} refuses the login of {hop.settings.user}: {error}",
        kind="auth",
        hint=hint if not hop.host else f"what ssh itself offers: ssh -v {hop.name}",
    )
