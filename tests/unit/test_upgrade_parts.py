"""An upgrade of Hermes: what runs on the host, the plan of the switch, and whose Hermes it is."""

from __future__ import annotations

import errno
import io
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from building import HERMES, facts, profile, put, roles
from calling import said
from examples import seldom

from hermes_ops.apply import Terms, compile_plan
from hermes_ops.audit.question import program_of
from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.fleet.disk import gc
from hermes_ops.commands.fleet.disk import on_host as unneeded
from hermes_ops.commands.fleet.upgrade import on_host
from hermes_ops.commands.fleet.upgrade.databases import Sentence, copy, databases, put_back, schema
from hermes_ops.commands.fleet.upgrade.job import request
from hermes_ops.commands.fleet.upgrade.notes import read_note, write_note
from hermes_ops.commands.fleet.upgrade.switch import Way, definitions, orders, switch_plan
from hermes_ops.errors import Conflict, UsageError
from hermes_ops.files.layout import KEPT, UPGRADE_NOTE, stamp
from hermes_ops.inventory.model import Connection, Host, Inventory
from hermes_ops.look.facts import Facts, Invocation
from hermes_ops.look.upgrades import NO_NOTE, Note, no_way_back, note_of, used, with_note
from hermes_ops.plan import Plan
from hermes_ops.plan.lifecycle.installed import installation, refuse_other
from hermes_ops.plan.model import Control, Drain, Install, Write
from hermes_ops.plan.program import plan_program
from hermes_ops.plan.resource import PythonProgram

HOME = ".hermes/profiles/demo"
OURS = "/home/ann/.local/share/hermes-ops/hermes/current/venv/bin/python"


# --- databases --------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """The home of a user with one profile, as the working folder; its database has a log."""
    (tmp_path / HOME).mkdir(parents=True)
    before = Path.cwd()
    os.chdir(tmp_path)
    with closing(sqlite3.connect(f"{HOME}/state.db")) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.executescript("CREATE TABLE schema_version (version); CREATE TABLE t (x);")
        base.execute("INSERT INTO schema_version VALUES (19)")
        base.commit()
    yield tmp_path
    os.chdir(before)


def execute(path: str, *statements: str) -> list[Any]:
    """Run statements; return the rows of the last one."""
    with closing(sqlite3.connect(path, timeout=10)) as base:
        rows = [base.execute(text).fetchall() for text in statements]
        base.commit()
    return rows[-1]


@pytest.mark.parametrize("mode", ["wal", *seldom("delete")])
def test_a_copy_is_sound_while_somebody_writes(home: Path, mode: str) -> None:
    """No writer meets a lock, and the copy has a whole number of rows."""
    path, failed = f"{HOME}/state.db", []
    execute(path, f"PRAGMA journal_mode={mode}")
    execute(path, *(f"INSERT INTO t VALUES ('{'x' * 500}')" for _ in range(2000)))
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=5)) as base:
            while not stop.is_set():
                try:
                    base.execute("INSERT INTO t VALUES (1)")
                    base.commit()
                except sqlite3.OperationalError as error:
                    failed.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copy(Path(path), Path("copy.db"))
    finally:
        stop.set()
        writer.join()
    assert failed == []
    assert execute("copy.db", "SELECT count(*) FROM t")[0][0] >= 2000
    assert execute("copy.db", "PRAGMA integrity_check") == [("ok",)]


def test_only_the_profiles_own_databases_are_copied(home: Path) -> None:
    """Not those of other profiles below it, nor what only has such a name."""
    Path(HOME, "memories").mkdir()
    for path in (f"{HOME}/memories/facts.sqlite3", ".hermes/kanban.db"):
        execute(path, "CREATE TABLE t (x)")
    Path(HOME, "notes.db").write_text("no database")
    Path(HOME, "link.db").symlink_to(home / ".hermes/kanban.db")
    assert sorted(map(str, databases(Path(HOME)))) == [
        f"{HOME}/memories/facts.sqlite3", f"{HOME}/state.db",
    ]  # fmt: skip
    assert list(map(str, databases(Path(".hermes")))) == [".hermes/kanban.db"]


def test_a_damaged_database_is_no_copy(home: Path) -> None:
    """Its copy is checked before anything is stopped."""
    execute(f"{HOME}/state.db", *(f"INSERT INTO t VALUES ('{'x' * 900}')" for _ in range(200)))
    execute(f"{HOME}/state.db", "PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(HOME, "state.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(6 * 4096))
    with pytest.raises((Sentence, sqlite3.DatabaseError)):
        copy(Path(HOME, "state.db"), home / "copy.db")


