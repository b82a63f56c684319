"""Decrypt what `ansible-vault` encrypted, with the operator's password, each text once a run.

ansible-core does the decryption; it is imported only when there is something to decrypt.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes_ops import extras
from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.loader.located import VAULT_HINT, Located

_HEADER = re.compile(r"\$ANSIBLE_VAULT;[0-9.]+;\w+(;[^\r\n]*)?\r?(\n|$)")
VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"
_SETTINGS = "hermes_"
"""Settings of ours in an encrypted file; their credentials become a `Secret` anyway."""

_OPTION = "--vault-password-file"

Learn = Callable[[str], None]


def is_encrypted(text: str) -> bool:
    """Return whether a whole text is the output of `ansible-vault encrypt`."""
    return _HEADER.match(text) is not None


class Vault:
    """The operator's password, and the texts it decrypted; each is passed to `learn`."""

    def __init__(self, password_file: Path | None = None, learn: Learn = lambda _: None) -> None:
        self._password_file = password_file
        self._password: bytes | None = None
        self._learn = learn
        self._opened: dict[str, str] = {}
        self.sealed = 0
        """How many values stayed closed because no password was given."""
        self.left_out: list[Path] = []
        """The files of variables that stayed closed."""

    @property
    def has_password(self) -> bool:
        """Whether a password was given; it is read on first use."""
        return self._password_file is not None

    def open(self, blob: str, place: Place) -> str:
        """Return the decrypted text of `blob`, which is at `place`.

        Raises:
            InventoryError: no password was given, it is wrong, or the blob is damaged.
            UsageError: the password cannot be read.
        """
        key = "".join(blob.split())
        if key not in self._opened:
            self._opened[key] = self._decrypted(blob, place)
        return self._opened[key]

    def leaves_out(self, file: Path) -> bool:
        """Whether a file of variables stays closed: it is encrypted, and there is no password."""
        if self.has_password or not file.is_file():  # a pipe would be waited for
            return False
        try:
            with file.open("rb") as stream:
                closed = stream.read(15) == b"$ANSIBLE_VAULT;"
        except OSError:
            return False
        self.left_out += [file] if closed else []
        return closed

    def learn(self, text: str) -> None:
        """Register a value that output must mask."""
        self._learn(text)

    def _decrypted(self, blob: str, place: Place) -> str:
        if self._password_file is None:
            message = "is encrypted, and no password was given"
            raise InventoryError(message, hint=VAULT_HINT, where=place)
        if self._password is None:
            self._password = _password_in(self._password_file)
        return _decrypted(blob, self._password, place)


def _decrypted(blob: str, password: bytes, place: Place) -> str:
    try:
        with _undisturbed():
            from ansible.errors import AnsibleError
            from ansible.parsing.vault import VaultLib, VaultSecret
    except ModuleNotFoundError as error:
        raise _without_ansible(error, place) from None
    try:
        # ansible-core may tag the decrypted bytes; ours are plain.
        lines = "\n".join(blob.split())
        return bytes(VaultLib([("default", VaultSecret(password))]).decrypt(lines)).decode()
    except UnicodeDecodeError:
        raise InventoryError("is encrypted, but holds no UTF-8 text", where=place) from None
    except (AnsibleError, ValueError, TypeError) as error:
        raise _refusal(str(error), place) from None


def _without_ansible(error: ModuleNotFoundError, place: Place) -> InventoryError:
    if (error.name or "").partition(".")[0] != "ansible":
        raise error  # installed, but incomplete
    message = "is encrypted with ansible-vault; opening it needs ansible-core"
    return InventoryError(message, hint=extras.install("vault"), where=place)


def _refusal(reason: str, place: Place) -> InventoryError:
    if "no vault secrets were found that could decrypt" in reason:
        message = "the vault password does not decrypt this"
        return InventoryError(message, hint=f"see {_OPTION} and ${VARIABLE}", where=place)
    return InventoryError("is encrypted, but damaged: ansible-vault cannot read it", where=place)


def veiled(value: Located, vault: Vault) -> Located:
    """Return the values of an encrypted file as secrets, except names and settings of ours."""
    if isinstance(value.data, tuple):
        return value._replace(data=tuple(veiled(item, vault) for item in value.data))
    if isinstance(value.data, dict):
        data = {
            key: entry if str(key).startswith(_SETTINGS) else veiled(entry, vault)
            for key, entry in value.data.items()
        }
        return value._replace(data=data)
    vault.learn(value.text)
    return value._replace(secret=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let ansible-core be imported without its configuration and without making a folder at home.

    An `ansible.cfg` in the working folder could make the import fail.
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("ANSIBLE_")}
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "ansible.cfg"
        empty.touch()
        try:
            for name in before:
                del os.environ[name]
            os.environ.update(ANSIBLE_CONFIG=str(empty), ANSIBLE_LOCAL_TEMP=folder)
            yield
        finally:
            del os.environ["ANSIBLE_CONFIG"], os.environ["ANSIBLE_LOCAL_TEMP"]
            os.environ.update(before)


def _password_in(file: Path) -> bytes:
    """Return the password from a file or, as with Ansible, from the output of a program."""
    from hermes_ops.loader.sources.text import is_program

    if file.is_dir():
        raise UsageError(f"{_OPTION}: {file} is a folder")
    if is_program(file):
        # Ansible's rule: a program whose name ends in -client gets the name of the wanted password.
        from hermes_ops.loader.sources.programs import run

        words = ["--vault-id", "default"] if file.stem.endswith("-client") else []
        password = run(file, words, "the vault password program").strip(b"\r\n")
    else:
        password = _content_of(file).strip()
    if not password:
        raise UsageError(f"{_OPTION}: {file} gives no password")
    return password


def _content_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{_OPTION}: {file} cannot be read: {error.strerror}") from None


CLOSED = Vault()
"""No password."""
