"""The checks of roles: which ones are expected, how they are run, and what counts."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import _pytest.config
import pytest
from building import bare_role
from faking import EachAlone

from hermes_ops.assets import ROLES
from hermes_ops.commands.fleet.verify import _codes
from hermes_ops.errors import CommandError, Unknown, Unreachable, UsageError
from hermes_ops.inventory.model import Connection, Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.transport import Local, Session
from hermes_ops.verify import (
    Check,
    CheckedService,
    CheckOutcome,
    Target,
    Verified,
    expected_of,
    junit,
    runner,
    verify,
)
from hermes_ops.verify import outcome as words


class Answers(EachAlone):
    """A shell that gives the same answer to every command."""

    def __init__(self, output: bytes = b"", act: Callable[[], None] = lambda: None) -> None:
        self.output, self.act, self.commands = output, act, list[str]()

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        self.commands.append(command)
        self.act()
        return 0, self.output, b""


def role(folder: Path, checks: Mapping[str, str], *, names: Sequence[str] | None = None) -> Role:
    """Make a role whose checks have these bodies, after `def NAME(host, service):`."""
    text = "".join(
        f"def {name}(host, service):\n    '''It is so.'''\n    {body}\n\n"
        for name, body in checks.items()
    )
    return role_of(folder, text, names if names is not None else list(checks))


def role_of(folder: Path, text: str, names: Sequence[str]) -> Role:
    """Make a role with this file of checks."""
    (folder / "thing" / "checks").mkdir(parents=True, exist_ok=True)
    (folder / "thing" / "checks" / "test_thing.py").write_text(text)
    return bare_role("thing", folder / "thing", names)


def service(host: str = "h", profile: str = "p") -> CheckedService:
    return CheckedService(
        host, profile, "thing", profile, f"{profile}.service", "systemd", "u", 1, "/h", "/h/p"
    )


def run(
    made: Role,
    sessions: Mapping[str, Callable[[], Session]] | None = None,
    profiles: Sequence[str] = ("p",),
    **named: Any,
) -> Verified:
    """Run a role's checks on hosts with these shells."""
    sessions = sessions or {"h": Answers}
    targets = [
        Target(host, session, tuple(service(host, profile) for profile in profiles))
        for host, session in sessions.items()
    ]
    expected = [
        Check(host, profile, name)
        for host in sessions
        for profile in profiles
        for name in made.checks
    ]
    return verify(targets, {"thing": made}, expected, **named)


def ended(verified: Verified) -> list[tuple[str, str]]:
    """Return how each check ended, and what it said."""
    return [(outcome.outcome, outcome.message) for outcome in verified.outcomes]


# --- what is expected -------------------------------------------------------------------------


def test_expected_are_the_checks_of_what_must_run() -> None:
    """Each check of each profile that shall be started, on hosts that are enabled."""
    roles = {
        "two": bare_role("two", Path(), ["test_a", "test_b"]),
        "none": bare_role("none"),
    }
    profiles = (
        Profile("up", "two"),
        Profile("halted", "two", state="stopped"),
        Profile("gone", "two", state="absent"),
        Profile("unchecked", "none"),
    )
    hosts = [Host("on", profiles=profiles), Host("off", profiles=profiles, enabled=False)]
    assert expected_of(hosts, roles) == [
        Check("on", "up", "test_a"),
        Check("on", "up", "test_b"),
    ]


def test_nothing_expected_is_fine() -> None:
    """A role without checks is proven by none; pytest is not even imported for it."""
    assert verify([], {}, []).document() == {
        "expected": 0, "passed": 0, "failed": 0, "skipped": 0, "exchanges": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "codes"),
    [
        ([words.PASSED], []),
        ([words.PASSED, words.FAILED], [1]),
        ([words.MISSING], [1]),
        ([words.SKIPPED], [1]),
        ([words.UNKNOWN, words.PASSED], [4]),
        ([words.UNREACHABLE], [3]),
        ([words.UNREACHABLE, words.UNKNOWN, words.FAILED], [1, 4, 3]),
    ],
)
def test_codes_tell_what_is_missing(outcomes: list[str], codes: list[int]) -> None:
    """Failed is not unknown is not unreachable; what did not run failed."""
    verified = Verified(tuple(CheckOutcome(Check("h", "p", word), word) for word in outcomes))
    assert list(_codes(verified)) == codes


