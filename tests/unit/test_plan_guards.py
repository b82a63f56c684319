"""What a plan does not do: touch what it did not see, what is not ours, or what nobody wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import NEW, desired, facts, put, roles, without

from hermes_ops.apply import Terms, compile_plan
from hermes_ops.commands.fleet.down import down_steps
from hermes_ops.errors import Conflict
from hermes_ops.files.layout import OWED
from hermes_ops.files.ownership import Ownership, parse, render
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.inventory.model import HermesSettings, Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Answer, Facts, LinkEnd, PathState
from hermes_ops.plan import Change, Plan, make_plan
from hermes_ops.plan.desired import StepPlan, desired_state, env_file
from hermes_ops.plan.files import found_text, plan_env, plan_yaml
from hermes_ops.plan.ledger import Ledger
from hermes_ops.plan.lifecycle.elsewhere import freed, runs_elsewhere
from hermes_ops.plan.lifecycle.moves import Move, Retarget, Unpack
from hermes_ops.plan.lifecycle.plain import (
    plan_absent,
    plan_command,
    plan_directory,
    plan_existing,
    plan_plain,
)
from hermes_ops.plan.model import (
    Control,
    EnableLinger,
    Install,
    MakeFolder,
    MakeLink,
    Refuse,
    Remove,
    RunCommand,
    SetMode,
    Wanted,
    Write,
    WriteUnit,
)
from hermes_ops.plan.resource import (
    Absent,
    Command,
    Directory,
    EnvFile,
    Existing,
    Gone,
    Moved,
    Owned,
    Renamed,
    Resource,
    Unpacked,
    YamlFile,
)
from hermes_ops.reporting.report import is_own_record
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.verify.service import services_of

HOME = ".hermes/profiles/demo"
OURS = f"{HOME}/.hermes-ops.yml"
HELD: dict[str, Any] = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}


def planned(case: Mapping[str, Any], **named: Any) -> Plan:
    """Return the plan of a case."""
    return make_plan(desired(case), facts(case), **named)


def operations(plan: Plan, kind: type[Any]) -> list[Any]:
    """Return the operations of one kind."""
    return [c.operation for c in plan.changes if isinstance(c.operation, kind)]


# --- guards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "held", "more", "refused"),
    [
        ({"memory_max": "64M"}, {}, {}, "memory_max is 64M"),
        ({"memory_max": "1G"}, {}, {}, ""),
        ({"ceiling": "64M"}, {}, {}, "hermes_memory_max is 64M"),
        ({"ceiling": "1%"}, {}, {}, ""),
        ({"memory_max": "infinity"}, {}, {}, ""),
        ({"memory_max": "64M"}, {}, {"controllers": frozenset({"cpu"})}, ""),
        ({"memory_max": "64M", "nice": 5}, {"memory_max": "64M"}, {}, ""),  # it lives with that
        ({"memory_max": "64M"}, {}, {"processes": {}, "units": {}}, ""),
    ],
)
def test_a_limit_below_what_is_used_is_refused(
    settings: Mapping[str, Any], held: Mapping[str, Any], more: Mapping[str, Any], refused: str
) -> None:
    """It would take effect at once, and the kernel would end what runs."""
    case = {
        "desired": {"demo": {"service": settings}},
        "facts": {"holds": {"demo": {"service": held}}},
    }
    plan = make_plan(desired(case), replace(facts(case), **more))
    found = [c.operation for c in plan.changes if isinstance(c.operation, Refuse)]
    assert len(found) == bool(refused)
    assert all(f"demo uses 94M by now, and {refused}" in one.message for one in found)


def test_a_command_runs_only_where_its_result_is_absent() -> None:
    """Somebody else may have made it meanwhile: what it makes must still not be there."""
    commands = [c for c in planned({"desired": {"demo": {}}}).changes
                if isinstance(c.operation, RunCommand)]  # fmt: skip
    assert [change.seen for change in commands] == [((PurePosixPath(HOME), "-"),)]
    assert not operations(planned(HELD), RunCommand)


def test_a_gateway_that_is_refused_goes_on_as_it_is() -> None:
    """It is told to take no new turn only if it is restarted, and no restart is announced."""
    unit = ".config/systemd/user/hermes-gateway-demo.service"
    case: dict[str, Any] = {
        "desired": {"demo": {"env": {"A": "2"}}, "other": {"env": {"A": "2"}}},
        "facts": {"holds": {"demo": {"env": {"A": "1"}}, "other": {"env": {"A": "1"}}}},
    }  # fmt: skip
    plan = planned(case, drain=30)
    assert set(plan.restarts) == {"demo", "other"}
    assert compile_plan(plan, Terms()).text.count("is_broken || ask_drain ") == 2
    case["facts"]["kinds"] = {unit: "folder"}
    plan = planned(case, drain=30)
    assert [c.profile for c in plan.changes if isinstance(c.operation, Refuse)] == ["demo"]
    assert set(plan.restarts) == {"other"}
    text = compile_plan(plan, Terms()).text
    assert text.count("is_broken || ask_drain ") == 1
    assert "ask_drain .hermes/profiles/other " in text


@pytest.mark.parametrize(
    ("found", "lingers"),
    [({"holds": "desired", "kinds": {f"{HOME}/.env": "folder"}}, True), ({}, False)],
)
def test_what_is_refused_and_not_there_lets_nothing_linger(
    found: dict[str, Any], *, lingers: bool
) -> None:
    """A gateway that runs is kept from ending with the session, whatever else is wrong."""
    closed = found or {"real": {".": "/home/hermes", ".hermes": "x"}, "closed": [".hermes"]}
    case = {"desired": {"demo": {}}, "facts": closed}
    plan = make_plan(desired(case), replace(facts(case), linger=False))
    assert operations(plan, Refuse)
    assert bool(operations(plan, EnableLinger)) is lingers


def test_one_of_two_operators_pays_a_debt() -> None:
    """A restart that is owed is tied to the debt as it was seen: the first to pay removes it."""
    debt = PurePosixPath(OWED) / "hermes-gateway-demo"
    case = {**HELD, "facts": {"holds": "desired", "owes": {"hermes-gateway-demo": True}}}
    (restart,) = planned(case).changes
    assert restart.restarts
    assert restart.seen == ((debt, facts(case).digest(debt)),)
    assert restart.seen[0][1] not in ("-", "+")


def test_a_restart_that_is_not_owed_is_tied_to_nothing() -> None:
    """It follows from changes of the same plan, which carry what they saw."""
    case = {
        "desired": {"demo": {"env": {"A": "2"}}}, "facts": {"holds": {"demo": {"env": {"A": "1"}}}},
    }  # fmt: skip
    (restart,) = (change for change in planned(case).changes if change.restarts)
    assert restart.seen == ()
    assert restart.reason == f"{HOME}/.env differs"


def test_what_differs_owes_a_restart_before_it_lands() -> None:
    """A run that dies in between leaves the debt; of a mode, a restart is owed to nobody."""
    case = {
        "desired": {"demo": {"env": {"A": "2"}}}, "facts": {"holds": {"demo": {"env": {"A": "1"}}}},
    }  # fmt: skip
    (write,) = (w for w in operations(planned(case), Write) if w.path.name == ".env")
    assert (write.owes, write.mode) == ("hermes-gateway-demo", 0o600)
    mode = {**HELD, "facts": {"holds": "desired", "modes": {f"{HOME}/config.yaml": "0644"}}}
    (change,) = planned({**mode, "desired": {"demo": {"config": {"a": 1}}}}).changes
    assert isinstance(change.operation, SetMode)
    assert (change.operation.mode, change.reason) == (0o600, "mode is 0644, wanted 0600")


# --- what cannot be read ------------------------------------------------------------------------


def unreadable(path: str, kind: str = "file", case: Mapping[str, Any] = HELD) -> Plan:
    """Return the plan for a host that has this path, and whose user cannot read it."""
    found = facts(case)
    state = PathState(kind, 0o600, 0, 10)
    contents = {k: v for k, v in found.contents.items() if k != path}
    found = replace(found, paths={**found.paths, path: state}, contents=contents)
    return make_plan(desired(case), found)


@pytest.mark.parametrize("name", [".env", "config.yaml", "SOUL.md", "notes.md"])
def test_a_file_that_cannot_be_read_is_not_taken_for_an_empty_one(name: str) -> None:
    """It is a conflict that names its reader and the remedy; nothing is written over it."""
    settings = {"env": {"A": "1"}, "config": {"a": 1}, "soul": "x", "files": {"notes.md": "x"}}
    case = {"desired": {"demo": settings}, "facts": {"holds": "desired"}}
    plan = unreadable(f"{HOME}/{name}", case=case)
    (refusal,) = operations(plan, Refuse)
    assert f"~/{HOME}/{name} cannot be read by hermes" in refusal.message
    assert f"chown hermes /home/hermes/{HOME}/{name}" in refusal.hint
    assert not [w for w in operations(plan, Write) if w.path.name == name]


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (PathState("file", 0o000, 1000, 10), "chmod u+rw "),
        (PathState("file", 0o600, 0, 10), "sudo chown hermes "),
        (PathState("file", 0o600, 1000, 10), "ls -l "),
    ],
)
def test_the_remedy_of_an_unreadable_file_is_its_owners(state: PathState, command: str) -> None:
    """Its owner may change its mode, of others only root; a link is judged by its end."""
    path = f"{HOME}/config.yaml"
    end = LinkEnd(f"/home/hermes/{path}", state, PathState("folder", 0o755, 1000, 1))
    for found in (state, PathState("link", 0o777, 1000, 1, "x", end=end)):
        known = replace(NEW, paths={path: found})
        with pytest.raises(Conflict, match="cannot be read by hermes") as refused:
            found_text(PurePosixPath(path), known)
        assert refused.value.hint == f"on the host: {command}/home/hermes/{path}"


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file_is_not_written(kind: str) -> None:
    """A pipe or a folder in its place is a conflict."""
    case = {"desired": {"demo": {"env": {"A": "1"}}}, "facts": {"holds": "desired"}}
    (refusal,) = operations(unreadable(f"{HOME}/.env", kind, case), Refuse)
    moved = f"on the host: mv ~/{HOME}/.env ~/{HOME}/.env.old"
    assert refusal.said == f"~/{HOME}/.env is a {kind}, not a file; {moved}"


def test_a_file_where_a_folder_is_wanted() -> None:
    """A conflict, and the link to a folder is none."""
    case: dict[str, Any] = {"desired": {"default": {}}, "facts": {}}
    for kind, refused in (("file", True), ("pipe", True), ("folder", False)):
        state = PathState(kind, 0o755, 1000, 0)
        for there in (state, linked("/srv/x", state)):
            found = replace(NEW, paths={".hermes": there})
            assert bool(operations(make_plan(desired(case), found), Refuse)) is refused, there


def linked(to: str, state: PathState | None) -> PathState:
    """Return a link to this."""
    return PathState("link", 0o777, 1000, 9, to, end=LinkEnd(to, state, None))


# --- what is ours -------------------------------------------------------------------------------


def owning(**files: str) -> Facts:
    """Return a host that holds, on which the ownership file names these with what is in them."""
    found = facts(HELD)
    for path, text in files.items():
        found = put(found, str(PurePosixPath(HOME) / path), text)
    digests = {path: found.digests[str(PurePosixPath(HOME) / path)] for path in files}
    return put(found, OURS, render(Ownership(digests)))


def removed(found: Facts) -> list[str]:
    """Return what a plan takes away."""
    return [str(o.path) for o in operations(make_plan(desired(HELD), found), Remove)]


def test_a_file_that_left_the_inventory_goes() -> None:
    """It is ours, and as we wrote it."""
    assert removed(owning(**{"notes.md": "x"})) == [f"{HOME}/notes.md"]


@pytest.mark.parametrize(
    "path",
    ["../other/.env", "../../../.ssh/authorized_keys", "a/../../other/x", "/etc/passwd", "..", "/"],
)
def test_what_is_not_below_the_profile_stays(path: str) -> None:
    """Whoever can write the ownership file cannot have anything else removed by it."""
    assert removed(owning(**{path: "x"})) == []


def test_what_somebody_changed_stays_and_is_told() -> None:
    """It is theirs now: it is said once, and forgotten."""
    found = put(owning(**{"notes.md": "x"}), f"{HOME}/notes.md", "y")
    plan = make_plan(desired(HELD), found)
    assert not operations(plan, Remove)
    (told,) = plan.differs
    assert (
        "demo: notes.md: the file was removed from the inventory, but somebody changed it"
        in str(told)
    )
    (memory,) = (w for w in operations(plan, Write) if str(w.path) == OURS)
    assert "notes.md" not in str(memory.content)


def test_what_became_a_link_stays() -> None:
    """What it leads to may have the same text, and is another's."""
    found = owning(**{"notes.md": "x"})
    state = PathState("link", 0o777, 1000, 1, "../theirs")
    linked = replace(found, paths={**found.paths, f"{HOME}/notes.md": state})
    assert removed(linked) == []


