"""Log in as ssh does: the same keys in the same order, no other ones, and no password."""

from __future__ import annotations

import base64
import binascii
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.agent import AgentKey, AgentSSH

from hermes_ops.errors import HermesError
from hermes_ops.transport.openssh.settings import ClientSettings

_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END"
_MAGIC = b"openssh-key-v1\0"
_PUBLIC = (b"ssh-", b"ecdsa-", b"sk-")
LONGEST = 1 << 20
"""The size of the largest file that is read as a key."""


class RefusedLogin(HermesError):
    """No key was accepted; the message says which were offered."""


@dataclass(slots=True)
class Login:
    """Paramiko's interface of a login; `authenticate` is called on an open transport."""

    settings: ClientSettings
    unusable: list[str] = field(default_factory=list)
    """Keys that were named and could not be offered, each with its reason."""

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Offer each key once.

        Raises:
            RefusedLogin: none is accepted, or the host wants something else as well.
        """
        offered = 0
        with closing(Agent(self.settings.agent)) as agent:
            for key in self._keys(agent):
                offered += 1
                try:
                    further = transport.auth_publickey(self.settings.user, key)
                except paramiko.BadAuthenticationType as error:
                    raise RefusedLogin(_wants(error.allowed_types)) from error
                except paramiko.SSHException as error:
                    if not transport.is_active():
                        raise RefusedLogin(_ended(error, offered)) from error
                    continue
                if not further:
                    return
                if "publickey" not in further:
                    raise RefusedLogin(_wants(further))
        raise RefusedLogin(self._none_accepted(offered))

    def _none_accepted(self, offered: int) -> str:
        how_many = f"{offered} keys were" if offered > 1 else "the key was"
        said = f"{how_many} not accepted" if offered else "there is no key to offer"
        return "; ".join([said, *self.unusable])

    def _keys(self, agent: Agent) -> Iterator[paramiko.PKey]:
        """Yield the keys in ssh's order: named ones of the agent, its others, then files."""
        files = {path: public_part(path) for path in self.settings.keys}
        held = {key.blob: key for key in agent.get_keys()}
        named = {blob for blob in files.values() if blob in held}
        yield from (key for blob, key in held.items() if blob in named)
        if not self.settings.identities_only:
            yield from (key for blob, key in held.items() if blob not in named)
        for path, blob in files.items():
            if blob not in held:
                yield from self._of_file(path)

    def _of_file(self, path: Path) -> Iterator[paramiko.PKey]:
        """Yield the key of a file, before it with each certificate for it."""
        try:
            if not path.is_file() and path not in self.settings.named_keys:
                return  # one of those that ssh tries where none is named
            key = paramiko.PKey.from_path(path)
        except Exception as error:
            if path in self.settings.named_keys:
                self.unusable.append(_why(path, error))
            return
        own = key.public_blob
        for certificate in self.settings.certificates:
            with suppress(Exception):  # of another key, or none at all
                key.load_certificate(str(certificate))
                yield key
        key.public_blob = own
        if own is not None:
            yield key
            key.public_blob = None
        yield key


def _wants(methods: Sequence[str]) -> str:
    return f"the host wants {' and '.join(methods)}, and only keys are used here"


def _ended(error: Exception, offered: int) -> str:
    return f"the host ended the connection after {offered} keys: {error}"


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist"
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror}"
    if public_part(path) is not None and path.read_bytes().startswith(_PUBLIC):
        return f"{path} is a public key, and the agent does not hold its private one"
    if isinstance(error, paramiko.PasswordRequiredException | TypeError | ValueError):
        return f"{path} is encrypted and not in the agent, or is no key: ssh-add {path}"
    return f"{path} cannot be used: {error}"


class Agent(AgentSSH):
    """The agent behind a socket; without one, or if it does not answer, it holds no key."""

    def __init__(self, path: str | None) -> None:
        super().__init__()
        if path is None:
            return
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.settimeout(10)
            peer.connect(path)
            self._connect(peer)  # type: ignore[attr-defined]
        except (OSError, paramiko.SSHException):
            peer.close()

    def get_keys(self) -> tuple[AgentKey, ...]:
        """Return the keys that the agent holds."""
        return tuple(super().get_keys())

    def close(self) -> None:
        """End the connection to the agent."""
        self._close()  # type: ignore[attr-defined]


# --- the public part of a file --------------------------------------------------------------------


def public_part(path: Path) -> bytes | None:
    """Return the public key of a file, as it travels; None if it tells none without a passphrase.

    The file may be the public key itself, an encrypted private one, or have a `.pub` beside it.
    """
    content = _read(path)
    if content.startswith(_PUBLIC):
        return _of_line(content)
    return _of_private(content) or _of_line(_read(path.with_name(f"{path.name}.pub")))


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(LONGEST)
    except OSError:
        return b""


def _of_line(content: bytes) -> bytes | None:
    words = content.split(maxsplit=2)
    try:
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else None
    except binascii.Error:
        return None


def keys_of_lines(path: Path) -> Iterator[bytes]:
    """Yield the public keys of a file that has one a line."""
    for line in _read(path).splitlines():
        if (blob := _of_line(line)) is not None and line.startswith(_PUBLIC):
            yield blob


def _of_private(content: bytes) -> bytes | None:
    """Return the public key that OpenSSH writes unencrypted into its private ones."""
    _, begin, rest = content.partition(_BEGIN)
    if not begin:
        return None
    try:
        data = base64.b64decode(b"".join(rest.partition(_END)[0].split()))
        if not data.startswith(_MAGIC):
            return None
        at = len(_MAGIC)
        for _ in range(3):  # cipher, key derivation, its options
            at += 4 + struct.unpack_from(">I", data, at)[0]
        size = struct.unpack_from(">I", data, at + 4)[0]  # after the number of keys
        return data[at + 8 : at + 8 + size]
    except (binascii.Error, struct.error):
        return None
