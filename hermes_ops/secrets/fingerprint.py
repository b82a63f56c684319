"""Keyed fingerprints: they show whether two values are equal, without showing either.

The key is the operator's, generated once and kept with mode 0600. Without it a fingerprint does
not help to guess values; with another key the same value has another fingerprint.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from hermes_ops.errors import UsageError
from hermes_ops.secrets.secret import Secret

LENGTH = 12
"""Hexadecimal digits: among ten thousand values, two collide once in five million fleets."""

_KEY_BYTES = 32


def fingerprint(key: bytes, value: Secret | str) -> str:
    """Return the fingerprint of a value under this key: `LENGTH` hexadecimal digits."""
    text = value.reveal() if isinstance(value, Secret) else value
    digest = hmac.new(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)
    return digest.hexdigest()[:LENGTH]


def key_file() -> Path:
    """Return the path of the operator's key."""
    from platformdirs import user_state_path

    return user_state_path("hermes-ops") / "fingerprint.key"


def operator_key(file: Path | None = None) -> bytes:
    """Return the operator's key; generate it if there is none yet.

    Raises:
        UsageError: the key cannot be read or made, is damaged, or others may read it.
    """
    path = file or key_file()
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        message = f"the key of fingerprints cannot be used: {error.strerror}"
        raise UsageError(message, where=str(path)) from None


def _make(path: Path) -> None:
    """Write the key atomically; if two runs do so at once, the first key stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        hint = f"chmod 600 {path}   # or remove it: a new key gives every value a new fingerprint"
        raise UsageError("others may read the key of fingerprints", hint=hint, where=str(path))
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        hint = "remove it: a new one is made, and every value gets a new fingerprint"
        raise UsageError("this is not a key of fingerprints", hint=hint, where=str(path))
    return key
