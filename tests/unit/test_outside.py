"""What is not as wanted around a gateway that runs well: its next start, and settings of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from building import HERMES, desired, facts, put, roles
from test_ps import HOME, wanted

from hermes_ops.commands.fleet.status import HostSeen, SeenProfile, seen_from
from hermes_ops.commands.fleet.troubles import troubles_of
from hermes_ops.commands.look_hosts import Look
from hermes_ops.hermes.readiness import heartbeat_age
from hermes_ops.hermes.started import RECORD
from hermes_ops.look.facts import Answer, Facts, Invocation, LinkEnd, Lock, PathState
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import EnableLinger, Refuse

ENV = {"API_SERVER_ENABLED": "true", "SIGNAL_ALLOWED_USERS": "+1"}
CASE: Mapping[str, Any] = {
    "desired": {"demo": {"env": ENV, "config": {"model": {"default": "a/b"}}}},
    "facts": {"holds": "desired"},
}
UNIT = "hermes-gateway-demo.service"
LINK = PathState("file", 0o644, 1000, 6)


def found(case: Mapping[str, Any] = CASE, **more: Any) -> tuple[Facts, int]:
    """Return the facts of a host on which everything is as wanted, and the gateway's process."""
    seen = replace(facts(case), **more)
    return seen, next(iter(seen.processes))


def looked(seen: Facts, case: Mapping[str, Any] = CASE) -> HostSeen:
    """Return what a look with these facts shows."""
    state = wanted(case)
    return seen_from(Look(state.host, state, seen), roles())


def told(seen: Facts, case: Mapping[str, Any] = CASE) -> tuple[str, str]:
    """Return the only trouble of the host, and the next command."""
    (row,) = troubles_of(looked(seen, case))
    return row["message"].partition(": ")[2], row["next"]


def test_without_any_of_it_the_profile_is_as_wanted() -> None:
    """What the unit and the `.env` set is ours, and keys of model providers are nobody's."""
    seen, pid = found()
    names = {"HERMES_HOME", "PATH", "API_SERVER_ENABLED", "OPENROUTER_API_KEY", "HTTPS_PROXY"}
    seen = replace(
        seen,
        variables={pid: frozenset(names)},
        overlay="model: {default: a/b, provider: x}\ndisplay: {skin: y}\n",
        overlaid=frozenset({"HTTPS_PROXY"}),
        locks={pid: f"/data/x/{HOME}/gateway.lock"},
        real={HOME: f"/data/x/{HOME}"},
    )
    assert list(troubles_of(looked(seen))) == []


def test_a_home_that_another_setting_leads_away_from() -> None:
    """A running gateway would begin elsewhere at its next start; a start is refused."""
    seen, _ = found()
    before = seen.contents[f"{HOME}/.env"]
    seen = put(seen, f"{HOME}/.env", f"{before}HERMES_HOME=/srv/other\n")
    words, then = told(seen)
    assert words == f"HERMES_HOME in ~/{HOME}/.env makes Hermes run /srv/other in its place"
    assert then == f"on the host: sed -i /HERMES_HOME=/d ~/{HOME}/.env"
    own = put(seen, f"{HOME}/.env", f"{before}HERMES_HOME=/home/hermes/{HOME}/\n")
    assert list(troubles_of(looked(own))) == []


@pytest.mark.parametrize(
    ("more", "words", "then"),
    [
        ({"free_kib": 10}, "the disk of /home/hermes is full (10 KiB are left)", "make room there"),
        (
            {"overlay": "model: {default: c/d}\n"},
            "/etc/hermes/config.yaml sets model.default over the values of the inventory",
            "as root on the host, take model.default out of /etc/hermes/config.yaml",
        ),
        (
            {"overlaid": frozenset({"SIGNAL_ALLOWED_USERS", "OTHER"})},
            "/etc/hermes/.env sets SIGNAL_ALLOWED_USERS over the values of the inventory",
            "as root on the host, take SIGNAL_ALLOWED_USERS out of /etc/hermes/.env",
        ),
    ],
)
def test_what_counts_for_the_whole_host(more: Mapping[str, Any], words: str, then: str) -> None:
    """It is told of a gateway that runs, with what mends it."""
    assert told(found(**more)[0]) == (words, then)


