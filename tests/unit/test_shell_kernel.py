"""What kind of system a host is, and what it lets services have: `look/kernel.sh`."""

from __future__ import annotations

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host
CONTROLLERS = "sys/fs/cgroup/user.slice/user-7.slice/user@7.service/cgroup.controllers"


def write(host: Host, path: str, text: str = "") -> None:
    """Write a file of the whole system."""
    file = host.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def bare(host: Host) -> None:
    """Let nothing of this machine show."""
    for path in ("/proc/", "/sys/fs/", "/run/systemd/", "/lib/ld-musl-"):
        host.rooted(path)
    host.define("uid=7")


def told(host: Host, function: str) -> list[str]:
    """Return what a function tells."""
    answer = host.run(function)
    assert answer.errors == ""
    return answer.told


def test_a_bare_host_tells_nothing(host: Host) -> None:
    """Neither of limits nor of what it is."""
    bare(host)
    assert told(host, "look_controllers; look_noexec; look_traits") == []


def test_controllers_of_the_users_systemd(host: Host) -> None:
    """As the kernel delegates them."""
    bare(host)
    write(host, "run/systemd/system/x")
    write(host, CONTROLLERS, "cpu memory pids\n")
    assert told(host, "look_controllers") == ["controllers cpu memory pids"]


@pytest.mark.parametrize(
    ("path", "told_of_it"),
    [
        ("cgroup.controllers", "cpu memory memory.high"),
        ("memory/x", " memory"),
        ("unified/x", ""),
    ],
)
def test_controllers_of_the_systems_own_systemd(host: Host, path: str, told_of_it: str) -> None:
    """Of the first version of cgroups only that they are there; they have no `memory.high`."""
    bare(host)
    write(host, "run/systemd/system/x")
    write(host, f"sys/fs/cgroup/{path}", "cpu memory\n")
    assert told(host, "look_system_controllers") == [f"system_controllers {told_of_it}".rstrip()]


def test_cgroups_of_the_first_version(host: Host) -> None:
    """Nothing is delegated: an empty list, which is not silence."""
    bare(host)
    write(host, "run/systemd/system/x")
    assert told(host, "look_controllers") == ["controllers"]


@pytest.mark.parametrize(
    ("setting", "value", "is_told"),
    [
        ("user/max_user_namespaces", "0", True),
        ("user/max_user_namespaces", "63000", False),
        ("kernel/unprivileged_userns_clone", "0", True),
        ("kernel/unprivileged_userns_clone", "1", False),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", True),
    ],
)
def test_a_kernel_without_namespaces_for_users(
    dash: Host, setting: str, value: str, is_told: bool
) -> None:
    """Three settings forbid them."""
    bare(dash)
    write(dash, "run/systemd/system/x")
    write(dash, f"proc/sys/{setting}", f"{value}\n")
    assert ("namespaceless -" in told(dash, "look_controllers")) is is_told


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        (["/ rw", "{home} rw,noexec"], ["noexec {home}"]),
        (["/ rw,noexec"], ["noexec /"]),
        (["/ rw,noexec", "{home} rw"], []),
        (["{home} rw,noexec", "{home} rw"], []),
        (["{home}x rw,noexec", "{home}/below rw,noexec"], []),
    ],
)
def test_the_nearest_file_system_counts(host: Host, mounts: list[str], found: list[str]) -> None:
    """Of several at one place the last one."""
    bare(host)
    lines = (f"dev {line.format(home=host.home)} 0 0".split() for line in mounts)
    rows = "".join(f"{dev} {at} ext4 {how} 0 0\n" for dev, at, how, *_ in lines)
    write(host, "proc/self/mounts", rows)
    assert told(host, "look_noexec") == [line.format(home=host.home) for line in found]


def test_traits(host: Host) -> None:
    """What few hosts are."""
    bare(host)
    write(host, "sys/fs/selinux/enforce", "1")
    write(host, "proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n")
    write(host, "lib/ld-musl-x86_64.so.1")
    assert told(host, "look_traits") == ["trait selinux enforcing", "trait musl", "trait wsl"]


def test_ordinary_traits_are_not_told(host: Host) -> None:
    """An ordinary kernel is none; SELinux that only warns is told as such."""
    bare(host)
    write(host, "sys/fs/selinux/enforce", "0")
    write(host, "proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
    assert told(host, "look_traits") == ["trait selinux permissive"]


# --- supervisord at boot ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("echo '@reboot x -c /h/.config/hermes-ops/supervisord.conf'", ["on"]),
        ("echo '@daily mine'", ["off"]),
        ("echo 'no crontab for me' >&2; return 1", ["off"]),
        ("echo 'You (me) are not allowed to use this program' >&2; return 1", ["denied"]),
    ],
)
def test_what_the_crontab_says(dash: Host, answer: str, state: list[str]) -> None:
    """Our line, another one, none, or that there may be none."""
    bare(dash)
    dash.rooted("/bin/launchctl")
    dash.has_only("crontab")
    dash.stand("crontab", answer)
    dash.file(".config/hermes-ops/supervisord.d/hermes-gateway-b.conf")
    dash.file(".config/hermes-ops/supervisord.d/board.conf")
    text = dash.run("supervisor_booted").block("manager")
    told = dict(line.split("=", 1) for line in text.splitlines())
    assert [told["State"]] == state
    assert told["Programs"].split() == ["board", "hermes-gateway-b"]


def test_cron_is_not_asked_where_systemd_runs(dash: Host) -> None:
    """Nor where launchd does."""
    bare(dash)
    write(dash, "run/systemd/system/x")
    dash.stand("crontab")
    assert dash.run("supervisor_booted").out == ""
    assert dash.calls == []


def test_the_line_of_the_crontab(host: Host) -> None:
    """It stands once, below those of others, and starts nothing while nothing is to be started."""
    host.stand(
        "crontab", "case $1 in -l) [ ! -f table ] || cat table ;; -) cat >new; mv new table ;; esac"
    )
    host.file("table", "@daily mine\n")
    assert host.run("supervisor_boot; supervisor_boot; echo $?").out == "0\n"
    others, line = (host.home / "table").read_text().splitlines()
    assert others == "@daily mine"
    assert line.startswith(f"@reboot cat {host.home}/.config/hermes-ops/supervisord.d/*.conf | ")
    assert line.endswith("supervisord.conf # of hermes-ops")
    assert host.run("supervisor_unboot; echo $?").out == "0\n"
    assert (host.home / "table").read_text() == "@daily mine\n"


def test_a_crontab_that_cannot_be_read_stays(host: Host) -> None:
    """It is written as a whole: what was not read would be lost."""
    host.file("table", "@daily mine\n")
    host.stand(
        "crontab", "case $1 in -l) echo 'Input/output error' >&2; return 1 ;; esac; cat >table"
    )
    assert host.run("supervisor_boot || echo failed").out == "failed\n"
    assert host.run("supervisor_unboot || echo failed").out == "failed\n"
    assert (host.home / "table").read_text() == "@daily mine\n"


def test_starts_wait_for_each_other(host: Host) -> None:
    """The first one at once, each later one after the pause."""
    host.stand("sleep")
    host.run("stagger 5; stagger 5; stagger 5")
    assert host.calls == ["sleep 5", "sleep 5"]