def test_what_is_gone_is_only_forgotten() -> None:
    """Nothing is removed, nothing is told."""
    found = without(owning(**{"notes.md": "x"}), f"{HOME}/notes.md")
    plan = make_plan(desired(HELD), found)
    assert (removed(found), plan.differs) == ([], ())
    assert [c.resource for c in plan.changes] == [f"file:{OURS}"]


def test_the_memory_is_the_users_alone() -> None:
    """It says what is ours, and has no value."""
    case = {"desired": {"demo": {"env": {"A_TOKEN": "the-value"}, "config": {"a": 1}}}}
    (memory,) = (w for w in operations(planned(case), Write) if str(w.path) == OURS)
    assert memory.mode == 0o600
    assert memory.owes is None
    assert "the-value" not in str(memory.content)
    kept = parse(str(memory.content))
    assert set(kept.keys) == {".env", "config.yaml"}
    assert set(kept.keys[".env"]) == {"A_TOKEN"}


# --- a part of what is wanted -------------------------------------------------------------------


def partly(found: Facts, env: Mapping[str, str], role: str = "gateway") -> Plan:
    """Return the plan of a run that wants a part of a profile's variables alone."""

    def body(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
        yield env_file(PurePosixPath(HOME) / ".env", profile, 0o600)
        yield Owned(PurePosixPath(HOME), partial=True)

    profile = Profile("demo", role, env={key: Secret(value) for key, value in env.items()})
    host = Host("box", profiles=(profile,), hermes=HermesSettings())
    state = desired_state(host, roles(), [StepPlan("secrets.rotate", (), body)])
    return make_plan(state, found)


def test_a_partial_run_makes_no_memory() -> None:
    """Where none was, all the rest would count as foreign from then on."""
    plan = partly(put(NEW, f"{HOME}/.env", "A=1\nB=2\n"), {"A": "2"})
    assert [str(write.path) for write in operations(plan, Write)] == [f"{HOME}/.env"]


def test_a_partial_run_keeps_the_memory_of_the_rest() -> None:
    """What it does not want is neither removed nor forgotten."""
    case = {"desired": {"demo": {"env": {"A": "1", "B": "2"}, "files": {"notes.md": "x"},
                                 "config": {"a": 1}}}, "facts": {"holds": "desired"}}  # fmt: skip
    found = facts(case)
    plan = partly(found, {"A": "other"})
    (env,) = (w for w in operations(plan, Write) if w.path.name == ".env")
    assert isinstance(env.content, Secret)
    assert env.content.reveal() == found.contents[f"{HOME}/.env"].replace("A=1", "A=other")
    assert env.keys == ("A",)
    (memory,) = (w for w in operations(plan, Write) if str(w.path) == OURS)
    before, after = parse(found.contents[OURS]), parse(str(memory.content))
    assert (after.files, set(after.keys)) == (before.files, set(before.keys))
    assert after.keys[".env"]["B"] == before.keys[".env"]["B"]
    assert after.keys[".env"]["A"] != before.keys[".env"]["A"]
    assert not operations(plan, Remove)


# --- the host's own -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "lingers", "manager", "wanted"),
    [
        ("required", False, "auto", [EnableLinger(True)]),
        ("optional", False, "auto", [EnableLinger(False)]),
        ("off", False, "auto", []),
        ("required", True, "auto", []),
        ("required", False, "supervisord", []),
    ],
)
def test_linger(policy: str, lingers: bool, manager: str, wanted: list[EnableLinger]) -> None:
    """It is enabled where it is wanted, is not yet, and the manager needs it."""
    case = {
        "desired": {"demo": {}, "other": {}}, "host": {"linger": policy, "manager": manager},
        "facts": {"linger": lingers},
    }  # fmt: skip
    assert operations(planned(case), EnableLinger) == wanted


