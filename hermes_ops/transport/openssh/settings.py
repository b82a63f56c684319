"""What is asked of ssh's settings, and the answer: both are values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from socket import AddressFamily
from typing import Final

from hermes_ops.inventory.jumps import Jump

SYSTEM_CONFIG: Final = Path("/etc/ssh/ssh_config")
DEFAULT_KEYS: Final = tuple(
    f"~/.ssh/id_{kind}"
    for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about: a host as somebody named it, and what was said beside the name."""

    host: str
    user: str | None = None
    port: int | None = None
    jumps: tuple[Jump, ...] | None = None
    """None: the settings decide; empty: there is none, whatever they say."""
    identities_only: bool = False


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How a host is reached, and who is believed to be it."""

    address: str
    port: int
    user: str
    jumps: tuple[Jump, ...] = ()
    proxy_command: str | None = None
    alias: str | None = None
    keys: tuple[Path, ...] = ()
    """Files of keys, in the order in which they are offered."""
    named_keys: tuple[Path, ...] = ()
    """Those of them that the settings name; the others are ssh's own choice."""
    certificates: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    user_known_hosts: tuple[Path, ...] = ()
    system_known_hosts: tuple[Path, ...] = ()
    revoked_keys: Path | None = None
    known_hosts_command: tuple[str, ...] = ()
    """The program that prints further lines of known_hosts, with its arguments."""
    patience: int | None = None
    """ConnectTimeout, in seconds."""
    family: AddressFamily = AddressFamily.AF_UNSPEC
    bind_address: str | None = None
