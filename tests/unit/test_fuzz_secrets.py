"""Whatever a run prints, writes or starts, no secret is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from leaking import KINDS, ROOT, Fleet, make_fleet, write_told

from hermes_ops.secrets.sources import SOURCES

COMMANDS = (
    ("profile.configure", "--diff", "-v"),
    ("profile.configure", "--json", "--diff", "-v", "--why", "WHY"),
    ("fleet.plan", "--diff", "-v"),
    ("fleet.plan", "--json"),
    ("fleet.verify", "--junit", "home/junit.xml"),
    ("fleet.verify", "--json"),
    ("fleet.ps", "-v"),
    ("fleet.ps", "--json"),
    ("inventory.show",),
    ("inventory.show", "--json"),
    ("inventory.list",),
    ("inventory.list", "--json"),
    ("secrets.show",),
    ("secrets.show", "--json"),
    ("hosts.facts", "-v"),
    ("runs.list",),
)
QUICK = (COMMANDS[1],)


def swept(fleet: Fleet, commands: tuple[tuple[str, ...], ...]) -> None:
    """Run all commands, and look through every byte."""
    for command in commands:
        words = [fleet.secrets[0] if word == "WHY" else word for word in command]
        ended = fleet.run(*words)
        assert ended.returncode != 130
        assert b"bug in hermes-ops" not in ended.stderr, ended.stderr.decode()
        for stream in (ended.stdout, ended.stderr):
            assert not fleet.seen_in(stream), (command, fleet.seen_in(stream), stream.decode())
    for name, content in fleet.written():
        assert not fleet.seen_in(content), (name, fleet.seen_in(content))
    given = [f"\0--why\0{fleet.secrets[0]}".encode()]  # the operator's own words
    for argv in fleet.argv:
        if not any(own in argv for own in given):
            assert not fleet.seen_in(argv), argv


def test_every_source_is_swept() -> None:
    """A kind of source that is new is planted here as well."""
    missing = sorted(set(SOURCES) - set(KINDS))
    assert not missing, (
        f"give {missing} a value in `planted_as` of tests/unit/leaking.py, and add it to KINDS"
    )


def was_told(fleet: Fleet) -> None:
    """Check that there was something to hide: the host said it all, and it was masked."""
    env = (fleet.home / ".leaky/good/.env").read_text()
    assert all(f"S{number}=" in env for number in range(len(fleet.secrets)))
    journals = list(fleet.home.rglob("*.jsonl"))
    assert journals
    assert any("***" in journal.read_text() for journal in journals)


@pytest.mark.slow
def test_one_command(tmp_path: Path) -> None:
    """A host that echoes every secret in its error, told with all that can be told."""
    fleet = make_fleet(tmp_path, seed=1)
    swept(fleet, QUICK)
    was_told(fleet)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_every_command(seed: int, tmp_path: Path) -> None:
    """All that shows or writes, each with secrets of other shapes."""
    fleet = make_fleet(tmp_path, seed)
    swept(fleet, COMMANDS)
    was_told(fleet)


def counting(folder: Path) -> Fleet:
    """Return five profiles that share a secret, which a command gives and counts."""
    fleet = make_fleet(folder, seed=9)
    command = f"echo x >> {folder}/count; echo the-same-for-all-five"
    shared = {"role": "leaky", "env": {"SHARED": {"command": ["sh", "-c", command]}}}
    hosts = {"here": {
        "ansible_connection": "local", "hermes_profiles": {f"p{n}": shared for n in range(5)},
    }}  # fmt: skip
    (folder / "inventory/hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    return fleet


@pytest.mark.slow
def test_a_reference_is_resolved_once_a_run_and_late(tmp_path: Path) -> None:
    """One run of a command for five profiles; none for what needs no value."""
    fleet = counting(tmp_path)
    for words in (["inventory.show"], ["fleet.ps"]):
        assert fleet.run(*words).returncode in (0, 2)
    assert not (tmp_path / "count").exists()
    ended = fleet.run("profile.configure")
    assert ended.returncode == 0, ended.stderr.decode()
    assert (tmp_path / "count").read_text() == "x\n"
    for number in range(5):
        env = (fleet.home / f".leaky/p{number}/.env").read_text()
        assert "the-same-for-all-five" in env


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"command": ["sh", "-c", "cat {told} >&2; exit 7"]}, "failed with exit 7"),
        ({"command": ["cat", "{told}"]}, "its value has a line break"),
        ({"age": "-----BEGIN AGE ENCRYPTED FILE-----\n{value}\n"}, "this is not an age text"),
        ({"enf": "{value}"}, "not a known kind of reference"),
        ({"file": "/nowhere/at-all"}, "cannot be read"),
    ],
)
def test_bad_references_show_nothing(reference: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A sentence and exit 64, and of all that was at hand nothing is shown or written."""
    fleet = make_fleet(tmp_path, seed=10)
    profile = json.loads((tmp_path / "inventory/profiles/good.yml").read_text())
    text = json.dumps(reference).replace("{told}", str(fleet.home / "told"))
    profile["env"]["BAD"] = json.loads(text.replace("{value}", fleet.secrets[0].encode().hex()))
    for number in range(KINDS.index("keyring"), len(fleet.secrets), len(KINDS)):
        del profile["env"][f"S{number}"]  # it takes a second to ask
    fleet.secrets = [s for n, s in enumerate(fleet.secrets) if f"S{n}" in profile["env"]]
    write_told(fleet)
    (tmp_path / "inventory/profiles/good.yml").write_text(json.dumps(profile))
    (tmp_path / "inventory/profiles/bad.yml").write_text(json.dumps({"role": "failing"}))
    ended = fleet.run("profile.configure", "-v", "--json")
    shown = (ended.stdout + ended.stderr).decode()
    assert (ended.returncode, said in shown) == (64, True), shown
    assert not fleet.seen_in(ended.stdout + ended.stderr), shown
    assert not list(fleet.home.rglob(".leaky"))
    assert not any(fleet.seen_in(content) for _, content in fleet.written())


CRASHES = {
    "an exception": "raise ValueError(SECRET)",
    "an exception in a thread": "import threading\n"
    "t = threading.Thread(target=lambda: int(SECRET)); t.start(); t.join()",
    "a warning": "import warnings; warnings.warn(SECRET)",
    "a library's log": "import logging; logging.getLogger('x').error('it is %r', SECRET)",
    "print": "print('it is', SECRET); print(repr(SECRET), file=sys.stderr)",
    "a table": "from rich.console import Console; Console(stderr=True).print(SECRET)",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("crash", CRASHES)
def test_what_python_prints_passes_the_sink(crash: str) -> None:
    """Whoever prints it, and however it ends."""
    value = "s3cret/wiþ 'odd' letters"
    code = (
        "import sys; from hermes_ops.cli.output import REDACTOR, veil\n"
        f"veil(); SECRET = {value!r}; REDACTOR.learn(SECRET)\n{CRASHES[crash]}\n"
    )
    # In other digits, for Python repeats the line that failed.
    code = code.replace(repr(value), f"bytes({list(value.encode())}).decode()")
    words = [sys.executable, "-c", code]
    ended = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    shown = ended.stdout + ended.stderr
    assert "***" in shown
    assert "s3cret" not in shown