# --- how they run -----------------------------------------------------------------------------


def test_every_profile_of_every_host(tmp_path: Path) -> None:
    """Each check runs once for each profile on each host, through that host's one shell."""
    shells = {"a": Answers(), "b": Answers()}
    made = role(tmp_path, {"test_run": "assert host.run('on %s', service.profile).rc == 0"})
    sessions = {name: (lambda shell=shell: shell) for name, shell in shells.items()}
    verified = run(made, sessions, ["x", "y"])
    assert verified.document() == {
        "expected": 4, "passed": 4, "failed": 0, "skipped": 0, "exchanges": {"a": 1, "b": 1},
    }  # fmt: skip
    assert {name: shell.commands for name, shell in shells.items()} == {
        "a": ["on x", "on y"], "b": ["on x", "on y"],
    }  # fmt: skip


def test_hosts_are_asked_at_the_same_time(tmp_path: Path) -> None:
    """Three hosts that wait for each other all pass."""
    barrier = threading.Barrier(3)

    def meet() -> None:
        barrier.wait(5)

    made = role(tmp_path, {"test_meet": "host.run('x')"})
    assert run(made, {name: lambda: Answers(act=meet) for name in "abc"}).count(words.PASSED) == 3


@pytest.mark.slow
def test_testinfra_works_over_a_real_shell(tmp_path: Path) -> None:
    """testinfra's own modules, and bytes of no encoding, go through the long-lived shell."""
    made = role(
        tmp_path,
        {
            "test_file": "assert host.file('/etc/passwd').exists and not host.file('/no').exists",
            "test_bytes": r"assert host.run(r'printf \\377').stdout_bytes == b'\xff'",
            "test_text": "assert host.check_output('printf %s', 'ä$\\'\"') == 'ä$\\'\"'",
            "test_exit": "assert host.run('exit 3').rc == 3",
            "test_errors": "assert host.run('echo e >&2').stderr == 'e\\n'",
        },
    )
    here = Local(Host("h", Connection(kind="local")))
    assert [outcome.message for outcome in run(made, {"h": here.session}).not_passed] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "outcome", "message"),
    [
        ("assert 1 == 2, 'one is not two'", words.FAILED, "one is not two"),
        ("assert 1 == 2", words.FAILED, "assert 1 == 2"),
        ("assert host.run('x').rc, 'first\\nsecond'", words.FAILED, "first"),
        ("{}['key']", words.FAILED, "KeyError: 'key'"),
        ("import pytest; pytest.fail('no good')", words.FAILED, "no good"),
        ("import pytest; pytest.skip('not here')", words.SKIPPED, "not here"),
        ("raise SystemExit('gone')", words.FAILED, "SystemExit: gone"),
        ("assert False, 'the key is s3cr3t-s3cr3t'", words.FAILED, "the key is ***"),
    ],
)
def test_a_check_says_why(tmp_path: Path, body: str, outcome: str, message: str) -> None:
    """What a check says of its failure is one line, free of secrets."""
    made = role(tmp_path, {"test_it": body, "test_other": "pass"})
    verified = run(made, redact=lambda text: text.replace("s3cr3t-s3cr3t", "***"))
    assert ended(verified) == [(outcome, message), (words.PASSED, "")]
    assert verified.outcomes[0].sentence == f"h/p: It is so: {message}"


@pytest.mark.slow
def test_a_check_may_have_fixtures_and_marks(tmp_path: Path) -> None:
    """pytest's own means work: fixtures, parameters, classes, expected failures."""
    text = """
import pytest

@pytest.fixture
def three(host):
    return 3

def test_fixture(three, service): assert (three, service.profile) == (3, "p")

@pytest.mark.parametrize("number", [1, 2])
def test_numbers(host, number): assert number < 2, f"{number} is too much"

@pytest.mark.xfail
def test_expected(host): assert False

def test_nothing(): pass

class TestThings:
    def test_method(self, host): host.run("x")
"""
    names = ["test_fixture", "test_numbers", "test_expected", "test_nothing", "test_method"]
    assert [outcome for outcome, _ in ended(run(role_of(tmp_path, text, names)))] == [
        words.PASSED, words.FAILED, words.SKIPPED, words.PASSED, words.PASSED,
    ]  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    """An interrupt is not pytest's to swallow."""
    with pytest.raises(KeyboardInterrupt):
        run(role(tmp_path, {"test_it": "raise KeyboardInterrupt", "test_b": "pass"}))


