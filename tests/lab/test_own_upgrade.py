"""hermes-ops itself is upgraded: what an earlier one brought up runs on, and is understood."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import ROOT, Box, Operator, Profiles, Run, echo, gateway, write_inventory

from hermes_ops.lab import pipconfig

pytestmark = pytest.mark.lab

EARLIER = "3690e31"
"""The commit that others have: the last before formats had numbers."""
CODER, WRITER, GREETER = (
    "hermes-gateway-coder.service",
    "hermes-gateway-writer.service",
    "echo-greeter.service",
)
REFERENCE = "a-value-of-the-environment"
CODE = {
    "config": {"model": {"default": "a/b"}, "display": {"skin": "mono"}},
    "env": {"EXAMPLE_API_KEY": {"env": "EXAMPLE"}, "EXAMPLE_WORD": "plain words"},
    "soul": "soul.md",
    "files": {"notes/one.md": {"content": "one\n"}, "notes/two.md": {"content": "two\n"}},
}
PROFILES = {
    "coder": gateway(8701, **CODE),
    "writer": gateway(8702, state="stopped"),
    "greeter": echo(8801),
}


@dataclass(frozen=True, slots=True)
class Earlier(Operator):
    """The same person, who has not upgraded yet."""

    checkout: Path = ROOT

    def words(self, *words: str) -> list[str]:
        return [str(self.checkout / "inv"), *words]


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier version in a folder of its own, with the environment that it makes there."""
    found = git("rev-parse", "--quiet", "--verify", f"{EARLIER}^{{commit}}")
    if found.returncode:
        pytest.fail(f"this clone has no commit {EARLIER}: it needs a whole one, not a shallow one")
    folder = tmp_path_factory.mktemp("earlier") / "hermes-ops"
    folder.mkdir()
    archive = git("archive", "--format=tar", EARLIER)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    # Its first call makes the environment, from the same index as ours.
    environ = os.environ | pipconfig.settings()
    subprocess.run([str(folder / "inv"), "--version"], env=environ, check=True)
    return folder


def git(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=False)


@pytest.fixture
def before(linux: Box, operator: MakeOperator, earlier: Path) -> Earlier:
    """A host that the earlier version brought up, and who did it."""
    somebody = person(operator, linux, PROFILES)
    environ = {"EXAMPLE": REFERENCE}
    old = Earlier(somebody.home, somebody.inventory, environ, earlier)
    old.up()
    assert old.plan().totals["changes"] == 0
    return old


def person(operator: MakeOperator, box: Box, profiles: Profiles) -> Operator:
    """Return somebody whose inventory has a soul beside it."""
    made = operator({box: profiles})
    (made.inventory / "soul.md").write_text("Be brief.\n")
    return made


def upgraded(old: Earlier) -> Operator:
    """Return the same person with this checkout."""
    return Operator(old.home, old.inventory, old.environ)


def wants(old: Operator, box: Box, profiles: Profiles) -> None:
    """Let the inventory say something else."""
    write_inventory(old.inventory.parent, {box: profiles})


def processes(box: Box) -> Mapping[str, int]:
    """Return the process of each service that runs, 0 for the one that does not."""
    return {unit: box.pid(unit) for unit in (CODER, WRITER, GREETER)}


def restarts_nothing(run: Run, box: Box) -> None:
    """Check that a run came near no process."""
    verbs = {action for _, action, _ in run.changes(box.name)}
    assert not verbs & {"start", "stop", "restart", "reload"}, run.out


def test_nothing_restarts_and_all_is_understood(linux: Box, before: Earlier) -> None:
    """After an upgrade the first run restarts nothing, the next one has nothing to do."""
    now, pids, files = upgraded(before), processes(linux), contents(linux)
    assert pids[CODER]
    assert pids[GREETER]
    assert not pids[WRITER]
    first = now.run("fleet.up", code=0)
    restarts_nothing(first, linux)
    assert first.json["verify"]["passed"] == first.json["verify"]["expected"] > 0
    assert processes(linux) == pids
    assert now.plan().totals["changes"] == 0
    assert now.run("fleet.ps").code == 0
    drifts = {p["profile"]: p["drift"] for p in now.run("fleet.ps").json["hosts"][0]["profiles"]}
    assert drifts == {"coder": False, "writer": False, "greeter": False}
    assert contents(linux) == files, "there was nothing to write, not even a number"
    assert {run["task"] for run in now.run("runs.list").json["items"]} == {"fleet.up", "fleet.plan"}


def contents(box: Box) -> Mapping[str, str]:
    """Return the files of ours: those that are owned, and those that remember."""
    script = (
        "for file in .hermes/profiles/*/.hermes-ops.yml .hermes/profiles/*/.env"
        " .config/systemd/user/*.service .config/systemd/user/*.d/*; do"
        " echo $(sha256sum $file | cut -c1-64) $file; done"
    )
    return {line[65:]: line[:64] for line in box.user(script).splitlines()}


