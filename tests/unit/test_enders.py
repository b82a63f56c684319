"""What would end a gateway that runs well: other units, lines of cron, a masked boot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from building import NEW, desired, facts

from hermes_ops.hermes.beside.enders import enders
from hermes_ops.look.facts import Unit
from hermes_ops.plan import make_plan
from hermes_ops.services.units.bonds import bonds, parts_of

ID = "hermes-gateway-demo.service"
OWN = f".config/systemd/user/{ID}"
CASE = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
DEMO = desired(CASE).services["demo"]
USER = ".config/systemd/user/foe.service"


def ends(path: str, line: str) -> bool:
    """Return whether this line of a file ends the gateway."""
    found = replace(NEW, unit_lines={path: (line,)})
    return bool(list(enders(DEMO, ID, {OWN}, found)))


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (f"Conflicts={ID} x.service", True),
        (f"PropagatesStopTo={ID}", True),
        ("Conflicts=hermes-gateway-other.service", False),
        (f"ExecStart=/bin/systemctl --user stop {ID}", True),
        ("ExecStart=-/bin/sh -c 'systemctl --user --now disable hermes-gateway-demo; true'", True),
        ("ExecStartPre=/usr/bin/systemctl kill 'hermes-gateway*'", True),
        (f"ExecStart=/bin/systemctl --user restart {ID}", False),
        (f"ExecStart=/bin/systemctl --user start {ID}", False),
        ("ExecStart=/bin/systemctl --user stop hermes-gateway-other.service", False),
        ("ExecStart=/usr/bin/pkill -f hermes_cli.main", True),
        ("ExecStart=/usr/bin/pkill -9 -f 'profile demo gateway'", True),
        ("ExecStart=/usr/bin/pkill -f 'profile other gateway'", False),
        ("ExecStart=/usr/bin/pkill -USR1 -f hermes_cli.main", False),
        ("ExecStart=/usr/bin/pkill -u hermes", True),
        ("ExecStart=/usr/bin/pkill -u bot", False),
        ("ExecStart=/usr/bin/pkill -u hermes nginx", False),
        ("ExecStart=/usr/bin/pkill -f (", False),
        ("ExecStart=/usr/bin/killall hermes", True),
        ("ExecStart=/usr/local/bin/hermes -p demo gateway stop", True),
        ("ExecStart=/usr/local/bin/hermes -p other gateway stop", False),
        ("ExecStart=/usr/bin/pkill", False),
        ("User=hermes", False),
    ],
)
def test_a_unit_that_ends_a_gateway(line: str, counts: bool) -> None:
    """By its name, a pattern, or what its process is called; a restart ends nothing."""
    assert ends(USER, line) is counts
    assert not ends(OWN, line)
    assert not ends(f"{OWN}.d/50-hermes-ops.conf", line)


@pytest.mark.parametrize(
    ("path", "line", "counts"),
    [
        ("crontab", f"0 3 * * * XDG_RUNTIME_DIR=/run/user/1000 systemctl --user stop {ID}", True),
        ("crontab", f"0 3 * * * systemctl --user restart {ID}", False),
        ("crontab", "0 3 * * * kill $(cat ~/.hermes/profiles/demo/gateway.pid)", True),
        ("crontab", "0 3 * * * kill $(cat ~/.hermes/profiles/other/gateway.pid)", False),
        ("/etc/cron.d/x", "0 3 * * * root pkill -f hermes_cli", True),
        ("/etc/cron.d/x", "0 3 * * * bot pkill -f hermes_cli", False),
        ("/etc/cron.daily/x", "pkill -f hermes_cli", True),
        # A backup starts it again.
        ("crontab", f"0 3 * * * systemctl stop {ID} && tar c . ; systemctl start {ID}", False),
        ("crontab", "0 3 * * * hermes -p demo gateway stop; hermes -p demo gateway start", False),
        ("crontab", "0 3 * * * hermes -p demo gateway stop; hermes -p x gateway start", True),
        ("crontab", "0 3 * * * hermes -p x gateway stop; hermes -p demo gateway stop", True),
        ("crontab", f"0 3 * * * systemctl start {ID}; systemctl stop {ID}", True),
        ("crontab", f"0 3 * * * systemctl stop {ID}; systemctl start other", True),
        ("/etc/cron.d/x", f"0 3 * * * root systemctl --user -M hermes@ stop {ID}", True),
        ("crontab", f"0 3 * * * systemctl --user kill -s KILL {ID}", True),
    ],
)
def test_a_line_of_cron_that_ends_a_gateway(path: str, line: str, counts: bool) -> None:
    """Of another user's lines only root's end it."""
    assert ends(path, line) is counts


def test_a_unit_that_makes_a_backup() -> None:
    """It stops the gateway before it begins, and starts it at its end."""
    systemctl = "/usr/bin/systemctl --user"
    lines = (f"ExecStartPre={systemctl} stop {ID}", f"ExecStopPost={systemctl} start {ID}")
    assert not list(enders(DEMO, ID, {OWN}, replace(NEW, unit_lines={USER: lines})))
    assert list(enders(DEMO, ID, {OWN}, replace(NEW, unit_lines={USER: lines[:1]})))
    both = tuple(f"0 3 * * * systemctl --user {verb} {ID}" for verb in ("stop", "start"))
    assert list(enders(DEMO, ID, {OWN}, replace(NEW, unit_lines={"crontab": both})))  # by night


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({}, ""),
        ({"Conflicts": "shutdown.target", "Requires": "app.slice basic.target -.mount"}, ""),
        ({"ConflictedBy": "foe.service"}, "conflicts with foe.service: who starts that ends it"),
        ({"StopPropagatedFrom": "foe.service"}, "ends whenever foe.service ends"),
        ({"PartOf": "foe.target"}, "ends whenever foe.target ends"),
        ({"Requires": "basic.target db.service"}, "needs db.service: it ends with that"),
        ({"Conflicts": "foe.service", "ConflictedBy": "foe.service"}, "conflicts with foe.service"),
    ],
)
def test_what_systemd_knows_of_other_units(properties: dict[str, str], words: str) -> None:
    """Each other unit once; what every unit is tied to is none."""
    found = list(bonds(ID, Unit(properties), NEW, by_root=False))
    assert len(found) == bool(words)
    assert all(words in str(one) and "foe" in (one.hint + "foe") for one in found)


@pytest.mark.parametrize(
    ("path", "by_root", "counts"),
    [
        (f"/etc/systemd/user/{ID}.d/x.conf", False, True),
        ("/etc/systemd/user/service.d/x.conf", False, True),
        (".config/systemd/user/hermes-gateway-.service.d/x.conf", False, True),
        (".config/systemd/user/hermes-other-.service.d/x.conf", False, False),
        (f".config/systemd/user/{ID}.requires/none.service", False, True),
        (f".config/systemd/user.control/{ID}", False, True),
        (f"/run/user/1000/systemd/transient/{ID}", False, True),
        (f"/run/systemd/transient/{ID}", False, False),
        (f"/run/systemd/transient/{ID}", True, True),
        (f"/etc/systemd/system/{ID}.d/x.conf", False, False),
        (f"/etc/systemd/system/{ID}.d/x.conf", True, True),
        (f"/etc/systemd/system.control/{ID}", True, True),
        (".config/systemd/user/other.service.d/x.conf", False, False),
    ],
)
def test_parts_of_a_unit(path: str, by_root: bool, counts: bool) -> None:
    """Of the scope in which it runs: systemd may not have read them yet."""
    found = list(parts_of(ID, replace(NEW, parts=(path,)), by_root=by_root))
    assert found == [path if path.startswith("/") else f"/home/hermes/{path}"] * counts


def test_a_boot_that_starts_nothing() -> None:
    """A service of the system needs no user's target, nor logind."""
    own = ".config/systemd/user/default.target"
    masked = frozenset({own, "/etc/systemd/system/user@.service"})
    found = replace(NEW, masked=masked)
    first, second = bonds(ID, Unit({}), found, by_root=False)
    of_system = "sudo rm /etc/systemd/system/user@.service && sudo systemctl daemon-reload"
    assert {first.hint, second.hint} == {
        f"on the host: rm ~/{own} && systemctl --user daemon-reload", f"on the host: {of_system}",
    }  # fmt: skip
    assert list(bonds(ID, Unit({}), found, by_root=True)) == []
    of_all = replace(NEW, masked=frozenset({"/etc/systemd/system/multi-user.target"}))
    assert len(list(bonds(ID, Unit({}), of_all, by_root=True))) == 1


def test_each_is_told_of_a_gateway_that_runs() -> None:
    """It stays as it is: what others made, we do not change."""
    seen = replace(facts(CASE), masked=frozenset({".config/systemd/user/default.target"}))
    seen = replace(seen, unit_lines={**seen.unit_lines, USER: (f"Conflicts={ID}",)})
    plan = make_plan(desired(CASE), seen)
    assert plan.changes == ()
    assert {one.mend.partition(" && ")[0] for one in plan.differs} == {
        "on the host: rm ~/.config/systemd/user/default.target",
        "on the host: systemctl --user disable --now foe.service; rm /home/hermes/" + USER,
    }
