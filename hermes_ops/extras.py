"""The optional parts of this package, and the commands to install them."""

from __future__ import annotations

from collections.abc import Mapping

EXTRAS: Mapping[str, str] = {
    "vault": "ansible-core",
    "keyring": "keyring",
    "alerts": "apprise",
}
"""The distribution that each extra of `pyproject.toml` installs."""


def install(extra: str) -> str:
    """Return the command that installs an extra, for a plain environment and for pipx."""
    return f"pip install 'hermes-ops[{extra}]' (or pipx inject hermes-ops {EXTRAS[extra]})"
