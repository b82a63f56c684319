"""How a plan becomes shell: under the lock, in its order, each failure its profile's alone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import desired, profile
from shell_kit import Answer, Host, one_host

from hermes_ops.apply import ChangeOutcome, Terms, compile_plan, compile_watch, outcomes
from hermes_ops.files.layout import environment
from hermes_ops.inventory.model import Connection, HermesSettings
from hermes_ops.inventory.model import Host as Machine
from hermes_ops.look.facts import Hermes
from hermes_ops.plan.model import (
    Change,
    Control,
    Drain,
    EnableLinger,
    Install,
    MakeFolder,
    MakeLink,
    Operation,
    Plan,
    Refuse,
    Reload,
    Remove,
    RunCommand,
    SetMode,
    Watch,
    Write,
    WriteUnit,
)
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.wire import Record

host = one_host
LOCK = ".local/state/hermes-ops/lock"
OWED = ".local/state/hermes-ops/restart"
LOOKS = [f"{one.shell_name}_look" for one in MANAGERS.values()]
TERMS = Terms('{"operator": "ann"}', lock_timeout=7, ready_timeout=11, settle=5)


def path(text: str) -> PurePosixPath:
    """Return a path relative to the home."""
    return PurePosixPath(text)


def service(name: str, text: str = "service") -> ServiceSpec:
    """Return a service of this name; `hermes` has drains and a count of starts."""
    return replace(desired({"desired": {name: {}}}).services[name], name=name, text=text)


def control(name: str, verb: str = "start", *, text: str = "service", **more: Any) -> Control:
    """Return an order to the manager of this test, which is called `order`."""
    words = ("order", verb, f"{name}.service")
    return Control(service(name, text), words, verb, **more)


Numbered = tuple[str, Operation]


def plan(
    *changes: Numbered,
    seen: Iterable[tuple[str, str]] = (),
    after: dict[str, Any] | None = None,
    **more: Any,
) -> Plan:
    """Return a plan of these operations, each with the profile that it serves; '' is the host."""
    guards = tuple((path(name), digest) for name, digest in seen)
    made = tuple(
        Change("step", name or None, f"thing:{at}", "do", "why", operation, guards)
        for at, (name, operation) in enumerate(changes)
    )
    names = dict.fromkeys([name for name, _ in changes if name] + list(after or {}))
    profiles = tuple(profile(name, {"after": (after or {}).get(name, ())}) for name in names)
    machine = Machine("box", profiles=profiles, **more.pop("machine", {}))
    return Plan(machine, made, manager="systemd", **more)


def told(answer: Answer) -> list[str]:
    """Return how the changes ended, in one word each."""
    found = [outcome for record in answer.reply.records for outcome in outcomes(record)]
    assert [outcome.number for outcome in found] == sorted(outcome.number for outcome in found)
    return [outcome.outcome for outcome in found]


@pytest.fixture
def apply(host: Host) -> Callable[..., Answer]:
    """Apply a plan on a host on which nothing is asked of a real manager and nothing waits."""
    for name in ("order", "together", "end_process", "drain_gateway", "ask_drain", "await_drains",
                 "reset_storm"):  # fmt: skip
        host.stand(name, "case $* in *refused*) return 1 ;; esac")
    host.define("systemd_said() { activity=active pid=; }")
    for name in ("await", "send_log", *LOOKS, "show_processes"):
        host.stand(name)
    host.stand("ask_urls")

    def applied(plan: Plan) -> Answer:
        answer = host.apply(compile_plan(plan, TERMS))
        assert answer.errors == ""
        return answer

    return applied


Apply = Callable[[Plan], Answer]


def calls(host: Host, *names: str) -> list[str]:
    """Return the calls of these stand-ins."""
    return [call for call in host.calls if call.split()[0] in names]


# --- the lock ---------------------------------------------------------------------------------


def test_the_lock_is_held_while_something_changes_and_not_while_we_wait(
    host: Host, apply: Apply
) -> None:
    """It guards changes; another may look at us, or change something else, meanwhile."""
    host.stand("order", f"[ -d {LOCK} ] && echo held >>states; sed 1d {LOCK}/owner >>states")
    host.stand("await", f"[ -d {LOCK} ] || echo free >>states; trap >>states")
    watched = Watch(service("one"), manager="systemd")
    apply(plan(("one", control("one")), watches=(watched,)))
    assert (host.home / "states").read_text().splitlines()[:3] == [
        "held", TERMS.owner, "free",
    ]  # fmt: skip
    assert "EXIT" not in (host.home / "states").read_text()
    assert calls(host, "await") == ["await 11 501 3000"]


def test_a_plan_that_waited_for_the_lock_is_old(host: Host, apply: Apply) -> None:
    """Another changed something until now: nothing is done, everything has moved."""
    host.stand("take_lock", f"mkdir -p {LOCK}; waited=3; trap 'echo left >>states' EXIT")
    answer = apply(plan(("one", control("one")), ("two", control("two"))))
    assert told(answer) == ["moved", "moved"]
    assert calls(host, "order", "await") == []
    assert not (host.home / LOCK).exists()
    assert not (host.home / "states").exists()
    assert calls(host, "take_lock") == [f"take_lock 7 '{TERMS.owner}'"]


def test_a_hangup_does_not_end_a_change(host: Host, apply: Apply) -> None:
    """Nor does an operator who stops reading: what is begun is made whole."""
    made = plan(("one", RunCommand(("sh", "-c", "kill -HUP $PPID; kill -PIPE $PPID"), 5)),
                ("one", MakeFolder(path("made"), None)))  # fmt: skip
    host.stand("scrubbed", "kill -HUP $$; kill -PIPE $$")
    assert told(apply(made)) == ["done", "done"]


def test_what_is_owed_and_drained_goes_with_the_lock(host: Host, apply: Apply) -> None:
    """Restarts that were ordered are paid; requests to drain are taken back."""
    host.file(f"{OWED}/one")
    host.file("request")
    host.stand("ask_drain", "drains=' request'")
    host.stand("order", f"[ -e {OWED}/one ] && [ -e request ] && echo so >>states")
    apply(plan(("one", control("one", "restart", text="hermes", drain=9))))
    assert (host.home / "states").read_text() == "so\n"
    assert not (host.home / OWED / "one").exists()
    assert not (host.home / "request").exists()


# --- debts and notes --------------------------------------------------------------------------


def test_a_restart_that_failed_pays_no_debt(host: Host, apply: Apply) -> None:
    """It is still owed; another profile's was paid."""
    for name in ("refused", "two"):
        host.file(f"{OWED}/{name}")
    made = plan(("refused", control("refused", "restart")), ("two", control("two", "restart")))
    assert told(apply(made)) == ["failed", "done"]
    assert [file.name for file in (host.home / OWED).iterdir()] == ["refused"]


