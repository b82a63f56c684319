"""The lab: hosts come up, restart, are cut off and go without leaving anything behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_ops import lab
from hermes_ops.errors import UsageError
from hermes_ops.lab.network import bridge_name

WHY_NOT = lab.why_not()
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "the lab works here"),
]
WANTED = {"linux": 2, "linux-bare": 1, "linux-nohermes": 1, "mac": 1, "mac-nohermes": 1}
LINUX = ["linux-1", "linux-2", "linux-bare-1", "linux-nohermes-1"]
NAMES = [*LINUX, "mac-1", "mac-nohermes-1"]


def quiet(message: str) -> None:
    """Take what the lab says and drop it."""


def folder_on_disk() -> Path:
    """Return a new folder that overlayfs accepts as its upper one."""
    for place in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/var/cache")):
        kind = output("stat", "--file-system", "--format=%T", str(place))
        if kind not in ("overlayfs", "tmpfs"):
            return Path(tempfile.mkdtemp(prefix="hermes-ops-lab-", dir=place))
    pytest.skip("no folder here is on a disk: a lab cannot lie on overlayfs or tmpfs")


def output(*argv: str) -> str:
    """Return what a program prints to both its outputs."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A lab with hosts of every kind, taken down at the end."""
    folder = folder_on_disk()
    try:
        lab.up(folder, WANTED, quiet)
        yield folder
    finally:
        lab.down(folder, quiet)


def ssh(root: Path, name: str, script: str, user: str = "hermes") -> str:
    """Return what a shell on the host prints to both its outputs."""
    argv = lab.ssh_command(root, name, user)
    quick = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"]
    return output(argv[0], *quick, *argv[1:], script)


def pids(root: Path) -> dict[str, int | None]:
    """Return the process of each host."""
    return {host.name: host.pid for host in lab.hosts(root)}


def state(root: Path, name: str) -> str:
    """Return how a host is."""
    return next(host.state for host in lab.hosts(root) if host.name == name)


