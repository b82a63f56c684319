"""Gateways that left the inventory: what is an orphan, what is told of it, and who is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import desired, facts, made_role, put, roles

from hermes_ops.audit.finding import register
from hermes_ops.audit.orphans import orphans_of
from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, exit_code
from hermes_ops.commands import strangers
from hermes_ops.commands.fleet import prune, ps, troubles
from hermes_ops.commands.fleet.status import HostSeen, seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import Unreachable, UsageError
from hermes_ops.hermes.orphans import on_port
from hermes_ops.inventory.model import Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader import Vault
from hermes_ops.look.facts import Answer, Facts, Invocation, Process, Server, Unit
from hermes_ops.plan import make_plan
from hermes_ops.plan.desired import both, desired_state
from hermes_ops.plan.model import Control, Refuse, Wanted
from hermes_ops.plan.resource import ServiceDefinition
from hermes_ops.plan.services import without_definition
from hermes_ops.run import HostResult
from hermes_ops.services import MANAGERS
from hermes_ops.services.describe import describe

BOX = desired({"desired": {"demo": {}}}).host
API = {"API_SERVER_ENABLED": "true", "API_SERVER_PORT": "8701"}
SCOUT = ".hermes/profiles/scout"
ENV = "API_SERVER_ENABLED=true\nAPI_SERVER_PORT=8701\n"


def left(**more: Any) -> Facts:
    """Return a host with a healthy profile, and with scout, which left the inventory."""
    found = facts({"desired": {"demo": {"env": API}}, "facts": {"holds": "desired"}})
    return replace(
        found,
        profiles=("demo", "scout"),
        orphans=("scout",),
        defined={
            "systemd": frozenset({"hermes-gateway-demo.service", "hermes-gateway-scout.service"})
        },
        contents={**found.contents, f"{SCOUT}/.env": ENV},
        **more,
    )


def seen(found: Facts, case: Mapping[str, Any] | None = None) -> HostSeen:
    """Return what `fleet.ps` sees of these facts."""
    state = desired({"desired": {"demo": {"env": API}}, "steps": list(ps.STEPS), **(case or {})})
    return seen_from(Look(state.host, state, found), roles())


def test_an_orphan_has_our_record_and_a_definition_or_a_process() -> None:
    """With neither it is only data that stayed."""
    (orphan,) = orphans_of(BOX, left(), roles())
    assert (orphan.profile, orphan.managers, orphan.ports) == ("scout", ("systemd",), (8701,))
    assert not list(orphans_of(BOX, replace(left(), defined={}), roles()))
    assert not list(orphans_of(BOX, replace(left(), orphans=()), roles()))


@pytest.mark.parametrize(("pid", "orphan"), [(None, "scout"), (77, "scout"), (78, None)])
def test_who_listens_at_the_port_of_an_orphan_need_not_be_it(
    pid: int | None, orphan: str | None
) -> None:
    """If the process that does is known, only the orphan's own process is."""
    found = put(left(), f"{SCOUT}/gateway.pid", '{"pid": 77}')
    assert on_port(8701, found, pid=pid) == orphan


def test_settings_in_ruins_hide_only_the_ports() -> None:
    """The orphan itself is told."""
    found = left()
    broken = replace(found, contents={**found.contents, f"{SCOUT}/config.yaml": "a: [\n"})
    (orphan,) = orphans_of(BOX, broken, roles())
    assert orphan.ports == ()


def test_an_orphan_is_shown_and_counts() -> None:
    """In its row, as a finding of its host, and in the exit code; an unmanaged one does not."""
    host = seen(left())
    rows = {row["profile"]: row for row in host.document()["profiles"]}
    assert (rows["scout"]["managed"], rows["scout"]["orphan"]) == (False, True)
    assert rows["demo"]["orphan"] is False
    (finding,) = host.document()["findings"]
    assert (finding["finding"], finding["host"], finding["profile"]) == ("orphan", "box", "scout")
    assert "port 8701, which demo wants" in finding["message"]
    assert "fleet.prune -l box/scout" in finding["mend"]
    assert exit_code(host.codes) == 2
    stranger = seen(replace(left(), orphans=()))
    assert (exit_code(stranger.codes), stranger.findings) == (0, ())
    assert [p.orphan for p in stranger.profiles] == [False, False]