def write(name: str, **more: Any) -> Write:
    """Return a change that writes a file of this name."""
    return Write(path(name), f"text of {name}", 0o600, **more)


def test_a_debt_is_written_down_before_the_first_file_changes(host: Host, apply: Apply) -> None:
    """A crash in between still ends in a restart."""
    host.stand("mv", f'ls {OWED} >>states; command mv "$@"')
    apply(plan(("p", write("a", owes="one")), ("p", write("b", owes="two")), ("p", write("c"))))
    assert (host.home / "states").read_text() == "one\ntwo\n" * 4  # the last with the lock
    assert sorted(file.name for file in (host.home / OWED).iterdir()) == ["one", "two"]


def test_what_a_manager_would_refuse_replaces_nothing(host: Host, apply: Apply) -> None:
    """Nothing of the profile is written, no restart is owed, and the others go on."""
    host.file("p/unit", "old")
    host.stand("refuses", 'printf "no: %s" "$1"; return 1')
    proof = ("refuses", "one.service")
    unit = write("p/unit", owes="one", proof=proof)
    first = (("p", unit), ("p", write("p/config")), ("p", write("p/last")))
    answer = apply(plan(*first, ("q", write("q/config"))))
    assert told(answer) == ["failed", "skipped", "skipped", "done"]
    assert "no: one.service" in answer.out
    assert [file.name for file in (host.home / "p").iterdir()] == ["unit"]
    assert (host.home / "p/unit").read_text() == "old"
    assert not (host.home / OWED).exists()


def test_a_broken_profile_makes_no_debt(host: Host, apply: Apply) -> None:
    """Nor a folder for what it will not write."""
    host.file("guard", "x")
    made = plan(("p", Refuse("no")), ("p", write("folder/a", owes="one")))
    assert told(apply(made)) == ["failed", "skipped"]
    assert not (host.home / OWED).exists()
    assert not (host.home / "folder").exists()


def test_a_note_is_kept_of_a_write_that_succeeded(host: Host, apply: Apply) -> None:
    """One of a file that is not there would be believed later."""
    notes = {name: (path(f"notes/{name}"), f"note of {name}") for name in ("a", "bad", "c")}
    host.stand("mv", 'case $3 in *bad) return 1 ;; esac; command mv "$@"')
    made = plan(
        ("one", write("a", keeps=notes["a"])),
        ("two", write("bad", keeps=notes["bad"])),
        ("three", write("c", keeps=notes["c"])),
    )
    assert told(apply(made)) == ["done", "failed", "done"]
    assert {file.name: file.read_text() for file in (host.home / "notes").iterdir()} == {
        "a": "note of a", "c": "note of c",
    }  # fmt: skip


