"""The tasks on one profile, on a real host: show, delete, export, import, rename, describe."""

from __future__ import annotations

import base64
import json
import shlex
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

PORT = 8741
HERMES = "/opt/hermes/venv/bin/hermes"


@pytest.fixture
def box(linux: Box) -> Iterator[Box]:
    """A host with nothing on it, and nothing is left there."""
    yield linux
    linux.reset()


def test_what_a_host_has_of_a_profile(box: Box, operator: MakeOperator) -> None:
    """Size, description, state, record, commands; each setting by name, with where it is set."""
    coder = gateway(PORT, description="writes code", config={"model": {"default": "a/b"}})
    somebody = operator(
        {box: {"coder": {**coder, "env": {**coder["env"], "X_TOKEN": "abc-9-xyz"}}}}
    )
    target = f"{box.name}/coder"
    before = somebody.run("profile.show", target, code=2).json["items"][0]
    assert (before["exists"], before["state"], before["memory"]) == (False, "absent", None)
    box.user("mkdir -p .local/bin")  # Hermes' units have it in their PATH, if it is there
    somebody.up()
    box.user(f"{HERMES} -p default profile alias coder --name kim >/dev/null")
    sessions = box.sessions()
    (row,) = somebody.run("profile.show", target, code=0).json["items"]
    assert box.sessions() == sessions + 1
    assert (row["state"], row["managed"], row["as_desired"]) == ("healthy", True, True)
    assert row["home"]["path"] == ".hermes/profiles/coder"
    assert row["home"]["size_bytes"] > 10_000
    assert row["description"] == {"host": "writes code", "wanted": "writes code"}
    assert row["aliases"] == [".local/bin/kim"]
    assert row["memory"]["uid"] == 1000
    settings = {one["key"]: one for one in row["settings"]}
    model = settings["config.model.default"]
    assert (model["host"], model["wanted"], model["ours"]) == ("set", "same", True)
    assert "hosts.yml:" in model["where"]
    token = settings["env.X_TOKEN"]
    assert len(token["fingerprint"]) == 12
    assert settings["env.API_SERVER_KEY"]["fingerprint"] is None  # its value never leaves the host
    said = somebody.plain("profile.show", target, code=0).out
    assert "abc-9-xyz" not in said
    assert "a/b" not in said


def test_a_profile_that_nobody_named(box: Box, operator: MakeOperator) -> None:
    """It is shown as it is, and asks for nothing; of a name that is nowhere a near one is told."""
    box.user(f"{HERMES} -p default profile create scout --description 'looks around' >/dev/null")
    box.user("printf 'MY_TOKEN=tok-123456789\n' >.hermes/profiles/scout/.env")
    box.user(f"{HERMES} -p default profile use scout >/dev/null")
    somebody = operator({box: {"coder": gateway(PORT)}})
    (row,) = somebody.run("profile.show", f"{box.name}/scout", code=0).json["items"]
    assert (row["managed"], row["desired"], row["state"]) == (False, None, "absent")
    assert row["description"] == {"host": "looks around", "wanted": None}
    assert (row["aliases"], row["is_active"]) == ([".local/bin/scout"], True)
    keys = {one["key"]: one for one in row["settings"]}
    assert (keys["env.MY_TOKEN"]["host"], keys["env.MY_TOKEN"]["wanted"]) == ("set", None)
    plain = somebody.plain("profile.show", f"{box.name}/scout", code=0).out
    assert "does not name it" in plain
    assert "tok-123456789" not in plain
    missing = somebody.plain("profile.show", f"{box.name}/scot", code=64).err
    assert "did you mean 'scout'?" in missing


# --- delete -----------------------------------------------------------------------------------


def left_of(box: Box, name: str) -> list[str]:
    """Return every path of the user with this name in it."""
    return box.user(f"find . -path '*{name}*'").splitlines()


