"""An upgrade of many hosts: who goes first, who soaks, who is left, and what it came to."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from building import profile, roles
from test_fleet_runs import PLANNED

from hermes_ops.cli.options import Amount, Options
from hermes_ops.cli.output import Output
from hermes_ops.commands import converge
from hermes_ops.commands.fleet.upgrade import fleet
from hermes_ops.commands.fleet.upgrade.job import UP, Job
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import RolledBack
from hermes_ops.inventory.model import Connection, Host, Inventory
from hermes_ops.loader import Vault
from hermes_ops.run import Done, HostResult

NAMES = ("a", "b", "c", "d")
DEMO = profile("demo", {"state": "started"})


def workspace(names: Sequence[str] = NAMES) -> Workspace:
    """Return hosts that run a gateway each."""
    hosts = [Host(name, Connection(), (), (DEMO,), ("demo",)) for name in names]
    inventory = Inventory(tuple(hosts), {}, roles())
    return Workspace(inventory, inventory, (), Vault(None, lambda _: None))


@dataclass
class Parts:
    """What each part of a run came to, by host; whom it began is kept with its stage."""

    outcomes: list[Mapping[str, str]]
    begun: list[tuple[str, str]] = field(default_factory=list)
    options: list[Options] = field(default_factory=list)

    def __call__(
        self, converged: converge.Converged, states: Sequence[Any], *_: Any, one: Any, stage: str
    ) -> None:
        """Do a part on these hosts; where nothing is said a host is changed."""
        hosts = [state.host for state in states]
        self.begun.append((stage, "".join(host.name for host in hosts)))
        self.options.append(converged.options)
        said = self.outcomes.pop(0) if self.outcomes else {}
        converged.results = [_result(host, said.get(host.name, "changed")) for host in hosts]


def _result(host: Host, outcome: str) -> HostResult:
    error = RolledBack("it did not pass") if outcome == "failed" else None
    return HostResult(host, outcome, error)


Begun = Callable[..., tuple[Any, Parts]]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """Return how to begin a run, and what each of its parts is to come to."""

    def begin(
        *outcomes: Mapping[str, str], prepared: Mapping[str, str] | None = None, **options: Any
    ) -> tuple[Any, Parts]:
        parts = Parts(list(outcomes))
        monkeypatch.setattr(fleet, "run_hosts", parts)
        monkeypatch.setattr("time.sleep", lambda _: None)
        output = Output(json=True, err=io.StringIO())
        run = fleet._Run(workspace(), Options(**options), output)
        run.begin(UP)
        for host in run.hosts:
            run.results[host.name] = _result(host, (prepared or {}).get(host.name, "changed"))
        return run, parts

    return begin


def upgrade(run: Any, canary: int, soak: int, passed: Sequence[str] = NAMES) -> str:
    """Upgrade all hosts, of which these pass their first gate; return what each came to."""
    job = Job(run.name, run.selected, "0.19.0")
    job.passed.update(passed if soak else ())  # without a soak the first gate is the last one
    run.all(job, canary, soak)
    return came_to(run)


def came_to(run: Any) -> str:
    """Return the first letter of what each host came to, in their order."""
    return "".join(run.results[name].outcome[0] for name in NAMES)


def errors(run: Any, outcome: str = "skipped") -> set[str]:
    """Return what is said of the hosts that came to this."""
    return {str(result.error) for result in run.results.values() if result.outcome == outcome}


@pytest.mark.parametrize(
    ("canary", "soak", "parts", "began", "ended"),
    [
        (1, 60, [], "soaking:a :a :bcd", "cccc"),
        (2, 60, [], "soaking:ab :ab :cd", "cccc"),
        (1, 0, [], ":a :bcd", "cccc"),
        (0, 60, [], ":abcd", "cccc"),
        (9, 60, [], "soaking:abcd :abcd", "cccc"),
        (1, 60, [{"a": "failed"}], "soaking:a", "fsss"),
        (2, 60, [{"a": "failed"}], "soaking:ab :b", "fcss"),
        (2, 60, [{}, {"b": "failed"}], "soaking:ab :ab", "cfss"),
        (1, 0, [{"a": "failed"}], ":a", "fsss"),
        (1, 60, [{"a": "unreachable"}], "soaking:a", "usss"),
        (1, 60, [{"a": "unknown"}], "soaking:a", "usss"),
        (1, 60, [{"a": "skipped"}], "soaking:a", "ssss"),
    ],
)
def test_the_rest_follows_canaries_that_pass_twice(
    begun: Begun, canary: int, soak: int, parts: list[Mapping[str, str]], began: str, ended: str
) -> None:
    """Who does not pass at first is not judged again; whoever fails, nobody follows."""
    run, did = begun(*parts)
    first = parts[0] if parts else {}
    assert upgrade(run, canary, soak, [name for name in NAMES if name not in first]) == ended
    assert " ".join(f"{stage}:{hosts}" for stage, hosts in did.begun) == began
    bad = "".join(part for named in parts for part in named)
    rest = {f"{bad} did not pass as a canary"} if bad else set()
    assert {error for error in errors(run) if error != "None"} == rest


def test_who_could_not_be_prepared_is_no_canary(begun: Begun) -> None:
    """Another one is; what was not prepared stays as it is."""
    run, did = begun(prepared={"a": "failed"}, max_fail=Amount(1))
    assert not run.is_over()
    assert (upgrade(run, 1, 60), did.begun[0]) == ("fccc", ("soaking", "b"))


@pytest.mark.parametrize(
    ("prepared", "most", "ended"),
    [({}, None, ""), ({"a": "failed"}, None, "fsss"), ({"a": "failed"}, Amount(1), ""),
     ({"a": "failed", "c": "unreachable"}, Amount(1), "fsus"),
     ({"a": "failed"}, Amount(25, percent=True), ""),
     ({"a": "failed", "c": "unknown"}, Amount(25, percent=True), "fsus")],
)  # fmt: skip
def test_more_failures_than_allowed_stop_nothing(
    begun: Begun, prepared: Mapping[str, str], most: Amount | None, ended: str
) -> None:
    """Without `--max-fail` one host on which the version cannot be installed ends the run."""
    run, did = begun(prepared=prepared, max_fail=most)
    assert run.is_over() == bool(ended)
    assert (did.begun, came_to(run) if ended else "") == ([], ended)
    bad = ", ".join(prepared)
    assert errors(run) == ({f"{bad} failed; nothing was stopped anywhere"} if ended else set())


def test_a_check_has_no_canaries(begun: Begun) -> None:
    """It plans all hosts at once, and waits for none."""
    run, did = begun(check=True)
    assert (upgrade(run, 1, 60), did.begun) == ("cccc", [("", "abcd")])


def test_ctrl_c_while_canaries_soak(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run the new version, and nobody knows how; the same command goes on."""
    run, did = begun()

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    assert (upgrade(run, 2, 60), did.begun) == ("uuss", [("soaking", "ab")])
    assert errors(run, "unknown") == {
        "interrupted: it runs the new version, and was not judged again"
    }
    assert errors(run) == {"interrupted"}
    assert {result.error.hint for result in run.results.values()} == {fleet.GO_ON}