def test_hosts_are_listed_with_kind_and_state(root: Path) -> None:
    """`hosts` names each host once, and all of them run."""
    found = lab.hosts(root)
    assert [host.name for host in found] == NAMES
    assert {host.state for host in found} == {"running"}
    assert len({host.address for host in found}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("user", ["hermes", "fresh", "root"])
def test_ssh_answers_with_the_known_key(root: Path, name: str, user: str) -> None:
    """Every user logs in by key, under strict host key checking, without a first question."""
    assert ssh(root, name, "echo $(whoami)@$(hostname)", user) == f"{user}@{name}"


@pytest.mark.parametrize("name", LINUX)
def test_systemd_is_whole(root: Path, name: str) -> None:
    """The system and the user's own manager run, and no unit has failed."""
    assert ssh(root, name, "systemctl is-system-running --wait") == "running"
    assert ssh(root, name, "systemctl --user is-system-running --wait") == "running"


def test_linux_has_all_rights_and_hermes(root: Path) -> None:
    """Kind linux: sudo, polkit's linger, the real Hermes, a Python with ensurepip."""
    assert ssh(root, "linux-1", "sudo -n id -u") == "0"
    assert ssh(root, "linux-1", "loginctl enable-linger && loginctl disable-linger") == ""
    assert "0.19.0" in ssh(root, "linux-1", "hermes --version")
    assert ssh(root, "linux-1", "python3 -c 'import ensurepip'") == ""


def test_bare_has_hermes_but_no_rights(root: Path) -> None:
    """Kind linux-bare: neither sudo nor polkit."""
    assert "not found" in ssh(root, "linux-bare-1", "sudo -n id")
    assert "Access denied" in ssh(root, "linux-bare-1", "loginctl enable-linger")
    assert "0.19.0" in ssh(root, "linux-bare-1", "hermes --version")


def test_nohermes_has_rights_but_no_program(root: Path) -> None:
    """Kind linux-nohermes: sudo, no Hermes, and a Python which makes no venv with pip."""
    assert ssh(root, "linux-nohermes-1", "sudo -n id -u") == "0"
    assert ssh(root, "linux-nohermes-1", "ls /opt; command -v hermes; echo none") == "none"
    assert "ensurepip" in ssh(root, "linux-nohermes-1", "python3 -c 'import ensurepip'")


def test_nobody_lingers_and_fresh_has_no_session(root: Path) -> None:
    """A host begins without linger, and a user who never logged in has no /run/user."""
    assert ssh(root, "linux-2", "ls /var/lib/systemd/linger 2>/dev/null | wc -l") == "0"
    lab.reboot(root, "linux-2")
    assert lab.exec(root, "linux-2", ["test", "-e", "/run/user/1001"]).returncode == 1


def test_there_is_no_way_out(root: Path) -> None:
    """A host reaches the lab and nothing else."""
    assert ssh(root, "linux-1", "ip route show default") == ""


def test_hosts_do_not_share_cgroups(root: Path) -> None:
    """The cgroup of a service holds the processes of one host only."""
    for name in LINUX:
        listing = "cat $(find /sys/fs/cgroup -path '*ssh.service*' -name cgroup.procs)"
        inside = lab.exec(root, name, ["sh", "-c", listing]).stdout.split()
        assert inside and "0" not in inside  # 0 is a process that another host has


def test_up_again_keeps_hosts_that_run(root: Path) -> None:
    """A second `up` starts nothing that runs already."""
    before = pids(root)
    assert {host.name: host.pid for host in lab.up(root, WANTED, quiet)} == before


def test_up_restarts_a_host_that_died(root: Path) -> None:
    """A host whose process was killed runs again after `up`; its neighbours are kept."""
    before = pids(root)
    victim = before["linux-2"]
    assert victim
    os.kill(victim, 9)
    wait_for(root, "linux-2", "stopped")
    after = {host.name: host.pid for host in lab.up(root, WANTED, quiet)}
    assert after["linux-2"] not in (None, victim)
    assert {name for name in NAMES if after[name] == before[name]} == set(NAMES) - {"linux-2"}
    assert ssh(root, "linux-2", "hostname") == "linux-2"


def test_mac_is_a_mac(root: Path) -> None:
    """Kind mac: its account, its shell, its programs, the real Hermes, and nothing of Linux."""
    assert ssh(root, "mac-1", "uname -s; id -u; id -gn; echo $0 ~") == (
        "Darwin\n501\nstaff\nzsh /Users/hermes"
    )
    assert "0.19.0" in ssh(root, "mac-1", "/usr/local/bin/hermes --version")
    assert ssh(root, "mac-1", "cd /tmp && pwd -P") == "/private/tmp"
    foreign = "command -v systemctl timeout; echo /proc* /sys* /home*"
    assert "no matches found" in ssh(root, "mac-1", foreign)
    assert ssh(root, "mac-1", "launchctl print gui/501 >/dev/null && sudo -n id") == (
        "sudo: a password is required"
    )


def test_mac_nohermes_has_no_program(root: Path) -> None:
    """Kind mac-nohermes: a Mac on which nobody has installed anything but a Python."""
    assert ssh(
        root, "mac-nohermes-1", "ls /opt /usr/local/bin; command -v hermes; echo none"
    ).split() == [
        "/opt:",
        "homebrew",
        "mac",
        "/usr/local/bin:",
        "none",
    ]
    made = "/opt/homebrew/bin/python3 -m venv v && v/bin/pip --version && rm -r v"
    assert ssh(root, "mac-nohermes-1", made).startswith("pip ")


def test_something_happens_to_a_mac(root: Path) -> None:
    """lab.sim tells a Mac what happens to it; a wrong word is met with those that there are."""
    gui = "launchctl print gui/501 >/dev/null 2>&1; echo $?"
    assert sim(root, "mac-1", "logout") == "mac-1: logout"
    assert ssh(root, "mac-1", gui) == "125"
    assert sim(root, "mac-1", "login hermes") == "mac-1: login hermes"
    assert ssh(root, "mac-1", gui) == "0"
    assert '"time_scale": "1"' in sim(root, "mac-1", "knobs")
    assert "no knob is called 'x'" in sim(root, "mac-1", "knob x 1")
    assert "sudo is one of: no, yes" in sim(root, "mac-1", "knob sudo maybe")
    assert "nobody is called 'eve': hermes, fresh" in sim(root, "mac-1", "login eve")
    assert "the events: knobs, " in sim(root, "mac-1", "explode")
    assert "linux-1 is no simulated Mac" in sim(root, "linux-1", "logout")


def sim(root: Path, name: str, event: str) -> str:
    """Return what `lab.sim` prints to both its outputs."""
    words = ["lab.sim", name, event, "--root", str(root)]
    return output(sys.executable, "-m", "hermes_ops.tasks.program", *words)


@pytest.mark.parametrize("hard", [False, True])
def test_a_mac_reboots(root: Path, hard: bool) -> None:
    """A Mac is another boot afterwards, with its files, its login at the console and its knobs."""
    boot = "sysctl -n kern.bootsessionuuid"
    before = ssh(root, "mac-1", f"echo kept > note; sync; {boot}")
    lab.exec(root, "mac-1", ["/opt/mac/sim", "knob", "os_version", "15.7.4"])
    lab.reboot(root, "mac-1", hard=hard)
    after = ssh(root, "mac-1", f"cat note; sw_vers -productVersion; {boot}").split()
    assert after[:2] == ["kept", "15.7.4"]
    assert after[2] != before
    assert ssh(root, "mac-1", "stat -f %Su /dev/console; launchctl print gui/501 | head -1") == (
        "hermes\ngui/501 = {"
    )


@pytest.mark.parametrize("hard", [False, True])
def test_reboot_keeps_files_and_ends_processes(root: Path, hard: bool) -> None:
    """After a reboot the boot is another one and what was written is still there."""
    before = ssh(root, "linux-1", "echo kept > note; sync; cat /proc/sys/kernel/random/boot_id")
    lab.reboot(root, "linux-1", hard=hard)
    after = ssh(root, "linux-1", "cat note /proc/sys/kernel/random/boot_id").split()
    assert after[0] == "kept"
    assert after[1] != before


def test_a_host_may_reboot_itself(root: Path) -> None:
    """`systemctl reboot` on the host comes back, as on a machine."""
    before = ssh(root, "linux-1", "cat /proc/sys/kernel/random/boot_id")
    ssh(root, "linux-1", "sudo systemctl reboot")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        after = ssh(root, "linux-1", "cat /proc/sys/kernel/random/boot_id")
        if len(after) == len(before) and after != before:
            return
        time.sleep(0.1)
    pytest.fail(f"linux-1 did not come back: {after}")


def test_cut_and_heal(root: Path) -> None:
    """A host that is cut off runs on, stays cut over a reboot and answers when healed."""
    ssh(root, "linux-1", "nohup sleep 300 >/dev/null 2>&1 &")
    lab.cut(root, "linux-1")
    assert state(root, "linux-1") == "cut"
    assert "linux-1" not in ssh(root, "linux-1", "hostname")
    assert lab.exec(root, "linux-1", ["hostname"]).stdout == "linux-1\n"
    lab.reboot(root, "linux-1")
    assert state(root, "linux-1") == "cut"
    lab.heal(root, "linux-1")
    assert state(root, "linux-1") == "running"
    wait_for_ssh(root, "linux-1")


def test_exec_is_root_and_reads_input(root: Path) -> None:
    """`exec` gives outputs and exit code apart, and hands input over."""
    done = lab.exec(root, "linux-1", ["sh", "-c", "id -u; cat; echo no >&2; exit 3"], "yes\n")
    assert (done.stdout, done.stderr, done.returncode) == ("0\nyes\n", "no\n", 3)


def test_small_home_fills_up(root: Path) -> None:
    """A small home keeps its contents, belongs to the user and has no more room than said."""
    ssh(root, "linux-2", "echo kept > note")
    lab.mount_small_home(root, "linux-2", "hermes", 256)
    assert ssh(root, "linux-2", "cat note; touch mine; stat -c %U ~") == "kept\nhermes"
    assert "No space left" in ssh(root, "linux-2", "head -c 400000 /dev/zero > big")
    lab.reboot(root, "linux-2")
    assert ssh(root, "linux-2", "cat note; df --output=fstype ~ | tail -1") == "kept\noverlay"


def test_the_inventory_is_whole(root: Path) -> None:
    """The inventory names all hosts by group, the key, the profile and all host keys."""
    hosts = (root / "inventory/hosts.yml").read_text()
    for group in ("    linux:", "    linux_bare:", "    linux_nohermes:", "    mac:"):
        assert group in hosts
    assert all(f"{name}: {{ansible_host: " in hosts for name in NAMES)
    assert "hermes_profiles: [demo]" in hosts
    assert (root / "inventory/profiles/demo.yml").exists()
    assert len((root / "inventory/known_hosts").read_text().splitlines()) == len(NAMES)


def test_unknown_names_are_usage_errors(root: Path) -> None:
    """Who asks for a kind or a host that is not there hears what is."""
    with pytest.raises(UsageError, match="no kind of host is called 'windows'"):
        lab.up(root, {"windows": 1}, quiet)
    with pytest.raises(UsageError, match="no host 'linux-9'"):
        lab.reboot(root, "linux-9")


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    """`up` refuses a folder with other files in it, and `down` removes none of them."""
    (tmp_path / "inventory").mkdir()
    with pytest.raises(UsageError, match="not a lab"):
        lab.up(tmp_path, {"linux": 1}, quiet)
    assert lab.down(tmp_path, quiet) == 0
    assert (tmp_path / "inventory").exists()


def test_down_leaves_nothing(root: Path) -> None:
    """After `down` no process, mount, interface, cgroup or file is left; again is no error."""
    running = [pid for pid in pids(root).values() if pid]
    assert lab.down(root, quiet) == len(NAMES)
    assert [pid for pid in running if is_running(pid)] == []
    assert remains(root) == []
    assert lab.down(root, quiet) == 0
    assert lab.hosts(root) == []


def test_down_finds_hosts_whose_folder_was_removed() -> None:
    """`rm -r` of the lab's folder does not save its hosts from `down`."""
    root = folder_on_disk()
    (host,) = lab.up(root, {"linux-bare": 1}, quiet)
    subprocess.run(["rm", "-r", root], check=True)
    lab.down(root, quiet)
    assert host.pid and not is_running(host.pid)
    assert remains(root) == []


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def remains(root: Path) -> list[str]:
    """Return what is left of a lab on this machine."""
    name = bridge_name(root)
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(root) in line]
    interfaces = [path.name for path in Path("/sys/class/net").iterdir() if name in path.name]
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{name}")]
    return mounts + interfaces + cgroups + [str(path) for path in [root] if path.exists()]


def wait_for(root: Path, name: str, wanted: str) -> None:
    """Wait until a host is in a state."""
    deadline = time.monotonic() + 10
    while state(root, name) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state(root, name) == wanted


def wait_for_ssh(root: Path, name: str) -> None:
    """Wait until a login to a host works."""
    deadline = time.monotonic() + 20
    while ssh(root, name, "hostname") != name:
        assert time.monotonic() < deadline
        time.sleep(0.1)
