"""The lab of `dev.bench`: hosts that have two kinds of profiles and can be reset."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hermes_ops import lab
from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.errors import CommandError

WIDER = 4
"""How many hosts have twice as many profiles: that shows the cost of a profile."""

BOTS = "*/bot-*"
"""The selection of the profiles that every host has."""

_PROFILE = """\
description: helps with {name}
config:
  model: {{default: anthropic/claude-sonnet-4}}
  agent: {{max_turns: 60}}
  terminal: {{timeout: 120}}
env:
  API_SERVER_ENABLED: "true"
  API_SERVER_PORT: "{port}"
  API_SERVER_KEY: {{generate: 32}}
  OPENROUTER_API_KEY: sk-or-v1-{port}-of-the-bench
"""

# Resets a host to its state before the first `up`: profiles as Hermes made them, nothing of ours.
# The user's systemd stays, as it does for ten seconds after any login, such as that of a task.
_RESET = """\
set -e
export XDG_RUNTIME_DIR=/run/user/$(id -u hermes)
manager() { runuser -u hermes -- systemctl --user "$@"; }
systemctl start "user@${XDG_RUNTIME_DIR##*/}.service"
for _ in {1..100}; do manager list-units >/dev/null 2>&1 && break || sleep 0.1; done
manager stop 'hermes-gateway-*'
cd ~hermes
rm -rf .hermes .config/systemd .local/state/hermes-ops .local/share/hermes-ops
cp -a .hermes-made .hermes
manager daemon-reload
manager reset-failed
loginctl disable-linger hermes
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A lab and its inventory: `names` are profiles of every host, `more` of the first few only."""

    root: Path
    names: tuple[str, ...]
    more: tuple[str, ...]

    @property
    def inventory(self) -> Path:
        """The folder that `-i` names."""
        return self.root / "bench"

    @property
    def key(self) -> Path:
        """The key that opens every host."""
        return self.root / "lab" / "ssh" / "id_ed25519"

    def hosts(self) -> list[lab.LabHost]:
        """Return the hosts of the lab."""
        return lab.hosts(self.root / "lab")

    @property
    def far(self) -> Path:
        """The folder of a second inventory: the first host, behind the slow line."""
        return self.root / "far"

    def ours(self, *words: str) -> list[str]:
        """Return the words of one of our tasks, run on this inventory."""
        return self._on(self.inventory, *words)

    def ours_far(self, *words: str) -> list[str]:
        """Return the words of one of our tasks, run on the host behind the slow line."""
        return self._on(self.far, *words)

    def _on(self, inventory: Path, *words: str) -> list[str]:
        return [str(CLONE / "inv"), words[0], "-i", str(inventory), *words[1:]]

    def ssh_far(self, port: int) -> list[str]:
        """Return the words of the least that `ssh` can do on the host behind the slow line."""
        known = f"UserKnownHostsFile={self.far / 'known_hosts'}"
        options = ("-o", known, "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes")
        where = ("-p", str(port), "--", "hermes@127.0.0.1", "true")
        return ["ssh", "-F", "none", "-i", str(self.key), *options, *where]

    def write_far(self, port: int) -> None:
        """Write the second inventory; the port is that of the slow line."""
        first, *_ = self.hosts()
        self.far.mkdir(exist_ok=True)
        # All that this host has: what an inventory leaves out is an orphan.
        names = (*self.names, *self.more)
        for name in names:
            _write_profile(self.far, name, self.port(name))
        connection = f"ansible_host: 127.0.0.1, ansible_port: {port}, ansible_user: hermes"
        key = f"ansible_ssh_private_key_file: {self.key}"
        profiles = f"hermes_profiles: [{', '.join(names)}]"
        (self.far / "hosts.yml").write_text(
            f"all: {{hosts: {{{first.name}: {{{connection}, {key}, {profiles}}}}}}}\n"
        )
        lines = (self.inventory / "known_hosts").read_text().splitlines()
        keys = [line.split(" ", 1)[1] for line in lines if line.split(" ")[0] == first.address]
        known = "".join(f"[127.0.0.1]:{port} {key}\n" for key in keys)
        (self.far / "known_hosts").write_text(known)

    def port(self, name: str) -> int:
        """Return the port of a profile's API."""
        return 8700 + (*self.names, *self.more).index(name)

    def keep_profiles(self) -> None:
        """Save a copy of the profiles on every host."""
        self._everywhere("cp -a ~hermes/.hermes ~hermes/.hermes-made")

    def reset(self) -> None:
        """Reset every host to that copy: no service, no linger, nothing of ours."""
        self._everywhere(_RESET)

    def _everywhere(self, script: str) -> None:
        def act(host: lab.LabHost) -> None:
            ended = lab.exec(self.root / "lab", host.name, ["bash", "-c", script])
            if ended.returncode:
                raise CommandError(f"{host.name}: {ended.stderr.strip()}")

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(act, self.hosts()))


@contextmanager
def bench_lab(output: Output, hosts: int, profiles: int) -> Iterator[Bench]:
    """Bring up the lab for this block; afterwards nothing of it is left."""
    lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"the lab cannot run here: {reason}")
    numbers = range(1, profiles + 1)
    names, more = (tuple(f"{word}-{n}" for n in numbers) for word in ("bot", "more"))
    # A lab must lie on a disk; /tmp often does not.
    with tempfile.TemporaryDirectory(prefix="hermes-ops-bench-", dir="/var/tmp") as folder:
        bench = Bench(Path(folder), names, more)
        try:
            lab.up(bench.root / "lab", {"linux": hosts}, output.note)
            _write_inventory(bench)
            yield bench
        finally:
            lab.down(bench.root / "lab", output.note)


def selection(hosts: Iterable[lab.LabHost]) -> str:
    """Return the value of `-l` that selects the profiles `names` on these hosts."""
    return ",".join(f"{host.name}/bot-*" for host in hosts)


def _write_inventory(bench: Bench) -> None:
    for name in (*bench.names, *bench.more):
        _write_profile(bench.inventory, name, bench.port(name))
    (bench.inventory / "hosts.yml").write_text("\n".join(_hosts(bench)) + "\n")
    known = bench.root / "lab" / "inventory" / "known_hosts"
    (bench.inventory / "known_hosts").write_bytes(known.read_bytes())


def _write_profile(inventory: Path, name: str, port: int) -> None:
    profiles = inventory / "profiles"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / f"{name}.yml").write_text(_PROFILE.format(name=name, port=port))


def _hosts(bench: Bench) -> Iterator[str]:
    yield "all:"
    yield "  vars:"
    yield "    ansible_user: hermes"
    # The gateways of all hosts start at once, and share the processors of one machine.
    yield "    hermes_connect_timeout: 60"
    yield "    hermes_ready_timeout: 900"
    yield f"    ansible_ssh_private_key_file: {bench.key}"
    yield "  hosts:"
    for number, host in enumerate(bench.hosts()):
        names = (*bench.names, *bench.more) if number < WIDER else bench.names
        profiles = ", ".join(names)
        yield f"    {host.name}: {{ansible_host: {host.address}, hermes_profiles: [{profiles}]}}"
