"""Which addresses are this machine: only there a message may go without TLS."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Return whether a host of a URL is this machine, by its address or as `localhost`."""
    name = (host or "").strip("[]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