@pytest.mark.parametrize(
    ("path", "line", "counts"),
    [
        ("/etc/cron.d/bot", "@reboot hermes hermes -p demo gateway run", True),
        ("/etc/crontab", "@reboot root hermes -p demo gateway run", False),
        ("crontab", "@reboot hermes --profile=demo gateway run", True),
        ("crontab", "@reboot HERMES_HOME=/home/hermes/{home} hermes gateway run", True),
        ("crontab", "@reboot hermes gateway run", False),
        ("crontab", "5 * * * * hermes -p demo gateway status", False),
    ],
)
def test_cron_starts_the_same_home(path: str, line: str, counts: bool) -> None:
    """At the next boot two of them would run."""
    seen, _ = found(unit_lines={path: (line.format(home=HOME),)})
    rows = list(troubles_of(looked(seen)))
    assert len(rows) == counts
    assert all(f"{path} starts a gateway of this home, too" in row["message"] for row in rows)


def test_cron_starts_the_same_home_by_a_script() -> None:
    """It is told once, and as what it is."""
    script = "/usr/local/bin/start"
    lines = {script: ("Runs=exec hermes -p demo gateway run",)}
    for path in ("crontab", "/etc/cron.d/bot"):
        seen, _ = found(unit_lines={path: (f"Script={script}",), **lines})
        words, then = told(seen)
        assert words == f"{path} starts a gateway of this home, too"
        assert then.endswith("crontab -e" if path == "crontab" else f"sudo -e {path}")


def test_a_module_in_its_home() -> None:
    """Python looks there first; what lies in the home of another profile is its own matter."""
    seen, _ = found(shadows=frozenset({f"{HOME}/json.py", ".hermes/profiles/other/json.py"}))
    words, then = told(seen)
    assert (
        words == f"its next start would load ~/{HOME}/json.py in place of the module of that name"
    )
    assert then == f"on the host: mv ~/{HOME}/json.py ~/{HOME}/json.py.old"


def test_a_gateway_without_its_code() -> None:
    """It runs until it ends; an `up` that would restart it is refused."""
    seen, _ = found()
    assert seen.hermes
    words, then = told(replace(seen, hermes=replace(seen.hermes, gone="/opt/gateway")))
    assert words.startswith("the code of Hermes, ")
    assert then == "install Hermes again on the host, or set hermes_python"


def test_a_gateway_with_damaged_code() -> None:
    """What runs has it in its memory, and nothing could start it again."""
    seen, _ = found(damaged=("aiohttp/__init__.py is gone", "yaml/__init__.py is empty"))
    words, then = told(seen)
    assert words == (
        "the code of Hermes is damaged: aiohttp/__init__.py is gone, and 1 more like it"
    )
    assert then == "install Hermes again on the host, or set hermes_python"


def test_files_that_cannot_be_written_whatever_their_mode() -> None:
    """What its mode or owner closes is told with the command that mends that."""
    seen, _ = found(closed=frozenset({f"{HOME}/.env", ".hermes/profiles/other/.env"}))
    words, then = told(seen)
    assert words.startswith(f"~/{HOME}/.env cannot be written, whatever its mode")
    assert then.endswith(f"findmnt -T ~/{HOME}/.env; lsattr -d ~/{HOME}/.env")
    by_mode = {f"{HOME}/state.db": replace(LINK, mode=0o400)}
    seen, _ = found(closed=frozenset(by_mode), unwritable=by_mode)
    words, then = told(seen)
    assert then == f"on the host: chmod -R u+rwX /home/hermes/{HOME}"