def test_what_was_put_back_keeps_the_later_one(home: Path) -> None:
    """With its log; after it was cut off what is left of the database follows it."""
    path = Path(HOME, "state.db")
    mark = copy(path, Path("copy.db"))
    execute(str(path), "UPDATE schema_version SET version = 22", "INSERT INTO t VALUES (7)")
    assert schema(path) != mark
    Path("aside").mkdir()
    path.rename("aside/state.db")  # here it was cut off
    Path(HOME, "state.db-journal").write_text("")
    put_back(Path("copy.db"), path, Path("aside/state.db"))
    assert schema(path) == mark
    assert execute(str(path), "SELECT count(*) FROM t") == [(0,)]
    assert sorted(one.name for one in Path("aside").iterdir()) == ["state.db", "state.db-journal"]
    assert execute("aside/state.db", "SELECT x FROM t") == [(7,)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_stored_between_two_ways_back_is_kept_as_well(home: Path) -> None:
    """The new version may have run again, at a boot, before the second one."""
    path = Path(HOME, "state.db")
    copy(path, Path("copy.db"))
    for number in (1, 2):
        execute(str(path), f"INSERT INTO t VALUES ({number})")
        put_back(Path("copy.db"), path, Path("aside/state.db"))
    assert execute("aside/state.db", "SELECT x FROM t") == [(1,)]
    assert execute("aside/state.db.1", "SELECT x FROM t") == [(2,)]


# --- what runs on the host --------------------------------------------------------------------


def asked(verb: str, **more: Any) -> dict[str, Any]:
    """Return a request about the one profile."""
    return {**request(verb, "r1", ordered(), **more), "link": "share/current"}


def taken(home: Path) -> None:
    """Take a snapshot, of an upgrade from 1.0 to 2.0."""
    (home / "share/1.0").mkdir(parents=True)
    (home / "share/current").symlink_to("1.0")
    on_host.snapshot(asked("snapshot", **{"from": "1.0", "to": "2.0", "services": ["demo"]}))


def noted() -> dict[str, Any]:
    """Return the note."""
    return read_note(asked("errors"))


def test_there_and_back(home: Path) -> None:
    """What the new version migrated is as before; what it did not is as it is now."""
    Path(HOME, "config.yaml").write_text("_config_version: 32\nmodel: a\n")
    execute(f"{HOME}/store.db", "CREATE TABLE t (x)")
    taken(home)
    assert (noted()["phase"], noted()["services"]) == ("switching", ["demo"])
    on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    assert Path("share/current").readlink() == Path("2.0")
    Path(HOME, "config.yaml").write_text("_config_version: 33\nmodel: a\n")
    execute(f"{HOME}/state.db", "UPDATE schema_version SET version = 22")
    execute(f"{HOME}/store.db", "INSERT INTO t VALUES (1)")
    on_host.switch(asked("switch", version="1.0", restores=True, phase="reverting"))
    assert Path("share/current").readlink() == Path("1.0")
    assert noted()["restored"] == [f"{HOME}/config.yaml", f"{HOME}/state.db"]
    assert execute(f"{HOME}/state.db", "SELECT * FROM schema_version") == [(19,)]
    assert execute(f"{HOME}/store.db", "SELECT * FROM t") == [(1,)]
    assert "32" in Path(HOME, "config.yaml").read_text()


def test_what_was_not_there_before_is_put_away(home: Path) -> None:
    """With its log, unless another home has shown that the version before has this format; once
    more it goes beside that of the first time. Nothing is deleted."""
    execute(".hermes/store.db", "CREATE TABLE t (x)")
    taken(home)
    on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    execute(f"{HOME}/store.db", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)")
    aside = Path(asked("switch")["aside"], "r1", HOME)
    for number in (1, 2):
        execute(f"{HOME}/new.db", "CREATE TABLE later (x)", f"INSERT INTO later VALUES ({number})")
        Path(HOME, "new.db-shm").write_text("log")
        on_host.switch(asked("switch", version="1.0", restores=True, phase="reverting"))
    assert noted()["put_away"] == [f"{HOME}/new.db"]
    assert noted()["restored"] == []
    assert sorted(path.name for path in Path(HOME).iterdir()) == ["state.db", "store.db"]
    names = ["new.db", "new.db-shm", "new.db.1", "new.db.1-shm"]
    assert sorted(path.name for path in aside.iterdir()) == names
    for name, number in (("new.db", 1), ("new.db.1", 2)):
        assert execute(str(aside / name), "SELECT x FROM later") == [(number,)]


@pytest.mark.parametrize("at", [0, 100])
def test_a_database_that_is_damaged_by_now_goes_back(home: Path, at: int) -> None:
    """It needs its copy more than any other: neither the question nor the switch fails at it."""
    copies = migrated(home)
    execute(f"{HOME}/state.db", "PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(HOME, "state.db").open("r+b") as file:
        file.seek(at)
        file.write(b"rubbish " * 100)
    assert on_host.there(asked("there", version="1.0"))["lost"] == []
    on_host.switch(asked("switch", version="1.0", restores=True, phase="reverting"))
    assert noted()["restored"] == [f"{HOME}/state.db"]
    assert execute(f"{HOME}/state.db", "SELECT * FROM schema_version") == [(19,)]
    assert copies.exists()


def migrated(home: Path) -> Path:
    """Let the new version run, and migrate; return where the copies are."""
    taken(home)
    on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    execute(f"{HOME}/state.db", "UPDATE schema_version SET version = 22")
    return home / ".local/state/hermes-ops/upgrade/snapshots/r1"


@pytest.mark.parametrize(
    ("phase", "goes_on", "services"),
    [("done", False, ["late"]), ("switched", True, ["demo", "late"])],
)
def test_a_way_back_notes_whom_it_stops(
    home: Path, phase: str, goes_on: bool, services: list[str]
) -> None:
    """Before it stops them: if anything fails then, the next way back starts them."""
    taken(home)
    write_note(asked("errors"), {**noted(), "phase": phase})
    on_host.begin_return(asked("return", phase="reverting", services=["late"], goes_on=goes_on))
    assert (noted()["phase"], noted()["services"]) == ("reverting", services)


def test_a_way_back_without_room_begins_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes back is copied. An upgrade that has not ended goes back all the same."""
    migrated(home)
    before = noted()
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=9, f_frsize=4096))
    words = {"phase": "reverting", "services": ["demo"]}
    with pytest.raises(Sentence, match=r"the databases that go back need .* nothing was stopped"):
        on_host.begin_return(asked("return", **words, goes_on=False))
    assert noted() == before
    on_host.begin_return(asked("return", **words, goes_on=True))
    assert noted()["phase"] == "reverting"


def test_a_profile_that_is_gone_since_then_needs_no_database(home: Path) -> None:
    """It was deleted: its copy stays where it is, and the others go back."""
    execute(".hermes/kanban.db", "CREATE TABLE t (x)")
    copies = migrated(home)
    execute(".hermes/kanban.db", "CREATE TABLE more (x)")
    Path(HOME).rename(f"{HOME}-2")
    assert on_host.there(asked("there", version="1.0"))["lost"] == []
    on_host.switch(asked("switch", version="1.0", restores=True, phase="reverting"))
    assert noted()["restored"] == [".hermes/kanban.db"]
    assert not Path(HOME).exists()
    assert (copies / HOME / "state.db").exists()


def test_a_profile_that_came_later_bars_the_way_back(home: Path) -> None:
    """Made or renamed since then, if an older version does not know the format that it has."""
    migrated(home)
    Path(HOME).rename(f"{HOME}-2")
    later = {**asked("there", version="1.0"), "homes": {"demo-2": f"{HOME}-2"}}
    assert on_host.there(later)["lost"] == [f"{HOME}-2/state.db"]
    execute(f"{HOME}-2/state.db", "UPDATE schema_version SET version = 19")
    assert on_host.there(later)["lost"] == []


def test_a_copy_that_is_gone_bars_the_way_back(home: Path) -> None:
    """An older version does not know the format; what was not migrated needs no copy."""
    execute(f"{HOME}/store.db", "CREATE TABLE t (x)")
    copies = migrated(home)
    assert on_host.there(asked("there", version="1.0"))["lost"] == []
    for name in ("state.db", "store.db"):
        (copies / HOME / name).unlink()
    assert on_host.there(asked("there", version="1.0"))["lost"] == [f"{HOME}/state.db"]
    Path(HOME, "state.db").unlink()
    assert on_host.there(asked("there", version="1.0"))["lost"] == []


def test_a_snapshot_that_fails_leaves_nothing(home: Path) -> None:
    """Neither a part of it nor a note, and the one before it stays."""
    taken(home)
    folder = home / ".local/state/hermes-ops/upgrade"
    before = [(folder / "note.json").read_text(), sorted(folder.rglob("*"))]
    Path(HOME, "state.db").write_bytes(b"SQLite format 3\0 and no more")
    later = {**asked("snapshot", **{"from": "2.0", "to": "3.0", "services": []}), "run": "r2"}
    with pytest.raises((Sentence, sqlite3.DatabaseError)):
        on_host.snapshot(later)
    assert [(folder / "note.json").read_text(), sorted(folder.rglob("*"))] == before


def test_copies_leave_room_on_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is just as much as the copies need is too little: gateways write there, too."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_bavail=on_host.SPARE >> 12, f_frsize=1 << 12)
    )
    with pytest.raises(Sentence, match="64 MiB are free; nothing was stopped"):
        taken(home)


def test_only_errors_that_are_new_count(home: Path) -> None:
    """Numbers and ids are not what makes an error new; warnings are none."""
    log = Path(HOME, "logs/errors.log")
    log.parent.mkdir()
    log.write_text("2026-11-28 01:00:00,001 ERROR gateway.run: chat 17 failed: '0xab'\n")
    taken(home)
    on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    with log.open("a") as file:
        file.write(
            "2026-11-28 01:00:01,001 ERROR gateway.run: chat 18 failed: '0xcd'\n"
            "2026-11-28 01:00:01,002 WARNING gateway.run: slow\n"
            "2026-11-28 01:00:01,003 ERROR [coder] tools.load: no module 'x'\n"
            "Traceback (most recent call last):\n"
            "2026-11-28 01:00:01,004 ERROR [coder] tools.load: no module 'y'\n"
        )
    assert on_host.errors(asked("errors")) == {"errors": {"demo": ["tools.load: no module 'x'"]}}
    log.unlink()
    log.write_text("2026-11-28 01:00:02,001 CRITICAL a.b: another file\n")
    assert on_host.errors(asked("errors")) == {"errors": {"demo": ["a.b: another file"]}}


def test_what_was_seen_is_kept_privately(home: Path) -> None:
    """The ends of the logs, and the words of the gate."""
    Path(HOME, "logs").mkdir()
    Path(HOME, "logs/gateway.log").write_text("one\n")
    folder = home / on_host.keep(asked("keep", seen=["it was down"]))["folder"]
    assert (folder / "seen.txt").read_text() == "it was down\n"
    assert (folder / "demo.gateway.log").read_text() == "one\n"
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def full(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk that is full as soon as the copies are made; what is removed makes room."""
    taken(home)
    room = home / ".local/state/hermes-ops/upgrade/note.json.room"
    fsync = os.fsync

    def limited(number: int) -> None:
        if room.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(number)

    monkeypatch.setattr(os, "fsync", limited)
    return room


def test_a_disk_that_fills_after_the_copies_stops_no_switch(full: Path) -> None:
    """The gateways are stopped by then: the note has room of its own, given back at the end."""
    assert full.stat().st_size > 100_000
    on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    assert not full.exists()
    assert noted()["phase"] == "switched"
    assert Path("share/current").readlink() == Path("2.0")


def test_evidence_does_not_fill_the_disk(full: Path) -> None:
    """What cannot be kept as a whole is not kept: the way back needs the room."""
    with pytest.raises(OSError, match="No space left"):
        on_host.keep(asked("keep", seen=["it was down"]))
    assert not list((full.parent / "evidence").iterdir())


def test_the_note_comes_before_the_link(home: Path) -> None:
    """A link that leads elsewhere without it would belong to no upgrade."""
    taken(home)
    Path("share/current.new").mkdir()
    with pytest.raises(OSError, match=r"current\.new"):
        on_host.switch(asked("switch", version="2.0", restores=False, phase="switched"))
    assert noted()["phase"] == "switched"
    assert Path("share/current").readlink() == Path("1.0")


def test_it_goes_to_hosts_as_one_text() -> None:
    """Without an import of ours."""
    text = program_of("hermes_ops.commands.fleet.upgrade")
    compile(text, "on_host", "exec")
    assert "import hermes_ops" not in text and "from hermes_ops" not in text
    assert len(text) < 60_000  # it is an argument on the host


# --- the plan ---------------------------------------------------------------------------------


ALL: Mapping[str, Any] = {"demo": {}, "other": {"env": {"API_SERVER_PORT": "8702"}}}


def host(names: Mapping[str, Any], manager: str = "auto") -> Host:
    """Return a host with these profiles."""
    profiles = tuple(profile(k, {**v, "state": "started"}) for k, v in names.items())
    return Host("box", Connection(), (), profiles, tuple(names), manager=manager)


def ordered(names: Mapping[str, Any] = {"demo": {}}, manager: str = "auto") -> Any:
    """Return what is asked of the services of a host."""
    return orders(host(names, manager), Inventory((), {}, roles()), "fleet.upgrade")


def planned(
    found: Facts, names: Mapping[str, Any] = ALL, *, drain: int = 0, manager: str = "auto",
    **way: Any,
) -> Plan:  # fmt: skip
    """Return the plan from 0.18.2 to 0.19.0, or what `way` says."""
    step = "fleet.upgrade"
    wanted = definitions(host(names, manager), Inventory((), {}, roles()), step)
    words = {"step": step, "run": "r1", "before": "0.18.2", "after": "0.19.0", **way}
    return switch_plan(ordered(names, manager), wanted, found, Way(**words), drain=drain)


def healthy(names: Mapping[str, Any] = ALL, **case: Any) -> Facts:
    """Return the facts of a host on which these run."""
    return facts({"desired": names, "facts": {"holds": "desired", **case}})


def actions(plan: Plan) -> list[tuple[str | None, str]]:
    """Return profile and action of each change."""
    return [(change.profile, change.action) for change in plan.changes]


def test_all_stop_before_the_switch_and_start_after_it() -> None:
    """The copies come first, while all run."""
    assert actions(planned(healthy())) == [
        (None, "copy"), ("demo", "stop"), ("other", "stop"), (None, "switch"),
        ("demo", "start"), ("other", "start"),
    ]  # fmt: skip


def test_a_dashboard_is_of_the_same_hermes() -> None:
    """It stops with the gateways; what runs another program does not."""
    names = {**ALL, "board": {"role": "dashboard"}}
    stopped = [p for p, action in actions(planned(healthy(names), names)) if action == "stop"]
    assert stopped == ["demo", "other", "board"]


def test_the_way_back_copies_nothing_and_puts_back() -> None:
    """It runs the program by the Python of the version that is left."""
    plan = planned(healthy(), back=True, before="0.19.0", after="0.18.2")
    assert actions(plan)[:2] == [(None, "update"), ("demo", "stop")]
    words = plan.changes[3].operation.words  # type: ignore[union-attr]
    assert "/hermes/0.19.0/venv/bin/python" in words[0]
    assert json.loads(words[-1])["restores"] is True


def test_only_what_runs_is_stopped_and_started() -> None:
    """One that somebody stopped stays so; one that an interrupted run stopped is started."""
    found = healthy(services={"other": "stopped"})
    assert [a for p, a in actions(planned(found)) if p == "other"] == []
    note = Note("switched", "r0", "0.18.2", "0.19.0", frozenset({"other"}))
    assert [a for p, a in actions(planned(found, note=note)) if p == "other"] == ["start"]


def test_what_is_not_well_before_is_refused() -> None:
    """A gate could not tell what broke it; one that somebody stopped stays stopped."""
    found = healthy(services={"other": "stopped"})
    assert [a for p, a in actions(planned(found)) if p == "other"] == []
    with pytest.raises(Conflict, match="other is down"):
        planned(healthy(services={"other": "failed 1"}))
    with pytest.raises(Conflict, match="demo is starting"):
        planned(healthy(services={"demo": "starting"}))


def test_what_runs_outside_its_service_is_refused() -> None:
    """Nobody would stop it; in the middle of an upgrade nothing holds up what was begun."""
    running = Invocation(("python", "-m", "hermes_cli.main", "-p", "other", "gateway", "run"))
    found = replace(healthy(), commands={4711: running})
    with pytest.raises(Conflict, match="other: process 4711 runs this home") as refused:
        planned(found)
    assert "gateway.repair box/other" in (refused.value.hint or "")
    planned(found, note=Note("switched", "r0", "0.18.2", "0.19.0"))


def test_what_another_manager_runs_is_moved_first() -> None:
    """An upgrade would stop it nowhere, and change the code below it."""
    with pytest.raises(Conflict, match="runs under systemd, not under supervisord") as refused:
        planned(healthy(), manager="supervisord")
    assert refused.value.hint == "./inv fleet.up -l box/demo"


def test_a_version_that_the_manager_cannot_run_is_refused() -> None:
    """Before anything stops; the way back from one is open."""
    of_system = {"manager": "systemd-system"}
    state = {"holds": "desired", "may_root": True, "group": "hermes"}
    found = facts({"desired": ALL, "host": of_system, "facts": state})
    unknown: dict[str, Any] = {"before": "0.19.0", "after": "0.99.0"}
    with pytest.raises(Conflict, match=r"the system unit of Hermes 0\.99\.0 is not known"):
        planned(found, manager="systemd-system", **unknown)
    assert found.hermes is not None
    late = replace(found, hermes=replace(found.hermes, version="0.99.0"))
    back: dict[str, Any] = {"before": "0.99.0", "after": "0.19.0", "back": True}
    assert (None, "switch") in actions(planned(late, manager="systemd-system", **back))


def under_supervisord(version: str, config: str = "model: a\n", record: str = "") -> Facts:
    """Return the facts of a host without systemd, on which this version runs `demo`."""
    found = healthy({"demo": {}}, systemd=False, bus=False)
    assert found.hermes is not None
    found = replace(found, hermes=replace(found.hermes, version=version))
    return put(put(found, f"{HOME}/config.yaml", config), f"{HOME}/.hermes-ops.yml", record)


STANDALONE = "gateway:\n  standalone: true\n"
THERE: dict[str, Any] = {"before": "0.19.0", "after": "0.21.5"}
BACK: dict[str, Any] = {"before": "0.21.5", "after": "0.19.0", "back": True}


def settings(plan: Plan) -> dict[str, str]:
    """Return what is written into the profile's files between its stop and its start."""
    texts, names = {}, actions(plan)
    for at, change in enumerate(plan.changes):
        if isinstance(change.operation, Write):
            assert names.index(("demo", "stop")) < at < names.index((None, "switch"))
            texts[change.operation.path.name] = str(change.operation.content)
    return texts


def test_a_key_that_the_version_needs_is_there_before_its_start() -> None:
    """Without it 0.21.5 ends a named profile outside its own unit; the way back removes it."""
    one: Mapping[str, Any] = {"demo": {}}
    there = settings(planned(under_supervisord("0.19.0"), one, **THERE))
    assert yaml.safe_load(there["config.yaml"]) == {"model": "a", "gateway": {"standalone": True}}
    found = under_supervisord("0.21.5", there["config.yaml"], there[".hermes-ops.yml"])
    again = planned(found, one, before="0.21.5", after="0.22.0")
    assert settings(again) == {}
    back = planned(found, one, **BACK)
    assert yaml.safe_load(settings(back)["config.yaml"]) == {"model": "a"}
    assert "standalone" not in settings(back)[".hermes-ops.yml"]
    # Nobody waits for a look after the stop: what somebody wrote meanwhile is kept aside.
    (config,) = [c for c in back.changes if c.resource.endswith("config.yaml")]
    assert (config.seen, str(config.kept)) == ((), f"{KEPT}/{HOME}/config.yaml")


def test_a_key_that_was_there_before_stays() -> None:
    """Somebody set it, or changed it since: it is not ours to remove."""
    one: Mapping[str, Any] = {"demo": {}}
    assert settings(planned(under_supervisord("0.19.0", STANDALONE), one, **THERE)) == {}
    assert settings(planned(under_supervisord("0.21.5", STANDALONE), one, **BACK)) == {}
    ours = settings(planned(under_supervisord("0.19.0"), one, **THERE))[".hermes-ops.yml"]
    changed = under_supervisord("0.21.5", STANDALONE.replace("true", "false"), ours)
    assert "config.yaml" not in settings(planned(changed, one, **BACK))


def test_a_part_of_the_settings_notes_no_migration() -> None:
    """The next look at all of them compares: what Hermes removed meanwhile is not put back."""
    record = "config_version: 33\nkeys:\n  config.yaml:\n    gateway:\n      standalone: x\n"
    found = under_supervisord("0.19.0", "_config_version: 45\n", record)
    written = settings(planned(found, {"demo": {}}, **THERE))[".hermes-ops.yml"]
    assert "config_version: 33" in written


def test_a_key_of_the_inventory_is_not_overridden() -> None:
    """An upgrade writes no setting that the inventory names itself."""
    one = {"demo": {"config": {"gateway": {"standalone": False}}}}
    assert settings(planned(under_supervisord("0.19.0"), one, **THERE)) == {}


def test_under_its_own_unit_no_key_is_needed() -> None:
    """Systemd runs the unit that Hermes itself would write."""
    found = healthy({"demo": {}})
    assert [a for _, a in actions(planned(found, {"demo": {}}, **THERE))].count("update") <= 1
    changes = planned(found, {"demo": {}}, **THERE).changes
    assert not any("config.yaml" in change.resource for change in changes)


def test_only_the_stop_drains() -> None:
    """Turns end before it, side by side; the start waits for nothing."""
    controls = [c.operation for c in planned(healthy(), drain=30).changes if c.profile == "demo"]
    assert [(c.verb, c.drain) for c in controls if isinstance(c, Control)] == [
        ("stop", 30), ("start", 0),
    ]  # fmt: skip
    assert not any(isinstance(c, Drain) for c in controls)


@pytest.mark.parametrize("drain", [0, 30])
def test_after_the_first_stop_nobody_has_to_listen(drain: int) -> None:
    """A connection that is lost between stop and start would leave all gateways stopped."""
    text = "\n".join(compile_plan(planned(healthy(), drain=drain), Terms()).lines)
    before, _, after = text.partition(" stop hermes-gateway-")
    assert "exit 0" in before
    assert "exit 0" not in after.partition("release_lock; trap - EXIT\n")[0].partition("\n")[2]


# --- whose it is ------------------------------------------------------------------------------


def having(python: str, project: str = "", version: str = "0.18.2") -> Facts:
    """Return the facts of a host with this Hermes; ours has its stamp."""
    found = replace(
        facts({"desired": {}, "facts": {}}), home="/home/ann",
        hermes=replace(HERMES, python=python, project=project or python, version=version,
                       venv=python.removesuffix("/bin/python")),
    )  # fmt: skip
    stamped = json.dumps({"version": "0.18", "extras": []})
    return put(found, str(stamp("hermes")), stamped) if python == OURS else found


@pytest.mark.parametrize(
    ("python", "project", "kind", "way"),
    [
        (OURS, "", "hermes-ops", ""),
        ("/home/ann/.local/share/pipx/venvs/hermes-agent/bin/python", "", "pipx",
         "pipx install --force hermes-agent==0.19.0"),
        ("/home/ann/.local/share/uv/tools/hermes-agent/bin/python", "", "uv tool",
         "uv tool install --force hermes-agent==0.19.0"),
        ("/home/ann/.hermes/hermes-agent/venv/bin/python", "/home/ann/.hermes/hermes-agent",
         "checkout", "/home/ann/.hermes/hermes-agent/venv/bin/hermes update   # or git"),
        ("/usr/bin/python3", "/usr/lib/python3/dist-packages", "pip",
         "/usr/bin/python3 -m pip install hermes-agent==0.19.0"),
        ("/opt/my venv/bin/python", "/opt/my venv/lib/python3.11/site-packages", "pip",
         "'/opt/my venv/bin/python' -m pip install hermes-agent==0.19.0"),
    ],
)  # fmt: skip
def test_whose_hermes_it_is(python: str, project: str, kind: str, way: str) -> None:
    """Each but ours is refused, with its own way."""
    found = having(python, project)
    told = installation(found, "0.19.0")
    assert told
    assert told.kind == kind
    assert told.way.startswith(way)
    if way:
        with pytest.raises(Conflict) as refused:
            refuse_other(host({}), found, "0.19.0")
        assert way in (refused.value.hint or "")
        with pytest.raises(Conflict) as refused:
            refuse_other(host({}), found)  # on the way back to whichever it was
        assert way.replace("0.19.0", "VERSION") in (refused.value.hint or "")
    else:
        refuse_other(host({}), found, "0.19.0")
        assert used(found) == "0.18"


def test_a_version_beside_has_what_the_one_in_use_has() -> None:
    """Extras that profiles outside this run needed come along; one that is there is not made."""
    stamped = json.dumps({"version": "0.18", "extras": ["slack"]})
    found = put(having(OURS), str(stamp("hermes")), stamped)
    program = PythonProgram("hermes", "hermes-agent", "0.19.0", ("matrix",), beside=True)
    (change,) = plan_program("fleet.upgrade", program, host({}), found)
    assert isinstance(change.operation, Install)
    assert change.operation.requirements == ("hermes-agent[matrix,slack]==0.19.0",)
    made = put(found, str(stamp("hermes", "0.19.0")), stamped)
    assert list(plan_program("fleet.upgrade", program, host({}), made)) == []


def test_an_older_version_is_no_upgrade() -> None:
    """The databases were migrated already: the way is the way back."""
    with pytest.raises(Conflict, match="older than"):
        refuse_other(host({}), having(OURS), "0.17.0")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"services": 7}', "null"])
def test_a_note_that_makes_no_sense_is_none(text: str) -> None:
    """Anybody may have written it."""
    found = put(facts({"desired": {}, "facts": {}}), str(UPGRADE_NOTE), text)
    assert note_of(found) == NO_NOTE


def noting(phase: str) -> Facts:
    """Return the facts of a host whose last upgrade has come so far."""
    note = {"phase": phase, "run": "r1", "from": "0.18.2", "to": "0.19.0", "services": []}
    return put(having(OURS), str(UPGRADE_NOTE), json.dumps(note))


@pytest.mark.parametrize(
    ("phase", "says", "mend"),
    [
        ("switching", "it runs 0.18, and run r1", "fleet.upgrade --to 0.19.0 -l box "),
        ("switched", "it runs 0.18, and run r1", "fleet.rollback -l box"),
        ("reverting", "and was on its way back, and run r1", "fleet.rollback -l box"),
    ],
)
def test_an_upgrade_that_nobody_has_ended_is_a_finding(phase: str, says: str, mend: str) -> None:
    """From any look, with the command that ends it; afterwards it is none."""
    found = noting(phase)
    (finding,) = standing(Seen(host({}), found, roles()))
    assert finding.kind == "half-upgraded"
    assert "in the middle of an upgrade from 0.18.2 to 0.19.0" in finding.message
    assert says in finding.message
    assert mend in finding.mend
    assert standing(Seen(host({}), with_note(found, note_of(found), "done"), roles())) == []


@pytest.mark.parametrize(
    ("phase", "wanted", "mend"),
    [
        ("done", "0.18.2", "./inv fleet.rollback -l box "), ("done", "0.17.0", "no way leads back"),
        ("reverted", "0.18.2", "no way leads back"), ("done", "0.20.0", "./inv fleet.upgrade --to"),
    ],
)  # fmt: skip
def test_what_leads_to_the_wanted_version_is_named(phase: str, wanted: str, mend: str) -> None:
    """A way back only to the version before the last upgrade."""
    found, box = noting(phase), host({"demo": {}})
    assert found.hermes
    found = replace(found, hermes=replace(found.hermes, version="0.19.0"))
    box = replace(box, hermes=replace(box.hermes, version=wanted))
    (finding,) = standing(Seen(box, found, roles()))
    assert finding.kind == "other-version"
    assert mend in finding.mend


def test_an_upgrade_that_just_ended_leads_back() -> None:
    """Its note came after the look: the run that made it says so already."""
    made = Note("switched", "r1", "0.18.2", "0.19.0")
    found, box = with_note(having(OURS, version="0.19.0"), made, "done"), host({"demo": {}})
    box = replace(box, hermes=replace(box.hermes, version="0.18.2"))
    (finding,) = standing(Seen(box, found, roles()))
    assert "./inv fleet.rollback -l box " in finding.mend


def test_a_way_back_that_there_is_not() -> None:
    """There was no upgrade, or nobody can read what is noted of it."""
    assert "no upgrade" in str(no_way_back(having(OURS)))
    assert "no upgrade" in str(no_way_back(noting("reverted")))
    damaged = put(having(OURS), str(UPGRADE_NOTE), "{")
    assert "cannot be read: ~/.local/state/hermes-ops/upgrade/note.json" in str(
        no_way_back(damaged)
    )


# --- what is left on the disk -----------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with five versions, the last in use, and two folders of copies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unneeded, "_TEXTS", ["12 /x/share/hermes/0.4/lib.so"])
    for version in ("0.1", "0.2", "0.3", "0.4", "0.5"):
        folder = Path("share/hermes", version)
        folder.mkdir(parents=True)
        (folder / "hermes-ops.json").write_text("{}")
        (folder / "code").write_bytes(bytes(50_000))
    Path("share/hermes/current").symlink_to("0.5")
    Path("share/made-by-another/1.0").mkdir(parents=True)
    for run in ("r1", "r2"):
        Path("snapshots", run).mkdir(parents=True)
    return tmp_path


def unused(**note: str) -> list[str]:
    """Return the names of what nothing needs, with this note of the last upgrade."""
    if note:
        Path("note.json").write_text(json.dumps(note))
    request = {
        "share": "share", "snapshots": "snapshots", "note": "note.json", "wheels": "wheels",
        "keep": {"hermes": ["0.3"]},
    }  # fmt: skip
    return [one["name"] for one in unneeded.unused(request)]


def test_what_runs_and_what_a_way_back_needs_stays(disk: Path) -> None:
    """And what the inventory names, or a process has loaded; after the way back nothing more."""
    last = {"run": "r2", "from": "0.2", "to": "0.5"}
    for phase in ("switching", "switched", "done", "reverting"):
        assert unused(phase=phase, **last) == ["version:hermes-0.1", "copies:r1"]
    versions = ["version:hermes-0.1", "version:hermes-0.2"]
    assert unused(phase="reverted", **last) == [*versions, "copies:r1", "copies:r2"]


def test_interrupted_work_is_not_needed(disk: Path) -> None:
    """An installation without its stamp, a removal that came half way, wheels."""
    Path("share/hermes/0.2/hermes-ops.json").unlink()
    Path("share/hermes/0.1").rename("share/hermes/.gone-0.1")
    Path("wheels").mkdir()
    Path("wheels/one.whl").write_bytes(bytes(3_000))
    found = unused()
    assert found[:2] == ["version:hermes-0.1", "version:hermes-0.2"]
    assert found[-1] == "cache:wheels"


def test_a_note_that_cannot_be_read_keeps_all(disk: Path) -> None:
    """Nobody knows what it names."""
    Path("note.json").write_text("{")
    with pytest.raises(ValueError, match="line 1"):
        unused()


def test_a_removal_is_whole_or_says_so(disk: Path) -> None:
    """What came into use since the look is kept; what was moved away once is removed."""
    for version in ("0.1", "0.5"):
        ended = subprocess.run(
            ["sh", "-c", gc._REMOVE, "sh", f"{disk}/share/hermes/{version}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stdout) == (
            (1, "it is in use now\n") if version == "0.5" else (0, "")
        )
    left = sorted(path.name for path in Path("share/hermes").iterdir())
    assert left == ["0.2", "0.3", "0.4", "0.5", "current"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "which version?"),
        (("--to", "latest"), "--to takes a version of hermes-agent, not 'latest'"),
        (("--to", "../0.19.0"), "--to takes a version of hermes-agent"),
        (("--to", "\N{ARABIC-INDIC DIGIT ONE}"), "--to takes a version of hermes-agent"),
        (("--to", "0.19.0", "--soak", "x"), "--soak takes a whole number"),
        (("--to", "0.19.0", "--auto-revert", "--no-auto-revert"), "exclude each other"),
    ],
)
def test_words_that_make_no_sense(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """One sentence, and 64."""
    code, out, err = said(capsys, "fleet.upgrade", *words)
    assert code == 64
    assert told in out + err


def test_what_is_removed_is_named_before_anybody_agrees() -> None:
    """Each folder with its size and the reason, and then how much it is on how many hosts."""
    old = gc.Unused("share/hermes/0.18.1", "version:hermes-0.18.1", "nothing uses it", 3 << 20)
    output = Output(json=False, err=(err := io.StringIO()))
    with pytest.raises(UsageError) as it:
        gc._ask({"a": (old, old), "b": (old,), "c": ()}, Options(), output)
    assert it.value.message.startswith("Remove 3 folders with 9.4 MB on 2 hosts?")
    assert err.getvalue().splitlines()[0].startswith("a: version:hermes-0.18.1, 3.1 MB: nothing")
