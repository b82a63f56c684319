"""The embedded default: this machine, one profile, no token, no server, no root."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import ROOT

pytestmark = pytest.mark.lab


class Machine:
    """This machine, as somebody with an empty home sees it."""

    def __init__(self, home: Path, inventory: Path, port: int) -> None:
        self.home, self.inventory = home, inventory
        self.url = f"http://127.0.0.1:{port}/health"

    def inv(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the program as they would."""
        kept = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k == "PATH"}
        return subprocess.run(
            [str(ROOT / "inv"), *words], cwd=self.inventory.parent,
            env={**kept, "HOME": str(self.home)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def up(self) -> dict[str, Any]:
        """Run `fleet.up`, which must end well, and return its document."""
        done = self.inv("fleet.up", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    @property
    def gateway(self) -> int:
        """The pid in the gateway's state file."""
        state = self.home / ".hermes/profiles/demo/gateway_state.json"
        return int(json.loads(state.read_text())["pid"])

    @property
    def supervisor(self) -> int:
        """The pid of supervisord."""
        return int((self.home / ".local/state/hermes-ops/supervisord.pid").read_text())


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _answers(machine: Machine) -> bool:
    try:
        with urllib.request.urlopen(machine.url, timeout=2) as answer:
            return b"hermes-agent" in answer.read()
    except OSError:
        return False


def _until(what: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """This machine with an empty home; what was started there is ended."""
    # Not below the system's temporary folder: Hermes refuses a home there, rightly.
    home = Path("/var/cache/hermes-ops/test-home")
    subprocess.run(["rm", "-rf", str(home)], check=True)
    home.mkdir(parents=True)
    # The inventory that the project has, at a port that nobody on this machine uses.
    inventory = tmp_path_factory.mktemp("default") / "inventory"
    shutil.copytree(ROOT / "inventory", inventory)
    profile = inventory / "profiles/demo.yml"
    port = free_port()
    text = profile.read_text()
    assert '"8642"' in text
    profile.write_text(text.replace('"8642"', f'"{port}"'))
    made = Machine(home, inventory, port)
    yield made
    made.inv("fleet.down", "--all-hosts", "-y")
    subprocess.run(["rm", "-rf", str(home)], check=True)


def test_from_nothing_to_proven(machine: Machine) -> None:
    """With an empty home, one command installs Hermes and ends with a URL that answers."""
    done = machine.inv("fleet.up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"demo answers at {machine.url}" in done.stdout
    assert "8 of 8 checks passed" in done.stdout
    assert _answers(machine)


def test_again_changes_nothing_and_starts_no_second(machine: Machine) -> None:
    """A second `up` has no changes; supervisord and gateway are the same processes."""
    before = machine.supervisor, machine.gateway
    document = machine.up()
    assert document["totals"]["changes"] == 0
    assert (machine.supervisor, machine.gateway) == before


def test_the_key_is_the_hosts_own(machine: Machine) -> None:
    """The key was made on the host, is in a private file, and stays the same."""
    file = machine.home / ".hermes/profiles/demo/.env"
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    key = next(line for line in text.splitlines() if line.startswith("API_SERVER_KEY="))
    assert len(key) == len("API_SERVER_KEY=") + 64
    machine.up()
    assert file.read_text() == text


def test_a_killed_gateway_comes_back_by_itself(machine: Machine) -> None:
    """After `kill -9`, supervisord starts the gateway anew."""
    old = machine.gateway
    os.kill(old, signal.SIGKILL)
    _until(lambda: machine.gateway != old and _answers(machine))
    (seen,) = json.loads(machine.inv("fleet.ps", "--json").stdout)["hosts"][0]["profiles"]
    assert (seen["restarts"], seen["restarts_last_hour"]) == (1, 1)


def test_a_killed_supervisor_is_healed_by_up(machine: Machine) -> None:
    """After `kill -9` of supervisord, `up` ends the orphan and runs it under a new one."""
    supervisor, orphan = machine.supervisor, machine.gateway
    os.kill(supervisor, signal.SIGKILL)
    _until(lambda: not _lives(supervisor))
    assert _lives(orphan)
    machine.up()
    assert not _lives(orphan)
    assert _lives(machine.supervisor)
    assert machine.supervisor != supervisor
    assert machine.up()["totals"]["changes"] == 0


def test_it_survives_the_shell(machine: Machine) -> None:
    """supervisord is in a session of its own: no terminal's end reaches it."""
    pid = machine.supervisor
    assert os.getsid(pid) == pid


def test_down_ends_it(machine: Machine) -> None:
    """`down` ends gateway and supervisord, keeps the data, and a second one has nothing to do."""
    supervisor, gateway = machine.supervisor, machine.gateway
    done = machine.inv("fleet.down", "--all-hosts", "-y", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    _until(lambda: not _lives(gateway) and not _lives(supervisor))
    assert not _answers(machine)
    assert (machine.home / ".hermes/profiles/demo/.env").exists()
    again = machine.inv("fleet.down", "--all-hosts", "-y", "--json")
    assert json.loads(again.stdout)["totals"]["changes"] == 0


def undo() -> list[str]:
    """Return the commands by which the README takes away what the first one brought."""
    block = (ROOT / "README.md").read_text().partition("These commands remove all of it:")[2]
    lines = block.partition("```console\n")[2].partition("```")[0].splitlines()
    return [line.removeprefix("$ ") for line in lines]


def test_the_readme_takes_it_away_again(machine: Machine) -> None:
    """The README's own commands end both processes and leave nothing of ours below the home."""
    machine.up()
    supervisor, gateway = machine.supervisor, machine.gateway
    service, linger, *files, checkout = undo()
    assert linger.startswith("loginctl ")
    assert checkout.startswith("cd .. && rm ")
    done = machine.inv(*service.partition("#")[0].split()[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    _until(lambda: not _lives(gateway) and not _lives(supervisor))
    env = {**os.environ, "HOME": str(machine.home)}
    subprocess.run(["sh", "-eu"], input="\n".join(files), text=True, env=env, check=True)
    assert not [path for path in machine.home.rglob("*") if "hermes" in path.name]