@pytest.mark.parametrize(
    ("real", "held", "counts"),
    [
        (f"/data/{HOME}/logs", f"/data/{HOME}/logs/agent.log", False),
        ("/var/log/bots", "/var/log/bots/agent.log", False),  # a link leads there
        (f"/data/{HOME}/logs", f"/data/{HOME}/logs/agent.log.1", False),
        (f"/data/{HOME}/logs", "/srv/other.log", False),
        ("", f"/data/{HOME}/logs.old/agent.log", True),
        (f"/data/{HOME}/logs", f"/data/{HOME}/logs.old/agent.log", False),  # until its next line
        ("", f"/data/{HOME}/logs/agent.log", False),  # somebody closed the folder
    ],
)
def test_logs_of_another_folder(real: str, held: str, counts: bool) -> None:
    """Somebody moved the folder: the process goes on with the one that it has open."""
    seen, pid = found(real={HOME: f"/data/{HOME}", **({f"{HOME}/logs": real} if real else {})})
    if not real and counts:
        seen = replace(seen, paths={k: v for k, v in seen.paths.items() if k != f"{HOME}/logs"})
    rows = list(troubles_of(looked(replace(seen, opened={pid: (held,)}))))
    assert len(rows) == counts
    assert all(f"writes {held}, not ~/{HOME}/logs" in row["message"] for row in rows)
    assert all("fleet.restart -l" in row["next"] for row in rows)


@pytest.mark.parametrize(
    ("held", "counts"),
    [
        ((f"/data/{HOME}/state.db", f"/data/{HOME}/cron/executions.db"), ""),
        ((f"/data/{HOME}/state.db", f"/data/{HOME}/cron.old/executions.db"), "cron"),
        ((f"/data/{HOME}/old.db",), "state.db"),
        ((f"/data/{HOME}/state.db", f"/data/{HOME}/memory_store.db"), ""),
        ((f"/data/{HOME}/kanban.db",), ""),
        (("/srv/other.db",), ""),
    ],
)
def test_databases_of_another_folder(held: tuple[str, ...], counts: str) -> None:
    """The kernel names an open file where it is now: somebody moved it, or a folder above it."""
    real = {HOME: f"/data/{HOME}", f"{HOME}/cron": f"/data/{HOME}/cron"}
    seen, pid = found(real=real)
    rows = list(troubles_of(looked(replace(seen, opened={pid: held}))))
    assert len(rows) == bool(counts)
    assert all(f", not ~/{HOME}/{counts}: what it writes" in row["message"] for row in rows)


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (("sessions",), "its folder sessions is gone since it began"),
        (("skills", "cron"), "its folders cron and skills are gone since it began"),
        (("image_cache", "logs/curator", "workspace"), ""),  # nobody misses them
    ],
)
def test_folders_that_somebody_moved_away(gone: tuple[str, ...], words: str) -> None:
    """Hermes makes them when it starts, and what they held is not there before."""
    seen, _ = found()
    away = {f"{HOME}/{name}" for name in gone}
    seen = replace(seen, paths={k: v for k, v in seen.paths.items() if k not in away})
    rows = list(troubles_of(looked(seen)))
    assert [row["message"].partition(": ")[2] for row in rows] == ([words] if words else [])
    assert all("an empty one is made by ./inv fleet.restart -l" in row["next"] for row in rows)


def test_folders_before_it_has_made_them() -> None:
    """Of a process that has not written its state they may still be made."""
    seen, _ = found()
    away = {k: v for k, v in seen.paths.items() if k != f"{HOME}/sessions"}
    seen = put(replace(seen, paths=away), f"{HOME}/gateway_state.json", "{}")
    assert not any("sessions" in row["message"] for row in troubles_of(looked(seen)))
    seen, _ = found(hermes=replace(found()[0].hermes or HERMES, version="0.99.1"))
    assert not any("folder" in row["message"] for row in troubles_of(looked(seen)))