def test_all_files_of_a_profile_are_on_the_disk_before_one_is_renamed(
    host: Host, apply: Apply
) -> None:
    """Files that follow each other are one group; an operation between them makes two."""
    host.stand("sync", 'case $1 in ./.a*|./.b*) ls "$@" >>states ;; esac')
    host.stand("mv", 'command mv "$@"')
    host.stand("release_lock", 'command rm -rf "$lock"')
    host.stand("make_parents")
    host.stand("remove")
    apply(plan(("p", write("a")), ("p", write("b")), ("p", Remove(path("x"))), ("p", write("c"))))
    made = calls(host, "make_parents", "sync", "mv", "remove")
    order = [call.partition(" ")[0] for call in made if LOCK not in call]
    assert order == ["make_parents", "sync", "mv", "mv", "remove", "make_parents", "sync", "mv"]
    assert calls(host, "make_parents") == ["make_parents a b", "make_parents c"]
    assert len((host.home / "states").read_text().splitlines()) == 2


def test_a_file_that_could_not_be_staged_stops_those_of_its_group(host: Host, apply: Apply) -> None:
    """None of them is renamed: they belong together."""
    host.file("a", "old")
    host.stand("chmod", "return 1")
    made = plan(("p", write("a")), ("p", Write(path("b"), "x", 0o640)))
    answer = apply(made)
    found = {o.number: o.outcome for r in answer.reply.records for o in outcomes(r)}
    assert found == {0: "skipped", 1: "failed"}
    assert (host.home / "a").read_text() == "old"


# --- each operation ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        (MakeFolder(path("a b"), 0o700), "make_folder 700 'a b'"),
        (MakeFolder(path("a"), None), "make_folder - a"),
        (SetMode(path("a"), 0o640), "chmod 640 a"),
        (MakeLink(path("a"), "../t x"), "make_link '../t x' a"),
        (Remove(path("a")), "remove a"),
        (RunCommand(("thing", "a b"), 9), "scrubbed 9 thing 'a b'"),
        (WriteUnit(path("u"), ("thing", "x"), "a b", 8), "write_unit u 'a b' 8 thing x"),
        (Reload(("again",)), "again"),
        (EnableLinger(True), "linger"),
        (EnableLinger(False), "linger"),
    ],
)
def test_an_operation_is_one_call(
    host: Host, apply: Apply, operation: Operation, call: str
) -> None:
    """With all its words, each as it is."""
    name = call.partition(" ")[0]
    host.stand(name)
    assert told(apply(plan(("p", operation)))) == ["done"]
    assert calls(host, name) == [call]


@pytest.mark.parametrize(("required", "ends"), [(True, "skipped"), (False, "done")])
def test_linger_is_needed_or_not(host: Host, apply: Apply, required: bool, ends: str) -> None:
    """Where services live without it, its failure is told and nothing else."""
    host.stand("linger", "return 77")
    made = plan(("", EnableLinger(required)), ("p", MakeFolder(path("a"), None)))
    answer = apply(made)
    assert told(answer) == ["failed", ends]
    assert "change 0 failed exit 77" in answer.told


def test_what_breaks_of_the_host_breaks_every_profile(host: Host, apply: Apply) -> None:
    """And what breaks of a profile is its own."""
    host.stand("linger", "return 1")
    made = plan(("p", Refuse("no")), ("", MakeFolder(path("a"), None)),
                ("", EnableLinger(True)), ("q", MakeFolder(path("b"), None)))  # fmt: skip
    assert told(apply(made)) == ["failed", "done", "failed", "skipped"]


def test_a_refusal_says_what_kind_it_is(apply: Apply) -> None:
    """And nothing is done for it."""
    assert apply(plan(("p", Refuse("it's so", "usage")))).told == [
        "lock-taken 0", "change 0 failed usage: it's so",
    ]  # fmt: skip


INSTALL = Install("demo", "1.0", "/usr/bin/python3", ("a[x]==1", "b"), '{"v": 1}', deadline=60)


@pytest.mark.parametrize("wheelhouse", [False, True])
def test_an_installation_is_announced(host: Host, apply: Apply, wheelhouse: bool) -> None:
    """It takes long. From a wheelhouse no index is asked."""
    host.stand("install_program")
    answer = apply(plan(("", replace(INSTALL, wheelhouse=wheelhouse))))
    assert answer.told == ["lock-taken 0", "starts 0", "change 0 done"]
    source = "--no-index --find-links .cache/hermes-ops/wheels " if wheelhouse else ""
    assert calls(host, "install_program") == [
        f"install_program demo 1.0 /usr/bin/python3 .cache/hermes-ops/pip.whl '{INSTALL.stamp}'"
        f" 60 {source}a[x]==1 b"
    ]


