"""What a doctor finds: on hosts, on the operator's machine, and what Hermes' own doctor says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import desired, facts, roles
from case_file import read_case

import hermes_ops.audit.health
import hermes_ops.audit.protection.limits  # noqa: F401
from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.cli.output import Output
from hermes_ops.commands.fleet.care import doctor, hermes_doctor, operator
from hermes_ops.commands.fleet.status import seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import Unreachable
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.gateway import ACTIVE
from hermes_ops.inventory.model import Connection, Host, Inventory
from hermes_ops.loader import Vault
from hermes_ops.look.facts import Unit
from hermes_ops.run.host import _skew

CASES = read_case(Path(__file__).parents[1] / "cases" / "doctor.yml")
HELD: dict[str, Any] = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
HOME = ".hermes/profiles/demo"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_is_found_on_a_host(case: Mapping[str, Any]) -> None:
    """By what it told, and by nothing else."""
    told = replace(
        facts(HELD),
        health=case.get("health", {}),
        free_kib=case.get("free_kib", 9 << 20),
        free_at=case.get("free_at", ""),
        sizes={f"{HOME}/{name}": size for name, size in case.get("sizes", {}).items()},
    )
    told = replace(told, contents={**told.contents, ACTIVE: case.get("active", "")})
    for name in ("controllers", "system_controllers"):
        if (words := case.get(name)) is not None:
            told = replace(told, **{name: frozenset(words)})  # type: ignore[arg-type]
    if unit := case.get("unit"):
        units = {"hermes-gateway-demo.service": Unit(unit)}
        told = replace(told, units={**told.units, "systemd": units})
    host = {"manager": case.get("manager", "auto")}
    wanted = {"desired": {"demo": {"service": case.get("service", {})}}, "host": host}
    found = standing(Seen(desired(wanted).host, told, roles()))
    said = [f"{one.severity} {one.kind} {one.message}" for one in found]
    assert len(said) == len(case["found"])
    for sentence, expected in zip(said, case["found"], strict=True):
        assert sentence.startswith(expected)


def test_the_task_knows_all_kinds() -> None:
    """It registers them itself: no other module that happens to be loaded does."""
    listed = "from hermes_ops.audit.register import _SOURCES; print(*_SOURCES)"
    script = f"import hermes_ops.commands.fleet.care.doctor; {listed}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert {"disk", "filevault", "large-logs", "no-watchdog"} <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("told", "skew"), [(100, 0), (99, 0), (95, -4), (102, 0), (103, 1), (200, 98)]
)
def test_how_much_a_clock_differs(told: float, skew: float) -> None:
    """A host tells whole seconds, at some moment between the question and the answer."""
    assert _skew(told, 100, 102) == skew


def workspace(folder: Path, *hosts: Host) -> Workspace:
    """Return an inventory with these hosts, read from a folder."""
    chosen = Inventory(hosts, {}, {}, ())
    return Workspace(chosen, chosen, (folder,), Vault(None))


def here(folder: Path, *hosts: Host) -> list[str]:
    """Return the kinds and names of what is found on this machine."""
    return [f"{one.kind} {one.name}" for one in operator.findings(workspace(folder, *hosts))]


def test_what_is_found_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and secrets that other accounts can read, a key that is gone, no `ssh`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    key, gone, secrets = tmp_path / "id", tmp_path / "gone", tmp_path / ".env"
    key.write_text("key")
    secrets.write_text("A=b")
    hosts = [Host(name, connection=Connection(key_file=key)) for name in ("one", "two")]
    lost = Host("lost", connection=Connection(key_file=gone))
    local = Host("here", connection=Connection(kind="local", key_file=gone))
    off = Host("off", connection=Connection(key_file=gone), enabled=False)
    for mode, found in ((0o600, []), (0o640, [f"open-key {key}", f"open-secrets {secrets}"])):
        key.chmod(mode)
        secrets.chmod(mode)
        assert here(tmp_path, *hosts, local, off) == found
    assert f"no-key {gone}" in here(tmp_path, lost)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no-ssh " in here(tmp_path, *hosts)
    assert "no-ssh " not in here(tmp_path, local)


def test_what_is_not_as_desired_is_an_error_or_a_warning() -> None:
    """With its reason and the command that mends it, typed once."""
    state = desired({**HELD, "steps": ["profile.configure", "gateway.install", "gateway.start"]})
    for service, severity in (("stopped", "warning"), ("failed 1", "error")):
        told = facts({**HELD, "facts": {"holds": "desired", "services": {"demo": service}}})
        (found,) = doctor._of_host(seen_from(Look(state.host, state, told), roles()))
        assert (found.kind, found.severity) == ("not-as-desired", severity)
        assert found.mend == "./inv fleet.up -l box/demo"
        assert found.sides[0].target == "box/demo"
    seen = seen_from(Look(state.host, state, told), roles())
    stranger = replace(seen, profiles=tuple(replace(p, desired=None) for p in seen.profiles))
    assert list(doctor._of_host(stranger)) == []
    (found,) = doctor._of_host(stranger, unmanaged=True)
    assert (found.kind, found.severity) == ("not-as-desired", "error")
    assert found.mend == "./inv fleet.logs --file journal -l box/demo --unmanaged"
    frozen = replace(stranger.profiles[0], evidence=Evidence(alive=True, suspended=True))
    (found,) = doctor._of_host(replace(stranger, profiles=(frozen,)), unmanaged=True)
    assert found.mend == "./inv gateway.repair box/demo --unmanaged"
    lost = Look(state.host, state, failure=Unreachable("no route", hint="try hosts.ping"))
    (found,) = doctor._of_host(seen_from(lost, roles()))
    assert (found.severity, found.mend) == ("error", "try hosts.ping")
    assert found.message == "box: no route"


def test_errors_are_shown_first_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Of what is found on several hosts, in the order of the inventory."""
    state = desired({**HELD, "steps": ["profile.configure", "gateway.install", "gateway.start"]})
    hosts = [
        seen_from(
            Look(state.host, state, facts({**HELD, "facts": {"holds": "desired", **more}})), roles()
        )
        for more in ({"services": {"demo": "stopped"}}, {"services": {"demo": "failed 1"}})
    ]
    found = [one for host in hosts for one in doctor._of_host(host)]
    doctor._show(found, hosts, Output(json=False))
    words = [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert [word for word in words if word] == ["error", "warning", "1"]
    assert [one.severity for one in found] == ["warning", "error"]


class Shell:
    """A shell that says one thing, and keeps what it was asked."""

    def __init__(self, code: int, out: bytes) -> None:
        self.answer, self.asked, self.is_closed = (code, out, b""), "", False

    def run(self, command: str, *, timeout: float) -> tuple[int, bytes, bytes]:
        """Answer."""
        del timeout
        self.asked = command
        return self.answer

    def close(self) -> None:
        """Be closed."""
        self.is_closed = True


@pytest.mark.parametrize(
    ("code", "out", "said"),
    [
        (0, b"one\n  two\n", "one\n  two\n"),
        (0, b"asking 1\rasking 2\rdone\n", "done\n"),
        (3, b"no", "no\n(exit 3)"),
        (0, b"\x1b[31mred\x1b[0m \xff", "\\x1b[31mred\\x1b[0m \ufffd"),
        (0, b"x" * 30_000, "x" * hermes_doctor.MOST),
    ],
)
def test_what_hermes_says_is_quoted(code: int, out: bytes, said: str) -> None:
    """Nothing in it commands the terminal; of a line that is written anew the end counts."""
    shell = Shell(code, out)
    transport: Any = type("Way", (), {"session": lambda self: shell})()
    assert hermes_doctor._said(transport, "/opt/a b/python", "bot") == said
    assert "'/opt/a b/python' -m hermes_cli.main -p bot doctor" in shell.asked
    assert shell.is_closed
