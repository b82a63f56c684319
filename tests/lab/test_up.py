"""`fleet.up` on real hosts with the real Hermes: from nothing to running, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, Run, echo, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

UNITS = f"{HOME}/.config/systemd/user"
OURS = "file:.config/systemd/user"
PLANNED_STOP = ".local/share/hermes-ops/planned-stop"
CODER = "hermes-gateway-coder.service"
PROFILES = {
    "linux-1": {
        "default": gateway(8700),
        "coder": gateway(8701, service={"watchdog": 60}, config={"model": {"default": "a/b"}}),
        "scout": gateway(8702, config={"agent": {"restart_drain_timeout": 45}}),
    },
    "linux-2": {"coder": gateway(8701), "greeter": echo(8801, after=["coder"])},
    "linux-3": {"coder": gateway(8701)},
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts that a first run brought up, who did it, and what it answered."""

    operator: Operator
    boxes: Mapping[str, Box]
    first: Run
    commands: Mapping[str, int]

    def __getitem__(self, name: str) -> Box:
        return self.boxes[name]


@pytest.fixture(scope="module")
def fleet(boxes: Mapping[str, Box], operator: MakeOperator) -> Iterator[Fleet]:
    """Three hosts after their first `fleet.up`; every test leaves them converged."""
    ours = {name: boxes[name] for name in PROFILES}
    for box in ours.values():
        box.reset()
    somebody = operator({box: PROFILES[name] for name, box in ours.items()})
    before = {name: box.sessions() for name, box in ours.items()}
    first = somebody.up()
    commands = {name: box.sessions() - before[name] for name, box in ours.items()}
    yield Fleet(somebody, ours, first, commands)
    for box in ours.values():
        box.reset()


# --- the first run and the second -------------------------------------------------------------


def test_first_run_changes_everything(fleet: Fleet) -> None:
    """A host with nothing gets every profile's home, settings, unit, link, linger and start."""
    assert fleet.first.totals["changed"] == 3
    assert fleet.first.totals["failed"] == 0
    done = fleet.first.changes("linux-3")
    assert {outcome for *_, outcome in done} == {"done"}
    assert [(resource, action) for resource, action, _ in done] == [
        ("command:.hermes/profiles/coder", "run"),
        ("file:.hermes/profiles/coder/config.yaml", "create"),
        ("file:.hermes/profiles/coder/.env", "create"),
        ("file:.hermes/profiles/coder/.hermes-ops.yml", "create"),
        (f"{OURS}/{CODER}", "create"),
        (f"file:{PLANNED_STOP}", "create"),
        (f"{OURS}/{CODER}.d/50-hermes-ops.conf", "create"),
        (f"{OURS}/default.target.wants/{CODER}", "enable"),
        ("file:.local/bin/hermes-gateways", "create"),
        ("linger", "enable"),
        ("manager:systemd", "reload"),
        ("service:hermes-gateway-coder", "start"),
    ]


def test_services_run_and_answer(fleet: Fleet) -> None:
    """After `up` returned, each gateway answers as Hermes, the other service as itself."""
    for port in (8700, 8701, 8702):
        url = f"http://127.0.0.1:{port}/health"
        assert "hermes-agent" in fetch(fleet["linux-1"], url)
    assert fetch(fleet["linux-2"], "http://127.0.0.1:8801/") == "hello from greeter on linux-2"


def test_two_exchanges_with_changes(fleet: Fleet) -> None:
    """A host with changes costs two exchanges, whatever its number of profiles; its sshd agrees."""
    wanted = dict.fromkeys(PROFILES, 2)
    assert fleet.first.json["exchanges"] == wanted
    assert dict(fleet.commands) == wanted


