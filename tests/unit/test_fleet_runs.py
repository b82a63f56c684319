"""Many hosts in one run: who begins, who is left, what it came to, and the exit code of it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import NOW, desired, facts, put, roles
from faking import Answer, EachAlone, FakeTransport, connecting, done, evidence, said
from test_converge_host import HELD, NEW

from hermes_ops.cli.options import Amount, Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code
from hermes_ops.commands import converge
from hermes_ops.commands.fleet import verify
from hermes_ops.commands.fleet.down import down_steps
from hermes_ops.commands.workspace import Workspace, with_values
from hermes_ops.errors import (
    Conflict,
    HermesError,
    HostKeyChanged,
    Interrupted,
    InventoryError,
    Locked,
    NotReady,
    Unknown,
    Unreachable,
)
from hermes_ops.files import envfile
from hermes_ops.hermes.readiness import Verdict
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader import Vault
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Change, Plan, make_plan
from hermes_ops.plan.desired import StepPlan, desired_state, writes_env
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import MakeFolder
from hermes_ops.reporting.document import document
from hermes_ops.reporting.journal import folder as journals
from hermes_ops.run import Connections, Done, HostResult, Settings
from hermes_ops.run.parallel import Rules
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.verify import outcome as words
from hermes_ops.verify.outcome import Check, CheckOutcome, Verified

NAMES = ("a", "b", "c", "d")


def fleet(names: Sequence[str] = NAMES, case: Mapping[str, Any] = NEW) -> list[Host]:
    """Return hosts that all want what the host of the case wants."""
    return [replace(desired(case).host, name=name) for name in names]


def workspace(hosts: Sequence[Host]) -> Workspace:
    """Return what a task would have opened for these hosts."""
    inventory = Inventory(tuple(hosts), {}, roles())
    return Workspace(inventory, inventory, (), Vault(None, lambda _: None))


def begun(options: Options, hosts: Sequence[Host]) -> converge.Converged:
    """Return a run that has just begun."""
    output = Output(json=True)
    return converge.begin("fleet.up", step_plans(graph.start), options, workspace(hosts), output)


def run(
    answers: Mapping[str, FakeTransport | Exception], options: Options | None = None
) -> converge.Converged:
    """Converge hosts of these names over these transports."""
    hosts, options = fleet(tuple(answers)), options or Options()
    converged = begun(options, hosts)
    states = [desired_state(host, roles(), step_plans(graph.start)) for host in hosts]
    how = Settings(connect=connecting(**answers), check=options.check)
    converge.run_hosts(converged, states, how, Output(json=True, err=io.StringIO()))
    return converged


def new(*answers: Answer) -> FakeTransport:
    """Return a host that has nothing yet, and answers this to what changes it."""
    return FakeTransport([said(facts(NEW)), *answers])


def good() -> FakeTransport:
    """Return a host on which everything works."""
    changes = make_plan(desired(NEW), facts(NEW)).changes
    return new(done(range(len(changes))) + evidence(facts(HELD)) + "@ done\n")


def lost() -> FakeTransport:
    """Return a host that is lost in the middle of the changes."""
    return new("@ change 0 done\n")


def bad() -> FakeTransport:
    """Return a host on which the first change fails."""
    changes = make_plan(desired(NEW), facts(NEW)).changes
    return new("@ change 0 failed exit 1\n" + done(range(1, len(changes)), "skipped") + "@ done\n")


def outcomes(converged: converge.Converged) -> dict[str, str]:
    """Return what each host came to."""
    return {result.host.name: result.outcome for result in converged.results}


# --- who begins ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "outcome"),
    [(lost, "unknown"), (bad, "failed"), (lambda: Unreachable("no way"), "unreachable")],
)
def test_whatever_is_not_well_counts_as_failed(first: Any, outcome: str) -> None:
    """`--max-fail 0 --serial 1`: after a host that is unknown, too, no further one begins."""
    options = Options(serial=Amount(1), max_fail=Amount(0))
    converged = run({"a": first(), "b": good(), "c": good()}, options)
    assert outcomes(converged) == {"a": outcome, "b": "skipped", "c": "skipped"}
    assert "--max-fail allows 0" in str(converged.results[1].error)


def test_as_many_may_fail_as_are_allowed() -> None:
    """With one allowed, the second failure ends the run; those before it are done."""
    options = Options(serial=Amount(1), max_fail=Amount(1))
    converged = run({"a": lost(), "b": good(), "c": bad(), "d": good()}, options)
    assert list(outcomes(converged).values()) == ["unknown", "changed", "failed", "skipped"]


@pytest.mark.slow
def test_a_share_of_the_hosts() -> None:
    """`--serial 50% --max-fail 50%` of four are two and two."""
    options = Options(serial=Amount(50, percent=True), max_fail=Amount(50, percent=True))
    converged = run({"a": bad(), "b": bad(), "c": good(), "d": good()}, options)
    assert list(outcomes(converged).values()) == ["failed", "failed", "changed", "changed"]
    options = replace(options, max_fail=Amount(25, percent=True))
    converged = run({"a": bad(), "b": bad(), "c": good(), "d": good()}, options)
    assert list(outcomes(converged).values()) == ["failed", "failed", "skipped", "skipped"]


def test_without_a_limit_all_begin() -> None:
    """A failure is its host's."""
    converged = run({"a": bad(), "b": lost(), "c": good()})
    assert outcomes(converged) == {"a": "failed", "b": "unknown", "c": "changed"}