@pytest.mark.parametrize(
    ("file", "first", "last", "counts"),
    [
        ("state.db-shm", 120, 120, True),
        ("state.db-shm", 120, 127, True),
        ("state.db-shm", 121, 122, False),  # who copies its log back bars no writer
        ("state.db", 2**30 + 1, 2**30 + 1, True),
        ("state.db", 0, inf, True),
        ("state.db", 0, 100, False),
        ("cron/executions.db-shm", 120, 120, True),
        ("other.db-shm", 120, 120, False),
    ],
)
def test_a_database_that_another_process_has_locked(
    file: str, first: int, last: float, counts: bool
) -> None:
    """What a gateway would keep waits, and is lost when it gives up."""
    seen, _ = found()
    paths = {**seen.paths, f"{HOME}/{file}": replace(LINK, inode=77)}
    seen = replace(seen, paths=paths, locked=(Lock(4711, 77, first, last), Lock(1, 78, 0, inf)))
    rows = list(troubles_of(looked(seen)))
    name = file.removesuffix("-shm")
    words = f"process 4711 has locked its {name}: it can keep nothing there until that ends"
    assert [row["message"].partition(": ")[2] for row in rows] == ([words] if counts else [])
    assert all(row["next"].endswith("ps -fp 4711") for row in rows)


def test_a_file_over_all_that_is_not_yaml_sets_nothing() -> None:
    """Hermes passes over it."""
    assert list(troubles_of(looked(found(overlay="a: [1")[0]))) == []


def test_the_default_profile_is_told_before_it_is_replaced() -> None:
    """`active_profile` does nothing to the process that runs, and all to the next one."""
    case = {"desired": {"default": {"env": ENV}}, "facts": {"holds": "desired"}}
    seen, _ = found(case)
    seen = replace(seen, paths={**seen.paths, ".hermes/active_profile": LINK})
    words, then = told(seen, case)
    assert "would run in its place" in words
    assert then == "on the host: rm ~/.hermes/active_profile"


def test_variables_that_the_manager_alone_gave() -> None:
    """They open a gateway to all without a trace in any file of its own."""
    seen, pid = found()
    names = frozenset({"HERMES_HOME", "GATEWAY_ALLOW_ALL_USERS", "API_SERVER_HOST"})
    words, then = told(replace(seen, variables={pid: names}))
    assert words == (
        "its process was started with API_SERVER_HOST, GATEWAY_ALLOW_ALL_USERS"
        " from outside its unit and .env"
    )
    assert then == (
        "on the host: systemctl --user unset-environment API_SERVER_HOST GATEWAY_ALLOW_ALL_USERS"
        " && systemctl --user restart hermes-gateway-demo.service"
    )


def test_variables_that_the_next_start_gets() -> None:
    """They are told before the restart, with the file that would give them again."""
    seen, pid = found()
    files = {"PYTHONPATH": ".config/environment.d/a.conf", "SIGNAL_ALLOWED_USERS": "-", "TZ": "-"}
    words, then = told(replace(seen, given=files))
    assert words == "its next start would get PYTHONPATH from outside its unit and .env"
    assert then == (
        "on the host: sed -i -E '/^(PYTHONPATH)=/d' /home/hermes/.config/environment.d/a.conf"
        " && systemctl --user daemon-reload && systemctl --user unset-environment PYTHONPATH"
        " && systemctl --user restart hermes-gateway-demo.service"
    )
    has = replace(seen, given=files, variables={pid: frozenset({"PYTHONPATH"})})
    assert told(has)[0].startswith("its process was started with PYTHONPATH from outside")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            "/usr/bin/python3.9",
            "runs /usr/bin/python3.9, but /opt/hermes/venv/bin/python is another",
        ),
        ("/usr/bin/python3 (deleted)", "runs /usr/bin/python3, which was replaced"),
    ],
)
def test_an_interpreter_that_was_replaced(program: str, words: str) -> None:
    """The process runs on, with a Python that its next start would not have."""
    seen, pid = found()
    seen = replace(seen, interpreters={pid: program, pid + 1: "/bin/other"})
    said, then = told(seen)
    assert f"its process {words}" in said
    assert then == "./inv fleet.restart -l box/demo"