def test_units_are_read_again_where_somebody_starts() -> None:
    """A run that starts nothing leaves that to the one that does; a link counts, a folder not."""
    new = planned({"desired": {"demo": {}}})
    assert [c.resource for c in new.changes].count("manager:systemd") == 1
    reload = next(n for n, c in enumerate(new.changes) if c.resource == "manager:systemd")
    start = next(n for n, c in enumerate(new.changes) if isinstance(c.operation, Control))
    links = [n for n, c in enumerate(new.changes) if isinstance(c.operation, MakeLink)]
    assert max(links) < reload < start
    steps = ["profile.create", "profile.configure", "gateway.install"]
    assert "manager:systemd" not in [
        c.resource for c in planned({"desired": {"demo": {}}, "steps": steps}).changes
    ]


# --- small resources ----------------------------------------------------------------------------


def wanted(resource: Resource) -> Wanted:
    """Return what a step wants for a profile."""
    return Wanted("step", Profile("demo"), roles()["gateway"], resource)


def test_absent_is_what_is_not_there() -> None:
    """What is there goes, as it was seen; what is not is no change."""
    gone = Absent(PurePosixPath("old"))
    assert list(plan_absent(wanted(gone), gone, NEW)) == []
    (change,) = plan_absent(wanted(gone), gone, put(NEW, "old", "text"))
    assert change.operation == Remove(PurePosixPath("old"))
    assert change.seen[0][1] not in ("-", "+")