def test_a_deleted_profile_leaves_nothing(box: Box, operator: MakeOperator) -> None:
    """Service, drop-in, link, commands, folder and records go; a neighbour runs on."""
    both = {"scout": gateway(PORT), "coder": gateway(PORT + 1)}
    box.user("mkdir -p .local/bin .hermes")
    box.user(f"{HERMES} -p default profile create scout >/dev/null")
    box.user("printf 'model: x\n' >.hermes/profiles/scout/config.yaml")  # kept, as others wrote it
    box.user(f"{HERMES} -p default profile alias scout --name kim >/dev/null")
    box.user(f"{HERMES} -p default profile use scout >/dev/null")
    box.user("printf '#!/bin/sh\necho scout\n' >.local/bin/other; chmod +x .local/bin/other")
    both["scout"]["config"] = {"model": {"default": "a/b"}}
    operator({box: both}).up()
    pid = box.pid("hermes-gateway-coder")
    later = operator({box: {"coder": both["coder"]}})
    target, scout = f"{box.name}/scout", ".hermes/profiles/scout"
    refused = later.plain("profile.delete", target, code=64).err
    assert "no terminal to type 'scout' on" in refused
    ours = ("/home/hermes/.config", "/home/hermes/.local", f"/home/hermes/{scout}/.env")
    before = box.tree(*ours)
    checked = later.run("profile.delete", target, "--check", code=2)
    assert box.tree(*ours) == before
    planned = [resource for resource, _, _ in checked.changes(box.name)]
    assert "service:hermes-gateway-scout" in planned
    assert "file:.local/bin/kim" in planned
    sessions = box.sessions()
    done = later.run("profile.delete", target, "-y", "--no-export", code=0)
    assert box.sessions() == sessions + 2
    assert {outcome for _, _, outcome in done.changes(box.name)} == {"done"}
    assert left_of(box, "scout") == []
    assert box.user("ls .local/bin").split() == ["hermes-gateways", "other"]
    assert box.user("test ! -e .hermes/active_profile && echo gone") == "gone"
    assert box.user(f"ss -Htln 'sport = :{PORT}'") == ""
    assert box.pid("hermes-gateway-coder") == pid
    later.run("fleet.plan", code=0)
    missing = later.plain("profile.delete", target, "-y", code=64).err
    assert f"{box.name} has no profile 'scout'" in missing


def test_what_may_not_be_deleted(box: Box, operator: MakeOperator) -> None:
    """`default`, what the inventory wants, what is protected: 64, and the host is not asked."""
    somebody = operator({box: {"coder": gateway(PORT)}})
    sessions = box.sessions()
    wanted = somebody.plain("profile.delete", f"{box.name}/coder", "-y", code=64).err
    assert "still wants coder" in wanted
    assert "hosts.yml:1:" in wanted
    assert "state: absent" in wanted
    root = somebody.plain("profile.delete", f"{box.name}/default", "-y", code=64).err
    assert "Hermes' own folder" in root
    for bad in ("root", "Foo", "a/b", "../x"):
        somebody.plain("profile.delete", f"{box.name}/{bad}", "-y", code=64)
    locked = operator({box: {}}, own={box.name: {"hermes_protected": True}})
    protected = locked.plain("profile.delete", f"{box.name}/x", "-y", code=64).err
    assert "take its `protected` away" in protected
    assert "-l" not in protected
    assert box.sessions() == sessions


def test_an_absent_profile_and_a_forgotten_unit_are_deleted(
    box: Box, operator: MakeOperator
) -> None:
    """`state: absent` is no obstacle; a unit whose folder somebody removed goes too."""
    operator({box: {"coder": gateway(PORT), "scout": gateway(PORT + 1)}}).up()
    later = operator({box: {"coder": gateway(PORT, state="absent")}})
    later.run("profile.delete", f"{box.name}/coder", "-y", code=0)
    assert left_of(box, "coder") == []
    later.run("fleet.plan", "-l", f"{box.name}/coder", code=0)
    later.run("fleet.plan", code=2)  # the orphan is still there
    box.user("systemctl --user stop hermes-gateway-scout; rm -r .hermes/profiles/scout")
    later.run("profile.delete", f"{box.name}/scout", "-y", code=0)
    assert left_of(box, "scout") == []
    later.run("fleet.plan", code=0)