def test_a_secret_keeps_lines_of_the_host_and_gets_new_ones(host: Host, apply: Apply) -> None:
    """Tokens stand for whole lines of its own file; in a text that is no secret they are text."""
    host.stand("kept_line", "echo kept")
    host.stand("new_line", "echo new")
    text = "# x\nexport A=\x01kept\x01\nB=\x01new:16\x01\nC= \x01kept\x01\nD='1'"
    host.file("p/.env", "old")
    apply(plan(("p", Write(path("p/.env"), Secret(text), 0o600)),
               ("p", Write(path("plain"), text, 0o600))))  # fmt: skip
    wanted = "# x\nkept\nnew\nC= \x01kept\x01\nD='1'"
    assert (host.home / "p/.env").read_text() == wanted
    assert (host.home / "plain").read_text() == text
    assert calls(host, "kept_line", "new_line") == ["kept_line p/.env A", "new_line B 16"]


def test_a_piece_of_a_secret_that_fails_fails_the_file(host: Host, apply: Apply) -> None:
    """The first, one in the middle, the last: a file with a hole in it is never renamed."""
    host.stand("new_line", "return 1")
    host.file(".env", "old")
    made = plan(("p", Write(path(".env"), Secret("A=\x01new:16\x01\nB=1\n"), 0o600)))
    assert told(apply(made)) == ["failed"]
    assert (host.home / ".env").read_text() == "old"


# --- what moved -------------------------------------------------------------------------------


def test_a_profile_that_moved_is_broken(host: Host, apply: Apply) -> None:
    """None of its changes is made, none of its starts is ordered, and others go on."""
    host.file("moving", "x")
    moved = Change("s", "one", "t", "do", "why", control("one"), ((path("moving"), "-"),))
    whole = Change("s", "two", "t", "do", "why", control("two"))
    machine = Machine("box", profiles=(profile("one", {}), profile("two", {})))
    watches = (Watch(service("one"), manager="systemd"), Watch(service("two"), manager="systemd"))
    answer = apply(Plan(machine, (moved, whole), watches))
    assert told(answer) == ["moved", "done"]
    assert calls(host, "order") == ["order start two.service"]


def test_every_guard_of_a_profile_is_asked_before_its_first_change(
    host: Host, apply: Apply
) -> None:
    """One that moved later in the list stops what stands before it."""
    host.file("moving", "x")
    first = Change("s", "p", "t", "do", "why", MakeFolder(path("a"), None), ((path("a"), "-"),))
    second = Change(
        "s", "p", "t", "do", "why", MakeFolder(path("b"), None), ((path("moving"), "-"),)
    )
    answer = apply(Plan(Machine("box", profiles=(profile("p", {}),)), (first, second)))
    assert told(answer) == ["moved", "moved"]
    assert not (host.home / "a").exists()


# --- before a start ---------------------------------------------------------------------------


def test_what_comes_before_a_restart_of_hermes(host: Host, apply: Apply) -> None:
    """Its stray is ended, its turns are let end, its count of starts is forgotten; then it is."""
    host.stand("mark_logs")
    apply(plan(("one", control("one", "restart", text="hermes", ends=42, born=7, drain=30))))
    home = service("one").home
    wanted = ("end_process", "ask_drain", "await_drains", "reset_storm", "mark_logs", "order")
    assert calls(host, *wanted) == [
        f"ask_drain {home} 30", "await_drains 30", f"end_process {home} 42 7",
        f"reset_storm {home}", f"mark_logs {home} one.service", "order restart one.service",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "first"), [(None, "plan_stop {home} 42"), (42, "end_process {home} 42 ''")]
)
def test_an_end_that_its_definition_does_not_announce_is_announced(
    host: Host, apply: Apply, ends: int | None, first: str
) -> None:
    """A unit that is not ours would let a stop look like a crash.

    Whoever is ended before was told by that, and leaves no mark that names a dead process.
    """
    host.stand("plan_stop")
    apply(plan(("one", control("one", "stop", text="hermes", announced=42, ends=ends))))
    assert calls(host, "plan_stop", "end_process", "order") == [
        first.format(home=service("one").home), "order stop one.service",
    ]  # fmt: skip


def test_one_that_rolls_drains_at_its_turn(host: Host, apply: Apply) -> None:
    """It takes turns until the one before it is ready again."""
    made = [
        ("a", control("a", "restart", text="hermes", drain=9)),
        ("b", control("b", "restart", text="hermes", drain=9, rolls_after=("a",))),
    ]
    apply(plan(*made))
    a, b = service("a").home, service("b").home
    wanted = ("ask_drain", "await_drains", "drain_gateway", "order")
    assert calls(host, *wanted) == [
        f"ask_drain {a} 9", "await_drains 9", "order restart a.service", f"drain_gateway {b} 9",
        "order restart b.service",
    ]  # fmt: skip