WHERE, FOLDER = PurePosixPath(".hermes/profiles/demo"), PathState("folder", 0o755, 1000, 0)


def test_a_deletion_ends_with_the_folder() -> None:
    """Commands and the sticky profile first; what Hermes leaves of the folder goes last."""
    gone = Gone(WHERE, by_hermes=True)
    assert list(plan_plain(wanted(gone), NEW, {})) == []
    found = put(NEW, ".hermes/active_profile", "demo\n")
    aliases = {".local/bin/kim": "demo", ".local/bin/other": "other"}
    found = replace(found, aliases=aliases, paths={**found.paths, str(WHERE): FOLDER})
    changes = list(plan_plain(wanted(gone), found, {}))
    assert [(change.action, change.resource) for change in changes] == [
        ("remove", "file:.local/bin/kim"),
        ("remove", "file:.hermes/active_profile"),
        ("delete", f"file:{WHERE}"),
        ("remove", f"file:{WHERE}"),
    ]
    command = changes[2].operation
    assert isinstance(command, RunCommand)
    assert command.words[-4:] == ("profile", "delete", "demo", "-y")
    by_us = plan_plain(wanted(replace(gone, by_hermes=False)), found, {})
    assert [change.action for change in by_us] == ["remove", "remove", "remove"]


def test_a_link_is_no_profile_to_delete() -> None:
    """What it leads to may be anybody's: the command that takes the link away is told."""
    found = replace(NEW, paths={str(WHERE): linked("/srv/demo", FOLDER)})
    with pytest.raises(Conflict, match="is a link to /srv/demo, not a folder") as caught:
        list(plan_plain(wanted(Gone(WHERE)), found, {}))
    assert caught.value.hint == f"on the host: rm ~/{WHERE}"