def test_nonsense_of_one_host_is_its_own() -> None:
    """One that tells nonsense ends alone; the others are changed and told."""
    converged = run({"a": FakeTransport(["@ user x y z\n@ done\n"]), "b": good(), "c": good()})
    assert outcomes(converged) == {"a": "unknown", "b": "changed", "c": "changed"}
    assert converge.codes(converged) == [4, 0, 0]


@pytest.mark.slow
def test_the_deadline_of_a_run() -> None:
    """Who had begun is unknown, with what was heard until then; who had not is skipped: exit 4."""
    slow = new(["@ change 0 done\n", 20, "@ done\n"])
    converged = run({"a": slow, "b": good()}, Options(timeout=0.5, forks=1))
    assert outcomes(converged) == {"a": "unknown", "b": "skipped"}
    first, second = converged.results
    assert [end.outcome for end in first.changes] == ["done"]
    for result in (first, second):
        assert result.error is not None
        assert (result.error.kind, "deadline" in str(result.error)) == ("timeout", True)
    assert exit_code(converge.codes(converged)) == 4
    assert converged.seconds < 10


# --- what it came to ----------------------------------------------------------------------------


def result(outcome: str, error: HermesError | None = None, **more: Any) -> HostResult:
    """Return what one host came to."""
    return HostResult(Host("box"), outcome, error, **more)


PLANNED = Done(Change("s", "p", "r", "do", "why", MakeFolder(Path("x"), None)), "planned")  # type: ignore[arg-type]
DIFFERS = Plan(Host("box"), differs=(Difference("p", "a drop-in changes it"),))
SETTLED = Plan(Host("box"), differs=(Difference("p", "it stays", is_settled=True),))
UNKNOWN = Plan(Host("box"), differs=(Difference("p", "", "unknown"),))
STARTS = Plan(Host("box"), differs=(Difference("p", "", "starting"),))
READY = {"p": Verdict("healthy")}
"""What became of a profile after the plan: only its state is another one now."""


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 0),
        ([result("ok"), result("changed")], 0),
        ([result("failed")], 1),
        ([result("failed", NotReady("x")), result("ok")], 1),
        ([result("failed", Locked("x"))], 5),
        ([result("failed", HostKeyChanged("x"))], 1),
        ([result("failed", Conflict("x"))], 1),
        ([result("unreachable", Unreachable("x"))], 3),
        ([result("unknown", Unknown("x"))], 4),
        ([result("skipped", Unknown("x", kind="command"))], 0),
        ([result("skipped", Unknown("x", kind="timeout"))], 4),
        ([result("unknown", Interrupted("x")), result("failed")], 130),
        ([result("unreachable"), result("unknown")], 4),
        ([result("unknown"), result("failed")], 1),
        ([result("failed", Locked("x")), result("failed")], 5),
    ],
)
def test_exit_codes(results: list[HostResult], code: int) -> None:
    """The one that says most holds, in the order of the manual."""
    converged = replace(begun(Options(), []), results=results)
    assert exit_code(converge.codes(converged)) == code


@pytest.mark.parametrize(
    ("more", "code", "without"),
    [
        ({"changes": [PLANNED]}, 2, 0),
        ({"plan": DIFFERS}, 2, 2),
        ({"plan": SETTLED}, 2, 0),
        ({"plan": STARTS}, 2, 0),
        ({"plan": UNKNOWN}, 2, 4),
        ({"plan": DIFFERS, "verdicts": READY}, 2, 2),
        ({"plan": UNKNOWN, "verdicts": READY}, 0, 0),
        ({}, 0, 0),
    ],
)
def test_a_check_tells_that_something_differs(
    more: dict[str, Any], code: int, without: int
) -> None:
    """With --check a difference is exit 2; without it, only one that the run leaves there."""
    results = [result("changed", **more)]
    looked = replace(begun(Options(check=True), []), results=results)
    assert exit_code(converge.codes(looked)) == code
    assert exit_code(converge.codes(replace(looked, options=Options()))) == without


