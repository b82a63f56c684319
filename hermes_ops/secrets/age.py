"""age: encrypted texts that only the holders of a key can read.

Recipients are public keys in the inventory (`.age-recipients`). The secret keys are files of the
operator that nobody else may read.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.secrets.secret import Secret

KIND = "age"
"""The key of a reference to an age text, also in entries that `secrets.set` writes."""

BEGIN, END = "-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----"
RECIPIENTS = ".age-recipients"
VARIABLE, SOPS_VARIABLE = "HERMES_OPS_AGE_KEY_FILE", "SOPS_AGE_KEY_FILE"

_YOURS = (
    "name yours with --age-key-file; a new one (./inv secrets.keygen) opens these secrets only"
    " after somebody who can read them has run secrets.rekey"
)
"""A key is asked for only if there is a secret to open: a new key does not open it."""
_SSH = "-----BEGIN OPENSSH PRIVATE KEY-----"


# --- texts ------------------------------------------------------------------------------------


def is_armored(text: str) -> bool:
    """Return whether a text is meant as an encrypted text, not as the path of a file."""
    return "\n" in text.strip() or text.lstrip().startswith("-----BEGIN")


def malformed(text: str) -> str:
    """Return what is wrong with the armored form of an age text; empty if it is valid.

    Damage inside it is only found when it is decrypted.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines[0] != BEGIN:
        return f"it does not begin with the line {BEGIN}"
    if lines[-1] != END:
        return f"it does not end with the line {END}"
    if not all(re.fullmatch(r"[A-Za-z0-9+/]{1,64}={0,2}", line) for line in lines[1:-1]):
        return "a line of it is not base64"
    return ""


def encrypt(value: Secret, recipients: Sequence[Any]) -> str:
    """Return the armored text, which each of the recipients can decrypt."""
    import pyrage

    armored: bytes = pyrage.encrypt(value.reveal().encode(), list(recipients), armored=True)
    return armored.decode("ascii").rstrip("\n") + "\n"


def decrypt(content: bytes, identities: Sequence[Any]) -> bytes:
    """Return the decrypted text of armored or binary content.

    Raises:
        InventoryError: no identity can decrypt it, or it is damaged.
    """
    import pyrage

    try:
        opened: bytes = pyrage.decrypt(content, list(identities))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            message = f"none of your {len(identities)} age keys opens it"
            message = "your age key does not open it" if len(identities) == 1 else message
            hint = "ask somebody who can read it to add your public key, and to run secrets.rekey"
            raise InventoryError(message, hint=hint) from None
        problem = str(error).splitlines()[0].rstrip(".")
        raise InventoryError(f"the age text is damaged: {problem}") from None
    return opened


# --- keys that open ---------------------------------------------------------------------------


def default_key_file() -> Path:
    """Return the path of the operator's own key, where `secrets.keygen` writes it."""
    from platformdirs import user_config_path

    return user_config_path("hermes-ops") / "age" / "keys.txt"


def key_files(given: str | None, environ: Mapping[str, str]) -> list[Path]:
    """Return the key files: the given ones, else those in the environment, else our own.

    Raises:
        UsageError: there is none.
    """
    if named := given or environ.get(VARIABLE):
        return [Path(named).expanduser()]
    usual = [default_key_file()]
    if sops := environ.get(SOPS_VARIABLE):
        usual.append(Path(sops).expanduser())
    if found := [path for path in usual if path.exists()]:
        return found
    message = f"there is no age key: no {usual[0]}, and ${VARIABLE} is not set"
    raise UsageError(message, hint=_YOURS)


def identities(files: Sequence[Path]) -> list[Any]:
    """Return the keys of these files, both age keys and ssh keys.

    Raises:
        UsageError: a file cannot be read, is open to others, or has no usable key.
    """
    return [identity for file in files for identity in _identities_in(file)]


def _identities_in(file: Path) -> list[Any]:
    text = private_text(file)
    if text.lstrip().startswith(_SSH):
        return [_ssh_identity(text, file)]
    found = [_identity(line, Place(str(file), n)) for n, line in _lines(text)]
    if not found:
        raise UsageError("no age key is in this file", hint=_YOURS, where=str(file))
    return found