# --- what did not run -------------------------------------------------------------------------


def test_a_check_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """A named check without a function counts as expected, and its outcome says so."""
    made = role(tmp_path, {"test_here": "pass"}, names=["test_here", "test_gone"])
    assert ended(run(made))[1] == (
        words.MISSING,
        f"it did not run: {tmp_path}/thing/role.yml lists it under checks:,"
        f" and no file of {tmp_path}/thing/checks has such a function",
    )  # fmt: skip


def test_a_role_without_its_folder_of_checks(tmp_path: Path) -> None:
    """Checks are missed also where there is no file at all."""
    (tmp_path / "thing").mkdir()
    verified = run(bare_role("thing", tmp_path / "thing", ["test_a"]))
    assert verified.count(words.MISSING) == 1


def test_a_file_that_does_not_import(tmp_path: Path) -> None:
    """The reason is told; files beside it still run."""
    made = role_of(tmp_path, "import no_such_module\ndef test_a(): pass\n", ["test_a", "test_b"])
    (made.folder / "checks" / "test_more.py").write_text("def test_b(): pass\n")
    missing, passed = ended(run(made))
    assert missing[0] == words.MISSING
    assert "No module named 'no_such_module'" in missing[1]
    assert passed == (words.PASSED, "")


def test_a_function_that_nobody_names_does_not_run(tmp_path: Path) -> None:
    """It could vanish unnoticed, so it is told and cannot make up for a missing one."""
    made = role(tmp_path, {"test_a": "pass", "test_b": "host.run('x')"}, names=["test_a"])
    shell = Answers()
    verified = run(made, {"h": lambda: shell})
    assert verified.document()["passed"] == 1
    assert shell.commands == []
    assert ["test_b did not run: role.yml does not name it" in n for n in verified.notes] == [True]


def fails(error: Exception) -> Callable[[], Session]:
    def opened() -> Session:
        raise error

    return opened


@pytest.mark.slow
def test_a_host_that_goes_away_is_not_failed(tmp_path: Path) -> None:
    """A lost shell makes the rest of this host's checks unknown, and of no other host."""

    def lose() -> None:
        raise Unknown("the connection was lost")

    made = role(tmp_path, {"test_a": "host.run('x')"})
    sessions: dict[str, Callable[[], Session]] = {
        "good": Answers,
        "lost": lambda: Answers(act=lose),
        "away": fails(Unreachable("no channel")),
    }
    assert ended(run(made, sessions)) == [
        (words.PASSED, ""),
        (words.UNKNOWN, "the connection was lost"),
        (words.UNREACHABLE, "no channel"),
    ]


def test_a_deadline_that_passed_is_unknown(tmp_path: Path) -> None:
    """At the end of the run's time nothing more is asked."""
    made = role(tmp_path, {"test_a": "host.run('x')"})
    assert ended(run(made, deadline=0.0)) == [(words.UNKNOWN, "the deadline of the run passed")]


# --- nobody else is disturbed -----------------------------------------------------------------


def test_the_users_settings_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither options of pytest in environment and files nor output of checks get through."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('read')\n")
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    made = role(tmp_path / "roles", {"test_a": "print('chatter')"})
    assert run(made).count(words.PASSED) == 1
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """No compiled files and caches in the role, no module in the process: the next run is new."""
    first = role(tmp_path / "one", {"test_a": "pass"})
    second = role(tmp_path / "two", {"test_a": "assert False, 'the second'"})
    modules = set(sys.modules)
    assert ended(run(first)) == [(words.PASSED, "")]
    assert ended(run(second)) == [(words.FAILED, "the second")]
    assert not {name for name in set(sys.modules) - modules if "thing" in name}
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["test_thing.py"] * 2


