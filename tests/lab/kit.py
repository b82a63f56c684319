"""What the tests on real hosts have in hand: hosts of the lab, inventories, and operators."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hermes_ops import lab
from hermes_ops.lab import pipconfig

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
HOME = "/home/hermes"
PATIENCE = 120
"""Seconds that one call of the program may take."""

_RESET = """
loginctl disable-linger hermes
if test -e /etc/systemd/system/hermes-awake-1000.service; then
  systemctl disable -q --now hermes-awake-1000.service
  rm /etc/systemd/system/hermes-awake-1000.service
  systemctl daemon-reload
fi
systemctl kill --kill-whom=all --signal=KILL user@1000.service 2>/dev/null
systemctl stop user@1000.service user-runtime-dir@1000.service
systemctl reset-failed user@1000.service 2>/dev/null
pkill -KILL -u hermes -x sh
cd /home/hermes && find . -mindepth 1 -maxdepth 1 \\
  ! -name .ssh ! -name '.bash*' ! -name .profile -exec rm -rf {} +
test ! -e /var/lib/systemd/linger/hermes && test ! -e .hermes && test ! -e .local
"""

_RESET_MAC = """
rm -rf /Users/hermes/Library /Library/LaunchAgents/* /Library/LaunchDaemons/* /var/db/hermes-ops
/opt/mac/sim unlock
/opt/mac/sim reset
pkill -KILL -u hermes
pkill -KILL -u fresh
find /Users/fresh -mindepth 1 -maxdepth 1 ! -name .ssh -exec rm -rf {} +
cd /Users/hermes && find . -mindepth 1 -maxdepth 1 ! -name .ssh -exec rm -rf {} +
: >/run/refused
"""

_TREE = r"""
cd /
find "$@" -xdev -printf '%p\t%y %m %U %G %C@ %l\n' 2>/dev/null | sort
find "$@" -xdev -type f -exec sha256sum -- {} + 2>/dev/null | sort
"""


@dataclass(frozen=True, slots=True)
class Box:
    """A host of the lab, as its root and as its user."""

    root: Path
    name: str
    address: str

    @property
    def is_mac(self) -> bool:
        """Whether it is a simulated Mac."""
        return self.name.startswith("mac-")

    @property
    def home(self) -> str:
        """The home of the user `hermes`."""
        return "/Users/hermes" if self.is_mac else HOME

    def exec(
        self, script: str, *words: str, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as root, and return how it ended."""
        return lab.exec(self.root, self.name, ["sh", "-c", script, "sh", *words], input)

    def sh(self, script: str, *words: str, input: str | None = None) -> str:
        """Return what a script prints as root; it must end well."""
        done = self.exec(script, *words, input=input)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def user(self, script: str) -> str:
        """Return what a script prints as the user `hermes`, in their home."""
        done = self.user_done(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def user_done(self, script: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script as the user `hermes`, in their home, and return how it ended."""
        words = ["runuser", "-u", "hermes", "--", "env", "-C", HOME, f"HOME={HOME}"]
        words += ["XDG_RUNTIME_DIR=/run/user/1000", "sh", "-c", script]
        if self.is_mac:
            words = ["/opt/mac/sim", "run", "login", "hermes", "sh", "-c", script]
        return lab.exec(self.root, self.name, words, input)

    def ssh(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as `hermes` over SSH, as a person would."""
        argv = lab.ssh_command(self.root, self.name)
        words = [argv[0], "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *argv[1:], script]
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    @contextmanager
    def session(self, user: str = "hermes") -> Iterator[None]:
        """Keep a session of a user open, and with it the user's manager and /run/user/UID."""
        argv = lab.ssh_command(self.root, self.name, user)
        script = "systemctl --user is-system-running --wait; exec sleep 600"
        words = [argv[0], "-o", "BatchMode=yes", *argv[1:], script]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == b"running\n"
                yield
            finally:
                process.kill()

    def reset(self) -> None:
        """Take away everything that the user has: processes, files, linger."""
        self.sh(_RESET_MAC if self.is_mac else _RESET)

    def tree(self, *folders: str) -> dict[str, str]:
        """Return type, mode, owner, ctime and link of every path, and each file's digest."""
        manager = ("/var/db",) if self.is_mac else ("/var/lib/systemd", "/run/user/1000")
        listed = self.sh(_TREE, *(folders or (self.home, *manager)))
        found: dict[str, str] = {}
        for line in listed.splitlines():
            path, tab, rest = line.partition("\t")
            if tab:
                found[path] = rest
            else:
                digest, _, path = line.partition("  ")
                found[path] = f"{found.get(path)} {digest}"
        return found

    def sessions(self) -> int:
        """Return how many commands the host's sshd has started for the user until now."""
        said = "Starting session: command for hermes"
        script = f"journalctl --sync; journalctl -q -b -t sshd -o cat | grep -c '{said}'"
        if self.is_mac:
            script = f"grep -c '{said}' /var/log/sshd.log"
        return int(self.exec(script).stdout)

    def leftovers(self) -> str:
        """Return the temporary files of ours that are left in the home."""
        return self.sh(f"find {self.home} -name '.?*.hermes-ops.*'")

    def pid(self, unit: str) -> int:
        """Return the process of a user's service, 0 if there is none."""
        return int(self.user(f"systemctl --user show -p MainPID --value {unit}") or 0)

    def state(self, unit: str) -> str:
        """Return what the user's manager says of a service: active, inactive, failed."""
        return self.user(f"systemctl --user is-active {unit} || true")

    def started(self, unit: str) -> float:
        """Return when the process of a service began, in seconds since the boot."""
        fields = self.sh(f"cat /proc/{self.pid(unit)}/stat").rpartition(")")[2].split()
        return int(fields[19]) / 100


@dataclass(frozen=True, slots=True)
class Run:
    """How one call of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Return the document on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def totals(self) -> Mapping[str, int]:
        """Return the totals of a converging task."""
        totals: Mapping[str, int] = self.json["totals"]
        return totals

    def host(self, name: str) -> dict[str, Any]:
        """Return what the document says of one host."""
        return next(host for host in self.json["hosts"] if host["host"] == name)

    def changes(self, name: str) -> list[tuple[str, str, str]]:
        """Return resource, action and outcome of each change of a host."""
        return [(c["resource"], c["action"], c["outcome"]) for c in self.host(name)["changes"]]


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody with a home of their own and an inventory, who calls the program."""

    home: Path
    inventory: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def words(self, *words: str) -> list[str]:
        """Return what is executed for these words."""
        return [sys.executable, "-m", "hermes_ops.tasks.program", *words]

    def run(self, *words: str, code: int | None = None) -> Run:
        """Call a task with `--json`; with `code`, it must end with that exit code."""
        return self._ended(self.start([*words, "--json"]), words, code)

    def plain(self, *words: str, code: int | None = None) -> Run:
        """Call a task as a person does, without `--json`."""
        return self._ended(self.start(words), words, code)

    def up(self, *words: str, code: int | None = 0) -> Run:
        """Converge, without the checks at the end."""
        return self.run("fleet.up", "--no-verify", *words, code=code)

    def plan(self, *words: str, code: int | None = 0) -> Run:
        """Look and plan."""
        return self.run("fleet.plan", *words, code=code)

    def start(self, words: Iterable[str]) -> subprocess.Popen[str]:
        """Start a task and leave it running."""
        return self.start_process(self.words(*words))

    def start_process(self, argv: Iterable[str]) -> subprocess.Popen[str]:
        """Start a program as this operator."""
        return subprocess.Popen(
            list(argv),
            cwd=self.home,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - nothing else runs in this process then
        )

    def driven(self, orders: Mapping[str, Any], *words: str) -> Run:
        """Call a task that does something to itself at a record; see driver.py."""
        argv = [sys.executable, str(HERE / "driver.py"), json.dumps(orders), *words]
        return self._ended(self.start_process(argv), words, None)

    def another(self, home: Path) -> Operator:
        """Return somebody else with the same inventory: another home, no state."""
        home.mkdir(parents=True)
        return Operator(home, self.inventory, self.environ)

    def _ended(self, process: subprocess.Popen[str], words: Iterable[str], code: int | None) -> Run:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        run = Run(process.returncode, out, err)
        assert code is None or run.code == code, f"{words} → {run.code}\n{err}\n{out}"
        return run

    def variables(self) -> dict[str, str]:
        """Return the environment of whatever is started."""
        own = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        # The roles beside the inventory are this operator's own.
        own["HERMES_OPS_ROLE_PATH"] = str(self.inventory.parent / "roles")
        paths = {"HERMES_OPS_INVENTORY": str(self.inventory), "PYTHONPATH": str(ROOT)}
        return own | pipconfig.settings() | paths | dict(self.environ)


def _hear_ctrl_c() -> None:
    """Let SIGINT reach what is started: who runs tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def gateway(port: int, **more: Any) -> dict[str, Any]:
    """Return a profile whose gateway serves its API on a port of loopback."""
    env = {
        "API_SERVER_ENABLED": "true",
        "API_SERVER_PORT": str(port),
        "API_SERVER_KEY": {"generate": 32},
    }
    return {**more, "env": {**env, **more.get("env", {})}}


def echo(port: int, greeting: str = "hello", **more: Any) -> dict[str, Any]:
    """Return a profile of the role `echo`, which tests/lab/roles adds."""
    settings = {"port": port, "greeting": greeting}
    return {"role": "echo", "service": {"settings": settings}, **more}


Profiles = Mapping[str, Mapping[str, Any]]


def write_inventory(
    folder: Path,
    hosts: Mapping[Box, Profiles],
    *,
    variables: Mapping[str, Any] | None = None,
    own: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write an inventory of hosts and their profiles; `own` are further variables of a host.

    The roles of tests/lab/roles stand beside it.
    """
    inventory = folder / "inventory"
    inventory.mkdir(parents=True, exist_ok=True)
    if not (folder / "roles").exists():
        shutil.copytree(HERE / "roles", folder / "roles")
    root = next(iter(hosts)).root
    general = {
        "ansible_user": "hermes",
        "ansible_ssh_private_key_file": str(root / "ssh" / "id_ed25519"),
        "hermes_settle": 0.5,
        **(variables or {}),
    }
    listed = {
        box.name: {
            "ansible_host": box.address,
            "hermes_profiles": dict(profiles),
            **(own or {}).get(box.name, {}),
        }
        for box, profiles in hosts.items()
    }
    # JSON is YAML.
    (inventory / "hosts.yml").write_text(json.dumps({"all": {"vars": general, "hosts": listed}}))
    shutil.copy(root / "inventory" / "known_hosts", inventory / "known_hosts")
    return inventory


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