def test_status_counts_and_names_the_next_command() -> None:
    """A line of counts, and a row for each trouble."""
    host = seen(left())
    counts = troubles.counted([host])
    assert troubles.line(counts) == "1 profile on 1 host: 1 healthy; 1 orphan"
    (row,) = troubles.troubles_of(host)
    assert (row["host"], row["profile"], row["state"]) == ("box", "scout", "orphan")


@pytest.mark.parametrize(
    ("service", "wanted", "state", "then"),
    [
        ("stopped", "started", "stopped", "fleet.up"),
        ("failed 1", "started", "down", "fleet.up"),
        ("suspended", "started", "down", "fleet.up"),
    ],
)
def test_status_of_a_profile(service: str, wanted: str, state: str, then: str) -> None:
    """What is wrong with it, and the task that mends it, typed for it alone."""
    case = {"desired": {"demo": {"env": API, "state": wanted}}}
    found = facts(
        {
            "desired": {"demo": {"env": API}},
            "facts": {"holds": "desired", "services": {"demo": service}},
        }
    )
    (row,) = troubles.troubles_of(seen(found, case))
    assert row["state"] == state
    assert row["next"] == f"./inv {then} -l box/demo"


CONFIG = ".hermes/profiles/demo/config.yaml"
LIMITS = "/home/hermes/.config/systemd/user/hermes-gateway-demo.service.d/limits.conf"
LOST = {"services": {"demo": "stopped"}, "servers": [["127.0.0.1", 8701, None]]}


@pytest.mark.parametrize(
    ("more", "then"),
    [
        ({"files": {CONFIG: "a: [1\n"}}, f"mv ~/{CONFIG} ~/{CONFIG}.old"),
        ({"kinds": {CONFIG: "folder"}}, f"on the host: mv ~/{CONFIG} ~/{CONFIG}.old"),
        ({"shows": {"demo": {"DropInPaths": LIMITS}}}, f"on the host: rm {LIMITS} && systemctl"),
        ({"modes": {CONFIG: "0644"}}, "./inv fleet.up -l box/demo"),
        (LOST, "sudo ss -ltnp 'sport = :8701'; end it, or give the profile another port"),
        ({"then": {"free_kib": 9}, "services": {"demo": "stopped"}}, "make room there"),
        ({"then": {"hermes": None}}, "./inv fleet.up -l box   # it installs Hermes"),
    ],
)
def test_the_next_command_changes_something(more: dict[str, Any], then: str) -> None:
    """What a run refuses is not mended by a run; what only it can bring is."""
    case = {"desired": {"demo": {"env": API, "config": {"b": 1}}}}
    fields = more.pop("then", {})
    found = replace(facts({**case, "facts": {"holds": "desired", **more}}), **fields)
    (row,) = troubles.troubles_of(seen(found, case))
    assert then in row["next"]
    assert row["next"] not in row["message"]


def test_who_holds_a_port_is_named() -> None:
    """By its process and program; never its arguments, which may be secrets."""
    case = {"desired": {"demo": {"env": API}}}
    held = {"services": {"demo": "stopped"}, "servers": [["0.0.0.0", 8701, 4711]]}
    found = facts({**case, "facts": {"holds": "desired", **held}})
    found = replace(found, commands={4711: Invocation(("/usr/bin/nc", "-l", "s3cret"))})
    (row,) = troubles.troubles_of(seen(found, case))
    assert "port 8701 is taken by process 4711 (/usr/bin/nc)" in row["message"]
    assert row["next"].startswith("on the host: kill 4711; or ")


def test_an_unmanaged_gateway_at_a_port_is_taken_down_by_its_name() -> None:
    """It is none of ours to prune; a profile of the inventory gives way in the inventory."""
    case = {"desired": {"demo": {"env": API}}}
    held = {"services": {"demo": "stopped"}, "servers": [["0.0.0.0", 8701, 4711]]}
    run = ("/x/python", "-m", "hermes_cli.main", "--profile", "spy", "gateway", "run")
    found = facts({**case, "facts": {"holds": "desired", **held}})
    found = replace(found, commands={4711: Invocation(run)})
    (row,) = troubles.troubles_of(seen(found, case))
    assert "taken by spy, which is not in the inventory" in row["message"]
    assert row["next"] == "./inv fleet.down -l box/spy --unmanaged"
    state = desired({**case, "steps": list(ps.STEPS)})
    known = replace(state, host=replace(state.host, all_profiles=("demo", "spy")))
    (row,) = troubles.troubles_of(seen_from(Look(known.host, known, found), roles()))
    assert row["next"] == (
        "give one of the two another port in the inventory;"
        " if it has one there: ./inv fleet.up -l box/spy"
    )