def test_second_run_from_elsewhere_changes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    """Nothing is remembered on the operator's side: another home, no state, and 0 changes."""
    other = fleet.operator.another(tmp_path / "home")
    pids = {name: box.pid(CODER) for name, box in fleet.boxes.items()}
    before = {name: box.sessions() for name, box in fleet.boxes.items()}
    second = other.up()
    assert (second.totals["ok"], second.totals["changes"]) == (3, 0)
    assert second.json["exchanges"] == dict.fromkeys(PROFILES, 1)
    after = {name: box.sessions() - before[name] for name, box in fleet.boxes.items()}
    assert after == dict.fromkeys(PROFILES, 1)
    assert {name: box.pid(CODER) for name, box in fleet.boxes.items()} == pids


def test_generated_keys_stay_and_differ(fleet: Fleet) -> None:
    """A generated key is made once on each host, is 32 bytes, private, and never sent back."""
    keys = [env_value(fleet[name], "coder", "API_SERVER_KEY") for name in PROFILES]
    assert len(set(keys)) == 3
    assert {len(key) for key in keys} == {64}
    fleet.operator.up()
    assert [env_value(fleet[name], "coder", "API_SERVER_KEY") for name in PROFILES] == keys
    assert fleet["linux-1"].sh(f"stat -c %a {HOME}/.hermes/profiles/coder/.env") == "600"
    told = fleet.operator.plain("fleet.plan", "-v")
    journal = "".join(path.read_text() for path in fleet.operator.home.rglob("*.jsonl"))
    assert not any(key in told.out + told.err + journal for key in keys)


# --- drift ------------------------------------------------------------------------------------

