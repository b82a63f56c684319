"""The policy that refuses every key of a host, except one that is known or pinned."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from hermes_ops.errors import HostKeyChanged, Unreachable
from hermes_ops.transport.openssh.certificate import Certificate, certificate_of
from hermes_ops.transport.openssh.known_hosts import (
    Entries,
    KnownHosts,
    Line,
    lines_of,
    lookup_name,
)
from hermes_ops.transport.openssh.route import Hop

_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
"""The algorithms of a kind of key, where they are named differently."""


def fingerprint(key: paramiko.PKey) -> str:
    """Return the fingerprint of a key as OpenSSH prints it."""
    return fingerprint_of(key.asbytes())


def fingerprint_of(blob: bytes) -> str:
    """Return the fingerprint of a public key as it travels."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


class NotPinned(HostKeyChanged):
    """The key is not the pinned one; the host may have the pinned one of another kind."""

    shown_kind = ""


@dataclass(frozen=True)
class HostKeys:
    """What is known of the key of one hop, and what follows from it."""

    hop: Hop
    inventory_name: str
    name: str
    entries: Entries
    weak: Entries
    """What is said of the host without its port: it may make a key known, and nothing else."""
    revoked: frozenset[bytes] = frozenset()
    """Keys of the file RevokedHostKeys."""
    passed: tuple[str, ...] = ()
    """Kinds of keys that are not asked for: the host has shown them, and another is pinned."""

    @staticmethod
    def of(
        hop: Hop, inventory_name: str, files: Sequence[Path] = (), passed: Sequence[str] = ()
    ) -> HostKeys:
        """Read what is known of a hop; `files` count beside those of its settings."""
        settings = hop.settings
        known = KnownHosts.read((*settings.user_known_hosts, *files, *settings.system_known_hosts))
        if settings.known_hosts_command:
            text = _printed(settings.known_hosts_command)
            told = lines_of(text, Path(settings.known_hosts_command[0]))
            known = KnownHosts([*known.lines, *told])
        name = settings.alias or lookup_name(settings.address, settings.port)
        weak = Entries(()) if name == settings.alias else known.of(settings.address)
        entries = known.of(name)
        revoked = _revoked(settings.revoked_keys)
        return HostKeys(hop, inventory_name, name, entries, weak, revoked, tuple(passed))

    def verdict(self, key: paramiko.PKey) -> str:
        """Return `known`, `pinned`, `unknown`, `changed`, `revoked` or `not pinned` for a key."""
        blob, certificate = key.asbytes(), certificate_of(key)
        verdict = self._plainly(blob)
        if certificate is not None and verdict != "revoked":
            verdict = self._signed(certificate) or verdict
        if self.hop.pinned and verdict != "revoked":
            return "pinned" if _same(self.hop.pinned, blob) else "not pinned"
        return verdict

    def _plainly(self, blob: bytes) -> str:
        verdict = self.entries.verdict(blob)
        if verdict == "unknown" and (weak := self.weak.verdict(blob)) in ("known", "revoked"):
            verdict = weak
        return "revoked" if blob in self.revoked else verdict

    def _signed(self, certificate: Certificate) -> str | None:
        """Return `known` or `revoked` if the authority decides, else None."""
        authority = certificate.authority
        revoked = any(blob == authority for _, blob in self.entries.of("revoked"))
        if revoked or authority in self.revoked:
            return "revoked"
        host = self.hop.settings.alias or self.hop.settings.address
        known = any(blob == authority for _, blob in self.authorities)
        return "known" if known and certificate.covers(host) else None

    @property
    def authorities(self) -> tuple[tuple[Line, bytes], ...]:
        """Return the lines of the certificate authorities for this host."""
        return (*self.entries.of("cert-authority"), *self.weak.of("cert-authority"))

    def prefer(self, options: paramiko.transport.SecurityOptions) -> None:
        """Ask for a key of a kind that is known, before any other that the host may have."""
        entries = [*self.entries.of(""), *self.weak.of("")]
        pinned = [line.kind for line, blob in entries
                  if self.hop.pinned and _same(self.hop.pinned, blob)]  # fmt: skip
        kinds = dict.fromkeys([*pinned, *(line.kind for line, _ in entries)])
        wanted = [name for kind in kinds for name in _ALGORITHMS.get(kind, (kind,))]
        order = {name: place for place, name in reversed(list(enumerate(wanted)))}
        passed = [name for kind in self.passed for name in _ALGORITHMS.get(kind, (kind,))]
        left = [name for name in options.key_types if name not in passed]
        options.key_types = sorted(left, key=lambda name: order.get(name, len(wanted)))

    def check(self, key: paramiko.PKey) -> None:
        """Raise `HostKeyChanged` or `Unreachable` if this key is not to be believed."""
        shown = fingerprint(key)
        match self.verdict(key):
            case "revoked":
                raise HostKeyChanged(f"the key of {self._whose} is revoked: {shown}")
            case "not pinned":
                error = NotPinned(
                    f"{self._whose} shows the key {shown}, hermes_host_key says {self.hop.pinned}",
                    hint="compare with `ssh-keygen -lf` on the host itself",
                )
                error.shown_kind = key.get_name()
                raise error
            case "changed":
                raise self._changed(shown)
            case "unknown":
                raise self._unknown(key, shown)

    @property
    def _whose(self) -> str:
        if not self.hop.host:
            return self.name
        return f"{self.hop}{self.hop.on_the_way}"

    def _changed(self, shown: str) -> HostKeyChanged:
        line, blob = next(self.entries.of(""))
        return HostKeyChanged(
            f"the key of {self._whose} has changed: it shows {shown},"
            f" the known key is {fingerprint_of(blob)} ({line})",
            hint=f"if the machine was really replaced: ./inv hosts.trust -l {self.inventory_name}",
        )

    def _unknown(self, key: paramiko.PKey, shown: str) -> Unreachable:
        lines = [str(line) for line, _ in self.authorities]
        unsigned = f"; no certificate for it by the authority of {lines[0]}" if lines else ""
        return Unreachable(
            f"the key of {self._whose} is not known: {key.get_name()} {shown}{unsigned}",
            kind="host_key_unknown",
            hint="compare it with the host's own key, then accept it with: "
            f"./inv hosts.trust -l {self.inventory_name}",
        )