def test_nothing_is_unpacked_over_what_is_there() -> None:
    """A folder that is there is refused; else the archive is sent to a path of its own."""
    unpacked = Unpacked(WHERE, Path("/tmp/a.tar.gz"), "top")
    (change,) = plan_plain(wanted(unpacked), NEW, {})
    assert change.operation == Unpack(WHERE, Path("/tmp/a.tar.gz"), "top")
    assert change.seen == ((WHERE, "-"),)
    with pytest.raises(Conflict, match="is there already"):
        list(plan_plain(wanted(unpacked), replace(NEW, paths={str(WHERE): FOLDER}), {}))


NEXT = PurePosixPath(".hermes/profiles/next")


def test_what_is_called_after_a_profile_gets_its_new_name() -> None:
    """Its command of the same name gets it as its own, others and a bare `hermes` start it."""
    found = put(NEW, ".hermes/active_profile", "demo")
    aliases = {".local/bin/demo": "demo", ".local/bin/kim": "demo", ".local/bin/x": "other"}
    resource = Renamed(WHERE, name="next")
    changes = list(plan_plain(wanted(resource), replace(found, aliases=aliases), {}))
    kim, own = (PurePosixPath(f".local/bin/{name}") for name in ("kim", "demo"))
    active = PurePosixPath(".hermes/active_profile")
    assert [change.operation for change in changes] == [
        Retarget(own, own.with_name("next"), "demo", "next"),
        Retarget(kim, kim, "demo", "next"),
        Write(active, "next\n", 0o644),
    ]


