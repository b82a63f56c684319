"""What a doctor asks of a host besides the look: `look/health.sh`."""

from __future__ import annotations

import os

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host
LOCK = ".hermes/kanban/.dispatcher.lock"


def bare(host: Host) -> None:
    """Let nothing of this machine show."""
    for path in ("/proc/", "/etc/resolv.conf", "/run/systemd/", "/.dockerenv", "/sys/"):
        host.rooted(path)
    host.has_only()
    host.stand("df", "return 1")
    host.stand("getconf", "return 1")


def told(host: Host, *homes: str, network: str = "") -> list[str]:
    """Return what is told; `network`: whether a gateway needs one at boot."""
    answer = host.run(f"look_health '{network}' {' '.join(homes)}")
    assert answer.errors == ""
    return [line.removeprefix("health ") for line in answer.told]


def test_a_bare_host_tells_nothing(host: Host) -> None:
    """Not even that it has none of it."""
    bare(host)
    assert told(host, "home") == []


def test_what_a_host_tells(host: Host) -> None:
    """From the kernel's files, and by a program for inodes, and for processors where it must be."""
    bare(host)
    root = host.root
    for name, text in {
        "proc/meminfo": "MemTotal:  100 kB\nMemFree:  5 kB\nMemAvailable:  40 kB\nX: 1 kB\n",
        "proc/loadavg": "0.52 0.41 0.30 2/345 678\n",
        "etc/resolv.conf": "# nameserver 1\nnameserver 10.0.0.1\n  nameserver 10.0.0.2\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    host.stand(
        "df", 'echo "Filesystem Inodes IUsed IFree IUse% Mounted on"; echo "/dev/a 9 2 7 1% /a b"'
    )
    host.stand("getconf", "echo 4")
    assert told(host) == [
        "inodes 7", "memory 100", "available 40", "load 0.52", "cpus 4", "nameservers 2",
    ]  # fmt: skip
    online = root / "sys/devices/system/cpu/online"
    online.parent.mkdir(parents=True)
    for listed, count in (("0", 1), ("0-3", 4), ("0-3,6,8-9", 7)):
        online.write_text(f"{listed}\n")
        assert f"cpus {count}" in told(host)


def test_a_file_without_name_servers(dash: Host) -> None:
    """Is told, and not one that lacks its last line end."""
    bare(dash)
    (dash.root / "etc").mkdir(parents=True, exist_ok=True)
    for text, count in (("search x\nnameserver\n", 0), ("", 0), ("nameserver 10.0.0.1", 1)):
        (dash.root / "etc/resolv.conf").write_text(text)
        assert told(dash) == [f"nameservers {count}"]


@pytest.mark.parametrize(
    ("said", "told_of"),
    [
        ("resolver #1\n  nameserver[0] : 10.0.0.1\n  nameserver[1] : 10.0.0.2", ["nameservers 1"]),
        ("DNS configuration\n\nresolver #1\n  domain   : local", ["nameservers 0"]),
        ("No DNS configuration available", ["nameservers 0"]),
        ("", []),
    ],
)
def test_the_name_servers_of_a_mac(dash: Host, said: str, told_of: list[str]) -> None:
    """Which resolves names without /etc/resolv.conf, whatever is in it."""
    bare(dash)
    (dash.root / "etc").mkdir(parents=True, exist_ok=True)
    (dash.root / "etc/resolv.conf").write_text("")
    dash.has_only("scutil")
    dash.stand("scutil", f"printf '%s\\n' '{said}'")
    assert told(dash) == told_of


@pytest.mark.parametrize(
    ("said", "found"), [("yes", ["clock yes"]), ("no", ["clock no"]), ("", []), ("odd", [])]
)
def test_whether_something_sets_the_clock(dash: Host, said: str, found: list[str]) -> None:
    """As systemd knows it; a container has the clock of its machine."""
    bare(dash)
    dash.has_only("timedatectl")
    dash.stand("limited", f"echo {said}")
    assert told(dash) == found
    (dash.root / "run/systemd").mkdir(parents=True, exist_ok=True)
    (dash.root / "run/systemd/container").write_text("x")
    assert told(dash) == []


def test_whether_the_lock_of_the_dispatcher_is_held(host: Host) -> None:
    """By its inode: the lock is never taken to test it."""
    bare(host)
    lock = host.file(LOCK)
    locks = host.root / "proc/locks"
    locks.parent.mkdir(parents=True, exist_ok=True)
    inode = lock.stat().st_ino
    locks.write_text(f"1: FLOCK  ADVISORY  WRITE 155 00:27:{inode} 0 EOF\n")
    assert told(host) == ["dispatcher held", "sizes"]
    locks.write_text(f"1: FLOCK  ADVISORY  WRITE 155 00:27:{inode}1 0 EOF\n2: x 1{inode} 0 EOF\n")
    assert told(host) == ["dispatcher free", "sizes"]


def test_a_battery(dash: Host) -> None:
    """Unless sleep is masked."""
    bare(dash)
    (dash.root / "sys/class/power_supply/BAT0").mkdir(parents=True)
    dash.stand("readlink", "echo /dev/null")
    assert told(dash) == []
    dash.stand("readlink", "return 1")
    assert told(dash) == ["battery yes"]


