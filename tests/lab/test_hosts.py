"""Unusual hosts: what no ordinary host forbids or lacks, made on a host of the lab."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import HOME, Box, gateway, wait_until

pytestmark = pytest.mark.lab

CODER = "hermes-gateway-coder.service"
PROFILES = {"coder": gateway(8701)}
CRONTAB = """\
#!/bin/sh
file=/var/tmp/cron.$(id -un)
case $1 in
  -l) [ -f "$file" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }; cat "$file" ;;
  -) cat >"$file.new" && mv "$file.new" "$file" ;;
esac
"""
"""As cron's own, but for the daemon: the test does what is in the table."""


@contextmanager
def while_(box: Box, before: str, after: str) -> Iterator[None]:
    """Give a host a state for a while."""
    box.sh(before)
    try:
        yield
    finally:
        box.sh(f"loginctl disable-linger hermes; pkill -KILL -u hermes; sleep 0.2; {after}")
        box.reset()


@contextmanager
def mounted(box: Box, path: str, how: str) -> Iterator[None]:
    """Mount a folder upon itself, with such an option."""
    again = f"mount --bind {path} {path} && mount -o remount,bind,{how} {path}"
    after = f"systemctl stop user@1000.service; umount --lazy {path}"
    with while_(box, f"install -d -o hermes -g hermes {path} && {again}", after):
        yield


def test_a_home_from_which_nothing_can_be_run(linux: Box, operator: MakeOperator) -> None:
    """A Hermes beside it serves, its stop is announced; installing one there is refused."""
    somebody = operator({linux: PROFILES})
    with mounted(linux, HOME, "noexec"):
        somebody.up()
        somebody.run("fleet.stop", "-y", code=0)
        assert '"gateway_state":"stopped"' in linux.user(
            "cat .hermes/profiles/coder/gateway_state.json"
        )
        own = operator({linux: PROFILES}, variables={"hermes_service_manager": "supervisord"})
        error = own.plan(code=1).host(linux.name)["error"]
        assert f"supervisor cannot be installed in {HOME}: {HOME} is mounted noexec" in str(error)
        assert f"sudo mount -o remount,exec {HOME}" in str(error)


def test_a_folder_of_settings_that_is_read_only(linux: Box, operator: MakeOperator) -> None:
    """One sentence before anything is done: no profile is made whose unit could not be written."""
    with mounted(linux, f"{HOME}/.config", "ro"):
        run = operator({linux: PROFILES}).up(code=1)
        said = str(run.host(linux.name))
        assert "hermes can write nothing in ~/.config: by its mode, or as it is read-only" in said
        assert "findmnt -T ~/.config" in said
        assert linux.exec(f"test -e {HOME}/.hermes").returncode == 1


def test_a_host_without_python(linux: Box, operator: MakeOperator) -> None:
    """The sentence names what is needed, and how it is installed."""
    hide = "mkdir /opt/py && mv /usr/bin/python3* /opt/py && mv /opt/hermes /opt/away"
    with while_(linux, hide, "mv /opt/away /opt/hermes; mv /opt/py/* /usr/bin; rmdir /opt/py"):
        error = operator({linux: PROFILES}).plan(code=1).host(linux.name)["error"]
        assert "needs Python 3.11, 3.12 or 3.13, and none is on this host" in error["message"]
        assert "apt-get install python3" in error["hint"]


def test_a_host_without_an_init_system(linux: Box, operator: MakeOperator) -> None:
    """supervisord, with the niceness that was asked for; cron's line starts it after a boot."""
    nice = {"coder": gateway(8701, service={"nice": 7})}
    linux.sh(
        "rm -f /var/tmp/cron.*; cd /usr/local/bin; cat >crontab; chmod 755 crontab", input=CRONTAB
    )
    after = "mv /run/systemd/away /run/systemd/system; rm -f /usr/local/bin/crontab /var/tmp/cron.*"
    with while_(linux, "mv /run/systemd/system /run/systemd/away", after):
        somebody = operator({linux: nice})
        assert ("boot:supervisord", "enable", "done") in somebody.up().changes(linux.name)
        assert somebody.plan().totals["changes"] == 0
        linux.sh("pkill -KILL -u hermes")
        linux.user("sh -c \"$(sed -n 's/^@reboot //p' /var/tmp/cron.hermes)\"")
        wait_until(lambda: somebody.run("fleet.ps").code == 0, 60)
        assert linux.sh("ps -o ni= -p $(pgrep -u hermes -f hermes_cli.main)").split() == ["7"]
        somebody.run("fleet.down", "--all-hosts", "-y", code=0)
        line = linux.user_done("sh -c \"$(sed -n 's/^@reboot //p' /var/tmp/cron.hermes)\"")
        assert line.returncode == 1  # nothing is to be started
        gone = somebody.run("gateway.uninstall", "--all-hosts", "-y", code=0)
        assert ("boot:supervisord", "disable", "done") in gone.changes(linux.name)
        assert "@reboot" not in linux.sh("cat /var/tmp/cron.hermes")


def test_a_home_with_a_blank(linux: Box, operator: MakeOperator) -> None:
    """Hermes' own unit cannot hold it: the profile is refused with a sentence."""
    blank = "/srv/her mes"
    make = (
        f"loginctl disable-linger hermes; pkill -KILL -u hermes; sleep 0.3; cp -a {HOME} '{blank}'"
    )
    after = f"sleep 0.3; usermod -d {HOME} hermes; rm -rf '{blank}'"
    with while_(linux, f"{make}; usermod -d '{blank}' hermes", after):
        said = str(operator({linux: PROFILES}).up(code=1).host(linux.name))
        assert f"the path {blank}/.hermes/profiles/coder has a blank" in said
    assert linux.sh("getent passwd hermes").split(":")[5] == HOME


def test_root_is_the_user(linux: Box, operator: MakeOperator) -> None:
    """root's own systemd runs them; no sudo is needed."""
    root = operator({linux: PROFILES}, variables={"ansible_user": "root"})
    root.up()
    assert linux.sh("XDG_RUNTIME_DIR=/run/user/0 systemctl --user is-active " + CODER) == "active"
    root.run("fleet.down", "--all-hosts", "-y", code=0)
    linux.sh("loginctl disable-linger root; rm -rf /root/.hermes /root/.config /root/.local")


def test_sh_is_busybox(linux: Box, operator: MakeOperator) -> None:
    """Every script of ours runs in it, and so do the gateway's stop and its wrapper."""
    program = base64.b64encode(Path("/bin/busybox").read_bytes()).decode()
    linux.sh("base64 -d >/opt/busybox && chmod 755 /opt/busybox", input=program)
    with while_(linux, "ln -sf /opt/busybox /bin/sh", "ln -sf dash /bin/sh; rm /opt/busybox"):
        somebody = operator({linux: PROFILES})
        assert somebody.up().totals["failed"] == 0
        assert somebody.plan().totals["changes"] == 0
        linux.user(".local/bin/hermes-gateways stop coder")
        assert (
            somebody.run("fleet.ps", code=2).json["hosts"][0]["profiles"][0]["state"] == "stopped"
        )