def test_a_move_takes_no_place() -> None:
    """A folder at the new path is refused, a note there counts; what is gone was moved before."""
    moved, note = Moved(WHERE, NEXT), Moved(WHERE, NEXT, is_note=True)
    one, both = ({str(path): FOLDER for path in paths} for paths in ((WHERE,), (WHERE, NEXT)))
    (change,) = plan_plain(wanted(moved), replace(NEW, paths=one), {})
    assert (change.operation, change.seen) == (Move(WHERE, NEXT), ((WHERE, "+"), (NEXT, "-")))
    with pytest.raises(Conflict, match="is there already, beside"):
        list(plan_plain(wanted(moved), replace(NEW, paths=both), {}))
    (change,) = plan_plain(wanted(note), replace(NEW, paths=both), {})
    assert change.operation == Remove(WHERE)
    assert list(plan_plain(wanted(moved), replace(NEW, paths={str(NEXT): FOLDER}), {})) == []


def test_existing_is_required() -> None:
    """Where another step has not made it yet, nothing of the profile is touched, and a hint."""
    needed = Existing(PurePosixPath("old"), "run fleet.up")
    with pytest.raises(Conflict, match="~/old is absent") as caught:
        plan_existing(needed, NEW)
    assert caught.value.hint == "run fleet.up"
    assert list(plan_existing(needed, put(NEW, "old", ""))) == []


def test_words_of_a_command_that_are_empty_are_none() -> None:
    """A template may come to nothing."""
    made = Command(("prog", "{{ profile }}", "{% if false %}x{% endif %}"), PurePosixPath("x"))
    (change,) = plan_command(wanted(made), made, NEW, {"profile": "demo"})
    assert change.operation == RunCommand(("prog", "demo"), made.deadline)
    assert isinstance(change, Change)


def test_a_new_environment() -> None:
    """It is made with a Python of the host, of the version that is pinned."""
    case = {"desired": {"demo": {}}, "facts": {"hermes": None}}
    (install,) = operations(planned(case), Install)
    assert install.python == "/usr/bin/python3.11"
    assert install.requirements[0].startswith("hermes-agent")
    assert install.requirements[0].endswith("==0.19.0")


@pytest.mark.parametrize(
    ("kind", "mode", "wanted_mode", "reason"),
    [
        ("folder", 0o755, 0o700, "mode is 0755"),
        ("folder", 0o700, 0o700, ""),
        ("folder", 0o755, None, ""),
        ("link", 0o777, 0o700, ""),
    ],
)
def test_modes_of_folders(kind: str, mode: int, wanted_mode: int | None, reason: str) -> None:
    """The mode of a folder is set where one is wanted; behind a link it is another's affair."""
    folder = Directory(PurePosixPath("x"), wanted_mode)
    state = PathState("folder", mode, 1000, 0)
    found = replace(NEW, paths={"x": linked("y", state) if kind == "link" else state})
    changes = list(plan_directory(wanted(folder), folder, found))
    assert [change.reason for change in changes] == ([reason] if reason else [])
    assert all(c.operation == MakeFolder(folder.path, wanted_mode) for c in changes)