class Policy(paramiko.MissingHostKeyPolicy):
    """Asks `HostKeys` about the key that is shown; Paramiko itself knows no key."""

    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise if the key is not to be believed."""
        del client, hostname
        self._keys.check(key)


def _same(pinned: str, blob: bytes) -> bool:
    return pinned.rstrip("=") == fingerprint_of(blob)


def _revoked(file: Path | None) -> frozenset[bytes]:
    """Return the keys of a file with one public key a line."""
    if file is None:
        return frozenset()
    from hermes_ops.transport.openssh.login import keys_of_lines

    return frozenset(keys_of_lines(file))


PATIENCE = 30
"""Seconds that a KnownHostsCommand may take."""
LARGEST = 1 << 20
"""How much of what it prints counts, in bytes."""


def _printed(words: Sequence[str]) -> str:
    """Return what the KnownHostsCommand of the operator's own settings prints.

    Raises:
        Unreachable: it cannot run, fails, or takes too long; ssh does not connect then, either.
    """
    name, given = f"KnownHostsCommand {words[0]}", subprocess.DEVNULL
    try:
        done = subprocess.run(words, stdin=given, capture_output=True, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{name} did not end within {PATIENCE} s", kind="refused") from None
    except subprocess.CalledProcessError as error:
        raise Unreachable(f"{name} ended with {error.returncode}", kind="refused") from error
    except OSError as error:
        raise Unreachable(f"{name}: {error.strerror}", kind="refused") from error
    return done.stdout[:LARGEST].decode(errors="replace")
