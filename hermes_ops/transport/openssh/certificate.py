"""Certificates of hosts: a key that an authority of known_hosts has signed for this host."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import paramiko

_NUMBERS: Final = {"ssh-rsa": 2, "ecdsa-sha2-nistp256": 2, "ecdsa-sha2-nistp384": 2,
                   "ecdsa-sha2-nistp521": 2, "ssh-ed25519": 1}  # fmt: skip
"""How many fields of a certificate are the public key."""
_SUFFIX: Final = "-cert-v01@openssh.com"
_HOST: Final = 2
"""The kind of a certificate that is a host's, not a user's."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says, and whether its signature holds."""

    kind: int
    principals: tuple[str, ...]
    begins: int
    ends: int
    is_conditional: bool
    """Whether it has conditions: none is defined for hosts."""
    authority: bytes
    is_signed: bool

    def covers(self, host: str) -> bool:
        """Return whether it is good for this host now."""
        named = not self.principals or host.lower() in self.principals
        in_time = self.begins <= time.time() < self.ends
        return (
            self.is_signed and self.kind == _HOST and named and in_time and not self.is_conditional
        )


def certificate_of(key: paramiko.PKey) -> Certificate | None:
    """Return the certificate that came with a key; None if there is none that can be read."""
    if key.public_blob is None:
        return None
    blob = bytes(key.public_blob.key_blob)
    try:
        return _read(blob)
    except (paramiko.SSHException, ValueError, KeyError, IndexError):
        return None


def _read(blob: bytes) -> Certificate:
    message = paramiko.Message(blob)
    kind = message.get_text().removesuffix(_SUFFIX)
    for _ in range(1 + _NUMBERS[kind]):
        message.get_binary()  # the nonce, and the public key
    message.get_int64()  # the serial number
    purpose = message.get_int()
    message.get_binary()  # the name of the certificate
    principals = _texts(message.get_binary())
    begins, ends = message.get_int64(), message.get_int64()
    conditions = message.get_binary()
    message.get_binary()  # extensions: none is defined for hosts
    message.get_binary()  # reserved
    authority = message.get_binary()
    signed = blob[: len(blob) - len(message.get_remainder())]
    signature = message.get_binary()
    holds = _holds(authority, signed, signature)
    return Certificate(purpose, principals, begins, ends, bool(conditions), authority, holds)


def _texts(data: bytes) -> tuple[str, ...]:
    message, texts = paramiko.Message(data), []
    while message.get_remainder():
        texts.append(message.get_text())
    return tuple(texts)


def _holds(authority: bytes, signed: bytes, signature: bytes) -> bool:
    """Return whether the authority signed it; signatures with SHA-1 count as none, as with ssh."""
    if paramiko.Message(signature).get_text() == "ssh-rsa":
        return False
    key = paramiko.PKey.from_type_string(paramiko.Message(authority).get_text(), authority)
    return bool(key.verify_ssh_sig(signed, paramiko.Message(signature)))