def test_a_python_that_is_another_program_takes_nothing_down() -> None:
    """Hermes could not start with it: what needs a restart waits for that to be mended."""
    seen, pid = found()
    assert seen.hermes
    broken = replace(seen, hermes=replace(seen.hermes, works=False), interpreters={pid: "/x"})
    words, _ = told(broken)
    assert words.endswith("/opt/hermes/venv/bin/python, does not run, or does not find the code")
    edited = put(broken, f"{HOME}/.env", "API_SERVER_ENABLED=true\nSIGNAL_ALLOWED_USERS=+2\n")
    restarts = [c for c in make_plan(wanted(CASE), edited).changes if "service:" in c.resource]
    assert [type(change.operation) for change in restarts] == [Refuse]


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("hooks", PathState("file", 0o644, 1000, 0), "hooks is a file, not a folder"),
        ("cron", PathState("link", 0o777, 1000, 0, "/x", end=LinkEnd("/x", None, None)),
         "cron leads to nothing"),
        (RECORD, PathState("link", 0o777, 1000, 0, "/x", end=LinkEnd("/x", None, None)),
         f"{RECORD} is a link to /x, which does not exist"),
    ],
)  # fmt: skip
def test_what_stands_where_a_gateway_makes_a_folder(
    name: str, state: PathState, words: str
) -> None:
    """It ends at its next start, or cannot keep what it gets."""
    seen, _ = found()
    seen = replace(seen, paths={**seen.paths, f"{HOME}/{name}": state})
    assert told(seen)[0] == f"~/{HOME}/{words}"


def test_what_our_own_definitions_set_comes_from_inside() -> None:
    """Under supervisord the section of a gateway tells Hermes that it is supervised."""
    seen, pid = found()
    own = frozenset({"HERMES_HOME", "HERMES_GATEWAY_EXTERNAL_SUPERVISOR", "LANG"})
    assert list(troubles_of(looked(replace(seen, variables={pid: own})))) == []
    assert told(replace(seen, variables={pid: own | {"API_SERVER_HOST"}}))[0]


@pytest.mark.parametrize("text", [None, "1", '{"pid": 1}', "nothing"])
def test_a_pid_file_that_names_another_process(text: str | None) -> None:
    """Hermes' own commands would find no gateway, and comparisons with its start are not made."""
    seen, pid = found()
    words, then = told(put(seen, f"{HOME}/gateway.pid", text))
    assert words.startswith(f"its gateway.pid does not name its process {pid}: ")
    assert then.startswith("./inv fleet.restart -l ")
    assert list(troubles_of(looked(put(seen, f"{HOME}/gateway.pid", f"{pid}\n")))) == []


def test_a_database_that_is_none() -> None:
    """A gateway serves on beside it, and keeps nothing."""
    seen, _ = found()
    words, then = told(replace(seen, garbled=frozenset({f"{HOME}/state.db", "other/state.db"})))
    assert words == "what it has as state.db is no SQLite database: it can keep nothing there"
    assert then == "./inv gateway.repair box/demo"


def test_a_file_that_should_be_json() -> None:
    """Accounts, jobs and who may speak: of this home, and not of those below that of default."""
    seen, _ = found()
    names = (f"{HOME}/cron/jobs.json", f"{HOME}/other/auth.json", "auth.json", f"{HOME}2/auth.json")
    words, then = told(replace(seen, garbled=frozenset(names)))
    assert words == "its cron/jobs.json is no JSON: it goes on without what is in it"
    assert then == f"on the host, mend ~/{HOME}/cron/jobs.json, or put a copy back"