PROFILE = f"{HOME}/.hermes/profiles/coder"
WANTS = f"default.target.wants/{CODER}"
DROP_IN = f"{CODER}.d/50-hermes-ops.conf"
DRIFTS = {
    "content": {
        f"sed -i 's|a/b|c/d|' {PROFILE}/config.yaml": "file:.hermes/profiles/coder/config.yaml",
        f"sed -i s/=8701/=8799/ {PROFILE}/.env": "file:.hermes/profiles/coder/.env",
        f"systemctl --user stop {CODER}": "service:hermes-gateway-coder",
    },
    "modes": {
        f"chmod 644 {PROFILE}/config.yaml": "file:.hermes/profiles/coder/config.yaml",
        f"chmod 644 {PROFILE}/.env": "file:.hermes/profiles/coder/.env",
        f"chmod -x {PLANNED_STOP}": f"file:{PLANNED_STOP}",
    },
    "definition": {
        f"sed -i s/RestartSec=5/RestartSec=6/ {UNITS}/{CODER}": f"{OURS}/{CODER}",
        f"echo '# mine' >> {UNITS}/{DROP_IN}": f"{OURS}/{DROP_IN}",
        f"rm {UNITS}/{WANTS}": f"{OURS}/{WANTS}",
        "systemctl --user daemon-reload": "manager:systemd",
        ":": "service:hermes-gateway-coder",
    },
    "absence": {
        f"rm -r {UNITS}/{CODER}.d": f"{OURS}/{DROP_IN}",
        f"rm {PROFILE}/config.yaml": "file:.hermes/profiles/coder/config.yaml",
        "systemctl --user daemon-reload": "manager:systemd",
        f"systemctl --user kill -s KILL {CODER}": "service:hermes-gateway-coder",
    },
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_repaired(fleet: Fleet, drift: str) -> None:
    """What somebody changed is shown by a plan thing by thing, and put right by one run."""
    box = fleet["linux-1"]
    for command in DRIFTS[drift]:
        box.user(command)
    planned = fleet.operator.plan("-l", "linux-1", code=2)
    assert {resource for resource, *_ in planned.changes("linux-1")} == set(DRIFTS[drift].values())
    fixed = fleet.operator.up("-l", "linux-1")
    assert same(fixed.changes("linux-1"), planned.changes("linux-1"))
    assert fleet.operator.plan("-l", "linux-1", code=0).totals["changes"] == 0
    assert "hermes-agent" in fetch(box, "http://127.0.0.1:8701/health")


def test_linger_off_is_repaired(fleet: Fleet) -> None:
    """Linger that somebody took away is enabled again, and nothing else is done."""
    fleet["linux-1"].sh("loginctl disable-linger hermes")
    fixed = fleet.operator.up("-l", "linux-1")
    assert ("linger", "enable", "done") in fixed.changes("linux-1")
    assert fleet.operator.plan("-l", "linux-1").totals["changes"] == 0


def test_settings_of_others_stay(fleet: Fleet) -> None:
    """Keys and comments that the inventory does not name are no drift and survive a repair."""
    box = fleet["linux-1"]
    config, env = f"{PROFILE}/config.yaml", f"{PROFILE}/.env"
    box.user(f"printf '# by hand\\nmine: {{a: 1}}\\n' >> {config}; echo MINE=1 >> {env}")
    assert fleet.operator.plan("-l", "linux-1").totals["changes"] == 0
    box.user(f"sed -i 's|a/b|c/d|' {config}; sed -i 's/PORT=8701/PORT=8799/' {env}")
    fleet.operator.up("-l", "linux-1")
    assert "# by hand\nmine: {a: 1}" in box.user(f"cat {config}")
    assert "MINE=1" in box.user(f"cat {env}")


# --- Hermes' own view -------------------------------------------------------------------------

IS_CURRENT = """
import sys
from hermes_cli.gateway import get_systemd_unit_path, systemd_unit_is_current
print(get_systemd_unit_path(), systemd_unit_is_current())
"""


@pytest.mark.parametrize("profile", ["default", "coder", "scout"])
def test_hermes_calls_the_unit_its_own(fleet: Fleet, profile: str) -> None:
    """Hermes' own comparison, with only HOME, USER and the unit's PATH, finds no difference."""
    ending = "" if profile == "default" else f"-{profile}"
    unit = f"{UNITS}/hermes-gateway{ending}.service"
    assert is_current(fleet["linux-1"], unit) == f"{unit} True"


def test_a_folder_for_the_path_appears(fleet: Fleet) -> None:
    """`~/.cargo/bin` made later: Hermes rewrites its unit at a start, and that is no drift."""
    box, unit = fleet["linux-1"], f"{UNITS}/{CODER}"
    box.user("mkdir -p .cargo/bin")
    assert is_current(box, unit) == f"{unit} False"
    box.user(f"systemctl --user restart {CODER}")
    wait_until(lambda: "/.cargo/bin" in box.user(f"cat {unit}"))
    wait_until(lambda: fetch(box, "http://127.0.0.1:8701/health"))
    plan = fleet.operator.plan("-l", "linux-1/coder", code=None)
    assert [c for c in plan.changes("linux-1") if CODER in c[0]] == []
    fleet.operator.up("-l", "linux-1")
    assert is_current(box, unit) == f"{unit} True"
    assert fleet.operator.plan("-l", "linux-1").totals["changes"] == 0


def test_restart_by_hand_is_no_drift(fleet: Fleet) -> None:
    """`hermes gateway restart` and `status` by a person, over SSH: not outdated, and no drift."""
    box = fleet["linux-3"]
    outdated = ("outdated", "does not match", "out of date", "stale")
    pid = box.pid(CODER)
    before = box.ssh("hermes -p coder gateway status")
    restarted = box.ssh("hermes -p coder gateway restart")
    after = box.ssh("hermes -p coder gateway status")
    assert restarted.returncode == 0, restarted.stdout + restarted.stderr
    assert box.pid(CODER) not in (0, pid)
    for status in (before, restarted, after):
        text = (status.stdout + status.stderr).lower()
        assert not any(word in text for word in outdated), text
    assert CODER in before.stdout + after.stdout
    plan = fleet.operator.plan("-l", "linux-3", code=None)
    assert plan.changes("linux-3") == []


def test_a_stop_by_systemd_is_no_crash(fleet: Fleet) -> None:
    """The drop-in tells Hermes that `systemctl stop` is meant: it ends with 0, and says so."""
    box = fleet["linux-3"]
    box.user(f"systemctl --user stop {CODER}")
    shown = box.user(f"systemctl --user show -p ExecMainStatus -p Result {CODER}")
    assert set(shown.splitlines()) == {"ExecMainStatus=0", "Result=success"}
    assert '"stopped"' in box.user(f"cat {PROFILE}/gateway_state.json")
    fleet.operator.up("-l", "linux-3")


def test_unit_files_are_valid(fleet: Fleet) -> None:
    """systemd itself finds nothing to say about any unit and drop-in that we wrote."""
    for name, box in fleet.boxes.items():
        units = box.user(f"ls {UNITS}/*.service").split()
        assert len(units) == len(PROFILES[name])
        done = box.user_done(f"systemd-analyze verify --user --man=no {' '.join(units)}")
        assert (done.returncode, done.stderr) == (0, "")


def test_starts_are_ordered(fleet: Fleet) -> None:
    """A profile with `after:` starts when the other one is ready, not only started."""
    box = fleet["linux-2"]
    done = [resource for resource, action, _ in fleet.first.changes("linux-2") if action == "start"]
    assert done == ["service:hermes-gateway-coder", "service:echo-greeter"]
    state = json.loads(box.user(f"cat {PROFILE}/gateway_state.json"))
    connected = datetime.fromisoformat(state["platforms"]["api_server"]["updated_at"])
    boot = float(box.sh("awk '/btime/ {print $2}' /proc/stat"))
    assert connected.timestamp() <= boot + 1 + box.started("echo-greeter.service")


def test_what_comes_after_a_failure_is_not_started(linux: Box, operator: MakeOperator) -> None:
    """What must be ready first and never is: those after it are skipped, and it is said why."""
    nobody = echo(8801)
    nobody["service"]["settings"]["port"] = "none"
    profiles = {"first": nobody, "second": echo(8802, after=["first"]), "other": echo(8803)}
    somebody = operator({linux: profiles}, variables={"hermes_ready_timeout": 3})
    host = somebody.up(code=1).host("linux-1")
    ends = {
        c["profile"]: (c["outcome"], c["because"])
        for c in host["changes"]
        if c["action"] == "start"
    }
    assert ends["second"] == ("skipped", "first must be ready first")
    assert ends["other"] == ("done", None)
    assert host["error"]["kind"] == "not_ready" and "first" in host["error"]["message"]
    assert "second" not in host["error"]["message"]
    assert linux.state("echo-second.service") == "inactive"


def test_survives_logout_and_reboot(fleet: Fleet) -> None:
    """Without any session services run on; after a reboot all of them are back by themselves."""
    box = fleet["linux-2"]
    pids = {unit: box.pid(unit) for unit in (CODER, "echo-greeter.service")}
    assert all(pids.values())
    wait_until(lambda: box.exec("pgrep -u hermes -x sshd").returncode == 1)
    assert {unit: box.pid(unit) for unit in pids} == pids
    lab.reboot(box.root, box.name)
    wait_until(lambda: fleet.operator.plan("-l", box.name, code=None).code == 0, 40)
    assert fetch(box, "http://127.0.0.1:8801/") == "hello from greeter on linux-2"


# --- one step, one profile --------------------------------------------------------------------


def test_nodes_run_alone_with_what_they_require(linux: Box, operator: MakeOperator) -> None:
    """Each node of the graph does its own part and those before it, and no part after it."""
    somebody = operator({linux: {"coder": gateway(8701)}})
    steps = {
        "profile.create": "test -d .hermes/profiles/coder",
        "profile.configure": "grep -q API_SERVER_PORT=8701 .hermes/profiles/coder/.env",
        "gateway.install": f"test -L {UNITS}/default.target.wants/{CODER}",
        "linger.enable": "test -e /var/lib/systemd/linger/hermes",
        "gateway.start": f"systemctl --user is-active -q {CODER}",
    }
    for step, holds in steps.items():
        assert linux.user_done(holds).returncode != 0
        done = somebody.run(step, code=0)
        assert done.json["task"] == step
        assert {change["step"] for change in done.host("linux-1")["changes"]} == {step}
        assert linux.user_done(holds).returncode == 0
    assert somebody.plan().totals["changes"] == 0
    linux.reset()
    done = somebody.run("gateway.install", code=0)
    assert done.totals["changes"] == 9
    assert linux.exec("pgrep -u hermes -f hermes_cli").returncode == 1


def test_a_failure_stays_in_its_profile(linux: Box, operator: MakeOperator) -> None:
    """A failed step skips the rest of its profile; the neighbours are brought up all the same."""
    profiles = {"alpha": gateway(8701), "beta": echo(8801), "gamma": echo(8802)}
    somebody = operator({linux: profiles})
    # Its profile cannot be made on the host, after a plan without fault.
    linux.sh(
        f"mkdir -p {HOME}/.hermes/profiles && chown hermes {HOME}/.hermes"
        f" && chown root {HOME}/.hermes/profiles"
    )
    run = somebody.up(code=1)
    host = run.host("linux-1")
    ends = {p: [c["outcome"] for c in host["changes"] if c["profile"] == p] for p in profiles}
    assert ends["alpha"][0] == "failed"
    assert set(ends["alpha"][1:]) <= {"failed", "skipped"}
    assert any("failed" in str(c["because"]) for c in host["changes"] if c["outcome"] == "skipped")
    assert set(ends["beta"]) == set(ends["gamma"]) == {"done"}
    assert fetch(linux, "http://127.0.0.1:8801/").startswith("hello from beta")
    linux.sh(f"chown -R hermes:hermes {HOME}/.hermes")
    somebody.up()
    assert somebody.plan().totals["changes"] == 0


def test_a_folder_where_a_file_should_be(linux: Box, operator: MakeOperator) -> None:
    """Where one profile's config.yaml is a folder, that is said, and the neighbour comes up."""
    somebody = operator({linux: {"alpha": gateway(8701), "beta": echo(8801)}})
    linux.user("mkdir -p .hermes/profiles/alpha/config.yaml")
    run = somebody.up(code=1)
    assert "config.yaml is a folder" in run.out
    assert fetch(linux, "http://127.0.0.1:8801/").startswith("hello from beta")
    assert linux.exec("pgrep -u hermes -f hermes_cli").returncode == 1


# --- linger, privileges, installation ---------------------------------------------------------


def test_without_any_right_nothing_is_started(bare: Box, operator: MakeOperator) -> None:
    """No polkit, no sudo: the host fails at linger.enable with the command for root to type."""
    somebody = operator({bare: {"greeter": echo(8801)}})
    run = somebody.up(code=1)
    host = run.host(bare.name)
    assert host["error"]["kind"] == "missing_privilege"
    assert "loginctl enable-linger hermes" in host["error"]["hint"]
    ends = {(c["step"], c["outcome"]) for c in host["changes"] if c["step"] != "gateway.install"}
    assert ("linger.enable", "failed") in ends
    assert ("gateway.start", "done") not in ends
    assert bare.exec("pgrep -u hermes -f http.server").returncode == 1
    bare.sh("loginctl enable-linger hermes")
    somebody.up()
    assert somebody.plan().totals["changes"] == 0


def test_sudo_with_a_password(linux: Box, operator: MakeOperator) -> None:
    """Where polkit refuses and sudo asks, the password of the inventory lets the user linger."""
    linux.reset()
    right, wrong = "corr3ct-h0rse", "wr0ng-batt3ry"
    linux.sh(
        "systemctl mask --now polkit && loginctl disable-linger hermes"
        f" && echo hermes:{right} | chpasswd && mv /etc/sudoers.d/hermes /root/sudoers"
        " && echo 'hermes ALL=(ALL) ALL' >/etc/sudoers.d/asked"
    )
    try:
        profiles = {linux: {"greeter": echo(8801)}}
        refused = operator(profiles, variables={"ansible_become_password": wrong}).up(code=1)
        assert "linger.enable" in refused.out
        assert not linux.sh("ls /var/lib/systemd/linger")
        done = operator(profiles, variables={"ansible_become_password": right}).up("-v")
        assert linux.sh("ls /var/lib/systemd/linger").split() == ["hermes"]
        assert right not in done.out + done.err
    finally:
        linux.sh(
            "rm -f /etc/sudoers.d/asked; mv /root/sudoers /etc/sudoers.d/hermes;"
            " systemctl unmask polkit; systemctl start polkit"
        )
        linux.reset()


def test_linger_may_be_optional(bare: Box, operator: MakeOperator) -> None:
    """`hermes_linger: optional` starts where linger cannot be enabled, and warns."""
    somebody = operator({bare: {"greeter": echo(8801)}}, variables={"hermes_linger": "optional"})
    # A session keeps the user's manager, as it would for whoever works there.
    with bare.session():
        run = somebody.up()
        assert fetch(bare, "http://127.0.0.1:8801/").startswith("hello")
        assert "linger" in run.err


def test_hermes_is_carried_to_a_host_without_internet(
    nohermes: Box, operator: MakeOperator
) -> None:
    """Where no index can be reached, wheels are carried there; the second run changes nothing."""
    somebody = operator({nohermes: {"coder": gateway(8701)}})
    run = somebody.up()
    assert ("program:hermes", "install", "done") in run.changes(nohermes.name)
    assert "hermes-agent" in fetch(nohermes, "http://127.0.0.1:8701/health")
    again = somebody.up()
    assert again.totals["changes"] == 0
    unit = f"{UNITS}/{CODER}"
    assert is_current(nohermes, unit) == f"{unit} True"


# --- states -----------------------------------------------------------------------------------


def test_stopped_absent_and_back(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """`stopped` ends and disables, `absent` removes the unit too; the data is there again."""
    box, key = {linux: {"coder": gateway(8701), "greeter": echo(8801)}}, "API_SERVER_KEY"
    started = operator(box)
    started.up()
    secret = env_value(linux, "coder", key)
    for state, left in (("stopped", [CODER, "echo-greeter.service"]), ("absent", [])):
        other = operator(
            {linux: {"coder": gateway(8701, state=state), "greeter": echo(8801, state=state)}}
        )
        other.up()
        assert other.plan().totals["changes"] == 0
        assert linux.state(CODER) == linux.state("echo-greeter.service") == "inactive"
        assert (
            linux.user(f"cd {UNITS} && ls | grep 'service$' || true").split()
            == sorted(left, reverse=True)[::-1]
        )
        assert linux.user(f"ls {UNITS}/default.target.wants 2>/dev/null || true") == ""
    started.up()
    assert env_value(linux, "coder", key) == secret
    assert fetch(linux, "http://127.0.0.1:8801/").startswith("hello")


def test_down_and_uninstall_keep_data(linux: Box, operator: MakeOperator) -> None:
    """`fleet.down` asks, needs a selection, and keeps data, as does `gateway.uninstall`."""
    somebody = operator({linux: {"coder": gateway(8701), "greeter": echo(8801)}})
    somebody.up()
    assert somebody.run("fleet.down", "-y").code == 64
    assert somebody.run("fleet.down", "--all-hosts").code == 64
    assert linux.state(CODER) == "active"
    somebody.run("fleet.down", "-l", "*/coder", "-y", code=0)
    assert (linux.state(CODER), linux.state("echo-greeter.service")) == ("inactive", "active")
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert linux.state("echo-greeter.service") == "inactive"
    assert somebody.plan(code=2).totals["changes"] >= 2
    assert somebody.run("gateway.uninstall", "-y").code == 64
    assert somebody.run("gateway.uninstall", "--all-hosts").code == 64
    somebody.run("gateway.uninstall", "--all-hosts", "-y", code=0)
    assert linux.user(f"find {UNITS} -type f -o -type l") == ""
    assert linux.user(
        "ls .hermes/profiles/coder/config.yaml .local/share/echo/greeter/www/index.html"
    )
    somebody.up()
    assert somebody.plan().totals["changes"] == 0


# --- a role by files alone --------------------------------------------------------------------


def test_a_role_of_files_alone(linuxes: list[Box], operator: MakeOperator) -> None:
    """`roles/echo` beside the inventory: up, ps, verify, down, and no Python of ours."""
    hosts = {box: {"one": echo(8801), "two": echo(8802, "salut", after=["one"])} for box in linuxes}
    somebody = operator(hosts)
    up = somebody.run("fleet.up", code=0)
    assert up.json["verify"]["passed"] == up.json["verify"]["expected"] == 12
    assert fetch(linuxes[0], "http://127.0.0.1:8802/") == "salut from two on linux-1"
    shown = somebody.run("fleet.ps", code=0).json["hosts"]
    assert [p["state"] for host in shown for p in host["profiles"]] == ["healthy"] * 6
    somebody.run("fleet.verify", code=0)
    linuxes[1].user("echo nothing > .local/share/echo/two/www/index.html")
    assert somebody.run("fleet.verify").code in (1, 2)
    assert somebody.plan(code=2).changes("linux-2")[0][1:] == ("update", "planned")
    somebody.up()
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert {box.state("echo-one.service") for box in linuxes} == {"inactive"}
    shown = somebody.run("fleet.ps").json["hosts"]
    assert {p["state"] for host in shown for p in host["profiles"]} == {"stopped"}


# --- in the hand ------------------------------------------------------------------------------


def fetch(box: Box, url: str) -> str:
    """Return what a URL answers on the host, empty if nobody does."""
    ask = (
        "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())"
    )
    return box.exec('python3 -c "$1" "$2"', ask, url).stdout.strip()


def env_value(box: Box, profile: str, name: str) -> str:
    """Return a value of a profile's `.env`."""
    return box.sh(f"sed -n 's/^{name}=//p' {HOME}/.hermes/profiles/{profile}/.env")


def same(done: list[tuple[str, str, str]], planned: list[tuple[str, str, str]]) -> bool:
    """Say whether what was done is what was planned."""
    return [change[:2] for change in done] == [change[:2] for change in planned]


def is_current(box: Box, unit: str) -> str:
    """Return what the installed Hermes says: the unit's path, and whether it is current."""
    lines = dict(line.split("=", 1) for line in box.user(f"cat {unit}").splitlines() if "=" in line)
    python = lines["ExecStart"].split()[0]
    own = [
        line for line in box.user(f"cat {unit}").splitlines() if line.startswith('Environment="')
    ]
    values = dict(line[13:-1].split("=", 1) for line in own)
    clean = (
        f"env -i HOME={HOME} USER=hermes PATH={values['PATH']} HERMES_HOME={values['HERMES_HOME']}"
    )
    return box.user(f"{clean} {python} -c '{IS_CURRENT}'").splitlines()[-1]


# --- another manager --------------------------------------------------------------------------


def test_a_host_changes_its_manager(linux: Box, operator: MakeOperator) -> None:
    """From systemd to supervisord and back: one process, and the old manager knows nothing."""
    profiles = {"greeter": echo(8801)}
    page = "http://127.0.0.1:8801/"
    operator({linux: profiles}).up()
    moved = operator({linux: profiles}, variables={"hermes_service_manager": "supervisord"})
    moved.up()
    assert fetch(linux, page).startswith("hello from greeter")
    assert linux.state("echo-greeter.service") == "inactive"
    assert linux.user(f"find {UNITS} ! -type d") == ""
    assert linux.user("ls .config/hermes-ops/supervisord.d").split()
    assert moved.plan().totals["changes"] == 0
    back = operator({linux: profiles})
    back.up()
    assert fetch(linux, page).startswith("hello from greeter")
    assert linux.state("echo-greeter.service") == "active"
    assert not linux.user("ls .config/hermes-ops/supervisord.d").split()
    assert linux.user("pgrep -u hermes -fc '[h]ttp.server'").strip() == "1"
    assert back.plan().totals["changes"] == 0
    back.run("fleet.down", "-y", "--all-hosts", code=0)