def test_a_gateway_of_another_home_is_no_profile_of_ours() -> None:
    """With HOME elsewhere, what the account runs has the same names and other homes."""
    case = {"desired": {"demo": {"env": API}}}
    held = {"services": {"demo": "stopped"}, "servers": [["0.0.0.0", 8701, 4711]]}
    run = ("/x/python", "-m", "hermes_cli.main", "-p", "demo", "gateway", "run")
    found = facts({**case, "facts": {"holds": "desired", **held}})
    there = replace(found, account_home="/account", commands={4711: Invocation(run)})
    (row,) = troubles.troubles_of(seen(there, case))
    assert "port 8701 is taken by process 4711 (/x/python)" in row["message"]
    assert row["next"].startswith("on the host: kill 4711; or ")


def test_status_of_a_host_that_does_not_answer() -> None:
    """One row, with the way to test the connection."""
    state = desired({"desired": {"demo": {}}})
    host = seen_from(Look(state.host, state, failure=Unreachable("no route")), roles())
    (row,) = troubles.troubles_of(host)
    assert (row["profile"], row["next"]) == (None, "./inv hosts.ping -l box")
    assert exit_code(host.codes) == 3


def test_a_conflict_names_the_orphan() -> None:
    """The port of a profile that should start is answered by it."""
    case = {"desired": {"demo": {"env": API}}}
    found = facts({**case, "facts": {"holds": "desired", "services": {"demo": "stopped"}}})
    url = "http://127.0.0.1:8701/health"
    found = replace(
        found, orphans=("scout",), answers={url: Answer(200)},
        contents={**found.contents, f"{SCOUT}/.env": ENV},
    )  # fmt: skip
    (start,) = (c for c in make_plan(desired(case), found).changes if c.action == "start")
    assert isinstance(start.operation, Refuse)
    assert "the orphan scout" in start.operation.message
    assert start.operation.hint == "./inv fleet.prune -l box/scout"


def test_prune_stops_removes_and_forgets() -> None:
    """In this order; the data stays."""
    held = {"desired": {"scout": {"env": API}}}
    found = facts({**held, "facts": {"holds": "desired"}})
    host = desired({"desired": {"scout": {"state": "absent"}}}).host
    plan = make_plan(desired_state(host, roles(), prune.prune_steps()), found, wait=False)
    units = ".config/systemd/user"
    assert [f"{c.action} {c.resource}" for c in plan.changes] == [
        "stop service:hermes-gateway-scout",
        f"remove file:{units}/default.target.wants/hermes-gateway-scout.service",
        f"remove file:{units}/hermes-gateway-scout.service.d/50-hermes-ops.conf",
        f"remove file:{units}/hermes-gateway-scout.service",
        f"remove file:{SCOUT}/.hermes-ops.yml",
        "reload manager:systemd",
    ]


def test_a_prune_that_ends_in_the_middle_is_found_again() -> None:
    """The file that makes it an orphan goes last: here the unit, of other roles our part of it."""
    host = desired({"desired": {"scout": {"state": "absent"}}}).host
    found = facts({"desired": {"scout": {"env": API}}, "facts": {"holds": "desired"}})
    plan = make_plan(desired_state(host, roles(), prune.prune_steps()), found, wait=False)
    removed = [str(c.resource) for c in plan.changes if c.step == "gateway.install"]
    assert removed[-1].endswith("hermes-gateway-scout.service")
    echo = replace(describe(Profile("scout"), roles()["gateway"]), text="echo")
    wanted = Wanted("s", Profile("scout"), roles()["gateway"], ServiceDefinition(Profile("scout")))
    gone = without_definition(wanted, echo, MANAGERS["systemd"], found, "gone")
    assert [c.resource for c in gone][-1].endswith("50-hermes-ops.conf")