def test_a_drain_that_lasts_is_waited_for_at_the_end(host: Host, apply: Apply) -> None:
    """All that drain do so side by side, for as long as the slowest of them may take."""
    host.stand("leave_drain", "case $* in *refused*) return 1 ;; esac")
    waits = {"a": 5, "refused": 9, "c": 20}
    made = [(name, Drain(service(name), 3600, wait)) for name, wait in waits.items()]
    assert told(apply(plan(*made))) == ["done", "failed", "done"]
    homes = [service(name).home for name in waits]
    assert calls(host, "leave_drain", "await_drains") == [
        *(f"leave_drain {home} 3600" for home in homes), "await_drains 20",
    ]  # fmt: skip


def test_a_stop_forgets_no_starts(host: Host, apply: Apply) -> None:
    """Nothing is started after it."""
    apply(plan(("one", control("one", "stop", text="hermes"))))
    assert [call.split()[0] for call in calls(host, "reset_storm", "order", "end_process")] == [
        "order"
    ]


def test_another_program_has_no_turns(host: Host, apply: Apply) -> None:
    """What is Hermes' alone is not asked of it; a stray of it is ended."""
    apply(plan(("one", control("one", "restart", ends=42, drain=30))))
    assert [call.split()[0] for call in host.calls][:2] == ["end_process", "order"]


def test_a_broken_profile_is_not_prepared(host: Host, apply: Apply) -> None:
    """Its gateway goes on as it was."""
    apply(plan(("one", Refuse("no")),
               ("one", control("one", "restart", text="hermes", ends=42, drain=30))))  # fmt: skip
    assert calls(host, "end_process", "reset_storm", "order") == []


# --- together ---------------------------------------------------------------------------------


def starts(*names: str, verb: str = "start", **more: Any) -> list[Numbered]:
    """Return a start for each of these, which their manager could order together."""
    return [(name, control(name, verb, together="together", **more)) for name in names]


def test_several_starts_are_ordered_with_one_call_after_each_was_prepared(
    host: Host, apply: Apply
) -> None:
    """Only then does each tell how it ended; none is prepared twice."""
    assert told(apply(plan(*starts("a", "b", text="hermes", drain=9)))) == ["done", "done"]
    a, b = service("a").home, service("b").home
    wanted = ("together", "order", "ask_drain", "await_drains", "reset_storm")
    assert calls(host, *wanted) == [
        f"ask_drain {a} 9", f"ask_drain {b} 9", "await_drains 9", f"reset_storm {a}",
        f"reset_storm {b}",
        "together start a.service b.service", "order start a.service", "order start b.service",
    ]  # fmt: skip


def test_one_with_a_stray_is_started_alone(host: Host, apply: Apply) -> None:
    """To end its stray takes up to ten seconds, for which the others do not wait."""
    stray = control("b", together="together", ends=42)
    apply(plan(*starts("a"), ("b", stray), *starts("c")))
    assert calls(host, "together", "order", "end_process") == [
        "together start a.service c.service", "order start a.service",
        f"end_process {service('b').home} 42 ''", "order start b.service", "order start c.service",
    ]  # fmt: skip


def test_one_that_needs_anothers_stop_is_not_started_ahead(host: Host, apply: Apply) -> None:
    """What it needs, such as a port, is not free if that stop failed."""
    stop = ("refused", control("refused", "stop"))
    needy = ("b", control("b", together="together", after=("refused",)))
    assert told(apply(plan(stop, *starts("a"), needy, *starts("c")))) == [
        "failed", "done", "skipped", "done",
    ]  # fmt: skip
    assert calls(host, "together") == ["together start a.service c.service"]


def test_one_that_waits_for_another_is_not_started_with_it(host: Host, apply: Apply) -> None:
    """Nor is any that comes after it in the plan."""
    apply(plan(*starts("a", "b", "c", "d"), after={"c": ("a",)}))
    assert calls(host, "together") == ["together start a.service b.service",
                                       "together start c.service d.service"]  # fmt: skip


def test_nothing_is_started_ahead_of_a_file_that_it_needs(host: Host, apply: Apply) -> None:
    """A profile with more than its start is not ordered with those before it."""
    apply(plan(*starts("a"), ("b", write("b")), *starts("b", "c")))
    assert calls(host, "together") == []
    assert [call.split()[-1] for call in calls(host, "order")] == [
        "a.service", "b.service", "c.service",
    ]  # fmt: skip


@pytest.mark.parametrize("stagger", [0, 30])
def test_all_stops_are_ordered_at_once(host: Host, apply: Apply, stagger: int) -> None:
    """None waits for another's, whatever lies between them; time between starts is no matter."""
    made = plan(*starts("a", verb="stop"), ("a", write("a")), *starts("b", verb="stop"),
                machine={"start_stagger": stagger})  # fmt: skip
    apply(made)
    assert calls(host, "together", "order") == [
        "together stop a.service b.service", "order stop a.service", "order stop b.service",
    ]  # fmt: skip


def test_verbs_are_not_mixed(host: Host, apply: Apply) -> None:
    """A restart is not ordered with starts."""
    apply(plan(*starts("a", "b"), *starts("c", "d", verb="restart")))
    assert calls(host, "together") == ["together start a.service b.service",
                                       "together restart c.service d.service"]  # fmt: skip


