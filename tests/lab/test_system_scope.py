"""Gateways as services of the system, for a user: every verb, both scopes, and who may do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, gateway

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
FILE = f"/etc/systemd/system/{UNIT}"
OWN = f"{HOME}/.config/systemd/user/{UNIT}"
ADMIN = {"ansible_user": "admin", "ansible_become_password": "s3cret-word"}
SYSTEM = {"hermes_service_manager": "systemd-system"}
CLEAN = """
systemctl stop 'hermes-gateway*' 2>/dev/null
cd /etc/systemd/system && rm -rf hermes-gateway* multi-user.target.wants/hermes-gateway*
systemctl daemon-reload
systemctl reset-failed
"""
CURRENT = """
path=$(sed -n 's/^Environment="PATH=\\(.*\\)"/\\1/p' FILE)
env -i HOME=/home/hermes USER=hermes PATH="$path" HERMES_HOME=/home/hermes/.hermes/profiles/coder \
  /opt/hermes/venv/bin/python -c 'from hermes_cli.gateway import *
print(get_systemd_unit_path(system=True), systemd_unit_is_current(system=True))'
""".replace("FILE", FILE)


@pytest.fixture
def box(boxes: Mapping[str, Box]) -> Iterator[Box]:
    """A host on which nobody has done anything; nothing stays behind in its system."""
    host = boxes["linux-1"]
    host.sh(CLEAN)
    host.reset()
    yield host
    host.sh(CLEAN)
    host.reset()


def states(somebody: Operator, code: int | None = 0) -> list[str]:
    """Return the states that `fleet.ps` shows."""
    (host,) = somebody.run("fleet.ps", code=code).json["hosts"]
    return [profile["state"] for profile in host["profiles"]]


def error_of(somebody: Operator, *words: str, code: int) -> str:
    """Return the one error of a run on one host, of the host or of a change, with what mends it."""
    (host,) = somebody.run(*words, code=code).json["hosts"]
    because = " ".join(change["because"] or "" for change in host["changes"])
    error = host["error"] or {"message": "", "hint": ""}
    return f"{error['message']} {error['hint']} {because}"


def show(box: Box, name: str) -> str:
    """Return what the system's own systemd says of the unit."""
    return box.sh(f"systemctl show -p {name} --value {UNIT}")


def test_every_verb(box: Box, operator: MakeOperator) -> None:
    """Text equal to Hermes' own; nothing lingers; a reboot would start it; it comes and goes."""
    hardened = gateway(8701, service={"hardening": True})
    somebody = operator({box: {"coder": hardened}}, variables=SYSTEM)
    run = somebody.run("fleet.up", code=0)
    assert (show(box, "PrivateTmp"), show(box, "NoNewPrivileges")) == ("yes", "yes")
    assert run.json["exchanges"] == {box.name: 2}
    assert run.json["verify"]["passed"] == run.json["verify"]["expected"] > 0
    assert box.sh(CURRENT) == f"{FILE} True"
    assert (show(box, "User"), show(box, "UnitFileState")) == ("hermes", "enabled")
    assert box.sh(f"stat -c %U:%a {FILE}") == "root:644"
    assert box.sh("ls /var/lib/systemd/linger") == ""
    assert box.sh("ls /run | grep hermes-ops || true") == ""
    assert somebody.up().totals["changes"] == 0
    before = show(box, "MainPID")
    somebody.run("fleet.restart", code=0)
    assert show(box, "MainPID") != before
    somebody.run("fleet.stop", "-y", code=0)
    assert (states(somebody, 2), show(box, "Result")) == (["stopped"], "success")
    somebody.run("fleet.start", code=0)
    assert box.user(".local/bin/hermes-gateways stop") == "coder stopped"
    assert box.user(".local/bin/hermes-gateways start") == "coder started"
    somebody.run("fleet.drain", code=0)
    somebody.run("fleet.start", code=0)
    assert "gateway.run" in somebody.plain("fleet.logs", "--lines", "9", code=0).out
    said = somebody.plain("fleet.logs", "--file", "journal", code=0).out
    assert "No env user allowlists configured" in said  # of the gateway itself
    assert states(somebody) == ["healthy"]
    somebody.run("linger.status", code=0)  # it is off, and nothing needs it
    found = somebody.run("fleet.doctor").json["items"]
    assert not [item for item in found if item["severity"] == "error"]
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert show(box, "UnitFileState") == "disabled"
    left = operator({box: {"other": gateway(8702, state="stopped")}}, variables=SYSTEM)
    left.run("fleet.prune", "--limit", f"{box.name}/coder", "-y", code=0)
    assert box.sh("ls /etc/systemd/system | grep hermes || true") == ""
    assert show(box, "LoadState") == "not-found"


