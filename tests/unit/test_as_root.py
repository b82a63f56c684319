"""What root does for services of the system: asked by a user, and nothing but what was agreed."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import NEW, applied, desired, roles

from hermes_ops.apply import Terms, compile_plan
from hermes_ops.commands.fleet.status import seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.errors import Conflict, MissingPrivilege, NoSuchUser, Unreachable
from hermes_ops.inventory.model import Connection, HermesSettings, Host
from hermes_ops.look.facts import Facts, PathState
from hermes_ops.look.scopes import without_others
from hermes_ops.plan import Plan, make_plan, model
from hermes_ops.plan.lifecycle.rights import needs_root
from hermes_ops.plan.model import Change
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.services.definition import HostWritten, Text
from hermes_ops.services.systemd_system import refuse_unsafe
from hermes_ops.transport import Local, become
from hermes_ops.transport.become import beside_root, sent
from hermes_ops.wire import Script

CASE = {"desired": {"coder": {}}, "host": {"manager": "systemd-system"}}
MAY = replace(NEW, user=getpass.getuser(), uid=os.getuid(), group="hermes", may_root=True)
UNIT = "hermes-gateway-coder.service"
FILE = f"/etc/systemd/system/{UNIT}"
PASSWORD = "correct horse"


@dataclass
class Bench:
    """A folder that stands for the system's own, and programs before the real ones."""

    folder: Path

    def program(self, name: str, text: str) -> None:
        """Put a program before the real one."""
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def here(self, text: str) -> str:
        """Return a text whose absolute paths are in this folder."""
        moved = text.replace("/etc/systemd/system", f"{self.folder}/etc")
        return moved.replace("/var/run/", f"{self.folder}/run/").replace("/usr/bin:/bin", SYSTEM)

    def run(self, plan: Plan, asks: str, host: Host | None = None) -> str:
        """Let a user's script ask root's part of a plan, and return what it prints."""
        compiled = compile_plan(plan, Terms())
        assert compiled.root
        helper = "".join(
            match[0]
            for match in re.finditer(
                r"^(?:open_root|by_root)\(\) .*?^}\n", compiled.text, re.M | re.S
            )
        )
        text = f"nonce={compiled.nonce} may_root=$1\n{helper}\n{asks}\n"
        script = Script(self.here(text), compiled.nonce, root=self.here(compiled.root))
        shown = subprocess.run(
            ["/bin/sh", "-c", beside_root(host or HERE, script)], input=sent(host or HERE, script),
            env={"PATH": f"{self.folder}/bin:{SYSTEM}", "HOME": str(self.folder)},
            capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        return shown.stdout.decode() + shown.stderr.decode()

    def is_left(self) -> list[Path]:
        """Return what root's part has left of its own room, once it had time to end."""
        end = time.monotonic() + 10
        while (left := list((self.folder / "run").iterdir())) and time.monotonic() < end:
            time.sleep(0.02)
        return left


SYSTEM = "/usr/bin:/bin"
ASKS = """
echo "$*" >>{log}
case " $* " in *" -n "*) exit 1 ;; esac
IFS= read -r given
[ "$given" = "correct horse" ] || exit 1
while :; do case $1 in --) shift; break ;; -[pu]) shift 2 ;; -*) shift ;; *) break ;; esac; done
exec "$@"
"""
"""A sudo that always wants the password."""
HERE = Host("here", Connection(kind="local"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench on which systemd says yes to all, and `id` that nobody is root."""
    made = Bench(tmp_path)
    for name in ("etc", "run"):
        (tmp_path / name).mkdir()
    made.program("systemctl", f'echo "$@" >>{tmp_path}/orders')
    made.program("systemd-analyze", "exit 0")
    made.program("id", "echo 1000")
    made.program("sudo", 'while :; do case $1 in -*) shift ;; *) break ;; esac; done; exec "$@"')
    return made


def numbers(plan: Plan) -> list[int]:
    """Return the changes that root makes."""
    return [n for n, change in enumerate(plan.changes) if needs_root(change.operation)]


@pytest.mark.slow
def test_root_makes_each_change_when_it_is_asked(bench: Bench) -> None:
    """Files as they were planned, the link, and the orders; nothing is left but these.

    What replaces a file is on the disk before.
    """
    plan = make_plan(desired(CASE), MAY)
    bench.program("sync", f'ls "$@" >>{bench.folder}/synced')
    first, *rest = numbers(plan)
    words = "\n".join(f"by_root {n} || echo failed {n}" for n in (f"stage_{first}", first, *rest))
    assert bench.run(plan, f"open_root\n{words}") == ""
    etc = bench.folder / "etc"
    assert "\nUser=" in (etc / UNIT).read_text()
    assert (etc / f"{UNIT}.d/50-hermes-ops.conf").stat().st_mode & 0o777 == 0o644
    assert (etc / "multi-user.target.wants" / UNIT).readlink() == Path("..", UNIT)
    assert not list(etc.rglob(".*hermes-ops*"))
    synced = (bench.folder / "synced").read_text()
    assert all(f"/.{name}.hermes-ops." in synced for name in (UNIT, "50-hermes-ops.conf"))
    assert (bench.folder / "orders").read_text().splitlines()[-2:] == [
        "--system daemon-reload", f"--system --no-block start {UNIT}",
    ]  # fmt: skip
    assert bench.is_left() == []


@pytest.mark.parametrize("asked", ["rm", "99", "$(id)", "; id", "../1", ""])
def test_root_does_nothing_else(asked: str, bench: Bench) -> None:
    """Whatever a user's process asks: only parts that came from the operator have names."""
    plan = make_plan(desired(CASE), MAY)
    said = bench.run(plan, f'open_root\nby_root {asked!r}; echo " $?"')
    assert said == "this was not agreed on 1\n"
    assert not list((bench.folder / "etc").iterdir())


@pytest.mark.slow
def test_what_systemd_refuses_is_not_written(bench: Bench) -> None:
    """Nothing of it stays, and its words are told."""
    bench.program("systemd-analyze", f'echo "{UNIT}: bad"')
    plan = make_plan(desired(CASE), MAY)
    first = numbers(plan)[0]
    said = bench.run(plan, f'open_root\nby_root stage_{first}; echo " $?"')
    assert said == f"systemd would not take it: {UNIT}: bad 1\n"
    assert not [path for path in (bench.folder / "etc").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_the_password_is_read_by_sudo_alone(bench: Bench) -> None:
    """It is on the input, in no argument, and the user's script does not get it."""
    log = bench.folder / "words"
    bench.program("sudo", ASKS.format(log=log))
    host = replace(HERE, connection=replace(HERE.connection, become_password=Secret(PASSWORD)))
    plan = make_plan(desired(CASE), MAY)
    asks = 'open_root; by_root nothing; echo " $? [$secret]"; cat'
    assert bench.run(plan, asks, host) == "this was not agreed on 1 []\n"
    assert PASSWORD not in log.read_text()
    wrong = replace(HERE, connection=replace(HERE.connection, become_password=Secret("x")))
    assert bench.run(plan, "open_root || echo no root", wrong) == "no root\n"


def test_without_the_right_nothing_is_planned() -> None:
    """It is told in the look, with the change that needs it and what allows it."""
    with pytest.raises(MissingPrivilege, match="cannot become root with sudo; nothing") as caught:
        make_plan(desired(CASE), replace(MAY, may_root=False))
    assert caught.value.hint.startswith("let root log in (ansible_user: root), or install sudo;")
    refused = replace(MAY, may_root=False, tools=frozenset({"sudo"}))
    with pytest.raises(MissingPrivilege) as caught:
        make_plan(desired(CASE), refused)
    assert caught.value.hint.startswith("give --ask-become-pass, set ansible_become_password, or")
    held = applied(make_plan(desired(CASE), MAY), MAY)
    assert make_plan(desired(CASE), replace(held, may_root=False)).is_empty


def test_who_only_looks_needs_no_right() -> None:
    """A gateway that is not as wanted is seen as what it is, with sudo or without."""
    known = desired(CASE)
    seen = seen_from(Look(known.host, known, replace(MAY, may_root=False)), roles())
    assert (seen.error, [one.verdict.state for one in seen.profiles]) == (None, ["absent"])


def test_what_the_system_still_runs_ends_with_no_session() -> None:
    """Before a move to the user's scope: linger that is off ends nothing yet."""
    found = applied(make_plan(desired(CASE), MAY), MAY)
    known = desired({**CASE, "host": {"manager": "systemd"}})
    (seen,) = seen_from(Look(known.host, known, replace(found, linger=False)), roles()).profiles
    assert seen.verdict.reasons == ("systemd-system runs it, not systemd",)


def test_leaving_a_scope_stops_the_service_before_its_files_go() -> None:
    """One plan: the old unit ends and goes, the new one comes; and the same the other way."""
    for old, new in (("systemd", "systemd-system"), ("systemd-system", "systemd")):
        was, wanted = ({**CASE, "host": {"manager": name}} for name in (old, new))
        found = applied(make_plan(desired(was), MAY), MAY)
        changes = make_plan(desired(wanted), found).changes
        kinds = [type(c.operation) for c in changes if c.profile]
        assert kinds[0] is model.Control and kinds[-1] is model.Control
        assert kinds.index(model.Remove) < kinds.index(model.Write)


def others(text: str) -> Facts:
    """Return the facts of a host whose system has this unit of the profile."""
    state = PathState("file", 0o644, 0, len(text))
    return without_others(replace(MAY, paths={FILE: state}, contents={FILE: text}))


@pytest.mark.parametrize(
    ("text", "user"), [("[Service]\nUser=agent-2\n", "agent-2"), ("[Service]\n", "root")]
)
def test_a_unit_of_another_user_is_not_ours(text: str, user: str) -> None:
    """It is neither read nor replaced: a name stands for one unit of the host."""
    if user == MAY.user:
        text, user = "[Service]\nUser=somebody\n", "somebody"
    found = others(text)
    assert (found.paths, found.taken) == ({}, {FILE: user})
    refused = [c.operation for c in make_plan(desired(CASE), found).changes]
    assert any(f"runs a gateway of {user}" in str(getattr(op, "message", "")) for op in refused)
    assert not any(isinstance(op, model.Write) for op in refused)


@pytest.mark.parametrize("name", [MAY.user, str(MAY.uid)])
def test_a_unit_of_the_user_is_read(name: str) -> None:
    """By its name or its number."""
    assert FILE in others(f"[Service]\nUser={name}\n").paths


def test_a_unit_never_runs_as_root_by_mistake() -> None:
    """A role's own template that names no user is refused, whatever else it says."""
    path = PurePosixPath(FILE)
    with pytest.raises(Conflict, match="does not run as"):
        refuse_unsafe(Text(path, "[Service]\nExecStart=/x\n", base=True), MAY, {})
    with pytest.raises(Conflict, match=r"the system unit of Hermes 0\.17\.0 is not known"):
        refuse_unsafe(HostWritten(path, (), ()), MAY, {"program_version": "0.17.0"})


def test_a_user_that_does_not_exist_is_told() -> None:
    """That is no fault of the connection, and the inventory can have it made."""
    host = replace(HERE, hermes=HermesSettings(user="nobody-has-this"))
    with pytest.raises(NoSuchUser, match="there is no user nobody-has-this") as caught:
        Local(host).exchange(Script("echo 0 hello\n", "0"))
    assert not isinstance(caught.value, Unreachable)
    assert "hermes_user_create: true" in (caught.value.hint or "")
    assert "nobody-has-this" in become.become(host)


@pytest.mark.slow
def test_another_user_behind_a_password(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shell of that user gets it before all else: exchange, session, and a file."""
    log = bench.folder / "words"
    bench.program("sudo", ASKS.format(log=log))
    monkeypatch.setenv("PATH", f"{bench.folder}/bin:{SYSTEM}")
    monkeypatch.setenv("HOME", str(bench.folder))
    connection = replace(HERE.connection, become_password=Secret(PASSWORD))
    host = Host("here", connection, hermes=HermesSettings(user="svc"))
    reply = Local(host).exchange(Script("echo 0 first; echo 0 done\n", "0"))
    assert ([record.word for record in reply.records], reply.complete) == (["first"], True)
    shell = Local(host).session()
    assert shell.run("printf x") == (0, b"x", b"")
    shell.close()
    source = bench.folder / "source"
    source.write_bytes(b"a\nb\n" * 1000)
    remote: Any = Local(host).terminal(
        'echo "[$(stty -a | tr " " "\\n" | grep echo$)]"; read x; echo "<$x>"'
    )
    remote.write(b"typed\n")
    said = b""
    while part := remote.read():
        said += part
    assert set(said.split()) == {b"[echo]", b"typed", b"<typed>"}
    assert remote.wait() == 0
    Local(host).put(source, PurePosixPath("there/it"))
    assert (bench.folder / "there" / "it").read_bytes() == source.read_bytes()
    assert PASSWORD not in log.read_text()


def test_root_keeps_the_machine_awake_and_the_user_gets_no_password() -> None:
    """What the user's script asks root for is what was planned; the password stays outside."""
    words = ("inhibit_on", "system", "hermes-awake-1000.service", "", "", "[Service]\n")
    changes = [
        Change("awake.on", None, "awake", "create", "absent", AwakeOrder((), root=words)),
        Change("linger.enable", None, "linger", "enable", "off", model.EnableLinger(required=True)),
    ]
    connection = replace(HERE.connection, user="admin", become_password=Secret(PASSWORD))
    host = replace(HERE, connection=connection, hermes=HermesSettings(user=MAY.user))
    plan = Plan(host, tuple(changes), user=(MAY.uid, MAY.user))
    script = compile_plan(plan, Terms())
    assert script.root and "do_0() {\ninhibit_on system hermes-awake-1000.service" in script.root
    assert "run 0 by_root 0\n" in script.text
    assert PASSWORD not in script.text + script.root + script.before


def test_what_keeps_awake_fails_alone_without_root() -> None:
    """No profile depends on it: the script goes on, where anything else of root's would end it."""
    order = AwakeOrder(("pmset_back", "sleep"), "pmset:sleep", root=("pmset_each", "-c sleep 1"))
    change = Change("awake.on", None, "pmset:sleep", "update", "is not wanted", order)
    text = compile_plan(Plan(HERE, (change,), user=(MAY.uid, MAY.user)), Terms()).text
    assert "\nopen_root || :\n" in text
    assert "\nroot_part=0\nrun 0 pmset_back sleep\n" in text


def test_hardening_hides_no_gateway_from_its_user() -> None:
    """A namespace of users that root makes would: then nobody could tell whose process it is."""
    case = {**CASE, "desired": {"coder": {"service": {"hardening": True}}}}
    changes = make_plan(desired(case), MAY).changes
    texts = [str(c.operation.content) for c in changes if isinstance(c.operation, model.Write)]
    (own,) = [text for text in texts if "NoNewPrivileges=yes" in text]
    assert "PrivateTmp=yes" in own
    assert "PrivateUsers" not in own
