"""The socket of a first hop, where the settings say of which family it is, or where it begins."""

from __future__ import annotations

import socket
from typing import Any

from hermes_ops.transport.openssh.settings import ClientSettings


def is_special(settings: ClientSettings) -> bool:
    """Whether the settings ask for more than any socket to the address."""
    return bool(settings.bind_address) or settings.family != socket.AddressFamily.AF_UNSPEC


def dial(settings: ClientSettings, seconds: float) -> socket.socket:
    """Return a socket that is connected as the settings say; raises the last `OSError`."""
    failure = OSError(0, "it has no address of the family that AddressFamily names")
    for family, *_, where in _addresses(settings, failure):
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(seconds)
            if settings.bind_address:
                made.bind(_own(settings.bind_address, family))
            made.connect(where)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure


def _addresses(settings: ClientSettings, failure: OSError) -> list[Any]:
    try:
        found: list[Any] = socket.getaddrinfo(
            settings.address, settings.port, settings.family, socket.SOCK_STREAM
        )
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise
        raise failure from error
    return found


def _own(address: str, family: int) -> tuple[str, int]:
    """Return our end; raises `OSError` if the address has none of this family."""
    try:
        *_, where = socket.getaddrinfo(
            address, 0, family, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise OSError(0, f"BindAddress {address} is of no use here: {error.strerror}") from error
    return (str(where[0]), 0)
