"""The known keys of hosts, and the policy that refuses all others."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import paramiko

from hermes_ops.errors import HostKeyChanged, Unreachable

SYSTEM_FILES = (Path("/etc/ssh/ssh_known_hosts"), Path("~/.ssh/known_hosts"))


def fingerprint(key: paramiko.PKey) -> str:
    """Return the fingerprint of a key as OpenSSH prints it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def lookup_name(host: str, port: int) -> str:
    """Return the name of a host at this port in known_hosts."""
    return host if port == 22 else f"[{host}]:{port}"


@dataclass(frozen=True)
class KnownHosts:
    """The keys in the known_hosts files, and the fingerprints of revoked keys."""

    keys: paramiko.HostKeys
    revoked: frozenset[str]

    @staticmethod
    def read(files: tuple[Path, ...]) -> KnownHosts:
        """Read the system's file, the user's and these; a missing file has no keys.

        They are read once, and again only after a change: with 40 hosts, reading them each time
        would take most of the time that a connection needs.
        """
        paths = tuple(path.expanduser() for path in (*SYSTEM_FILES, *files))
        with _READING:  # all hosts ask at once: the first one reads, the others wait for it
            return _read(paths, tuple(map(_state, paths)))

    def give(self, client: paramiko.SSHClient, host: str, port: int, *, alias: str) -> None:
        """Give `client` the known keys of this host, and no others."""
        name = lookup_name(host, port)
        known = self.keys.lookup(lookup_name(alias, port)) or self.keys.lookup(alias)
        for kind, key in (known or {}).items():
            if fingerprint(key) not in self.revoked:
                client.get_host_keys().add(name, kind, key)


_READING = Lock()


def _state(path: Path) -> tuple[int, ...] | None:
    """Return a value that changes when the file changes, None if it is absent."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@cache
def _read(files: tuple[Path, ...], _states: tuple[object, ...]) -> KnownHosts:
    keys, revoked = paramiko.HostKeys(), set()
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            revoked |= _add(line, keys)
    return KnownHosts(keys, frozenset(revoked))


def _add(line: str, keys: paramiko.HostKeys) -> set[str]:
    """Add one line's key; return the fingerprint if the line revokes it."""
    line = " ".join(line.split())  # Paramiko accepts only single blanks between words, no tabs
    revokes = line.startswith("@revoked ")
    if not revokes and (not line or line.startswith(("@", "#"))):
        return set()
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(line.removeprefix("@revoked "))
    except Exception:
        return set()  # skip a broken line: Paramiko raises many kinds of errors for it
    if entry is None or entry.key is None:
        return set()
    if revokes:
        return {fingerprint(entry.key)}
    for name in entry.hostnames:
        keys.add(name, entry.key.get_name(), entry.key)
    return set()


class RejectUnknown(paramiko.MissingHostKeyPolicy):
    """Refuses a key that is in no known_hosts file, unless the inventory pins its fingerprint."""

    def __init__(self, known: KnownHosts, pinned: str | None, name: str = "HOST") -> None:
        self._known, self._pinned, self._name = known, pinned, name

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise `Unreachable`, or `HostKeyChanged` if it is revoked or another is pinned."""
        del client
        shown = fingerprint(key)
        if shown in self._known.revoked:
            raise HostKeyChanged(f"the key of {hostname} is revoked: {shown}")
        if self._pinned == shown:
            return
        if self._pinned:
            raise HostKeyChanged(
                f"{hostname} shows the key {shown}, hermes_host_key says {self._pinned}",
                hint="compare with `ssh-keygen -lf` on the host itself",
            )
        raise Unreachable(
            f"the key of {hostname} is not known: {key.get_name()} {shown}",
            kind="host_key_unknown",
            hint="compare it with the host's own key, then accept it with: "
            f"./inv hosts.trust -l {self._name}",
        )
