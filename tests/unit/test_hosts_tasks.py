"""`hosts.*`, typed by an operator whose host is a real sshd."""

from __future__ import annotations

import getpass
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from calling import said
from patience import soon
from sshd import Sshd, make_key, running
from terminal import typing

from hermes_ops.transport.openssh.hostkeys import fingerprint

pytestmark = pytest.mark.xdist_group("sshd")
OTHERS = "# mine\nother ssh-ed25519 AAAA\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that all tests here share."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture(scope="module")
def jump(server: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host in front of it, which lets the same key in."""
    with running(tmp_path_factory.mktemp("jump")) as made:
        (made.folder / "authorized_keys").write_text((server.folder / "key.pub").read_text())
        yield made


@pytest.fixture
def known(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of that host and this machine; return its known_hosts, which has another's."""
    host = {
        "ansible_host": "127.0.0.1", "ansible_port": server.port, "hermes_profiles": ["demo"],
        "ansible_ssh_private_key_file": str(server.key), "ansible_user": getpass.getuser(),
    }  # fmt: skip
    here = {"ansible_connection": "local", "hermes_profiles": ["demo"]}
    (tmp_path / "inventory/profiles").mkdir(parents=True)
    (tmp_path / "inventory/profiles/demo.yml").write_text("{}\n")
    hosts = json.dumps({"all": {"hosts": {"there": host, "here": here}}})
    (tmp_path / "inventory/hosts.yml").write_text(hosts)
    (tmp_path / "inventory/known_hosts").write_text(OTHERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "inventory/known_hosts"


def line(server: Sshd) -> str:
    """Return the line that makes the server known."""
    return " ".join(server.known_hosts.read_text().split()[:3])


def test_check_accepts_nothing(
    server: Sshd, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is shown, nobody is asked, no file changes, and exit 2 says that it is not known."""
    code, out, err = said(capsys, "hosts.trust", "--check", "-y", "--json")
    (row,) = json.loads(out)["items"]
    assert code == 2
    assert row == {
        "host": "there", "fingerprint": fingerprint(server.shown), "trusted": False, "error": None,
    }  # fmt: skip
    assert f"there ([127.0.0.1]:{server.port}) shows ssh-ed25519 {fingerprint(server.shown)}" in err
    assert known.read_text() == OTHERS


@pytest.mark.slow
def test_a_yes_accepts_it_and_keeps_the_others(
    server: Sshd, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then the host is reached; the second time there is nothing to ask."""
    code, out, _ = said(capsys, "hosts.ping", "-l", "there", "--json")
    assert (code, json.loads(out)["items"][0]["error"]["kind"]) == (3, "host_key_unknown")
    assert said(capsys, "hosts.trust", "-y")[0] == 0
    assert known.read_text() == f"{OTHERS}{line(server)}\n"
    code, out, err = said(capsys, "hosts.trust", "--check", "--json")
    assert (code, json.loads(out)["items"][0]["trusted"], err) == (0, True, "")
    assert said(capsys, "hosts.ping", "-l", "there")[0] == 0


@pytest.mark.slow
def test_another_key_of_the_host_gives_way(
    server: Sshd, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that was known until now is shown beside it, and only a yes replaces it."""
    make_key(tmp_path / "old")
    old = f"[127.0.0.1]:{server.port} {(tmp_path / 'old.pub').read_text().strip()}"
    known.write_text(f"{old}\n{OTHERS}")
    code, out, _ = said(capsys, "hosts.ping", "-l", "there", "--json")
    assert (code, json.loads(out)["items"][0]["error"]["kind"]) == (1, "host_key_changed")
    err = said(capsys, "hosts.trust", "--check")[2]
    assert "known until now: ssh-ed25519 SHA256:" in err
    assert said(capsys, "hosts.trust", "-y")[0] == 0
    assert known.read_text() == f"{OTHERS}{line(server)}\n"


@pytest.mark.parametrize(("typed", "code", "is_known"), [("\n", 2, False), ("y\n", 0, True)])
def test_a_person_is_asked(
    typed: str,
    code: int,
    is_known: bool,
    server: Sshd,
    known: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Enter accepts nothing."""
    with typing(monkeypatch, typed):
        assert said(capsys, "hosts.trust", "-l", "there")[0] == code
    assert (line(server) in known.read_text()) is is_known


def test_nobody_is_there_to_be_asked(known: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal and without -y it is a usage error, and nothing is accepted."""
    code, _, err = said(capsys, "hosts.trust")
    assert (code, known.read_text()) == (64, OTHERS)
    assert err.splitlines()[-2:] == [
        "error: Accept this key for there? — there is no terminal to ask on",
        "hint:  answer yes with -y",
    ]


def test_a_host_that_is_down(
    known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has its row with the reason, and the exit code of what cannot be reached."""
    hosts = tmp_path / "inventory/hosts.yml"
    hosts.write_text(hosts.read_text().replace('"ansible_port": ', '"ansible_port": 1, "x": '))
    code, out, _ = said(capsys, "hosts.trust", "-y", "--json")
    (row,) = json.loads(out)["items"]
    assert (code, row["trusted"], row["error"]["kind"]) == (3, False, "refused")
    assert known.read_text() == OTHERS


@pytest.mark.slow
def test_the_key_of_a_jump_host_is_accepted_first(
    server: Sshd, jump: Sshd, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other, through those that are trusted; what is behind is not asked before."""
    hosts = tmp_path / "inventory/hosts.yml"
    where = f"127.0.0.1:{jump.port}"
    through = f'"ansible_ssh_common_args": "-J ssh://{where}", "ansible_host"'
    hosts.write_text(hosts.read_text().replace('"ansible_host"', through))
    code, out, err = said(capsys, "hosts.trust", "--check", "--json")
    (row,) = json.loads(out)["items"]
    assert (code, row["hop"], row["fingerprint"]) == (2, where, fingerprint(jump.shown))
    assert f"the jump host {where} (on the way to there)" in err
    code, out, _ = said(capsys, "hosts.trust", "-y", "--json")
    assert code == 0
    assert [row.get("hop") for row in json.loads(out)["items"]] == [where, None]
    assert known.read_text() == f"{OTHERS}{line(jump)}\n{line(server)}\n"
    assert said(capsys, "hosts.ping", "-l", "there")[0] == 0
    code, out, err = said(capsys, "hosts.trust", "--check", "--json")
    assert (code, len(json.loads(out)["items"]), err) == (0, 1, "")


@pytest.mark.slow
def test_a_key_that_the_users_own_settings_know_is_trusted(
    server: Sshd, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is judged by the files that a connection would judge it by, and goes where that goes."""
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700)
    (folder / "config").write_text(f"Host 127.0.0.1\n  UserKnownHostsFile {server.known_hosts}\n")
    code, out, err = said(capsys, "hosts.trust", "--check", "--json")
    assert (code, json.loads(out)["items"][0]["trusted"], err) == (0, True, "")
    assert known.read_text() == OTHERS


@pytest.mark.slow
def test_a_pinned_key_needs_no_line(
    server: Sshd, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And where another one is shown, no line would help: it is told."""
    hosts = tmp_path / "inventory/hosts.yml"
    plain = hosts.read_text()
    for pin, code in ((fingerprint(server.shown), 0), ("SHA256:" + "A" * 43, 1)):
        pinned = f'"hermes_host_key": "{pin}", "ansible_host"'
        hosts.write_text(plain.replace('"ansible_host"', pinned))
        assert said(capsys, "hosts.trust", "-y")[0] == code
        assert known.read_text() == OTHERS


@pytest.mark.slow
def test_a_host_tells_what_it_is(
    server: Sshd, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One exchange, over the same wire as everything."""
    known.write_text(server.known_hosts.read_text())
    code, out, _ = said(capsys, "hosts.facts", "-l", "there", "--json")
    (row,) = json.loads(out)["items"]
    assert code == 0
    assert (row["home"], row["error"]) == (str(server.home), None)
    assert row["user"] == getpass.getuser()


@pytest.mark.slow
def test_every_task_lets_go_of_its_hosts(
    server: Sshd, known: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever looked at a host, verified or would have changed it, no connection stays."""
    known.write_text(server.known_hosts.read_text())
    (tmp_path / "inventory/profiles/demo.yml").write_text("{state: stopped}\n")
    for words in (["hosts.ping"], ["fleet.verify"], ["fleet.down", "--check"]):
        assert said(capsys, *words, "-l", "there")[0] == 0
    assert soon(lambda: not _open_ones())


def _open_ones() -> list[paramiko.Transport]:
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]