def test_what_the_earlier_one_wrote_is_known_as_ours(linux: Box, before: Earlier) -> None:
    """Keys, names and files that leave the inventory leave the host; a key made there stays."""
    now, home = upgraded(before), ".hermes/profiles/coder"
    key = linux.user(f"grep ^API_SERVER_KEY= {home}/.env")
    fewer = {
        **CODE,
        "config": {"model": {"default": "a/b"}},
        "env": {"EXAMPLE_API_KEY": {"env": "EXAMPLE"}},
        "files": {"notes/one.md": {"content": "one\n"}},
    }
    wants(now, linux, {**PROFILES, "coder": gateway(8701, **fewer)})
    now.up()
    assert "display" not in linux.user(f"cat {home}/config.yaml")
    assert "EXAMPLE_WORD" not in linux.user(f"cat {home}/.env")
    assert linux.user(f"ls {home}/notes") == "one.md"
    assert linux.user(f"grep ^API_SERVER_KEY= {home}/.env") == key
    assert "\nformat: 1\n" in linux.user(f"cat {home}/.hermes-ops.yml")
    assert now.plan().totals["changes"] == 0


def test_the_earlier_one_reads_what_this_one_writes(linux: Box, before: Earlier) -> None:
    """Back, or beside a colleague who has not upgraded: nothing restarts, and nothing is lost."""
    now, home = upgraded(before), ".hermes/profiles/coder"
    other = {**CODE, "config": {"model": {"default": "a/c"}}}
    wants(now, linux, {**PROFILES, "coder": gateway(8701, **other)})
    now.up()
    assert "\nformat: 1\n" in linux.user(f"cat {home}/.hermes-ops.yml")
    pids, key = processes(linux), linux.user(f"grep ^API_SERVER_KEY= {home}/.env")
    fewer = {**other, "files": {"notes/one.md": {"content": "one\n"}}}
    wants(now, linux, {**PROFILES, "coder": gateway(8701, **fewer)})
    # Each has a text of its own of the script that a planned stop runs: no service reads it before.
    script = ("file:.local/share/hermes-ops/planned-stop", "update")
    # The wrapper has made ~/.local/bin, which the earlier one wants on the PATH of every unit.
    folder = {(f"file:.config/systemd/user/{WRITER}", "update"), ("manager:systemd", "reload")}
    run = before.up()
    assert {(resource, action) for resource, action, _ in run.changes(linux.name)} - folder == {
        (f"file:{home}/notes/two.md", "remove"),
        (f"file:{home}/.hermes-ops.yml", "update"),
        script,
    }
    restarts_nothing(now.up(), linux)
    assert processes(linux) == pids
    assert linux.user(f"grep ^API_SERVER_KEY= {home}/.env") == key
    assert now.plan().totals["changes"] == 0
    changes = before.plan(code=2).changes(linux.name)
    assert [(resource, action) for resource, action, _ in changes] == [script]


def test_a_newer_one_was_here(linux: Box, operator: MakeOperator) -> None:
    """A memory of a newer format keeps this one from writing to its profile, and from no other."""
    now = person(operator, linux, {"coder": gateway(8701), "greeter": echo(8801)})
    now.up()
    home = ".hermes/profiles/coder"
    linux.user(f"sed -i 's/^format: 1$/format: 2/' {home}/.hermes-ops.yml")
    linux.user(f"grep -q '^format: 2$' {home}/.hermes-ops.yml")
    wanted = {
        "coder": gateway(8701, config={"model": {"default": "a/b"}}, soul="soul.md"),
        "greeter": echo(8801, "goodbye"),
    }
    wants(now, linux, wanted)
    files, pid = linux.tree(f"/home/hermes/{home}"), linux.pid(CODER)
    run = now.up(code=1)
    assert run.host(linux.name)["outcome"] == "failed"
    (because,) = (
        change["because"]
        for change in run.host(linux.name)["changes"]
        if (change["profile"], change["outcome"]) == ("coder", "failed")
    )
    assert because.startswith(f"conflict: a newer hermes-ops wrote ~/{home}/.hermes-ops.yml")
    assert "upgrade hermes-ops on this machine" in because
    there = linux.tree(f"/home/hermes/{home}")
    written = [path for path in files if path.endswith((".env", ".yaml", ".yml", ".md"))]
    assert written
    assert {path: there.get(path) for path in written} == {path: files[path] for path in written}
    assert not any(path.endswith("SOUL.md") for path in there.keys() - files.keys())
    assert linux.pid(CODER) == pid
    assert "goodbye" in linux.user("cat .local/share/echo/greeter/www/index.html")
    assert now.plan(code=1).host(linux.name)["outcome"] == "failed"
