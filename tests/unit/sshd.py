"""A real sshd on loopback, with a key of its own, for whoever runs the tests."""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from paramiko import PKey

from hermes_ops.inventory.model import Connection, Host

POLICY = Path("/usr/sbin/policy-rc.d")
"""While this exists and ends with 101, Debian starts no service that it installs."""
SETTINGS = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
UseDNS no
SetEnv HOME={folder}/home
LogLevel VERBOSE
MaxStartups 100
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server: where it is, and the key that may log in."""

    folder: Path
    port: int

    @property
    def key(self) -> Path:
        """Return the private key that is allowed in."""
        return self.folder / "key"

    @property
    def home(self) -> Path:
        """Return the home that it gives to whoever logs in."""
        return self.folder / "home"

    @property
    def known_hosts(self) -> Path:
        """Return a file that has this server's key."""
        return self.folder / "known_hosts"

    @property
    def shown(self) -> PKey:
        """Return the key that the server shows."""
        kind, text, *_ = (self.folder / "host_key.pub").read_text().split()
        return PKey.from_type_string(kind, _decoded(text))

    def host(self, **connection: Any) -> Host:
        """Return it as a host, reached with the right key unless something else is given."""
        given = {"key_file": self.key, "connect_timeout": 30, "exchange_timeout": 60}
        where = Connection(address="127.0.0.1", port=self.port, user=getpass.getuser())
        return Host("there", replace(where, **{**given, **connection}))

    def logged(self, text: str) -> int:
        """Return how many lines of its log have this text."""
        return (self.folder / "log").read_text(errors="replace").count(text)


def _decoded(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)


def program() -> str:
    """Return the path of sshd, installed if root may install it; else its absence is a failure."""
    found = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/libexec")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install()
        found = shutil.which("sshd", path="/usr/sbin")
    return found or pytest.fail("these tests need sshd: apt-get install openssh-server")


def _install() -> None:
    """Install the package, and start nothing."""
    with (Path(tempfile.gettempdir()) / "hermes-ops-test-sshd").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if Path("/usr/sbin/sshd").exists():
            return
        made = not POLICY.exists()
        if made:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)
        try:
            environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            words = ["apt-get", "install", "--yes", "--no-install-recommends", "openssh-server"]
            for command in (["apt-get", "update"], words):
                subprocess.run(command, env=environ, capture_output=True, check=False)
        finally:
            if made:
                POLICY.unlink()


def make_key(path: Path) -> None:
    """Make a private key without a passphrase, and its public half beside it."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


@contextmanager
def running(folder: Path, *more: str) -> Iterator[Sshd]:
    """Run a server, with further settings, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "home").mkdir()
    for name in ("host_key", "key"):
        make_key(folder / name)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    line = f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}"
    (folder / "known_hosts").write_text(line)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    settings = "\n".join([SETTINGS, *more, ""])
    config = _configured(folder, settings.format(port=port, folder=folder))
    words = [program(), "-D", "-f", str(config), "-E", str(folder / "log")]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
        try:
            _wait(folder / "log", process)
            yield Sshd(folder, port)
        finally:
            process.terminate()


def _configured(folder: Path, text: str) -> Path:
    """Write the settings; newer servers have one that shuts out who fails too often, as we do."""
    config = folder / "config"
    config.write_text(f"{text}PerSourcePenalties no\n")
    tried = subprocess.run([program(), "-t", "-f", str(config)], capture_output=True, check=False)
    if tried.returncode:
        config.write_text(text)
    return config


def _wait(log: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        if log.exists() and "Server listening" in log.read_text():
            return
        time.sleep(0.01)
    pytest.fail(f"sshd does not start: {log.read_text() if log.exists() else ''}")
