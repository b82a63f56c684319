"""A wait on a host ends when the verdict is final: an apply is not followed by another look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import cast

import pytest
from building import NEW, desired
from pretend_host import BEGIN, GONE, Shown, World, world
from shell_kit import shells

from hermes_ops.apply import Terms, compile_watch
from hermes_ops.errors import NotReady
from hermes_ops.hermes.readiness import CONNECT_LIMIT, Verdict
from hermes_ops.plan import Change, Plan, Watch, make_plan
from hermes_ops.plan.model import MakeFolder
from hermes_ops.run.apply import apply_plan
from hermes_ops.run.listener import Listener
from hermes_ops.run.model import HostResult, Settings
from hermes_ops.run.watch import verdict_of, watch_services
from hermes_ops.transport import Transport

URL = "http://127.0.0.1:8701/health"
every_shell = pytest.mark.parametrize("shell", shells("dash", "bash", "busybox"))
every_manager = pytest.mark.parametrize("manager", ["systemd", "supervisord"])


def waiting(
    manager: str,
    *,
    kind: str = "hermes",
    expected: Iterable[str] = (),
    urls: bool = False,
    settle: float = 3,
) -> Plan:
    """Return a plan that only waits for one service, which is Hermes' or any process."""
    made = make_plan(desired({"desired": {"good": {}}, "host": {"manager": manager}}), NEW)
    service = made.watches[0].service
    if kind == "process":
        service = replace(service, text="service", readiness="process")
    watch = Watch(service, (URL,) if urls else (), frozenset(expected), manager=manager)
    host = replace(made.host, settle=settle)
    return replace(made, host=host, manager=manager, changes=(), watches=(watch,))


def converged(plan: Plan, host: World) -> HostResult:
    """Apply and wait as a run does after its look; who is not ready at the end is an error."""
    result = HostResult(plan.host, facts=NEW)
    for part in (apply_plan, watch_services):
        part(plan, cast(Transport, host), Settings(), lambda _: None, result)
    return result


# --- two exchanges are two --------------------------------------------------------------------


@pytest.mark.slow
@every_shell
@pytest.mark.parametrize(("manager", "kind"), [("systemd", "hermes"), ("supervisord", "process")])
def test_a_late_process_settles_from_its_own_start(
    tmp_path: Path, shell: str, manager: str, kind: str
) -> None:
    """A process that starts a while after the wait began is waited for in the same exchange.

    Nor is it waited for longer than it must be, and the half second between two looks.
    """
    plan = waiting(manager, kind=kind)
    born = BEGIN + 61
    before, after = Shown("inactive", pid=0, owner=GONE, word="stopped"), Shown(born=born)
    host = world(tmp_path, plan, before, after, at=born, shell=shell)
    assert converged(plan, host).verdicts["good"].is_ready
    assert host.exchanges == 1
    assert 300 <= host.passed - 61 <= 360