def test_a_folder_that_is_a_link_is_left(box: Box, operator: MakeOperator) -> None:
    """What it leads to is not ours to remove; nothing of the profile is touched."""
    operator({box: {"scout": gateway(PORT)}}).up()
    box.user("mv .hermes/profiles/scout elsewhere; ln -s ~/elsewhere .hermes/profiles/scout")
    box.user("touch elsewhere/mine")
    pid, somebody = box.pid("hermes-gateway-scout"), operator({box: {}})
    refused = somebody.plain("profile.delete", f"{box.name}/scout", "-y", code=1).out
    assert "rm ~/.hermes/profiles/scout" in refused
    assert box.user("ls elsewhere/mine; ls .hermes/profiles") == "elsewhere/mine\nscout"
    assert box.pid("hermes-gateway-scout") == pid != 0


def test_a_deletion_that_is_killed(box: Box, operator: MakeOperator) -> None:
    """Wherever the operator is killed: the next run finds it gone, or deletes what is left."""
    target = f"{box.name}/scout"
    before, later = operator({box: {"scout": gateway(PORT)}}), operator({box: {}})
    before.up()
    words = ("profile.delete", target, "-y", "--json")
    for at in (0, 2, 4, 6):
        later.driven({"at": at, "do": "kill"}, *words)
        wait_until(lambda: not box.user("ls -d .local/state/hermes-ops/lock || true"))
        last = later.run("profile.delete", target, "-y")
        assert last.code in (0, 64)
        assert left_of(box, "scout") == []
        before.up()
    later.run("profile.delete", target, "-y", code=0)


# --- export and import ------------------------------------------------------------------------

SECRETS = {
    "TELEGRAM_ALLOWED_TOKEN": "tg-1234567:AAH-secret-of-telegram",
    "OPENAI_API_KEY": 'sk-quoted"and\\\\slashed',
    "SHORT_PASSWORD": "hunter2!",
}
_GROW = """
import sqlite3, sys, time
db = sqlite3.connect(".hermes/profiles/scout/notes.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER, x TEXT)")
end = time.time() + 8
n = 0
while time.time() < end:
    db.execute("INSERT INTO t VALUES (?, ?)", (n, "row" * 20))
    n += 1
"""


def members(path: Path) -> dict[str, bytes]:
    """Return the files in an archive, below its one folder."""
    with tarfile.open(path, "r:gz") as archive:
        files = [member for member in archive if member.isfile()]
        return {
            member.name.partition("/")[2]: stream.read()
            for member in files
            if (stream := archive.extractfile(member))
        }