def test_sizes(host: Host) -> None:
    """Of databases and logs; of nothing else in the home."""
    bare(host)
    host.file("a b/state.db", "12345")
    host.file("a b/logs/gateway.log", "123")
    host.file("a b/config.yaml", "1")
    answer = host.run("look_health '' 'a b' gone")
    lines = [line.split(None, 9) for line in answer.block("sizes").splitlines()]
    assert {line[-1]: line[5] for line in lines} == {
        "a b/state.db": "5", "a b/logs/gateway.log": "3",
    }  # fmt: skip
    assert "sizes" not in host.run("look_health '' gone").told


def test_what_living_gateways_have_locked(host: Host) -> None:
    """By the names of the locks; not those of the dead, of WhatsApp, or of strangers."""
    bare(host)
    locks = ".local/state/hermes/gateway-locks"
    host.stand("kill", '[ "$2" = 77 ]')
    for name, text in {
        "telegram-bot-token-0123456789abcdef": '{"pid": 77, "scope": "x"}',
        "slack-app-token-0123456789abcdef": '{\n  "kind": "x",\n  "pid": 77\n}\n',
        "discord-bot-token-0123456789abcdef": '{"pid": 78}',
        "whatsapp-session-0123456789abcdef": '{"pid": 77}',
        "a b-c": '{"pid": 77}',
        "line-0": "",
    }.items():
        host.file(f"{locks}/{name}.lock", text)
    assert told(host) == [
        "lock:slack-app-token-0123456789abcdef 77", "lock:telegram-bot-token-0123456789abcdef 77",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "found"),
    [("a.target network-online.target", ["network awaited"]), ("a.target", ["network unawaited"]),
     ("", [])],
)  # fmt: skip
def test_whether_services_of_users_wait_for_the_network(
    dash: Host, said: str, found: list[str]
) -> None:
    """As systemd has merged the unit of the user's manager."""
    bare(dash)
    dash.has_only("systemctl", "id")
    dash.stand("limited", f"echo {said}")
    assert told(dash, network="yes") == []
    (dash.root / "run/systemd/system").mkdir(parents=True)
    assert told(dash, network="yes") == found
    assert told(dash) == []  # nobody wants to know


def test_jobs_that_are_scheduled(host: Host) -> None:
    """In which homes, and their numbers; what they are stays there."""
    bare(host)
    job = ' {"id": "%s",\n  "prompt": "\\"id\\": \\"no\\"",\n  "state": "%s"}'
    for home, states in ((".hermes", ("scheduled", "paused", "scheduled")),
                         (".hermes/profiles/a", ("paused",)),
                         (".hermes/profiles/b b", ("scheduled",)),
                         (".hermes/profiles/d", ("scheduled",))):  # fmt: skip
        jobs = ",\n".join(job % (f"{number}f", state) for number, state in enumerate(states))
        host.file(f"{home}/cron/jobs.json", f'{{"jobs": [\n{jobs}]}}\n')
    host.file(".hermes/profiles/c/cron/jobs.json", "")
    host.file(".hermes/profiles/e/cron/jobs.json", '{"jobs": [{"state": "scheduled"}]}')
    assert told(host) == [
        "cron:.hermes 0f,2f,", "cron:.hermes/profiles/d 0f,", "cron:.hermes/profiles/e ,",
    ]  # fmt: skip


def test_commands_are_looked_for_where_there_may_be_any(host: Host) -> None:
    """Our own one, and links, start no profile."""
    bare(host)
    host.stand("look_aliases", "say aliases")
    assert told(host) == []
    host.file(".local/bin/hermes-gateways")
    (host.home / ".local/bin/hermes").symlink_to("/opt/hermes")
    assert told(host) == []
    host.file(".local/bin/kim")
    assert told(host) == ["aliases"]


def test_a_folder_for_locks_that_cannot_be_written(host: Host) -> None:
    """It, or the first folder above it that is there; nothing is made to find out."""
    bare(host)
    above = host.home / ".local/state"
    host.file(".local/state/x")
    above.chmod(0o500)
    said = [f"locks {above}"] if os.geteuid() else []  # root may write everywhere
    assert told(host) == said
    above.chmod(0o700)
    assert told(host) == []
    host.file(".local/state/hermes")
    assert told(host) == [f"locks {above}/hermes"]


def test_packages_that_were_changed_under_a_gateway(host: Host) -> None:
    """Those of an environment of its own; of a system's, others are changed every day."""
    bare(host)
    host.file("venv/lib/site/x")
    pid = host.file("a/gateway.pid")
    os.utime(pid, (1, 1))
    known = "hermes_code=x venv=venv project=venv/lib/site"
    ask = f"{known}; look_health '' a b"
    assert host.run(ask).told == []
    host.file("venv/pyvenv.cfg")
    assert host.run(ask).told == ["health packages:a newer"]
    os.utime(pid)
    os.utime(host.home / "venv/lib/site", (1, 1))
    assert host.run(ask).told == []