def pruning(found: Facts, limit: str | None = None, known: Mapping[str, Role] = {}) -> Inventory:
    """Return what `fleet.prune` would remove from a host with these facts."""
    whole = Inventory((BOX,), {}, {**roles(), **known})
    looks = [Look(BOX, desired({"desired": {"demo": {}}}), found)]
    there = {"box": [one.profile for one in orphans_of(BOX, found, whole.roles)]}
    chosen = strangers.choose(whole, there, Options(limit=limit), named_only=False)
    workspace = Workspace(whole, whole, (), Vault(None, lambda _: None))
    return prune.pruned(strangers.Reached(workspace, looks, chosen))


def test_what_is_pruned_says_why() -> None:
    """The inventory does not name it: it has no state there."""
    (host,) = pruning(left()).hosts
    held = facts({"desired": {"scout": {"env": API}}, "facts": {"holds": "desired"}})
    plan = make_plan(desired_state(host, roles(), prune.prune_steps()), held, wait=False)
    assert {c.reason for c in plan.changes if c.profile} == {prune.LEFT}


@pytest.mark.parametrize("task", ["fleet.prune", "fleet.up --prune"])
def test_an_orphan_of_a_protected_host_stays(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which task refuses it."""
    whole = Inventory((replace(BOX, protected=True),), {}, roles())
    looks = [Look(whole.hosts[0], desired({"desired": {"demo": {}}}), left())]
    workspace = Workspace(whole, whole, (), Vault(None, lambda _: None))
    reached = strangers.Reached(workspace, looks, {"box": ("scout",)})
    monkeypatch.setattr(prune, "_reached", lambda *_: reached)
    with pytest.raises(UsageError, match=f"^{task}: box/scout is protected"):
        if task == "fleet.prune":
            prune.prune(Options(), Output(json=True), all_hosts=True)
        else:
            prune.also_pruned(Options(), Output(json=True))


ECHO = made_role(
    {"home": ".echo/{{ profile }}", "service": {"name": "echo-{{ profile }}", "command": ["x"]}},
    Path("roles/echo"),
)
UNITS = ".config/systemd/user"


def with_echo(*names: str) -> Facts:
    """Return a host on which services of ours are left that are no gateways."""
    found = replace(left(), orphans=(), ours={"systemd": frozenset(names)})
    for number, name in enumerate(names):
        properties = {
            "Id": f"{name}.service", "LoadState": "loaded", "ActiveState": "active",
            "UnitFileState": "enabled", "MainPID": str(900 + number),
        }  # fmt: skip
        units = {**found.units["systemd"], f"{name}.service": Unit(properties)}
        processes = {**found.processes, 900 + number: Process(5, "S", 1)}
        found = replace(found, units={"systemd": units}, processes=processes)
        for path in (f"{name}.service", f"{name}.service.d/50-hermes-ops.conf"):
            found = put(found, f"{UNITS}/{path}", "x\n")
    return found


@pytest.mark.parametrize(
    ("service", "known", "target"),
    [
        ("echo-web", {"echo": ECHO}, "web"),
        ("echo-web", {}, "echo-web"),
        ("echo-demo", {"echo": ECHO}, "echo-demo"),
        ("other", {"echo": ECHO}, "other"),
    ],
)
def test_an_orphan_of_any_role(service: str, known: dict[str, Role], target: str) -> None:
    """It has the name of its profile, or, where that is not known or taken, of its service.

    It is shown, counted and removed; its role need not be there any more.
    """
    found = with_echo(service)
    state = desired({"desired": {"demo": {"env": API}}, "steps": list(ps.STEPS)})
    host = seen_from(Look(state.host, state, found), {**roles(), **known})
    row = next(row for row in host.document()["profiles"] if row["orphan"])
    assert [row[key] for key in ("profile", "state", "pid", "unit")] == [
        target, "healthy", 900, f"{service}.service",
    ]  # fmt: skip
    (trouble,) = troubles.troubles_of(host)
    assert trouble["next"].startswith(f"./inv fleet.prune -l box/{target} ")
    assert exit_code(host.codes) == 2

    inventory = pruning(found, f"box/{target}", known)
    (host_,) = inventory.hosts
    plan = make_plan(desired_state(host_, inventory.roles, prune.prune_steps()), found, wait=False)
    assert [f"{c.action} {c.resource}" for c in plan.changes] == [
        f"stop service:{service}",
        f"remove file:{UNITS}/{service}.service",
        f"remove file:{UNITS}/{service}.service.d/50-hermes-ops.conf",
        "reload manager:systemd",
    ]
    after = Seen(host_, replace(found, ours={}), inventory.roles)
    assert [finding.kind for finding in standing(after)] == []


def test_services_of_the_inventory_are_no_orphans() -> None:
    """Selected or not, and of a neighbour that is the same user on the same machine."""
    known = replace(BOX, services=("echo-web",))
    assert list(orphans_of(known, with_echo("echo-web"), {"echo": ECHO})) == []


def test_an_orphan_of_any_role_at_a_port_is_pruned() -> None:
    """Its own name is not known to a plan: every orphan of the host is meant."""
    case = {"desired": {"demo": {"env": API}}}
    held = {"services": {"demo": "stopped"}, "servers": [["0.0.0.0", 8701, 900]]}
    found = facts({**case, "facts": {"holds": "desired", **held}})
    echo = with_echo("echo-web")
    units = {"systemd": {**echo.units["systemd"], **found.units["systemd"]}}
    found = replace(found, ours=echo.ours, units=units)
    (start,) = (c for c in make_plan(desired(case), found).changes if c.action == "start")
    assert isinstance(start.operation, Refuse)
    assert start.operation.said == (
        "port 8701 is taken by the orphan echo-web; ./inv fleet.prune -l box"
    )


def test_what_is_pruned_leaves_its_port_in_the_same_run() -> None:
    """With `fleet.up --prune`: it stops before the profile starts that needs its port."""
    scout = {"desired": {"scout": {"env": API}}, "facts": {"holds": "desired"}}
    found = facts(scout)
    pid = found.unit("systemd", "hermes-gateway-scout.service").number("MainPID")
    found = replace(found, servers=(Server("127.0.0.1", 8701, pid),), orphans=())
    gone = desired_state(pruning(replace(left(), processes=found.processes)).hosts[0], roles(),
                         prune.prune_steps())  # fmt: skip
    state = both(desired({"desired": {"demo": {"env": API}}}), gone)
    plan = make_plan(state, found)
    done = [f"{c.action} {c.profile}" for c in plan.changes if isinstance(c.operation, Control)]
    assert done == ["stop scout", "start demo"]
    (start,) = (c.operation for c in plan.changes if c.action == "start")
    assert isinstance(start, Control)
    assert start.after == ("scout",)
    assert f"remove file:{SCOUT}/.hermes-ops.yml" in [
        f"{c.action} {c.resource}" for c in plan.changes
    ]


# --- who is reached -----------------------------------------------------------------------------


def reached(options: Options, *, named_only: bool) -> strangers.Reached:
    """Return what a selection reaches on two hosts with gateways that the inventory lacks."""
    state = desired({"desired": {"demo": {}}})
    hosts = [replace(state.host, name=name) for name in ("a", "b")]
    whole = Inventory(tuple(hosts), {}, roles())
    there = {"a": ["scout", "spy"], "b": ["scout"]}
    looks = [Look(host, replace(state, host=host), left()) for host in hosts]
    workspace = Workspace(whole, whole, (), Vault(None, lambda _: None))
    chosen = strangers.choose(whole, there, options, named_only=named_only)
    return strangers.Reached(workspace, looks, chosen)


@pytest.mark.parametrize(
    ("limit", "names"),
    [("box", ["scout"]), ("box/demo", []), ("box/*", ["scout"]), (None, ["scout"])],
)
def test_a_run_tells_of_the_orphans_that_its_selection_means(
    limit: str | None, names: list[str]
) -> None:
    """As `fleet.ps` does: the exit codes of a plan and of a look are the same."""
    inventory = Inventory((BOX,), {}, roles())
    workspace = Workspace(inventory, inventory, (), Vault(None, lambda _: None))
    result = HostResult(BOX, facts=left(), looked=left())
    found = strangers.standing_of(result, workspace, Options(limit=limit))
    assert [side.profile for one in found for side in one.sides] == names


def test_an_orphan_still_runs_after_a_run_that_waited() -> None:
    """The wait asks about the gateways of the run alone: what it does not tell is as it was."""
    looked = left()
    (orphan,) = orphans_of(BOX, looked, roles())
    result = HostResult(BOX, facts=replace(looked, units={}, processes={}), looked=looked)
    assert result.known is not None
    assert list(orphans_of(BOX, result.known, roles())) == [orphan]
    assert HostResult(BOX, facts=looked).known is looked


@pytest.mark.parametrize(
    ("limit", "named_only", "chosen"),
    [
        ("a/scout", True, {"a": ("scout",)}),
        ("*/scout", True, {"a": ("scout",), "b": ("scout",)}),
        ("a/*", True, {"a": ("scout", "spy")}),
        ("a/s*,!*/spy", True, {"a": ("scout",)}),
        ("a", True, {}),
        ("a,b/scout", True, {"b": ("scout",)}),
        ("a/demo", True, {}),
        (None, True, {"a": ("scout", "spy"), "b": ("scout",)}),
        (None, False, {"a": ("scout", "spy"), "b": ("scout",)}),
        ("b", False, {"b": ("scout",)}),
        ("a/spy", False, {"a": ("spy",)}),
    ],
)
def test_who_is_reached(limit: str | None, named_only: bool, chosen: dict[str, Any]) -> None:
    """Outside the inventory only what a term names, unless every one is meant."""
    assert reached(Options(limit=limit), named_only=named_only).chosen == chosen


def test_a_look_shows_no_less_with_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-l HOST` means all that is on the host: an orphan there counts in either look."""

    def reach(options: Options, *_: Any, named_only: bool, **__: Any) -> strangers.Reached:
        return reached(options, named_only=named_only)

    monkeypatch.setattr(ps, "reach", reach)
    _, (host,) = ps.look_at_unmanaged((), Options(limit="a"), Output(json=False))
    assert "scout" in [one.name for one in host.profiles if one.desired is None]


def test_a_term_that_counts_hosts_counts_all_of_them() -> None:
    """Also those that were not asked, as they are not selected."""
    base = desired({"desired": {"demo": {}}}).host
    whole = Inventory((replace(base, name="a"), replace(base, name="b")), {}, roles())
    options = Options(limit="all[1]/scout")
    assert strangers.choose(whole, {"b": ["scout"]}, options, named_only=True) == {"b": ("scout",)}


def test_both_of_a_host() -> None:
    """A selection may name profiles of the inventory and others; each keeps its state."""
    options = Options(limit="a/scout,b")
    found = reached(options, named_only=True)
    selected = found.with_managed(options, "stopped")
    assert {h.name: [(p.name, p.state) for p in h.profiles] for h in selected.hosts} == {
        "a": [("scout", "stopped")], "b": [("demo", "started")],
    }  # fmt: skip
    both = found.with_managed(Options(limit="a"), "stopped").hosts[0]
    assert ([p.name for p in both.profiles], both.all_profiles) == (
        ["demo", "scout"], ("demo", "scout"),
    )  # fmt: skip


def test_nobody_is_reached() -> None:
    """It is a usage error; where a host did not answer, nobody can know."""
    options = Options(limit="a/nobody")
    found = reached(options, named_only=True)
    with pytest.raises(UsageError, match="selects no gateway"):
        found.with_managed(options, "stopped")
    failed = replace(found, looks=[replace(found.looks[0], facts=None, failure=Unreachable("x"))])
    with pytest.raises(Unreachable):
        failed.with_managed(options, "stopped")


# --- the register -------------------------------------------------------------------------------


def test_a_kind_is_registered_once() -> None:
    """Neither a kind about credentials nor another module's is overwritten."""
    words = {"severity": "error", "says": "", "ignored": "", "mend": ""}
    for kind in ("weak-key", "orphan"):
        with pytest.raises(ValueError, match=kind):
            register(kind, words)


def test_a_version_is_a_finding_of_every_look() -> None:
    """Of the host, not of a profile; a host whose profiles are absent wants none."""
    case = {"host": {"hermes": {"version": "0.20.1"}}}
    host = seen(replace(left(), orphans=()), {**case, "desired": {"demo": {"env": API}}})
    assert [finding.kind for finding in host.findings] == ["other-version"]
    (row,) = troubles.troubles_of(host)
    assert (row["host"], row["profile"]) == ("box", None)
    assert "hermes_version: 0.19.0" in row["next"]
    absent = seen(replace(left(), orphans=()), {**case, "desired": {"demo": {"state": "absent"}}})
    assert absent.findings == ()


def test_a_host_without_orphans_has_no_finding() -> None:
    """The register is asked, and nobody finds anything."""
    state = desired({"desired": {"demo": {}}})
    assert standing(Seen(state.host, replace(left(), orphans=()), roles())) == []