# --- JUnit ------------------------------------------------------------------------------------


def test_what_pytest_does_without_has_the_names_of_its_plugins() -> None:
    """Another name would leave nothing out, and nobody would tell."""
    assert set(runner._UNUSED) <= {*_pytest.config.default_plugins}


def test_the_process_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While checks run: no options of whoever calls, no plugin of the machine, no compiled files.

    Afterwards it is all as it was, and what they imported from their roles is forgotten.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setitem(sys.modules, "thing.before", sys)
    before = dict(os.environ)
    with contextlib.suppress(ZeroDivisionError), runner._alone([tmp_path / "thing/checks"]) as said:
        assert {k: v for k, v in os.environ.items() if k.startswith("PYTEST_")} == {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"
        }
        assert sys.dont_write_bytecode
        os.environ["LEFT"] = "behind"
        for name in ("thing", "thing.checks", "thing_of_others"):
            monkeypatch.setitem(sys.modules, name, sys)
        print("to nobody")
        raise ZeroDivisionError
    assert said.getvalue() == "to nobody\n"
    assert dict(os.environ) == before
    assert not sys.dont_write_bytecode
    assert {name for name in sys.modules if name.startswith("thing")} == {
        "thing.before", "thing_of_others",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "forbidden"),
    [
        ((ROLES / "gateway/checks",), False),
        ((ROLES / "gateway/checks", ROLES / "awake/checks"), False),
        ((ROLES / "gateway/checks", Path("/srv/inventory/roles/thing/checks")), True),
        ((ROLES.with_name("roles-of-others") / "thing/checks",), True),
    ],
)
def test_only_checks_of_ours_are_compiled(
    parts: tuple[Path, ...], forbidden: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pytest rewrites them once, not in every run; beside an inventory nothing is written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    with runner._alone(parts):
        assert sys.dont_write_bytecode is forbidden


def test_when_pytest_itself_fails_each_check_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the end of what it said, and without what is secret."""
    monkeypatch.setattr(runner, "_words", lambda _: ["--no-such-option-hidden"])
    made = role(tmp_path, {"test_it": "pass"})
    ((outcome, message),) = ended(run(made, redact=lambda text: text.replace("hidden", "***")))
    assert outcome == words.MISSING
    assert message.startswith("it did not run: pytest itself failed: ")
    assert "unrecognized arguments: --no-such-option-***" in message


def test_junit_tells_all(tmp_path: Path) -> None:
    """Every expected check is a test case, those that never ran too; odd characters survive."""
    file = tmp_path / "checks.xml"
    junit.write(
        str(file),
        [
            CheckOutcome(Check("h", "p", "test_a"), words.PASSED, seconds=0.25),
            CheckOutcome(
                Check("h", "p", "test_b"), words.FAILED, 'a < "b" \x00\x1b[31m ü', "It is."
            ),
            CheckOutcome(Check("h", "p", "test_c"), words.MISSING, "it did not run"),
            CheckOutcome(Check("h", "p", "test_d"), words.SKIPPED),
            CheckOutcome(Check("g", "p", "test_a"), words.UNREACHABLE, "refused"),
        ],
    )
    suite = xml.parse(file).getroot()[0]
    assert suite.attrib == {
        "name": "hermes-ops", "tests": "5", "failures": "1", "errors": "2", "skipped": "1",
    }  # fmt: skip
    assert [[child.tag for child in case] for case in suite] == [
        [], ["failure"], ["error"], ["skipped"], ["error"],
    ]  # fmt: skip
    assert suite[1][0].get("message") == 'a < "b" ??[31m ü'
    assert suite[0].attrib == {"classname": "h/p", "name": "test_a", "time": "0.250"}


def test_junit_paths_are_looked_at_first(tmp_path: Path) -> None:
    """A folder, or a file in a folder that is not there, is refused; a new file is fine."""
    junit.check_path(str(tmp_path / "new.xml"))
    for wrong in (tmp_path, tmp_path / "no" / "new.xml"):
        with pytest.raises(UsageError):
            junit.check_path(str(wrong))
    with pytest.raises(CommandError):
        junit.write(str(tmp_path), [])
