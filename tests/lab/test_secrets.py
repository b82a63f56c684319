"""Secrets of every kind on a real host: Hermes reads them back, and nobody else sees them."""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, gateway
from leaking import Fleet, values
from window import in_window

from hermes_ops.secrets import age
from hermes_ops.secrets.secret import Secret

pytestmark = pytest.mark.lab

VALUES = {
    "PLAIN_NOTE": "plain 'and' \"quoted\" # words",
    "GIVEN_NOTE": "given-by-the-environment=1",
    "FILED_TOKEN": "7012345678:AAFx0Zk3vQm9_rT4uLw8",
    "ASKED_TOKEN": "asked\\of$a`command",
    "AGED_TOKEN": "c0ffee00c0ffee11c0ffee22c0ffee33",
    "AGED_NOTE": "ünïcödé, with blanks  and a ; too",
}
READ = (
    "import json, sys; from hermes_cli.config import load_env; "
    "names = json.load(sys.stdin); env = load_env(); "
    "print(json.dumps({n: env.get(n) for n in names}))"
)


@pytest.fixture
def planted(operator: MakeOperator, linux: Box, tmp_path: Path) -> Operator:
    """An operator whose only profile has secrets of every kind."""
    age.make_identity(tmp_path / "key")
    keys = age.public_keys(tmp_path / "key")
    (tmp_path / "recipients").write_text("\n".join(keys))
    to = age.recipients(tmp_path / "recipients", "recipients")
    (tmp_path / "token").write_text(VALUES["FILED_TOKEN"] + "\n")
    (tmp_path / "asked").write_text(VALUES["ASKED_TOKEN"] + "\n")
    (tmp_path / "note.age").write_text(age.encrypt(Secret(VALUES["AGED_NOTE"]), to))
    env: dict[str, Any] = {
        "PLAIN_NOTE": VALUES["PLAIN_NOTE"],
        "GIVEN_NOTE": {"env": "GIVEN_NOTE"},
        "FILED_TOKEN": {"file": str(tmp_path / "token")},
        "ASKED_TOKEN": {
            "command": ["sh", "-c", f"echo x >> {tmp_path}/count; cat {tmp_path}/asked"]
        },
        "AGED_TOKEN": {"age": age.encrypt(Secret(VALUES["AGED_TOKEN"]), to)},
        "AGED_NOTE": {"age": str(tmp_path / "note.age")},
    }
    profiles = {f"bot-{n}": gateway(8701 + n, env=env) for n in range(2)}
    made = operator({linux: profiles}, variables={"hermes_ready_timeout": 8})
    known = {"GIVEN_NOTE": VALUES["GIVEN_NOTE"], age.VARIABLE: str(tmp_path / "key")}
    return replace(made, environ={**made.environ, **known})


def read_back(box: Box, profile: str) -> Mapping[str, str]:
    """Return what Hermes itself reads from the profile's `.env`."""
    home = f"{HOME}/.hermes/profiles/{profile}"
    python = box.user("readlink -f $(command -v hermes)").replace("/bin/hermes", "/bin/python")
    script = f"HERMES_HOME={home} {python} -c '{READ}'"
    done = box.user_done(script, json.dumps(list(VALUES)))
    assert done.returncode == 0, done.stderr
    found: Mapping[str, str] = json.loads(done.stdout)
    return found


def test_every_kind_arrives_whole_and_unseen(planted: Operator, linux: Box, tmp_path: Path) -> None:
    """What Hermes reads is what was meant; stdout, stderr, journal and state show none of it."""
    runs = [
        planted.plain("fleet.up", "-v", "--diff", "--why", "no reason", code=0),
        planted.run("fleet.up", "--diff", code=0),
        planted.plain("fleet.verify", "-v", "--junit", "junit.xml", code=0),
        planted.plain("fleet.ps", "-v", code=0),
        planted.plain("secrets.show", code=0),
    ]
    assert runs[1].totals["changes"] == 0
    assert read_back(linux, "bot-0") == VALUES
    assert (tmp_path / "count").read_text() == "x\n" * 3, "each run that needs it, once"
    shown = "".join(run.out + run.err for run in runs)
    kept = [file for file in planted.home.rglob("*") if file.is_file()]
    assert any(file.name == "junit.xml" for file in kept)
    for value in VALUES.values():
        assert value not in shown
        assert json.dumps(value)[1:-1] not in shown
        assert not [file for file in kept if value.encode() in file.read_bytes()]
    assert linux.user("grep -rlF c0ffee00c0ffee11 . --exclude-dir=proc || true").split() == [
        "./.hermes/profiles/bot-0/.env", "./.hermes/profiles/bot-1/.env",
    ]  # fmt: skip
    modes = linux.user("stat -c %a .hermes/profiles/*/.env").split()
    assert modes == ["600", "600"]