def test_a_database_that_was_emptied() -> None:
    """A new one is empty only until the file beside it is there."""
    seen, _ = found()
    file = replace(LINK, kind="file", mode=0o600, size=0)
    seen = replace(seen, paths={**seen.paths, f"{HOME}/state.db": file})
    assert not list(troubles_of(looked(seen)))
    words, then = told(replace(seen, paths={**seen.paths, f"{HOME}/state.db-shm": file}))
    assert words == "somebody has emptied state.db: what it kept there is lost"
    assert then.endswith("a new one is made by ./inv fleet.restart -l box/demo")


@pytest.mark.parametrize(
    ("kind", "mode", "gid", "is_open"),
    [
        ("folder", 0o757, 1000, True), ("folder", 0o775, 50, True), ("folder", 0o775, 1000, False),
        ("folder", 0o755, 50, False), ("link", 0o777, 1000, False),
    ],
)  # fmt: skip
def test_a_folder_in_which_others_may_write(kind: str, mode: int, gid: int, is_open: bool) -> None:
    """They could replace each file in it. The mode of a link says nothing."""
    seen, _ = found()
    folder = PathState(kind, mode, seen.uid, 4096, gid=gid)
    seen = replace(seen, uid=1000, paths={**seen.paths, ".config/systemd/user": folder})
    if not is_open:
        assert list(troubles_of(looked(seen))) == []
        return
    words, then = told(seen)
    assert words == "others may write in ~/.config/systemd/user, and so replace what is in it"
    assert then == "on the host: chmod go-w ~/.config/systemd/user"


def test_a_version_that_never_opens_its_log_anew() -> None:
    """It writes on where nobody looks."""
    old = replace(found()[0].hermes or HERMES, version="0.15.2")
    real = {HOME: f"/data/{HOME}", f"{HOME}/logs": f"/data/{HOME}/logs"}
    seen, pid = found(real=real, hermes=old)
    row, *_ = troubles_of(looked(replace(seen, opened={pid: (f"/data/{HOME}/old/agent.log",)})))
    assert f"writes /data/{HOME}/old/agent.log, not ~/{HOME}/logs" in row["message"]
    gone = {pid: (f"/data/{HOME}/logs/errors.log.1",)}
    row, *_ = troubles_of(looked(replace(seen, deleted=gone)))
    assert "still has logs/errors.log.1, which somebody deleted" in row["message"]


@pytest.mark.parametrize("name", ["state.db", "cron/executions.db", "logs/agent.log"])
def test_files_that_are_links(name: str) -> None:
    """They are where their links lead; and what others lock is that file."""
    seen, pid = found(real={HOME: f"/data/{HOME}", f"{HOME}/cron": f"/data/{HOME}/cron"})
    end = f"/srv/{name.rpartition('/')[2]}"
    file = replace(LINK, kind="file", mode=0o600, inode=77)
    link = replace(LINK, kind="link", end=LinkEnd(end, file, replace(LINK, kind="folder")))
    seen = replace(seen, paths={**seen.paths, f"{HOME}/{name}": link})
    own = f"/data/{HOME}/state.db" if name != "state.db" else end
    open_now = {pid: (end, own, f"/data/{HOME}/memory_store.db")}
    assert not list(troubles_of(looked(replace(seen, opened=open_now))))
    barred = replace(seen, locked=(Lock(4711, 77, 0, inf),))
    assert len(list(troubles_of(looked(barred)))) == name.endswith(".db")


def test_what_somebody_deleted_under_a_gateway() -> None:
    """What it writes there is lost; its lock is judged by where it lies, and not told twice."""
    seen, pid = found()
    real = f"/home/hermes/{HOME}"
    rotated = f"{real}/logs/errors.log.1"  # its next line makes a new one
    open_still = (f"{real}/gateway.lock", f"{real}/state.db", "/tmp/other", rotated)
    words, then = told(replace(seen, real={HOME: real}, deleted={pid: open_still}))
    assert words.startswith("its process still has state.db, which somebody deleted: ")
    assert then.startswith("./inv fleet.restart -l ")