# --- services -----------------------------------------------------------------------------------

UNIT = ".config/systemd/user/hermes-gateway-demo.service"
API = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": "k" * 20, "API_SERVER_PORT": "9000"}


def test_a_unit_that_the_host_writes() -> None:
    """Of a Hermes whose text we do not know: written where it is absent, or lacks what it needs."""
    case = {"desired": {"demo": {}}, "facts": {"hermes": {"version": "0.20.1"}}}
    (new,) = (c for c in planned(case).changes if isinstance(c.operation, WriteUnit))
    assert (new.action, new.reason, new.resource) == ("create", "absent", f"file:{UNIT}")
    lines = [
        "ExecStart=/opt/hermes/venv/bin/python -m hermes_cli.main gateway run", "Type=simple",
        "TimeoutStopSec=60", f'Environment="HERMES_HOME=/home/hermes/{HOME}"',
    ]  # fmt: skip
    whole = "[Service]\n" + "".join(f"{line}\n" for line in lines)
    assert not operations(make_plan(desired(case), put(facts(case), UNIT, whole)), WriteUnit)
    less = put(facts(case), UNIT, whole.replace("Type=simple\n", ""))
    (again,) = (
        c for c in make_plan(desired(case), less).changes if isinstance(c.operation, WriteUnit)
    )
    assert (again.action, again.reason) == ("update", "lacks Type=")


def test_taking_down_rewrites_nothing() -> None:
    """A unit that somebody changed by hand is stopped and disabled as it is."""
    found = facts({"desired": {"demo": {"state": "started"}}, "facts": {"holds": "desired"}})
    found = put(found, UNIT, f"{found.contents[UNIT]}Nice=5\n")
    stopped = desired({"desired": {"demo": {"state": "stopped"}}})
    plan = make_plan(desired_state(stopped.host, roles(), down_steps()), found, wait=False)
    assert [change.action for change in plan.changes] == ["stop", "disable", "reload"]


def test_what_answers_is_part_of_being_ready() -> None:
    """An API that does not answer differs, at the port that the profile has."""
    case = {"desired": {"demo": {"env": API}}, "facts": {"holds": "desired"}}
    url = "http://127.0.0.1:9000/health"
    assert planned({**case, "facts": {}}).watches[0].urls == (url,)
    assert not planned(case).watches
    silent = replace(facts(case), answers={url: Answer(None)})
    plan = make_plan(desired(case), silent)
    assert [watch.urls for watch in plan.watches] == [(url,)]
    assert plan.differs
    assert plan.changes == ()
    assert not make_plan(desired(case), silent, urls=False).differs


def test_what_left_the_inventory_is_not_expected_of_a_service() -> None:
    """A check does not ask for a platform whose token is about to be taken away."""
    token = {"TELEGRAM_BOT_TOKEN": "7012345678:AAFx0Zk3vQm9"}
    held = facts({"desired": {"demo": {"env": token}}, "facts": {"holds": "desired"}})
    (with_it,) = services_of(desired({"desired": {"demo": {"env": token}}}), held)
    (without_it,) = services_of(desired({"desired": {"demo": {}}}), held)
    assert with_it.platforms == {"telegram"}
    assert without_it.platforms == frozenset()


def test_a_check_expects_what_is_wanted_where_the_host_cannot_be_read() -> None:
    """A `.env` that Hermes could not read either is the failure of its own check."""
    token = {"TELEGRAM_BOT_TOKEN": "7012345678:AAFx0Zk3vQm9"}
    held = facts({"desired": {"demo": {"env": token}}, "facts": {"holds": "desired"}})
    locked = replace(held, contents={k: v for k, v in held.contents.items() if k[-4:] != ".env"})
    (service,) = services_of(desired({"desired": {"demo": {"env": token}}}), locked)
    assert service.platforms == {"telegram"}