def test_one_service_is_ordered_as_it_is(host: Host, apply: Apply) -> None:
    """Nor is one whose manager can only be told one by one."""
    apply(plan(*starts("a"), ("b", control("b")), ("c", control("c"))))
    assert calls(host, "together") == []


def test_whose_profile_cannot_go_on_is_not_ordered_ahead(host: Host, apply: Apply) -> None:
    """Because its files moved, or because a step of it failed before."""
    host.file("moving", "x")
    moved = Change("s", "b", "t", "do", "why", starts("b")[0][1], ((path("moving"), "-"),))
    made = plan(("d", Refuse("no")), *starts("a", "b", "c", "d"))
    changes = (*made.changes[:2], moved, *made.changes[3:])
    answer = apply(replace(made, changes=changes))
    assert told(answer) == ["failed", "done", "moved", "done", "skipped"]
    assert calls(host, "together") == ["together start a.service c.service"]


# --- waits ------------------------------------------------------------------------------------


def test_who_is_waited_for_must_be_well(host: Host, apply: Apply) -> None:
    """A profile starts after those of its `after:`; where one is not well it is not started."""
    host.stand("await", "ready=")
    watches = (Watch(service("a"), manager="systemd"), Watch(service("b"), manager="systemd"))
    made = plan(*starts("a", "b"), after={"b": ("a",)}, watches=watches)
    assert told(apply(made)) == ["done", "skipped"]
    assert calls(host, "order", "await") == ["order start a.service", "await 11 501 3000"]


def test_who_is_well_lets_the_next_one_start(host: Host, apply: Apply) -> None:
    """The wait for it comes before the start, and no other is waited for then."""
    host.stand("await", "round; ready=1")
    watches = tuple(Watch(service(name), manager="systemd") for name in ("a", "b", "c"))
    made = plan(*starts("a", "c", "b"), after={"b": ("a",)}, watches=watches)
    assert told(apply(made)) == ["done", "done", "done"]
    order = calls(host, "order", "await", "systemd_look", "together")
    assert order == [
        "together start a.service c.service", "order start a.service", "order start c.service",
        "await 11 501 3000", "systemd_look a.service", "order start b.service",
        "await 11 501 3000", "systemd_look a.service b.service c.service",
    ]  # fmt: skip


def test_nothing_starts_behind_an_operator_who_is_gone(host: Host, apply: Apply) -> None:
    """Not even what was waited for with success: nobody would see the next one fail."""
    host.stand("await", "ready=1; gone=1")
    watches = (Watch(service("a"), manager="systemd"), Watch(service("b"), manager="systemd"))
    made = plan(*starts("a", "b"), after={"b": ("a",)}, watches=watches)
    assert told(apply(made)) == ["done"]
    assert calls(host, "order") == ["order start a.service"]


def test_what_is_carried_out_as_a_whole_needs_nobody_who_listens(host: Host, apply: Apply) -> None:
    """How the first one does is not known any more; the second one is started all the same."""
    host.stand("await", "ready=; gone=1")
    watches = (Watch(service("a"), manager="systemd"), Watch(service("b"), manager="systemd"))
    made = plan(*starts("a", "b"), after={"b": ("a",)}, watches=watches, whole=True)
    assert told(apply(made)) == ["done", "done"]


def test_who_waits_for_a_broken_one_is_broken(host: Host, apply: Apply) -> None:
    """A step of it failed, so it was not even started."""
    host.stand("await", "ready=1")
    watches = (Watch(service("a"), manager="systemd"), Watch(service("b"), manager="systemd"))
    made = plan(("a", Refuse("no")), *starts("b"), after={"b": ("a",)}, watches=watches)
    assert told(apply(made)) == ["failed", "skipped"]
    assert calls(host, "await", "order") == []


def test_a_stop_waits_for_nobody(host: Host, apply: Apply) -> None:
    """`after:` is about starts."""
    made = plan(
        *starts("b", verb="stop"),
        after={"b": ("a",)},
        watches=(Watch(service("a"), manager="systemd"),),
    )
    apply(made)
    assert [call.split()[0] for call in calls(host, "order", "await")] == ["order", "await"]


GATEWAY = Watch(
    service("one", "hermes"),
    ("http://u/1", "http://u/2"),
    frozenset({"tg", "api"}),
    manager="systemd",
)
HOME = GATEWAY.service.home


def watched(host: Host, *watches: Watch, before: str = "", **stands: str) -> Answer:
    """Watch these services for one round, and say whether they were ready."""
    names = (*LOOKS, "recorded_pids", "show_processes")
    for name in (*names, "send_files", "ask_urls", "send_log", "is_over", "take_lock"):
        host.stand(name, stands.get(name, "return 1" if name == "is_over" else ":"))
    for name in ("is_settled", "are_connected"):
        host.stand(name, stands.get(name, ":"))
    host.stand("await", f'ready=1; round; echo "ready [$ready]"; {before}')
    answer = host.apply(compile_watch(plan(watches=watches), TERMS))
    assert answer.errors == ""
    return answer