def test_an_archive_has_everything_but_credentials(
    box: Box, operator: MakeOperator, tmp_path: Path
) -> None:
    """No secret is in it, in any form; a database that is written meanwhile is whole.

    What is left out is named. It comes up on another name, and Hermes itself can import it.
    """
    scout = gateway(PORT, config={"model": {"default": "a/b", "api_key": "cfg-key-0123456789"}})
    scout["env"] |= SECRETS
    somebody = operator({box: {"scout": scout}})
    somebody.up()
    home = ".hermes/profiles/scout"
    box.user(f"printf 'I am scout' >{home}/memories/MEMORY.md; mkdir -p {home}/home/.ssh")
    box.user(f'echo \'{{"token": "auth-json-0123456789abcdef"}}\' >{home}/auth.json')
    box.user(
        f"echo key >{home}/home/.ssh/id_rsa; ln -s /etc/passwd {home}/link; mkfifo {home}/pipe"
    )
    box.user(f"echo 'it said hunter2! once' >{home}/workspace/chat.txt")
    generated = box.user(f"sed -n 's/^API_SERVER_KEY=//p' {home}/.env")
    box.user(f"printf %s {generated} | base64 >{home}/workspace/encoded.txt")
    box.user(f"echo {shlex.quote(_GROW)} >grow.py; (python3 grow.py >/dev/null 2>&1 &) ; sleep 1")
    pid, target = box.pid("hermes-gateway-scout"), f"{box.name}/scout"
    file = tmp_path / "scout.tar.gz"
    sessions = box.sessions()
    (row,) = somebody.run("profile.export", target, "--to", str(file), code=0).json["items"]
    assert box.sessions() == sessions + 1
    assert (box.pid("hermes-gateway-scout"), stat.S_IMODE(file.stat().st_mode)) == (pid, 0o600)
    assert row["archive"] == str(file)
    assert {*SECRETS, "API_SERVER_KEY"} <= set(row["env"])
    assert row["masked"] == ["config.model.api_key"]
    left = {one["path"]: one["why"] for one in row["left_out"]}
    assert {"auth.json", "home/.ssh", "link", "pipe", "workspace/chat.txt"} <= set(left)
    assert "SHORT_PASSWORD" in left["workspace/chat.txt"]
    assert "API_SERVER_KEY" in left["workspace/encoded.txt"]
    held = members(file)
    assert held["memories/MEMORY.md"] == b"I am scout"
    assert {"gateway.pid", "gateway_state.json", ".env", ".hermes-ops.yml"}.isdisjoint(held)
    everything = b"\n".join(held.values())
    values = [*SECRETS.values(), "cfg-key-0123456789", "auth-json-0123456789abcdef", generated]
    for value in values:
        for shape in (value, json.dumps(value)[1:-1], base64.b64encode(value.encode()).decode()):
            assert shape.encode() not in everything, value
    (tmp_path / "notes.db").write_bytes(held["notes.db"])
    copy = sqlite3.connect(tmp_path / "notes.db")
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert copy.execute("SELECT count(*) FROM t").fetchone()[0] > 0
    somebody.plain("profile.export", target, "--to", str(file), code=64)  # it exists

    # Under another name, by us and by Hermes.
    ranger = {**scout, "env": {**scout["env"], "API_SERVER_PORT": str(PORT + 1)}}
    ranger["env"] = {k: v for k, v in ranger["env"].items() if k != "SHORT_PASSWORD"}
    ranger["config"] = {}
    both = operator({box: {"scout": scout, "ranger": ranger}})
    new = f"{box.name}/ranger"
    both.run("profile.import", str(file), "--to", new, "--check", code=2)
    assert box.user("ls .hermes/profiles") == "scout"
    done = both.run("profile.import", str(file), "--to", new, code=0).json
    assert done["credentials"]["missing"] == ["SHORT_PASSWORD"]
    assert done["credentials"]["config"] == ["config.model.api_key"]
    assert "OPENAI_API_KEY" in done["credentials"]["from_inventory"]
    assert box.user("cat .hermes/profiles/ranger/memories/MEMORY.md") == "I am scout"
    assert box.user("stat -c %a .hermes/profiles/ranger/.env .hermes/profiles/ranger") == "600\n700"
    assert "unpack" not in box.user("ls -A .cache/hermes-ops .local/state/hermes-ops")
    again = both.plain("profile.import", str(file), "--to", new, code=1).out
    assert "~/.hermes/profiles/ranger is there already" in again
    both.up("-l", new)
    assert box.state("hermes-gateway-ranger") == "active"
    assert box.user("sed -n 's/.*api_key: *//p' .hermes/profiles/ranger/config.yaml") == "changeme"
    box.user_done("base64 -d >their.tar.gz", base64.b64encode(file.read_bytes()).decode())
    box.user(f"{HERMES} -p default profile import their.tar.gz --name third >/dev/null")
    assert box.user("cat .hermes/profiles/third/memories/MEMORY.md") == "I am scout"
    box.user(f"{HERMES} -p default profile export third -o third.tar.gz >/dev/null")
    theirs = tmp_path / "third.tar.gz"
    theirs.write_bytes(base64.b64decode(box.user("base64 third.tar.gz")))
    plain = both.plain("profile.import", str(theirs), "--to", f"{box.name}/fourth", code=0).out
    assert box.user("cat .hermes/profiles/fourth/memories/MEMORY.md") == "I am scout"
    assert "fourth" in plain


def test_a_deletion_leaves_an_archive(box: Box, operator: MakeOperator) -> None:
    """Exported first: the archive can be imported again; one too large keeps the profile."""
    operator({box: {"scout": gateway(PORT)}}).up()
    home = ".hermes/profiles/scout"
    box.user(f"printf 'I am scout' >{home}/memories/MEMORY.md")
    later = operator({box: {}})
    target = f"{box.name}/scout"
    box.user(f"truncate -s 2G {home}/workspace/noise")
    large = later.plain("profile.delete", target, "-y", code=1)
    assert "workspace/noise (2147 MB)" in large.err
    assert "--no-export" in large.err
    assert box.state("hermes-gateway-scout") == "active"
    box.user(f"rm {home}/workspace/noise")
    done = later.run("profile.delete", target, "-y", code=0).json
    archive = Path(done["archive"])
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert left_of(box, "scout") == []
    later.run("profile.import", str(archive), "--to", target, code=0)
    assert box.user(f"cat {home}/memories/MEMORY.md") == "I am scout"