@pytest.mark.parametrize(
    ("verify", "code"),
    [
        (None, 0),
        ({"expected": 0, "passed": 0, "failed": 0, "skipped": 0}, 0),
        ({"expected": 3, "passed": 3, "failed": 0, "skipped": 0}, 0),
        ({"expected": 3, "passed": 2, "failed": 1, "skipped": 0}, 1),
        ({"expected": 3, "passed": 2, "failed": 0, "skipped": 1}, 1),
        ({"expected": 3, "passed": 0, "failed": 0, "skipped": 0}, 1),
    ],
)
def test_checks_that_did_not_run_are_no_proof(verify: dict[str, Any] | None, code: int) -> None:
    """A run whose checks failed, were skipped, or never ran has not proven anything."""
    converged = replace(begun(Options(), []), results=[result("changed")], verify=verify)
    assert exit_code(converge.codes(converged)) == code
    assert converge.finish(converged, Output(json=True)).exit == code


def test_a_further_code_counts() -> None:
    """What a task found beside the run is in the exit code and in the document."""
    converged = replace(begun(Options(), []), results=[result("ok")])
    found = converge.finish(converged, Output(json=True), more=[4])
    assert (found.exit, found.document["exit"]) == (4, 4)


def test_the_document_of_a_run() -> None:
    """Totals count hosts by outcome and what was done; a change that moved or is unknown is not."""
    converged = run({"a": good(), "b": bad(), "c": lost()})
    body = document(converged, 4)
    count = len(make_plan(desired(NEW), facts(NEW)).changes)
    assert body["totals"] == {
        "hosts": 3, "changed": 1, "ok": 0, "failed": 1, "unreachable": 0, "unknown": 1,
        "skipped": 0, "changes": count + 1,
    }  # fmt: skip
    assert body["exchanges"] == {"a": 2, "b": 2, "c": 2}
    assert (body["exit"], body["check"], body["error"], body["verify"]) == (4, False, None, None)
    (a, b, c) = body["hosts"]
    assert [a["error"], b["error"], c["error"]["kind"]] == [None, None, "lost"]
    assert [change["outcome"] for change in c["changes"][:2]] == ["done", "skipped"]
    assert b["changes"][0]["because"] == "exit 1"
    assert set(a["changes"][0]) == {
        "step", "profile", "resource", "action", "reason", "outcome", "because", "kept", "seconds",
    }  # fmt: skip
    assert json.loads(json.dumps(body)) == body


def test_every_run_has_a_journal(capsys: pytest.CaptureFixture[str]) -> None:
    """Who began it and why, what each host did, and how it ended."""
    converged = run({"a": good()}, Options(why="tokens", limit="minis"))
    converge.finish(converged, Output(json=True))
    (file,) = journals().glob("*.jsonl")
    assert file.stem == converged.run
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert (lines[0]["event"], lines[0]["why"], lines[0]["limit"]) == ("begun", "tokens", "minis")
    assert (lines[-1]["event"], lines[-1]["exit"]) == ("ended", 0)
    assert {"connecting", "gathered", "planned", "changed", "finished"} <= {
        line["event"] for line in lines
    }
    assert lines[-1]["changes"] == len([line for line in lines if line["event"] == "changed"])


def test_how_a_run_behaves_is_what_was_asked() -> None:
    """The options reach every host; the reason is in the lock without any secret."""
    REDACTOR.learn("a-secret-in-a-reason")
    options = Options(check=True, lock_timeout=7, why="because a-secret-in-a-reason leaked",
                      verbose=True)  # fmt: skip
    how = converge.settings(begun(options, []), Output(json=True), wait=False)
    assert (how.check, how.wait, how.lock_timeout) == (True, False, 7)
    assert how.owner["why"] == "because *** leaked"
    assert how.owner["operator"]
    assert set(how.owner) == {"operator", "run", "since", "why"}
    assert how.pip is not None
    assert how.pip.name.startswith("pip-")
    assert how.trace is not None
    for given, drain in ((Options(drain=30), 30), (Options(drain=30, now=True), 0)):
        assert converge.settings(begun(given, []), Output(json=True)).drain == drain
    quiet = converge.settings(begun(Options(), []), Output(json=True))
    assert (quiet.trace, quiet.wait, quiet.check) == (None, True, False)
    assert how.learn is not None
    how.learn("a-value-of-the-host")
    assert REDACTOR("a-value-of-the-host") == "***"