def test_a_round_shows_all_that_tells_how_a_gateway_does(host: Host) -> None:
    """Its own files, its unit, its pid file, what its URLs answer; and no lock is taken."""
    assert watched(host, GATEWAY).out == "ready [1]\n"
    assert host.calls == [
        f"await 11 501 3000 {HOME}",
        *(f"{one.shell_name}_look {one.id(GATEWAY.service)}" for one in MANAGERS.values()),
        f"recorded_pids {HOME}/gateway.pid",
        "show_processes", "is_over one.service", f"is_settled one.service {HOME} api tg",
        "ask_urls http://u/1 http://u/2",
        f"send_files {HOME}/gateway_state.json {HOME}/state/gateway.heartbeat {HOME}/gateway.pid",
        "is_over one.service", f"are_connected {HOME} api tg",
    ]  # fmt: skip


def test_a_gateway_that_is_not_up_is_waited_for(host: Host) -> None:
    """By its own file, whatever its URLs say; and then its log is shown."""
    assert watched(host, GATEWAY, is_settled="return 1").out == "ready []\n"
    assert calls(host, "send_log") == [f"send_log {HOME} systemd_log one.service"]


def test_a_platform_that_is_not_connected_is_reason_for_the_log(host: Host) -> None:
    """It is not waited for: that may take long."""
    assert watched(host, GATEWAY, are_connected="return 1").out == "ready [1]\n"
    assert calls(host, "send_log") == [f"send_log {HOME} systemd_log one.service"]


def test_one_that_failed_for_good_is_not_waited_for(host: Host) -> None:
    """Neither its file nor its URLs are asked; its log is shown."""
    both = (GATEWAY, Watch(service("two"), ("http://u/3",), manager="systemd"))
    failed = "[ $1 = one.service ]"
    assert watched(host, *both, is_over=failed).out == "ready [1]\n"
    assert calls(host, "ask_urls") == ["ask_urls http://u/3"]
    assert calls(host, "send_log") == [f"send_log {HOME} systemd_log one.service"]
    assert calls(host, "is_settled") == ["is_settled two.service ''"]


def test_another_program_is_asked_for_its_urls_alone(host: Host) -> None:
    """It has no file that says how it does."""
    watched(host, Watch(service("two"), ("http://u/3",), manager="systemd"))
    assert calls(host, "are_connected", "send_log") == []
    assert calls(host, "send_files", "recorded_pids") == ["recorded_pids", "send_files"]


def test_a_broken_profile_is_not_watched(host: Host, apply: Apply) -> None:
    """What could not be changed is not waited for, though the others are."""
    host.stand("await", "round; ready=")
    both = (
        Watch(service("a"), ("http://u/1",), manager="systemd"),
        Watch(service("b"), ("http://u/2",), manager="systemd"),
    )
    apply(plan(("a", Refuse("no")), *starts("b"), watches=both))
    assert calls(host, "ask_urls") == ["ask_urls http://u/2"]
    assert calls(host, "send_log") == [f"send_log {service('b').home} systemd_log b.service"]


def test_where_all_are_broken_nobody_waits(host: Host, apply: Apply) -> None:
    """Nor where there is nothing to watch."""
    apply(plan(("a", Refuse("no")), watches=(Watch(service("a"), manager="systemd"),)))
    apply(plan(("a", MakeFolder(path("x"), None))))
    assert calls(host, "await") == []


# --- what the host is told beforehand ---------------------------------------------------------


def preamble(host: Host, **more: Any) -> str:
    """Return user and Python as a watch knows them."""
    host.stand("id", "echo asked")
    host.stand("await", 'echo "$uid|$user|$hermes_python|$PWD"')
    return host.apply(
        compile_watch(plan(watches=(Watch(service("a"), manager="systemd"),), **more), TERMS)
    ).out


def test_what_the_look_told_is_not_asked_again(host: Host) -> None:
    """The user, and the Python of Hermes."""
    said = preamble(host, user=(7, "it's"), hermes=replace_hermes("/opt/a b/python"))
    assert said.splitlines()[0] == f"7|it's|/opt/a b/python|{host.home}"
    assert calls(host, "id") == []


def test_what_no_look_told_is_asked(host: Host) -> None:
    """The host knows it."""
    assert preamble(host).splitlines()[0] == f"{os.getuid()}|asked||{host.home}"


def replace_hermes(python: str) -> Any:
    """Return a Hermes of this Python."""
    from building import HERMES

    return replace(HERMES, python=python)