def test_a_profile_moves_between_the_scopes(box: Box, operator: MakeOperator) -> None:
    """One `fleet.up` each way, and nothing is left in the scope that it had, nor of a name."""
    profiles = {"coder": gateway(8701)}
    as_user, of_system = operator({box: profiles}), operator({box: profiles}, variables=SYSTEM)
    of_system.up()
    as_user.up()
    assert box.sh("ls /etc/systemd/system | grep hermes || true") == ""
    assert as_user.plan().totals["changes"] == 0
    of_system.up()
    assert box.sh(f"ls {HOME}/.config/systemd/user/hermes* 2>/dev/null || true") == ""
    assert of_system.plan().totals["changes"] == 0
    of_system.run("profile.rename", f"{box.name}/coder", "scout", code=0)
    units = box.sh("cd /etc/systemd/system; ls -d hermes* */hermes*").split()
    assert {unit.rpartition("/")[2].partition(".")[0] for unit in units} == {"hermes-gateway-scout"}
    assert states(of_system) == ["healthy"]
    other = operator({box: {"other": gateway(8702, state="stopped")}}, variables=SYSTEM)
    other.run("profile.delete", f"{box.name}/scout", "-y", "--no-export", code=0)
    assert box.sh("cd /etc/systemd/system; ls -d hermes* */hermes* 2>/dev/null || true") == ""
    assert box.sh(f"ls {HOME}/.hermes/profiles") == ""


def test_what_others_wrote_is_refused_by_name(box: Box, operator: MakeOperator) -> None:
    """A unit of the other scope that is not ours, one that is masked, one of another user."""
    profiles = {"coder": gateway(8701)}
    as_user, of_system = operator({box: profiles}), operator({box: profiles}, variables=SYSTEM)
    somebody_elses = (
        "[Service]\nUser=hermes\nExecStart=/opt/hermes/venv/bin/python -m "
        "hermes_cli.main --profile coder gateway run\n"
    )
    box.sh(f"cat >{FILE}", input=somebody_elses)
    said = error_of(as_user, "fleet.up", code=1)
    assert f"{FILE} is another unit that runs its home" in said
    assert f"sudo systemctl disable --now {UNIT}; sudo rm {FILE}" in said
    assert box.sh(f"cat {FILE}") == somebody_elses.strip()
    box.sh(f"rm {FILE}; systemctl mask {UNIT}")
    assert f"sudo systemctl unmask {UNIT}" in error_of(of_system, "fleet.up", code=1)
    box.sh(f"systemctl unmask {UNIT}")
    as_user.up()
    box.sh(f"cat >{FILE}", input=somebody_elses.replace("hermes\n", "fresh\n"))
    assert "runs a gateway of fresh" in error_of(of_system, "fleet.up", code=1)
    assert states(as_user) == ["healthy"]
    box.sh(f"rm {FILE}; rm {OWN}.d/50-hermes-ops.conf")
    said = error_of(of_system, "fleet.up", code=1)
    assert f"{OWN} is another unit that runs its home" in said
    assert box.sh(f"ls {OWN}; ls /etc/systemd/system | grep hermes || true") == OWN


def test_without_sudo_nothing_is_begun(boxes: Mapping[str, Box], operator: MakeOperator) -> None:
    """It is told in the look, under `--check` as well, whichever scope would have to change."""
    bare, profiles = boxes["linux-bare-1"], {"coder": gateway(8701)}
    bare.reset()
    by_root = {**SYSTEM, "ansible_user": "root", "hermes_user": "hermes"}
    try:
        refused(operator({bare: profiles}, variables=SYSTEM), bare)
        operator({bare: profiles}, variables=by_root).up()
        refused(operator({bare: profiles}), bare)
        assert bare.sh(f"systemctl is-active {UNIT}") == "active"
    finally:
        bare.sh(CLEAN)
        bare.reset()


def refused(somebody: Operator, box: Box) -> None:
    """Check that nothing is changed for want of the right, and that it is told how to get it."""
    before = box.tree(f"{HOME}/.config", "/etc/systemd")
    for task in ("fleet.plan", "fleet.up"):
        said = error_of(somebody, task, code=1)
        assert "hermes cannot become root with sudo; nothing was changed" in said
        assert "let root log in (ansible_user: root), or install sudo" in said
    assert box.tree(f"{HOME}/.config", "/etc/systemd") == before