def test_every_host_is_let_go() -> None:
    """Those that were reached; one that was not has nothing to be closed."""
    reached = good()
    converged = run({"a": reached, "b": Unreachable("no way")})
    assert not reached.is_closed
    converged.close()
    assert reached.is_closed


# --- fleet.verify -------------------------------------------------------------------------------


@pytest.fixture
def thing(tmp_path: Path) -> Role:
    """A role whose one check passes."""
    (tmp_path / "gateway/checks").mkdir(parents=True)
    text = "def test_it(host, service):\n    assert host.run('true').rc == 0\n"
    (tmp_path / "gateway/checks/test_thing.py").write_text(text)
    return replace(roles()["gateway"], folder=tmp_path / "gateway", checks=("test_it",))


def with_env(text: str) -> Facts:
    """Return a host that holds, with this in the `.env` of the profile."""
    case = {**HELD, "facts": {"holds": "desired", "files": {".hermes/profiles/demo/.env": text}}}
    return facts(case)


def test_values_of_env_are_learned_before_a_check_runs() -> None:
    """A check that shows one shows three stars: of every profile, whatever the look brought."""
    found = with_env("A_TOKEN='planted-value-one'\nexport B=planted-value-two\n")
    state = desired(HELD)
    target = verify._target(state, found, FakeTransport([], sessions=[EachAlone()]))
    assert REDACTOR("planted-value-one planted-value-two") == "*** ***"
    assert target.host == "box"
    assert [service.profile for service in target.services] == ["demo"]
    assert envfile.read(found.contents[".hermes/profiles/demo/.env"])["A_TOKEN"]


def verified(
    thing: Role, transports: Mapping[str, Any], **named: Any
) -> tuple[Verified, list[Any]]:
    """Reach hosts over these transports, and run their checks."""
    hosts = [replace(h, profiles=(Profile("demo"),)) for h in fleet(tuple(transports))]
    inventory = Inventory(tuple(hosts), {}, {**roles(), "gateway": thing})
    how = Settings(connect=connecting(**transports))
    states = [desired_state(host, inventory.roles, step_plans(graph.start)) for host in hosts]
    with Connections() as connections:
        reached = verify.reach(states, Rules(**named), how, connections)
        found = verify._verified(inventory, reached, Options(), Output(json=True), None)
    return found, reached


def test_a_host_that_is_not_reached_is_not_verified(thing: Role) -> None:
    """Each of its checks says why; those of the others run."""
    here = FakeTransport([said(facts(HELD))], sessions=[EachAlone()])
    gone, odd = Unreachable("no way"), FakeTransport(["@ user x\n@ done\n"])
    changed = HostKeyChanged("another key")
    transports = {"a": here, "b": gone, "c": odd, "d": changed}
    found, reached = verified(thing, transports)
    assert [(o.check.host, o.outcome) for o in found.outcomes] == [
        ("a", words.PASSED), ("b", words.UNREACHABLE), ("c", words.UNKNOWN), ("d", words.FAILED),
    ]  # fmt: skip
    assert found.outcomes[1].message == "no way"
    assert list(verify._codes(found)) == [1, 4, 3]
    assert here.is_closed
    assert odd.is_closed
    assert [bool(host.failure) for host in reached] == [False, True, True, True]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"expires_at": NOW + 60, "principal": "ann"},
         ["a/demo is draining: by the drain request of ann; to end that: "
          "./inv fleet.start -l a/demo"]),
        ({"expires_at": NOW - 60, "principal": "ann"}, []),
        ({"expires_at": NOW + 60, "until": "restart"}, []),
    ],
)  # fmt: skip
def test_a_gateway_that_drains_is_told(
    thing: Role, request_: Mapping[str, Any], told: Sequence[str]
) -> None:
    """Its checks pass, for it does what it was asked to; that it takes no turn is said."""
    drains = put(facts(HELD), ".hermes/profiles/demo/.drain_request.json", json.dumps(request_))
    here = FakeTransport([said(drains)], sessions=[EachAlone()])
    found, reached = verified(thing, {"a": here})
    assert [o.outcome for o in found.outcomes] == [words.PASSED]
    assert list(verify._drained(reached)) == told