def password(*changes: Numbered, become: str | None = "p w's") -> str:
    """Return the script of a plan on a host whose sudo wants this password."""
    secret = Secret(become) if become else None
    connection = replace(Connection(kind="ssh"), become_password=secret)
    return compile_plan(plan(*changes, machine={"connection": connection}), TERMS).text


def test_a_password_travels_only_where_it_is_needed() -> None:
    """In the text, which nobody sees, and not at all without a step that wants it."""
    assert "\nsudo_password='p w'\"'\"'s'\n" in password(("", EnableLinger(True)))
    assert "p w'" not in password(("p", MakeFolder(path("a"), None)))
    lines = password(("", EnableLinger(True)), become=None).splitlines()
    assert [line for line in lines if line.startswith("sudo_password=")] == ["sudo_password="]


def before(user: str, *changes: Numbered) -> str:
    """Return what the login user runs before another runs the script."""
    hermes = HermesSettings(user=user)
    made = plan(*changes, machine={"hermes": hermes})
    return compile_plan(replace(made, user=(7, user)), TERMS).before


def test_the_login_user_lets_the_services_user_linger(tmp_path: Path) -> None:
    """By its own right or by sudo without a question; only where it is planned, and for another."""
    host = Host("dash", tmp_path)
    host.stand("loginctl", "return 1")
    host.stand("systemctl", "echo noise >&2; return 1")
    host.stand("sudo", "echo chatter")
    line = before("it's", ("", EnableLinger(True)))
    assert host.run(line).out == ""
    linger = "loginctl --no-ask-password enable-linger it's"
    start = "systemctl --no-ask-password --no-block start user@7.service"
    assert host.calls == [linger, f"sudo -n {linger}", start, f"sudo -n {start}"]
    assert before("", ("", EnableLinger(True))) == ""
    assert before("ann", ("p", MakeFolder(path("a"), None))) == ""


# --- what the host answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (Record("change", "3 done"), [ChangeOutcome(3, "done")]),
        (Record("change", "4 failed exit 3"), [ChangeOutcome(4, "failed", "exit 3")]),
        (Record("change", "5 skipped"), [ChangeOutcome(5, "skipped")]),
        (Record("moved", "1 2"), [ChangeOutcome(1, "moved"), ChangeOutcome(2, "moved")]),
        (Record("moved"), []),
        (Record("round"), []),
        (Record("lock-taken", "0"), []),
    ],
)
def test_outcomes(record: Record, found: Sequence[ChangeOutcome]) -> None:
    """A record tells of a change, of all that moved, or of something else."""
    assert list(outcomes(record)) == found


CODE = Hermes("/bin/sh", "0.19.0", info="/opt/hermes_agent-0.19.0.dist-info")


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        ("compared", ["done"] * 4),
        ("damaged gateway/run.py is gone\ncompared", ["failed", "skipped", "done", "done"]),
        ("", ["failed", "skipped", "done", "done"]),  # not even its Python comes up
    ],
)
def test_nothing_is_restarted_into_damaged_code(
    apply: Apply, host: Host, found: str, ends: list[str]
) -> None:
    """It has its code in memory: it is not stopped, its files stay, and others are not touched."""
    host.stand("limited", f"printf %s {shlex.quote(found)}")
    made = plan(
        ("demo", Write(path("notes"), "new", 0o644)),
        ("demo", control("demo", "restart", text="hermes")),
        ("web", control("web", "restart")),
        ("new", control("new", "start", text="hermes")),
        hermes=CODE,
    )
    answer = apply(made)
    said = [outcome for record in answer.reply.records for outcome in outcomes(record)]
    assert sorted(outcome.outcome for outcome in said) == sorted(ends)
    assert (host.home / "notes").exists() is (ends[0] == "done")
    assert ("order restart demo.service" in calls(host, "order")) is (ends[0] == "done")
    for outcome in said:
        if outcome.outcome == "failed":
            why = "gateway/run.py is gone" if found else "its Python does not come up"
            assert outcome.number == 1
            assert outcome.message == (
                f"conflict: the code of Hermes is damaged: {why}; {CODE.again}"
            )


def test_code_is_compared_only_before_a_restart(host: Host) -> None:
    """It takes some 20 ms; what the plan installs is new, and is not known here."""
    restart = ("demo", control("demo", "restart", text="hermes"))
    start = ("demo", control("demo", "start", text="hermes"))
    assert "find_damage /opt" in compile_plan(plan(restart, hermes=CODE), TERMS).text
    assert "find_damage" not in compile_plan(plan(start, hermes=CODE), TERMS).text
    fresh = replace(CODE, info="")
    assert "find_damage ''" not in compile_plan(plan(restart, hermes=fresh), TERMS).text
    assert CODE.again == "install Hermes again on the host, or set hermes_python"
    ours = replace(CODE, python=f"/home/x/{environment('hermes')}/bin/python")
    assert "fleet.up installs Hermes again" in ours.again