def test_parts_share_their_failures_and_their_time(begun: Begun) -> None:
    """None may fail unless `--max-fail` says so; each part has what is left of `--timeout`."""
    run, did = begun(timeout=50)
    upgrade(run, 1, 60)
    assert {options.max_fail for options in did.options} == {Amount(0)}
    left = [options.timeout or 0 for options in did.options]
    assert left == sorted(left, reverse=True)
    assert 40 < min(left) <= max(left) <= 50


def test_the_parts_of_a_host_are_one_result(begun: Begun) -> None:
    """Its changes are told together; a second look that finds nothing to do takes none away."""
    run, _ = begun({}, {"a": "ok"})
    change = Done(PLANNED.change, "done")
    run.results["a"].changes, run.results["a"].exchanges = [change], 2
    upgrade(run, 1, 60)
    assert (run.results["a"].changes, run.results["a"].exchanges) == ([change], 2)
    assert run.results["a"].outcome == "changed"


def test_hosts_without_a_gateway_are_left_out() -> None:
    """With a word; nothing there runs Hermes."""
    given, err = workspace(("a", "bare")), io.StringIO()
    bare = replace(given.selected.hosts[1], profiles=(), all_profiles=())
    selected = replace(given.selected, hosts=(given.selected.hosts[0], bare))
    run = fleet._Run(replace(given, selected=selected), Options(), Output(json=False, err=err))
    assert [host.name for host in run.hosts] == ["a"]
    assert "skipped: bare: none of its profiles runs Hermes" in err.getvalue()