def test_checks_are_told(thing: Role) -> None:
    """How many on how many hosts, and then what did not pass; without a check, nothing."""
    inventory = Inventory((), {}, {"gateway": thing})
    output = Output(json=False, err=(err := io.StringIO()))
    shell = FakeTransport([], sessions=[EachAlone()])
    target = verify._target(desired(HELD), facts(HELD), shell)
    expected = [Check("box", "demo", "test_it"), Check("box", "demo", "test_gone")]
    verify._checked(inventory, [target], expected, Options(), output, None)
    first, second = err.getvalue().splitlines()
    assert first == "verifying 2 checks on 1 host"
    assert second.startswith("box/demo: test_gone: ")
    assert verify._checked(inventory, [], [], Options(), output, None) == Verified()
    assert len(err.getvalue().splitlines()) == 2


def test_a_host_that_is_too_late_is_unknown(thing: Role) -> None:
    """The deadline of the run counts for looking, too."""
    import time

    late = FakeTransport([[20, said(facts(HELD))]])
    began = time.monotonic()
    found, _ = verified(thing, {"a": late}, deadline=time.monotonic() + 0.1)
    assert time.monotonic() - began < 10
    assert [o.outcome for o in found.outcomes] == [words.UNKNOWN]


@pytest.mark.slow
def test_only_hosts_that_hold_are_verified_after_a_run(
    thing: Role, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that failed has said so already; what came of the others is in the document."""
    a, b = good(), bad()
    a.sessions.append(EachAlone())
    converged = run({"a": a, "b": b})
    selected = replace(converged.workspace.selected, roles={**roles(), "gateway": thing})
    converged.workspace = replace(converged.workspace, selected=selected)
    verify.verify_converged(converged, Output(json=False), junit=None)
    assert converged.verify == {
        "expected": 1, "passed": 1, "failed": 0, "skipped": 0, "exchanges": {"a": 1},
    }  # fmt: skip
    assert "verifying 1 check on 1 host" in capsys.readouterr().err


@pytest.mark.slow
def test_time_that_a_run_took_is_not_there_for_its_checks(thing: Role) -> None:
    """The deadline is the run's: checks for which no time is left are unknown."""
    a = good()
    a.sessions.append(EachAlone())
    converged = run({"a": a}, Options(timeout=5))
    converged.seconds = 6
    selected = replace(converged.workspace.selected, roles={**roles(), "gateway": thing})
    converged.workspace = replace(converged.workspace, selected=selected)
    verify.verify_converged(converged, Output(json=True), junit=None)
    assert converged.verify is not None
    assert (converged.verify["expected"], converged.verify["passed"]) == (1, 0)


def test_what_did_not_pass_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One by one up to a number; then how many there are more."""
    many = tuple(
        CheckOutcome(Check("box", f"p{n}", "test_it"), words.FAILED, f"reason {n}")
        for n in range(23)
    )
    verify._tell(Verified(many, notes=("careful",)), Output(json=False), all_rows=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "warning: careful"
    assert lines[1] == "box/p0: test_it: reason 0"
    assert len(lines) == 22
    rest = "box/p20, box/p21, box/p22"
    assert lines[-1] == f"3 checks more did not pass, of {rest}: --all-rows shows them"
    for outcomes, all_rows in ((many, True), (many[:21], False)):
        verify._tell(Verified(outcomes), Output(json=False), all_rows=all_rows)
        assert len(capsys.readouterr().err.splitlines()) == len(outcomes)
    result = verify._result(Verified(many[:2]), 1, Output(json=False))
    assert isinstance(result, Result)
    assert capsys.readouterr().out == "0 of 2 checks passed\n"
    assert (result.exit, len(result.document["items"])) == (1, 2)


def referring(state: str = "started") -> Inventory:
    """Return a fleet whose profile refers to a variable that nobody has set."""
    case = {"desired": {"demo": {"env": {"A_TOKEN": {"env": "NOBODY_HAS_IT"}}, "state": state}}}
    return Inventory((desired(case).host,), {}, roles())


@pytest.mark.parametrize(
    ("steps", "state", "needs"),
    [
        (step_plans(graph.start), "started", True),
        (step_plans(graph.start), "stopped", True),
        (step_plans(graph.start), "absent", False),
        (down_steps(), "stopped", False),
        (down_steps(), "absent", False),
    ],
)
def test_only_who_writes_needs_secrets(steps: list[StepPlan], state: str, needs: bool) -> None:
    """A stop works without any of them; what is to be written is refused before it begins."""
    there = referring(state)
    opened = Workspace(there, there, (), Vault(None, lambda _: None))

    def values() -> Inventory:
        writes = writes_env(steps, there)
        return with_values(there, opened, Options(), Output(json=True), writes)

    if needs:
        with pytest.raises(InventoryError, match="NOBODY_HAS_IT"):
            values()
    else:
        assert values() == there