CHANGES = {
    "its state": (Shown(word="starting"), Shown()),
    "its platform": (
        Shown(born=BEGIN - 500, platforms={"telegram": "connecting"}),
        Shown(born=BEGIN - 500, platforms={"telegram": "connected"}),
    ),
    "its process": (Shown("deactivating"), Shown(pid=71, owner=71, born=BEGIN + 1)),
    "its answer": (Shown(answers=False), Shown()),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", CHANGES)
@every_manager
def test_what_changes_within_a_look_is_seen_whole(tmp_path: Path, manager: str, what: str) -> None:
    """At whatever step of a look a service becomes ready: what ends the wait is what is sent."""
    earlier, later = CHANGES[what]
    plan = waiting(manager, expected=later.platforms, urls=what == "its answer", settle=0)
    # The first look never ends a wait. A look has five steps or six: these are those of the second.
    for turn in range(6, 13):
        host = world(tmp_path / str(turn), plan, earlier, later, turn=turn)
        assert converged(plan, host).verdicts["good"].is_ready
        assert host.became
        assert host.exchanges == 1, f"it changed at step {turn}"


# --- what is not waited for, and how long -----------------------------------------------------

YOUNG = BEGIN - 100 * CONNECT_LIMIT + 500
CONNECTING = {"telegram": "connecting"}
REFUSED = {"discord": "fatal", "telegram": "connecting"}
SHOWN: Mapping[str, tuple[str, Shown]] = {
    "a planned restart": ("process", Shown("activating", pid=0, code=75)),
    "a crash loop": ("process", Shown("activating", pid=0, code=1)),
    "a failure": ("process", Shown("failed", pid=0, code=78)),
    "a failed gateway": ("hermes", Shown("failed", pid=0, code=78, word="startup_failed")),
    "nothing to start": ("process", Shown("inactive", pid=0)),
    "an end within the look": ("process", Shown(process="Z")),
    "a suspended process": ("process", Shown(process="T")),
    "a stop": ("hermes", Shown("deactivating")),
    "the state of a process that is gone": ("hermes", Shown(owner=GONE)),
    "the state of an older process of this number": ("hermes", Shown(reused=True)),
    "the state of another process": ("hermes", Shown(pid=71)),
    "a process beside its service": ("hermes", Shown("inactive", pid=0)),
    "a platform on its way": ("telegram", Shown(born=YOUNG, platforms=CONNECTING)),
    "a platform that takes too long": ("telegram", Shown(platforms=CONNECTING)),
    "a platform that is refused": ("discord telegram", Shown(born=YOUNG, platforms=REFUSED)),
    "a missing platform": ("telegram", Shown(born=YOUNG)),
    "a start that hangs": ("hermes", Shown(word="starting")),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SHOWN)
@every_manager
def test_only_what_may_change_is_waited_for(tmp_path: Path, manager: str, what: str) -> None:
    """The wait goes on to its limit where the verdict is pending, and ends before it elsewhere."""
    kind, shown = SHOWN[what]
    expected = kind.split() if kind not in ("process", "hermes") else ()
    plan = waiting(manager, kind=kind, expected=expected, settle=1)
    host = world(tmp_path, plan, shown)
    verdict = waited(plan, host, Terms(ready_timeout=2, settle=1))
    goes_on = verdict.is_pending or verdict.state == "unknown"
    assert (host.passed >= 200) == goes_on, f"{verdict} after {host.passed} ticks"


def waited(plan: Plan, host: World, terms: Terms) -> Verdict:
    """Return the verdict after a single wait on these terms."""
    listener = Listener(plan, lambda _: None)
    host.exchange(compile_watch(plan, terms), listener)
    facts = listener.seen(NEW)
    assert facts
    return verdict_of(plan.watches[0], plan.manager, facts, plan.host)


MAKE = Change("step", "good", "folder:made", "make", "why", MakeFolder(PurePosixPath("made"), None))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [(), (MAKE,)], ids=["a wait alone", "after a change"])
def test_who_waited_to_its_limit_is_not_asked_again(
    tmp_path: Path, changes: tuple[Change, ...]
) -> None:
    """What is not ready when the time is up is told as such, without another exchange."""
    plan = waiting("systemd")
    plan = replace(plan, changes=changes, host=replace(plan.host, ready_timeout=3.4))
    host = world(tmp_path, plan, Shown(word="starting"))
    with pytest.raises(NotReady, match="good is starting"):
        converged(plan, host)
    assert (host.exchanges, host.passed) == (1, 400)
    assert (tmp_path / "home" / "made").exists() == bool(changes)


@pytest.mark.slow
@every_shell
def test_without_proc_the_wait_counts_from_its_own_beginning(tmp_path: Path, shell: str) -> None:
    """Where nothing tells when a process began, it lasts the settling time in whole seconds."""
    plan = waiting("supervisord")
    host = world(tmp_path, plan, Shown(), shell=shell, has_proc=False)
    waited(plan, host, Terms(ready_timeout=20, settle=3))
    assert 300 <= host.passed <= 410