@pytest.mark.parametrize("lock", ["/home/hermes/old/gateway.lock", "{real}/gateway.lock (deleted)"])
def test_a_gateway_whose_home_was_replaced_is_restarted(lock: str) -> None:
    """It writes where nobody looks, and another one could start beside it."""
    seen, pid = found()
    real = f"/home/hermes/{HOME}"
    seen = replace(seen, real={HOME: real}, locks={pid: lock.format(real=real)})
    words, then = told(seen)
    assert words.startswith(f"the lock of its process {pid} is ")
    assert then.startswith("./inv fleet.up -l ")
    changes = make_plan(wanted(CASE), seen).changes
    assert [(change.action, change.reason) for change in changes] == [("restart", words)]


def test_a_gateway_of_another_user_in_the_home() -> None:
    """This user cannot end it; its files are put right only after it has ended."""
    seen = facts({**CASE, "facts": {"holds": "desired", "services": {"demo": "stray"}}})
    (pid,) = seen.processes
    own = make_plan(wanted(CASE), seen).changes
    assert [change.action for change in own] == ["start"]
    others = {pid + 1: Invocation(("sleep",))}
    of_root = {f"{HOME}/logs": PathState("folder", 0o755, 0, 9)}
    words, then = told(replace(seen, commands=others, unwritable=of_root))
    assert words == (
        f"process {pid} of another user runs ~/{HOME}, it runs as process {pid} of another user,"
        " but its service manager does not know it"
    )
    assert then == f"on the host: sudo kill {pid}"


def test_a_manager_that_does_not_answer() -> None:
    """Nothing is said of its services: they may well run."""
    host = looked(found(mute={"systemd": ""})[0])
    assert {seen.verdict.state for seen in host.profiles} == {"unknown"}
    assert set(host.codes) == {4}
    (row,) = troubles_of(host)
    assert "systemd of hermes does not answer" in row["message"]
    assert row["next"] == "on the host: sudo systemctl restart user@1000.service"


@pytest.mark.parametrize("policy", ["required", "optional"])
def test_a_manager_that_does_not_run_is_started_before_anything_is_stopped(policy: str) -> None:
    """Without it nothing could be started again; if that fails, nothing else is done."""
    case = {**CASE, "host": {"linger": policy}}
    stray = facts({**case, "facts": {"holds": "desired", "services": {"demo": "stray"}}})
    first, then = make_plan(desired(case), replace(stray, bus=False)).changes
    assert (first.action, first.reason) == ("enable", "its systemd does not run")
    assert first.operation == EnableLinger(required=True)
    assert then.resource == "service:hermes-gateway-demo"


def only(host: HostSeen) -> SeenProfile:
    """Return the only profile of a host."""
    (profile,) = host.profiles
    return profile


def test_a_heartbeat_of_a_time_to_come_is_no_sign_of_life() -> None:
    """After the clock was set back, a loop that runs writes another one within 30 seconds."""
    seen, pid = found()
    beat = f'{{"pid": {pid}, "updated_at": "2100-01-01T00:00:00+00:00"}}'
    seen = put(seen, f"{HOME}/state/gateway.heartbeat", beat)
    profile = only(looked(seen))
    assert profile.verdict.state == "unknown"
    assert profile.document(seen.now)["heartbeat_age_s"] is None
    assert heartbeat_age(profile.evidence) == float("inf")
    silent = only(looked(replace(seen, answers={})))
    assert not silent.verdict.is_ready


def changed(**more: Any) -> Facts:
    """Return the facts of a gateway that stands otherwise, as `facts:` of a case has it."""
    return facts({**CASE, "facts": {"holds": "desired", **more}})


def test_a_request_to_drain_is_ended_by_a_start() -> None:
    """Looking again would show the same for an hour."""
    path, state = f"{HOME}/.drain_request.json", f"{HOME}/gateway_state.json"
    seen, _ = found()
    seen = put(seen, state, seen.contents[state].replace('"running"', '"draining"'))
    assert told(put(seen, path, "{}"))[1] == "./inv fleet.start -l box/demo"