def private_text(file: Path) -> str:
    """Return the text of a file; refuse one that others than its owner can read."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"the age key cannot be read: {error.strerror}"
        raise UsageError(message, hint=_YOURS, where=str(file)) from None
    except UnicodeDecodeError:
        raise UsageError("this is not a file of age keys", hint=_YOURS, where=str(file)) from None
    if mode & 0o077:
        message = f"others may read this age key (mode {mode:04o})"
        raise UsageError(message, hint=f"chmod 600 {shlex.quote(str(file))}", where=str(file))
    return text


def _lines(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _identity(line: str, place: Place) -> Any:
    from pyrage import IdentityError, x25519

    try:
        return x25519.Identity.from_str(line)
    except IdentityError:
        message = "this is not a supported age key"
        hint = "AGE-SECRET-KEY-1…, or a file of an ssh-ed25519 key"
        raise UsageError(message, hint=hint, where=place) from None


def _ssh_identity(text: str, file: Path) -> Any:
    from pyrage import IdentityError, ssh

    try:
        return ssh.Identity.from_buffer(text.encode())
    except IdentityError as error:
        message = f"this ssh key cannot decrypt age texts: {error}"
        hint = "it must be ssh-ed25519 or ssh-rsa, without a passphrase"
        raise UsageError(message, hint=hint, where=str(file)) from None


def make_identity(file: Path) -> str:
    """Generate a key with mode 0600, never over another one; return its public key."""
    from pyrage import x25519

    made = x25519.Identity.generate()
    public = str(made.to_public())
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        message = "there is a key already, and what is encrypted to it needs it"
        raise UsageError(
            message, hint="write it elsewhere: --age-key-file PATH", where=str(file)
        ) from None
    except OSError as error:
        message = f"the key cannot be written: {error.strerror}"
        raise UsageError(message, where=str(file)) from None
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(f"# public key: {public}\n{made}\n")
    return public


def public_keys(file: Path) -> list[str]:
    """Return the public keys of the age keys in a file."""
    return [str(identity.to_public()) for identity in _identities_in(file) if _is_own(identity)]


def _is_own(identity: Any) -> bool:
    return hasattr(identity, "to_public")


# --- recipients -------------------------------------------------------------------------------


def recipients(file: Path, shown: str) -> list[Any]:
    """Return the recipients in this file, one on each line.

    Raises:
        InventoryError: the file is missing or empty, or a line is not a public key.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InventoryError(f"cannot be read: {reason}", where=shown) from None
    found = [_recipient(line, Place(shown, number)) for number, line in _lines(text)]
    if not found:
        hint = "one public key a line: age1… or ssh-ed25519 …; or ./inv secrets.keygen adds yours"
        raise InventoryError("it names no recipient", hint=hint, where=shown)
    return found


def _recipient(line: str, place: Place) -> Any:
    import pyrage
    from pyrage import ssh, x25519

    if line.startswith("AGE-SECRET-KEY-"):
        hint = "remove the line, and use another key: this one is known now"
        raise InventoryError("a secret key stands among the public ones", hint=hint, where=place)
    try:
        return (ssh if line.startswith("ssh-") else x25519).Recipient.from_str(line)
    except pyrage.RecipientError:
        hint = "age1…, ssh-ed25519 … or ssh-rsa …"
        raise InventoryError("this is not a public key of age", hint=hint, where=place) from None


def add_recipient(file: Path, public: str, comment: str) -> bool:
    """Add a public key to the file unless it is there; return whether it was added."""
    text = file.read_text(encoding="utf-8") if file.exists() else _HEAD
    if any(line == public for _, line in _lines(text)):
        return False
    text += "" if not text or text.endswith("\n") else "\n"
    try:
        file.write_text(f"{text}# {comment}\n{public}\n", encoding="utf-8")
    except OSError as error:
        message = f"the public key cannot be added: {error.strerror}"
        raise InventoryError(message, hint=f"add it yourself: {public}", where=str(file)) from None
    return True


_HEAD = "# Who can read the secrets of this inventory: public keys of age or ssh, one a line.\n"