@contextmanager
def admin(box: Box) -> Iterator[None]:
    """Let an account log in that needs its password for sudo; `agent-7` is gone afterwards."""
    box.sh(
        "useradd -m -s /bin/bash admin && echo admin:s3cret-word | chpasswd;"
        "echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin;"
        f"cp -r {HOME}/.ssh /home/admin/ && chown -R admin /home/admin/.ssh"
    )
    try:
        yield
    finally:
        box.sh(
            "rm /etc/sudoers.d/admin;"
            "for name in admin agent-7; do"
            "  loginctl disable-linger $name; systemctl stop user@$(id -u $name).service;"
            "  pkill -KILL -u $name; while pgrep -u $name; do sleep 0.1; done >/dev/null;"
            "  userdel --force --remove $name; done 2>/dev/null; true"
        )


def test_the_password_of_sudo(box: Box, operator: MakeOperator) -> None:
    """It goes to sudo's input; without it, or with another one, nothing is begun."""
    login = {**SYSTEM, "ansible_user": "admin"}
    profiles = {"coder": gateway(8701)}
    with admin(box):
        for more in ({}, {"ansible_become_password": "wrong"}):
            somebody = operator({box: profiles}, variables={**login, **more})
            assert "admin cannot become root" in error_of(somebody, "fleet.up", code=1)
            other = operator({box: profiles}, variables={**login, **more, "hermes_user": "hermes"})
            (row,) = other.run("hosts.exec", "true", "--all-hosts", code=1).json["items"]
            assert "sudo does not let admin become hermes" in row["error"]["message"]
        somebody = operator(
            {box: profiles}, variables={**login, "ansible_become_password": "s3cret-word"}
        )
        assert somebody.up().totals["changed"] == 1
        assert show(box, "User") == "admin"
        said = box.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; journalctl -q -b")
        assert "s3cret-word" not in said
        somebody.run("gateway.uninstall", "--all-hosts", "-y", code=0)


def test_for_another_user_that_is_made(box: Box, operator: MakeOperator) -> None:
    """An admin with a password logs in; the account comes with the first `up`, for both scopes."""
    profiles, made = (
        {"coder": gateway(8701)},
        {"hermes_user": "agent-7", "hermes_user_create": True, **ADMIN},
    )
    with admin(box):
        absent = operator({box: profiles}, variables={**made, "hermes_user_create": False})
        said = error_of(absent, "fleet.up", code=1)
        assert "there is no user agent-7 (hermes_user) hermes_user_create: true" in said
        somebody = operator({box: profiles}, variables={**SYSTEM, **made})
        plan = somebody.plan(code=2)
        assert plan.changes(box.name) == [("user:agent-7", "create", "planned")]
        assert box.exec("id agent-7").returncode == 1
        somebody.up()
        assert show(box, "User") == "agent-7"
        assert box.sh("stat -c %U /home/agent-7/.hermes/profiles/coder/.env") == "agent-7"
        assert somebody.up().totals["changes"] == 0
        as_user = operator({box: profiles}, variables={**made, "hermes_awake": True})
        as_user.run("fleet.up", code=0)
        units = box.sh("ls /etc/systemd/system | grep hermes")  # polkit refuses the user
        assert units == f"hermes-awake-{box.sh('id -u agent-7')}.service"
        assert as_user.run("awake.status", code=0).json["items"][0]["where"] == "system"
        assert box.sh("ls /var/lib/systemd/linger") == "agent-7"
        box.sh("systemctl stop user@$(id -u agent-7).service")  # nobody logs in as that user
        assert as_user.up().changes(box.name)[0] == ("linger", "enable", "done")
        as_user.run("fleet.restart", code=0)
        assert "gateway.run" in as_user.plain("fleet.logs", "--lines", "9", code=0).out
        as_user.run("fleet.drain", code=0)
        as_user.run("fleet.stop", "-y", code=0)
        assert states(as_user, 2) == ["stopped"]
        as_user.run("gateway.uninstall", "--all-hosts", "-y", code=0)
        as_user.run("awake.off", code=0)
        assert box.sh("ls /etc/systemd/system | grep hermes || true") == ""
    assert box.sh(f"find {HOME} -newer /etc/sudoers.d -name '.hermes*'") == ""