def test_what_a_debugger_holds_is_restarted_without_a_drain() -> None:
    """Nobody restarts it unasked: somebody is at work there."""
    seen, pid = found()
    held = replace(seen, processes={pid: replace(seen.processes[pid], state="t")})
    assert told(held) == (
        f"its process {pid} is suspended by a debugger",
        "./inv fleet.restart --now -l box/demo",
    )
    assert make_plan(wanted(CASE), held).changes == ()


def test_an_api_that_is_silent_at_its_port_is_restarted() -> None:
    """It may have begun with a file that was put back since, with its old time."""
    seen, _ = found()
    silent = replace(seen, answers=dict.fromkeys(seen.answers, Answer(None)), uptime=9e6)
    assert told(silent)[1] == "./inv fleet.restart -l box/demo"


def test_the_log_is_shown_by_a_command() -> None:
    """Where nothing else helps: a platform that does not connect."""
    seen, _ = found()
    state = f"{HOME}/gateway_state.json"
    broken = put(seen, state, seen.contents[state].replace('"connected"', '"retrying"'))
    assert told(broken)[1] == "./inv fleet.logs --file journal -l box/demo"


def test_one_restart_by_the_manager_is_looked_at_again() -> None:
    """It may well succeed; a loop is a matter for its log."""
    seen = changed(services={"demo": "restarting 1"})
    assert told(seen)[1] == "./inv fleet.ps -l box/demo"


def test_a_definition_that_was_not_read_is_read_by_an_up() -> None:
    """Whatever the file says then, the next look shows it."""
    words, then = told(changed(services={"demo": "stale"}))
    assert words == ("not as wanted: the definition of demo, which its manager has not read yet")
    assert then == "./inv fleet.up -l box/demo"


def test_why_a_stopped_profile_cannot_be_compared() -> None:
    """It is stopped as wanted; why its files cannot be judged is told all the same."""
    case = {"desired": {"demo": {"env": ENV, "state": "stopped"}}, "facts": {"holds": "desired"}}
    seen = replace(facts(case), hermes=None)
    words, then = told(seen, case)
    assert words == "Hermes is not on this host"
    assert then.startswith("./inv fleet.up -l box ")


def test_what_a_restart_of_the_plan_mends_is_no_difference() -> None:
    """At the end of the run it is over; what another start does not end goes on."""
    case = {**CASE, "facts": {"holds": {"demo": {"env": {**ENV, "API_SERVER_PORT": "8700"}}}}}
    seen, pid = found(case)
    held = (f"/data/{HOME}/cron.old/executions.db",)
    seen = replace(seen, opened={pid: held}, real={HOME: f"/data/{HOME}"},
                   shadows=frozenset({f"{HOME}/asyncio.py"}))  # fmt: skip
    plan = make_plan(wanted(case), seen)
    assert any(change.restarts for change in plan.changes)
    (one,) = plan.differs
    assert "asyncio.py" in one.words
    assert any("cron.old" in reason for reason in plan.evidence["demo"].bars)
    without = replace(found()[0], opened={found()[1]: held}, real={HOME: f"/data/{HOME}"})
    assert any("cron.old" in one.words for one in make_plan(wanted(CASE), without).differs)


def test_a_part_of_others_that_systemd_has_not_read_yet() -> None:
    """What removes it lets systemd read the rest; `fleet.up` alone would leave it there."""
    part = f"/etc/systemd/user/{UNIT}.d/x.conf"
    shows = {"demo": {"DropInPaths": part, "NeedDaemonReload": "yes"}}
    case = {**CASE, "facts": {"holds": "desired", "shows": shows}}
    _, then = told(facts(case), case)
    assert then == f"on the host: sudo rm {part} && systemctl --user daemon-reload"
    unread = {**CASE, "facts": {"holds": "desired", "shows": {"demo": {"NeedDaemonReload": "yes"}}}}
    assert told(facts(unread), unread)[1] == "./inv fleet.up -l box/demo"