# --- rename -----------------------------------------------------------------------------------


def test_a_renamed_profile_keeps_all_it_has(box: Box, operator: MakeOperator) -> None:
    """Folder, generated key, commands, sticky profile, records: all have the new name, and run.

    The inventory has it, and a second run of `fleet.up` changes nothing.
    """
    box.user("mkdir -p .local/bin")
    scout = gateway(PORT, description="looks around")
    coder = gateway(PORT + 1)
    coder["env"]["MY_TOKEN"] = {"env": "MY_TOKEN"}
    somebody = operator({box: {"scout": scout, "coder": coder}})
    (somebody.inventory / ".env").write_text("MY_TOKEN=tok-123456789\n")
    somebody.up()
    neighbour = box.pid("hermes-gateway-scout")
    home = ".hermes/profiles/coder"
    box.user(f"printf 'I am coder' >{home}/memories/MEMORY.md; date >{home}/logs/old.log")
    for name in ("coder", "kim"):
        box.user(f"{HERMES} -p default profile alias coder --name {name} >/dev/null")
    box.user(f"{HERMES} -p default profile use coder >/dev/null")
    key = box.user(f"grep API_SERVER_KEY {home}/.env")
    target, hosts = f"{box.name}/coder", somebody.inventory / "hosts.yml"
    text = hosts.read_text()
    ours = ("/home/hermes/.config", "/home/hermes/.local", f"/home/hermes/{home}/.env")
    before = box.tree(*ours)
    checked = somebody.plain("profile.rename", target, "builder", "--check", code=2).out
    assert '"builder": {' in checked
    assert (hosts.read_text(), box.tree(*ours)) == (text, before)
    done = somebody.run("profile.rename", target, "builder", code=0).json
    assert (done["totals"]["failed"], done["moved"][0]["outcome"]) == (0, "changed")
    assert hosts.read_text() == text.replace('"coder"', '"builder"')
    new = ".hermes/profiles/builder"
    assert box.user(f"cat {new}/memories/MEMORY.md; ls {new}/logs/old.log").startswith("I am coder")
    assert box.user(f"grep API_SERVER_KEY {new}/.env") == key
    assert box.user("ls .hermes/profiles") == "builder\nscout"
    assert left_of(box, "gateway-coder") == []
    assert box.user("ls .local/state/hermes-ops/written") == "gateway-builder"
    assert box.user("ls .local/bin").split() == ["builder", "hermes-gateways", "kim"]
    assert box.user("cat .local/bin/kim").endswith('-p builder "$@"')
    assert box.user("cat .hermes/active_profile") == "builder"
    assert box.state("hermes-gateway-builder") == "active"
    assert box.pid("hermes-gateway-scout") == neighbour
    somebody.run("fleet.plan", code=0)
    (row,) = somebody.run("profile.show", f"{box.name}/builder", code=0).json["items"]
    assert (row["state"], row["description"]["host"]) == ("healthy", None)
    # Again, as after a run that was cut off between the inventory and the hosts.
    again = somebody.run("profile.rename", target, "builder", code=0).json
    assert again["totals"]["changes"] == 0


def test_a_rename_that_is_killed(box: Box, operator: MakeOperator) -> None:
    """Wherever the operator is killed: the same command goes on, and nothing is lost."""
    somebody = operator({box: {"coder": gateway(PORT)}})
    somebody.up()
    box.user("printf 'I am coder' >.hermes/profiles/coder/memories/MEMORY.md")
    names = ["coder", "builder"]
    for at in (0, 2, 4, 7):
        old, new = names
        target = f"{box.name}/{old}"
        somebody.driven({"at": at, "do": "kill"}, "profile.rename", target, new, "--json")
        wait_until(lambda: not box.user("ls -d .local/state/hermes-ops/lock || true"))
        somebody.run("profile.rename", target, new, code=0)
        assert box.user(f"cat .hermes/profiles/{new}/memories/MEMORY.md") == "I am coder"
        assert box.user("ls .hermes/profiles") == new
        assert box.state(f"hermes-gateway-{new}") == "active"
        somebody.run("fleet.plan", code=0)
        names.reverse()


