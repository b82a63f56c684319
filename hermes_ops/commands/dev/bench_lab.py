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

    def ours(self, *words: str) -> list[str]:
        """Return the words of one of our tasks, run on this inventory."""
        return [str(CLONE / "inv"), words[0], "-i", str(self.inventory), *words[1:]]

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
    profiles = bench.inventory / "profiles"
    profiles.mkdir(parents=True)
    for port, name in enumerate((*bench.names, *bench.more), 8700):
        (profiles / f"{name}.yml").write_text(_PROFILE.format(name=name, port=port))
    (bench.inventory / "hosts.yml").write_text("\n".join(_hosts(bench)) + "\n")
    known = bench.root / "lab" / "inventory" / "known_hosts"
    (bench.inventory / "known_hosts").write_bytes(known.read_bytes())


def _hosts(bench: Bench) -> Iterator[str]:
    yield "all:"
    yield "  vars:"
    yield "    ansible_user: hermes"
    yield f"    ansible_ssh_private_key_file: {bench.key}"
    yield "  hosts:"
    for number, host in enumerate(bench.hosts()):
        names = (*bench.names, *bench.more) if number < WIDER else bench.names
        profiles = ", ".join(names)
        yield f"    {host.name}: {{ansible_host: {host.address}, hermes_profiles: [{profiles}]}}"