def test_a_gateway_that_tells_its_secret_in_its_log_is_not_repeated(
    planted: Operator, linux: Box
) -> None:
    """It fails, the end of its log is the hint, and the value in it is masked."""
    planted.up()
    secret = VALUES["FILED_TOKEN"]
    log = f"{HOME}/.hermes/profiles/bot-0/logs/errors.log"
    folder = ".config/systemd/user/hermes-gateway-bot-0.service.d"
    line = f"2026-11-22 12:00:00,000 ERROR gateway.run: login failed for {secret}"
    linux.user(
        f"mkdir -p {folder}; printf '[Service]\\nExecStartPre=/bin/sh %s/tell\\n' {HOME} "
        f">{folder}/zz.conf; echo 'echo {line} >>{log}; exit 1' >tell; "
        "systemctl --user daemon-reload; systemctl --user stop hermes-gateway-bot-0"
    )
    failed = planted.plain("fleet.up", "-v", code=None)
    assert failed.code != 0
    assert "login failed for ***" in failed.out + failed.err
    assert secret not in failed.out + failed.err


def test_set_and_up(planted: Operator, linux: Box) -> None:
    """A value set over standard input is what Hermes reads after the next run."""
    planted.plain("secrets.keygen", code=0)
    process = subprocess.Popen(
        planted.words("secrets.set", f"{linux.name}/bot-1", "FILED_TOKEN"),
        cwd=planted.home, env={**planted.variables()}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = process.communicate("a-new-token-for-one\n", timeout=60)
    assert process.returncode == 0, err
    assert f"used by {linux.name}/bot-1" in out
    planted.up()
    assert read_back(linux, "bot-1")["FILED_TOKEN"] == "a-new-token-for-one"
    assert read_back(linux, "bot-0")["FILED_TOKEN"] == VALUES["FILED_TOKEN"]


def test_random_secrets_are_seen_nowhere(
    operator: MakeOperator, linux: Box, tmp_path: Path
) -> None:
    """Over SSH, too: no output, journal, report, state or process list has one, here or there.

    The lab's hosts are processes of this machine, so that their words are seen with ours.
    """
    seed = random.randrange(10**6)
    planted = list(values(seed, 12))
    environ, env = {}, {}
    for number, value in enumerate(planted):
        name, file = f"ODD_NOTE_{number}", tmp_path / f"value-{number}"
        file.write_text(value)
        environ[f"GIVEN_{number}"] = value
        kinds: list[Any] = [
            value, {"env": f"GIVEN_{number}"}, {"file": str(file)}, {"command": ["cat", str(file)]}
        ]  # fmt: skip
        env[name] = kinds[number % 4]
    made = operator({linux: {"bot-0": gateway(8701, env=env)}})
    made = replace(made, environ={**made.environ, **environ})
    fleet = Fleet(made.home, planted)
    with fleet._watched():
        runs = [
            made.plain("fleet.up", "-v", "--diff", "--why", planted[1], "--junit", "junit.xml"),
            made.run("fleet.up", "--diff"),
            made.plain("inventory.explain", f"{linux.name}/bot-0"),
            made.plain("secrets.lint", "--live", "-v"),
            made.plain("config.get", f"{linux.name}/bot-0"),
        ]
    assert [run.code for run in runs] == [0] * len(runs), f"seed {seed}"
    told = linux.user("cat .hermes/profiles/bot-0/.env")
    assert any(value in told for value in planted), "they are really there"
    shown = [run.out + run.err for run in runs]
    kept = [file.read_text(errors="replace") for file in made.home.rglob("*") if file.is_file()]
    # Our own call above has one in --why: what follows from it must not.
    words = [each.decode(errors="replace") for each in fleet.argv if b"--why" not in each]
    assert any("sshd" in each for each in words), "the host's processes are seen"
    for text in (*shown, *kept, *words):
        assert fleet.seen_in(text.encode()) == [], f"seed {seed}"


def test_a_key_that_the_host_made_is_shown_to_a_person(linux: Box, operator: MakeOperator) -> None:
    """On a terminal, and noted by name; not in a document, not in a pipe, not in a trace."""
    one = operator({linux: {"coder": gateway(8701)}})
    asked = ("secrets.show", "linux-1/coder", "API_SERVER_KEY", "--reveal")
    with in_window(one, *asked) as window:
        window.until("has not made API_SERVER_KEY for coder yet")
        assert window.end() == 1
    one.up()
    key = linux.user("sed -n 's/^API_SERVER_KEY=//p' .hermes/profiles/coder/.env").strip("\"'")
    assert len(key) >= 32
    with in_window(one, *asked) as window:
        window.until(rf"linux-1/coder API_SERVER_KEY  {re.escape(key)}\r\n")
        assert window.end() == 0
    asking = (
        "import sys, urllib.request as r; print(r.urlopen(r.Request(*eval(sys.argv[1]))).read())"
    )
    given = ("http://127.0.0.1:8701/v1/models", None, {"Authorization": f"Bearer {key}"})
    assert '"object"' in linux.user(shlex.join(["python3", "-c", asking, repr(given)]))
    shown = one.run("runs.show", "last", code=0)
    (seen,) = [item for item in shown.json["items"] if item["event"] == "revealed"]
    assert seen["names"] == ["linux-1/coder API_SERVER_KEY"]
    for more in (["--json"], ["-v"], []):
        done = one.plain(*asked, *more, code=64)
        assert key not in done.out + done.err
    kept = [file.read_text("utf-8", "replace") for file in one.home.rglob("*") if file.is_file()]
    assert kept
    assert not any(key in text for text in kept)