def test_what_is_at_the_new_name_is_left(box: Box, operator: MakeOperator) -> None:
    """A folder that nobody named stays; the profile runs on, the inventory is as before."""
    somebody = operator({box: {"coder": gateway(PORT)}})
    somebody.up()
    pid = box.pid("hermes-gateway-coder")
    box.user("mkdir .hermes/profiles/builder")
    text = (somebody.inventory / "hosts.yml").read_text()
    refused = somebody.plain("profile.rename", f"{box.name}/coder", "builder", code=1)
    assert "~/.hermes/profiles/builder is there already" in refused.out
    assert box.pid("hermes-gateway-coder") == pid
    assert (somebody.inventory / "hosts.yml").read_text() == text, refused


def test_a_host_that_is_cut_off_is_renamed_later(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """The others have the new name, as the inventory has; the same command goes on with it."""
    one, two, _ = linuxes
    somebody = operator({one: {"coder": gateway(PORT)}, two: {"coder": gateway(PORT)}})
    quick = {"hermes_connect_timeout": 2, "hermes_settle": 0.5}
    hosts = somebody.inventory / "hosts.yml"
    document = json.loads(hosts.read_text())
    document["all"]["vars"] |= quick
    hosts.write_text(json.dumps(document))
    somebody.up()
    words = ("profile.rename", f"{one.name}/coder,{two.name}/coder", "builder")
    lab.cut(two.root, two.name)
    try:
        cut = somebody.plain(*words, code=3)
    finally:
        lab.heal(two.root, two.name)
    assert f"profile.rename '{two.name}/coder' builder" in cut.err
    assert hosts.read_text().count('"builder"') == 2
    assert (one.user("ls .hermes/profiles"), two.user("ls .hermes/profiles")) == (
        "builder",
        "coder",
    )
    somebody.run("profile.rename", f"{two.name}/coder", "builder", code=0)
    assert two.state("hermes-gateway-builder") == "active"
    somebody.run("fleet.plan", code=0)
    for box in (one, two):
        box.reset()


# --- describe ---------------------------------------------------------------------------------


def test_a_description_is_the_same_for_hermes_and_the_inventory(
    box: Box, operator: MakeOperator
) -> None:
    """Hermes reads what was written, other keys of its file stay, and no gateway is restarted."""
    somebody = operator({box: {"coder": gateway(PORT, description="writes code")}})
    target, hosts = f"{box.name}/coder", somebody.inventory / "hosts.yml"
    early = somebody.plain("profile.describe", target, "--text", "reviews", code=1).out
    assert "fleet.up creates the profile" in early
    assert '"description": "writes code"' in hosts.read_text()
    somebody.up()
    pid = box.pid("hermes-gateway-coder")
    (row,) = somebody.run("profile.describe", target, code=0).json["items"]
    assert row["description"] == {"host": "writes code", "wanted": "writes code"}
    notes = ".hermes/profiles/coder/profile.yaml"
    box.user(f"printf 'description: by Hermes\ndescription_auto: true\nmore: 1\n' >{notes}")
    words = "reviews: code, 'and' more"
    somebody.run("profile.describe", target, "--text", words, "--check", code=2)
    assert "by Hermes" in box.user(f"cat {notes}")
    somebody.run("profile.describe", target, "--text", words, code=0)
    (row,) = somebody.run("profile.describe", target, code=0).json["items"]
    assert row["description"] == {"host": words, "wanted": words}
    assert box.user(f"{HERMES} -p default profile describe coder") == words
    assert "more: 1" in box.user(f"cat {notes}")
    assert "description_auto: false" in box.user(f"cat {notes}")
    again = somebody.run("profile.describe", target, "--text", words, code=0)
    assert again.totals["changes"] == 0
    assert box.pid("hermes-gateway-coder") == pid
    somebody.run("fleet.plan", code=0)
    box.user(f"{HERMES} -p default profile create scout >/dev/null")
    text = hosts.read_text()
    somebody.run("profile.describe", f"{box.name}/scout", "--text", "looks around", code=0)
    assert box.user(f"{HERMES} -p default profile describe scout") == "looks around"
    assert hosts.read_text() == text
    for bad in ("", "a\nb", "x" * 600):
        somebody.plain("profile.describe", target, "--text", bad, code=64)
    somebody.plain("profile.describe", f"{box.name}/nobody", code=64)


# --- other hosts ------------------------------------------------------------------------------


def all_of_it(box: Box, somebody: Operator, archive: Path) -> None:
    """Show, export, rename, describe, delete and import one profile of a host."""
    memory = ".hermes/profiles/{}/memories/MEMORY.md"
    somebody.up()
    box.user(f"printf 'I am coder' >{memory.format('coder')}")
    target, new = f"{box.name}/coder", f"{box.name}/builder"
    (row,) = somebody.run("profile.show", target, code=0).json["items"]
    assert row["home"]["size_bytes"] > 10_000
    somebody.run("profile.describe", target, "--text", "builds", code=0)
    somebody.run("profile.rename", target, "builder", code=0)
    somebody.run("fleet.plan", code=0)
    somebody.run("profile.export", new, "--to", str(archive), code=0)
    hosts = somebody.inventory / "hosts.yml"
    text = hosts.read_text()
    hosts.write_text(text.replace('"builder"', '"other"'))
    somebody.run("profile.delete", new, "-y", "--no-export", code=0)
    assert left_of(box, "builder") == []
    hosts.write_text(text)
    somebody.run("profile.import", str(archive), "--to", new, code=0)
    assert box.user(f"cat {memory.format('builder')}") == "I am coder"
    somebody.up()
    (row,) = somebody.run("profile.show", new, code=0).json["items"]
    assert (row["state"], row["description"]["host"]) == ("healthy", "builds")


def test_tools_as_a_mac_has_them(mac: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """Without /proc, under supervisord, and with no option that only GNU knows.

    Its gateway has no port: a simulated Mac frees one only a minute after its last connection.
    """
    all_of_it(mac, operator({mac: {"coder": {"description": "codes"}}}), tmp_path / "a.tar.gz")
    assert mac.sh("cat /run/refused 2>/dev/null || true") == ""


def test_as_another_user(box: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """With `hermes_user` all is that user's, and nothing is left with the one who logs in."""
    variables = {"ansible_user": "root", "hermes_user": "hermes"}
    somebody = operator({box: {"coder": gateway(PORT)}}, variables=variables)
    before = box.tree("/root")
    all_of_it(box, somebody, tmp_path / "a.tar.gz")
    assert {
        path: what for path, what in box.tree("/root").items() if before.get(path) != what
    } == {}


def test_an_import_that_is_killed(box: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """The folder is there as a whole, or not at all; then the same command makes it.

    The archive is larger than an answer of a host may be: it comes in parts.
    """
    somebody = operator({box: {"coder": gateway(PORT)}})
    somebody.up()
    box.user("head -c 20000000 /dev/urandom >.hermes/profiles/coder/workspace/noise")
    archive = tmp_path / "a.tar.gz"
    somebody.run("profile.export", f"{box.name}/coder", "--to", str(archive), code=0)
    for at in (0, 1):
        target = f"{box.name}/copy-{at}"
        words = ("profile.import", str(archive), "--to", target)
        somebody.driven({"at": at, "do": "kill"}, *words)
        wait_until(lambda: not box.user("ls -d .local/state/hermes-ops/lock || true"))
        again = somebody.run(*words)
        assert again.code == (0 if at == 0 else 1)  # it is there already
        same = f"cmp coder/workspace/noise copy-{at}/workspace/noise"
        assert "SOUL.md" in box.user(f"cd .hermes/profiles; {same}; ls copy-{at}")
    assert "unpack" not in box.user("ls -A .local/state/hermes-ops .cache/hermes-ops")
    assert "hermes-ops" not in box.user("ls -A /var/tmp")
