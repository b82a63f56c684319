"""What somebody broke on a host is never green, and each of it is told for what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import MakeOperator
from kit import ROOT, Box, Operator, echo, gateway, wait_until

pytestmark = pytest.mark.lab

HOME = ".hermes/profiles/coder"
ENV, CONFIG, STATE = f"{HOME}/.env", f"{HOME}/config.yaml", f"{HOME}/gateway_state.json"
NOTE = ".hermes-ops.started.yml"
RECORD = f"{HOME}/{NOTE}"
UNIT, FOLDER = "hermes-gateway-coder.service", ".config/systemd/user"
CODE = "$(echo /opt/hermes/venv/lib/python3*/site-packages)/gateway"
PYTHON = "/opt/hermes/venv/bin/python"
KEY = "ffffffffffffffffffffffffffffffff"


def seen(one: Operator, code: int | None = None) -> dict[str, Any]:
    """Return the row of `fleet.ps` for the gateway."""
    row: dict[str, Any] = one.run("fleet.ps", code=code).json["hosts"][0]["profiles"][0]
    return row


@pytest.fixture
def one(linux: Box, operator: MakeOperator) -> Operator:
    """An operator with one healthy gateway."""
    somebody = operator({linux: {"coder": gateway(8701)}})
    somebody.up()
    assert seen(somebody, code=0)["state"] == "healthy"
    return somebody


def restarted(linux: Box) -> None:
    """Let somebody restart the gateway, and wait until it runs."""
    linux.user(f"rm -f {HOME}/gateway-starts.log {STATE}; systemctl --user restart {UNIT}")
    wait_until(lambda: '"running"' in linux.user_done(f"cat {STATE}").stdout)


# --- files of the gateway and of ours ---------------------------------------------------------

SAVED = "saved"
BACK = f"for f in .env config.yaml; do cp -p {SAVED}/$f {HOME}/; done"
LOCKS = f"""cat >lock.py <<'EOT'
import sqlite3, time
database = sqlite3.connect("{HOME}/state.db")
database.execute("BEGIN EXCLUSIVE")
open("locked", "w")
time.sleep(600)
EOT
rm -f locked; {PYTHON} lock.py >/dev/null 2>&1 </dev/null & echo $! >locker
until [ -e locked ]; do sleep 0.1; done"""
GIVES = (
    # what breaks it, what is told, what mends it
    (f"sed -i s/KEY=.*/KEY={KEY}/ {ENV}", "with other values of API_SERVER_KEY", BACK),
    (f"sed -i s/KEY=.*/KEY={KEY}/ {ENV}; touch -d 2020-01-01 {ENV}",
     "with other values of API_SERVER_KEY", BACK),
    (f"echo API_SERVER_KEY={KEY} >>{ENV}", "with other values of API_SERVER_KEY", BACK),
    (f"echo TELEGRAM_BOT_TOKEN=123456789:{KEY} >>{ENV}",
     "telegram is switched on by TELEGRAM_BOT_TOKEN", BACK),
    (f"echo API_SERVER_HOST=0.0.0.0 >>{ENV}",
     "api_server is set to listen on 0.0.0.0:8701 by API_SERVER_HOST", BACK),
    (f"echo GATEWAY_ALLOW_ALL_USERS=true >>{ENV}", "sets GATEWAY_ALLOW_ALL_USERS", BACK),
    (f"printf 'platforms:\\n  webhook: {{enabled: true}}\\n' >>{CONFIG}",
     "webhook is switched on by platforms.webhook.enabled", BACK),
    (f"sed -i 's/^gateway:$/&\\n  multiplex_profiles: true/' {CONFIG}",
     "lets it serve every profile", BACK),
    (f"rm {RECORD}", f"file:{RECORD}", f"cp -p {SAVED}/{NOTE} {HOME}/"),
    (f"rm {RECORD}; ln -s /srv/none {RECORD}", "which does not exist",
     f"rm {RECORD}; cp -p {SAVED}/{NOTE} {HOME}/"),
    (f"mv {HOME}/hooks {SAVED}/; touch {HOME}/hooks", "hooks is a file, not a folder",
     f"rm {HOME}/hooks; mv {SAVED}/hooks {HOME}/"),
    ("systemctl --user set-environment PYTHONPATH=/srv/x",
     "its next start would get PYTHONPATH", "systemctl --user unset-environment PYTHONPATH"),
    ("systemctl --user mask default.target", "keeps a boot from starting it",
     "systemctl --user unmask default.target"),
    (f"printf '[Unit]\\nConflicts={UNIT}\\n' >{FOLDER}/foe.service",
     "foe.service ends hermes-gateway-coder.service", f"rm {FOLDER}/foe.service"),
    (f"printf '#!/bin/sh\\nexec hermes -p coder gateway run\\n' >start.sh;"
     f" printf '[Service]\\nExecStart=%%h/start.sh\\n' >{FOLDER}/bot.service",
     "bot.service is another unit that runs its home", f"rm start.sh {FOLDER}/bot.service"),
    (f"mv {HOME}/logs {HOME}/logs.old", f"not ~/{HOME}/logs",
     f"rm -rf {HOME}/logs; mv {HOME}/logs.old {HOME}/logs"),
    (f"touch {HOME}/asyncio.py", "in place of the module", f"rm {HOME}/asyncio.py"),
    (f"rm {RECORD}; touch {CONFIG}", "are not known", f"cp -p {SAVED}/{NOTE} {HOME}/"),
    (f"rm {RECORD}; mkdir {RECORD}", "is a folder, not a file",
     f"rmdir {RECORD}; cp -p {SAVED}/{NOTE} {HOME}/"),
    (f"chmod 777 {HOME}", f"others may write in ~/{HOME}", f"chmod 700 {HOME}"),
    ("chmod 777 .hermes", "others may write in ~/.hermes", "chmod 700 .hermes"),
    (f"chmod 777 {FOLDER}", f"others may write in ~/{FOLDER}", f"chmod 755 {FOLDER}"),
    ("chmod 777 .local/share/hermes-ops", "others may write in ~/.local/share/hermes-ops",
     "chmod 755 .local/share/hermes-ops"),
    (f"mv {FOLDER}/{UNIT} /tmp/one; ln -s /tmp/one {FOLDER}/{UNIT}",
     "is a link to /tmp/one, in a folder that others may write",
     f"rm {FOLDER}/{UNIT}; mv /tmp/one {FOLDER}/{UNIT}"),
    # what it has open, or must write
    (f"mv {HOME}/sessions gone", "its folder sessions is gone", f"mv gone {HOME}/sessions"),
    (f"mv {HOME}/state.db {HOME}/old.db", f"/{HOME}/old.db, not ~/{HOME}/state.db",
     f"rm -f {HOME}/state.db; mv {HOME}/old.db {HOME}/state.db"),
    (LOCKS, "has locked its state.db", "kill $(cat locker)"),
    # limits above it
    ("systemctl --user set-property app.slice MemoryMax=20M", "sets MemoryMax=20971520 for all of",
     "rm -r .config/systemd/user.control && systemctl --user daemon-reload"),
    ("systemctl --user set-property --runtime app.slice TasksMax=10", "sets TasksMax=10 for all of",
     "rm -r /run/user/$(id -u)/systemd/user.control && systemctl --user daemon-reload"),
)  # fmt: skip
"""Each is undone without a restart."""


def test_files_that_were_broken(linux: Box, one: Operator) -> None:
    """The gateway runs well all the time, and nothing that others wrote is touched."""
    linux.user(f"mkdir {SAVED}; cp -p {ENV} {CONFIG} {RECORD} {SAVED}/")
    for breaks, words, mends in GIVES:
        linux.user(breaks)
        row = seen(one)
        told = (*row["reasons"], *row["drift_reasons"])
        assert row["as_desired"] is False, breaks
        assert any(words in reason for reason in told), (breaks, told)
        linux.user(mends)
        assert seen(one, code=0)["as_desired"], breaks


DAMAGE = (
    (f"echo garbage >{STATE}", "is no JSON"),
    (f"echo '[1]' >{STATE}", "is no JSON object"),
    (f'sed \'s/"running"/"jogging"/\' good >{STATE}', "has no gateway_state"),
    (f'sed \'s/"pid": *[0-9]*/"pid": "1"/\' good >{STATE}', "has no pid"),
    (f"rm {STATE}; mkdir {STATE}", "is a folder, not a file"),
    (f"rmdir {STATE}; mkfifo {STATE}", "is a pipe, not a file"),
    (f"rm {STATE}; ln -s /dev/zero {STATE}", "leads to a device"),
    (f"rm {STATE}; head -c 11000000 /dev/zero >{STATE}", "cannot be read"),
)


def test_a_state_file_that_hermes_did_not_write(linux: Box, one: Operator) -> None:
    """It is unknown at once; an `up` neither waits nor restarts, and a restart mends it."""
    linux.user(f"cp {STATE} good")
    for breaks, words in DAMAGE:
        linux.user(breaks)
        row = seen(one, code=4)
        assert row["state"] == "unknown"
        assert any(words in reason for reason in row["reasons"]), row
    linux.user(f"rm {STATE}; echo garbage >{STATE}")
    pid = linux.pid(UNIT)
    run = one.up(code=None)
    assert (run.code != 0, run.json["seconds"] < 20, linux.pid(UNIT)) == (True, True, pid)
    assert "./inv fleet.restart -l linux-1/coder" not in run.out  # typed as this program is called
    shown = one.plain("fleet.status").out
    assert "fleet.restart -l linux-1/coder" in shown
    one.run("fleet.restart", "-l", "linux-1/coder", code=0)
    assert seen(one, code=0)["as_desired"]


# --- what only a restart ends -----------------------------------------------------------------


def test_a_key_that_was_replaced_is_taken_with_a_restart(linux: Box, one: Operator) -> None:
    """`up` restarts once; who restarted by hand has rotated the key, and nothing is left to do."""
    linux.user(f"sed -i s/KEY=.*/KEY={KEY}/ {ENV}")
    assert ("service:hermes-gateway-coder", "restart", "done") in one.up().changes("linux-1")
    assert seen(one, code=0)["as_desired"]
    linux.user(f"sed -i s/KEY=.*/KEY={KEY[:-1]}0/ {ENV}")
    restarted(linux)
    wait_until(lambda: seen(one)["as_desired"])  # it counts as ready after some seconds
    assert one.plan().totals["changes"] == 0
    assert KEY[:-1] in linux.user(f"cat {ENV}")


def test_a_record_that_is_gone_is_written_again(linux: Box, one: Operator) -> None:
    """Without a restart; and it tells again of a key that was replaced."""
    pid = linux.pid(UNIT)
    linux.user(f"rm {RECORD}")
    assert [change[0] for change in one.up().changes("linux-1")] == [f"file:{RECORD}"]
    assert linux.pid(UNIT) == pid
    assert one.plan().totals["changes"] == 0
    linux.user(f"sed -i s/KEY=.*/KEY={KEY}/ {ENV}")
    assert "API_SERVER_KEY" in seen(one, code=2)["reasons"][0]


LASTS = (
    (f"cp {ENV} good; echo API_SERVER_HOST=0.0.0.0 >>{ENV}", f"cat good >{ENV}",
     "its process listens on 0.0.0.0:8701"),
    (f"cp {CONFIG} good; printf 'platforms: {{webhook: {{enabled: true}}}}\\n' >>{CONFIG}",
     f"cat good >{CONFIG}", "its process has webhook"),
    (f"rm {HOME}/state.db*", "true", "still has state.db"),
)  # fmt: skip


def test_what_a_process_keeps_until_its_restart(linux: Box, one: Operator) -> None:
    """The files are as wanted again, and the process is not."""
    for breaks, mends, words in LASTS:
        linux.user(breaks)
        if mends != "true":
            restarted(linux)
        linux.user(mends)
        row = seen(one, code=2)
        assert any(words in reason for reason in row["reasons"]), row
        one.run("fleet.restart", "-l", "linux-1/coder", code=0)
        assert seen(one, code=0)["as_desired"]


# --- what root changes ------------------------------------------------------------------------

PID = "pgrep -u hermes -of 'profile coder gateway run'"
GROUPS = (  # of the first hierarchy that is there
    "$(ls -d /sys/fs/cgroup/systemd/user.slice/user-1000.slice/user@1000.service"
    " /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service 2>/dev/null)"
)
ROOTS = (
    (f"mv {CODE} /root/", f"mv /root/gateway {CODE}", "/gateway, is gone"),
    (f"cd /home/hermes/{HOME} && mount --bind . . && mount -o remount,bind,ro $PWD",
     f"umount /home/hermes/{HOME}", "nothing can be written"),
    (f"cd /home/hermes/{HOME} && mount --bind .env .env && mount -o remount,bind,ro .env",
     f"umount /home/hermes/{ENV}", "/.env cannot be written, whatever its mode"),
    (f"cp -p {CODE}/run.py /root/ && echo 'def (' >>{CODE}/run.py",
     f"cp -p /root/run.py {CODE}/", "gateway/run.py is no Python any more"),
    (f"cp -a {PYTHON} /root/python && ln -sfn /bin/sh {PYTHON}",
     f"rm {PYTHON} && cp -a /root/python {PYTHON}", "does not run, or does not find the code"),
    (f"echo $({PID}) >{GROUPS}/init.scope/cgroup.procs",
     f"echo $({PID}) >{GROUPS}/app.slice/{UNIT}/cgroup.procs", "was moved into the control group"),
    ("systemctl set-property user@1000.service CPUQuota=5%",
     "rm -r /etc/systemd/system.control && systemctl daemon-reload", "sets CPUQuota=5% for all of"),
)  # fmt: skip


def test_what_root_took_from_a_gateway(linux: Box, one: Operator) -> None:
    """It could not start again, or writes nothing any more."""
    for breaks, mends, words in ROOTS:
        linux.sh(breaks)
        try:
            row = seen(one, code=2)
        finally:
            linux.sh(mends)
        assert any(words in reason for reason in row["reasons"]), row
        assert seen(one, code=0)["as_desired"]


def test_nothing_is_restarted_into_damaged_code(linux: Box, one: Operator) -> None:
    """Whoever asks for it: what runs has its code in memory, and its settings stay as they are."""
    pid = linux.pid(UNIT)
    linux.sh(f"mv {CODE}/session.py /root/")
    try:
        run = one.run("fleet.restart", "-l", "linux-1/coder", code=1)
    finally:
        linux.sh(f"mv /root/session.py {CODE}/")
    assert "gateway/session.py is gone" in run.out
    assert linux.pid(UNIT) == pid
    one.run("fleet.restart", "-l", "linux-1/coder", code=0)
    assert linux.pid(UNIT) != pid


HINTS = (
    # who breaks it, and how: the user, or root
    ("mkdir -p .config/environment.d; echo PYTHONPATH=/srv/x >.config/environment.d/x.conf;"
     " systemctl --user set-environment PYTHONPATH=/srv/x LD_PRELOAD=", ""),
    (f"echo HERMES_HOME=/srv/other >>{ENV}", ""),
    ("systemctl --user mask default.target", ""),
    ("", "ln -s /dev/null /etc/systemd/system/user@.service"),
    (f"printf '[Unit]\\nConflicts={UNIT}\\n' >{FOLDER}/foe.service", ""),
    ("", f"mkdir -p /etc/systemd/user/{UNIT}.d; echo >/etc/systemd/user/{UNIT}.d/x.conf"),
    (f"touch {HOME}/asyncio.py", ""),
)  # fmt: skip


def test_the_next_command_of_what_was_broken_mends_it(linux: Box, one: Operator) -> None:
    """It is typed as it stands, by the user, who may become root."""
    for by_user, by_root in HINTS:
        linux.user(by_user or "true")
        linux.sh(by_root or "true")
        trouble = one.run("fleet.status", code=2).json["items"][0]
        done = linux.user_done(trouble["next"].removeprefix("on the host: "))
        assert done.returncode == 0, (trouble, done.stderr)
        wait_until(lambda: seen(one)["as_desired"])


def test_a_manager_that_nobody_can_ask(linux: Box, one: Operator) -> None:
    """Its gateways are not stopped, as nothing could start them again; the hint mends it."""
    pid = linux.pid(UNIT)
    linux.sh("rm -rf /run/user/1000/*")
    assert seen(one, code=4)["state"] == "unknown"
    one.up(code=4)
    assert str(pid) in linux.sh("pgrep -u hermes -f 'gateway run'").split()
    hint = "sudo systemctl restart user@1000.service"
    assert f"on the host: {hint}" in one.plain("fleet.status").out
    linux.sh(hint)
    wait_until(lambda: seen(one)["as_desired"])


@pytest.fixture
def moved(linux: Box, one: Operator) -> Iterator[Operator]:
    """The operator, after the home of the account was changed while the gateway runs."""
    linux.sh(
        "cp -p /etc/passwd /etc/passwd.kept && mkdir /home/moved && cp -a /home/hermes/.ssh"
        " /home/moved/ && chown hermes: /home/moved"
        " && sed -i s,:/home/hermes:,:/home/moved:, /etc/passwd"
    )
    try:
        yield one
    finally:
        linux.sh("mv /etc/passwd.kept /etc/passwd; rm -rf /home/moved")


def test_the_home_of_the_account_was_changed(linux: Box, moved: Operator) -> None:
    """One sentence, nothing is made in the new home, and the gateway serves from the old one."""
    pid = linux.pid(UNIT)
    words = "the home of hermes is /home/moved, but its systemd still has /home/hermes"
    assert any(words in reason for reason in seen(moved, code=2)["reasons"])
    run = moved.up(code=1)
    assert words in run.err
    assert {change[2] for change in run.changes("linux-1")} <= {"failed", "skipped"}
    assert linux.sh("find /home/moved -name 'hermes*' ! -name hermes-ops") == ""
    assert linux.pid(UNIT) == pid


# --- units ------------------------------------------------------------------------------------

TEXT = (ROOT / "templates" / "systemd" / "service.service.j2").read_text()
BAD = (
    (f"{TEXT}\n[Service]\nMemoryMax=12Q\n", "Invalid memory limit '12Q'"),
    ("\n".join(line for line in TEXT.splitlines() if not line.startswith("ExecStart")) + "\n",
     "Refusing"),
)  # fmt: skip


def test_a_unit_that_systemd_would_not_take(linux: Box, operator: MakeOperator) -> None:
    """It is never on the disk; the old one serves on, and no restart is owed for it."""
    somebody = operator({linux: {"greeter": echo(8801)}})
    somebody.up()
    pid, text = linux.pid("echo-greeter.service"), linux.user(f"cat {FOLDER}/echo-greeter.service")
    template = somebody.inventory.parent / "roles" / "echo" / "templates" / "service.service.j2"
    for bad, words in BAD:
        template.write_text(bad)
        run = somebody.up(code=1)
        assert words in run.err
        assert linux.user(f"cat {FOLDER}/echo-greeter.service") == text
        assert linux.pid("echo-greeter.service") == pid
        assert linux.leftovers() == ""
    template.write_text(f"{TEXT}\n[Service]\nKeyOfANewerSystemd=1\n")
    somebody.up()
    template.unlink()
    somebody.up()
    assert somebody.plan().totals["changes"] == 0