# --- another manager ----------------------------------------------------------------------------


def test_a_service_that_another_manager_runs() -> None:
    """It is ended there in that manager's words, and what it was is no process of the new one's."""
    under = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
    found, service = facts(under), desired(under).services["demo"]
    systemd, supervisord = MANAGERS["systemd"], MANAGERS["supervisord"]
    assert runs_elsewhere(service, supervisord, found)
    assert not runs_elsewhere(service, systemd, found)
    moved = {**under, "host": {"manager": "supervisord"}}
    (stop,) = (c for c in make_plan(desired(moved), found).changes if c.action == "stop")
    assert isinstance(stop.operation, Control)
    assert stop.operation.words == ("systemd_do", "stop", systemd.id(service))
    stray = Evidence(pid=7, alive=True)
    assert (freed(stray).pid, freed(stray).alive) == (None, False)
    assert freed(replace(stray, supervised=True)).alive


# --- files --------------------------------------------------------------------------------------


def test_the_mode_of_a_link_is_nobodys_affair() -> None:
    """Links have all rights; what they lead to was read and holds."""
    case = {"desired": {"demo": {"config": {"a": 1}}}, "facts": {"holds": "desired"}}
    found, path = facts(case), f"{HOME}/config.yaml"
    linked = {**found.paths, path: PathState("link", 0o777, 1000, 9, "../real.yml")}
    assert make_plan(desired(case), replace(found, paths=linked)).changes == ()


def test_a_file_in_which_nothing_is_wanted_is_not_made() -> None:
    """Nor is one that is there touched."""
    file = YamlFile(PurePosixPath("x.yaml"), {})
    assert plan_yaml(wanted(file), file, NEW, None, Ledger()) == ([], {})
    changes, values = plan_yaml(wanted(file), file, put(NEW, "x.yaml", "a: 1\n"), None, Ledger())
    assert (len(changes), dict(values)) == (1, {"a": 1})
    assert isinstance(changes[0].operation, SetMode)


def test_what_was_written_of_references_is_noted() -> None:
    """Beside what was noted before; without anything to note there is no note."""
    kept = PurePosixPath(".local/state/hermes-ops/written/gateway-demo")
    env = EnvFile(PurePosixPath(".env"), {"A": Secret("1")}, marks={"A": "s v"}, kept=kept)
    found = put(NEW, str(kept), "B t w\n")

    def noted(file: EnvFile) -> object:
        ((change,), _) = plan_env(wanted(file), file, found, None, Ledger())
        assert isinstance(change.operation, Write)
        return change.operation.keeps

    assert noted(env) == (kept, "A s v\nB t w\n")
    assert noted(replace(env, marks={})) is None
    assert noted(replace(env, kept=None)) is None


def test_values_that_are_as_wanted_are_recorded_once() -> None:
    """Else nobody could ever tell their drift; another operator's record stays."""
    kept = PurePosixPath(".local/state/hermes-ops/written/gateway-demo")
    env = EnvFile(PurePosixPath(".env"), {"A": Secret("1")}, marks={"A.k": "s v"}, kept=kept)
    found = put(put(NEW, ".env", "A=1\n"), str(kept), "A.x t w\n")
    found = replace(found, paths={**found.paths, ".env": PathState("file", 0o600, 1000, 4)})
    ((record,), _) = plan_env(wanted(env), env, found, None, Ledger())
    assert isinstance(record.operation, Write)
    assert (record.operation.path, record.operation.content) == (kept, "A.k s v\nA.x t w\n")
    assert is_own_record(record)
    recorded = put(found, str(kept), "A.k s v\nA.x t w\n")
    assert plan_env(wanted(env), env, recorded, None, Ledger())[0] == []


def test_what_the_host_made_itself_is_not_known_here() -> None:
    """A value that never leaves the host is none for the plan; the others are what they are."""
    file = EnvFile(PurePosixPath(".env"), {"A": Secret("1"), "K": Generate(16)})
    _, values = plan_env(wanted(file), file, NEW, None, Ledger())
    assert values == {"A": "1", "K": None}
