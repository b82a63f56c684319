"""One host on the way back from an upgrade, over a transport that gives prepared answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from building import HERMES, facts, profile, put, roles
from faking import FakeTransport, done, evidence, said

from hermes_ops.commands.fleet.upgrade.host import Upgrade
from hermes_ops.commands.fleet.upgrade.job import Job
from hermes_ops.commands.fleet.upgrade.switch import orders
from hermes_ops.errors import CommandError
from hermes_ops.files.layout import UPGRADE_NOTE, environment, stamp
from hermes_ops.inventory.model import Connection, Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.reporting.events import Event, Noted
from hermes_ops.run.model import HostResult, Settings

BOX = Host("box", Connection(), (), (profile("demo", {"state": "started"}),), ("demo",))
CHANGES = 6
"""The note, the stop, the switch, the unit, its reload and the start."""


def switched(*services: str) -> Facts:
    """Return a host that runs the new version, for which these gateways were stopped."""
    found = facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})
    python = f"{found.home}/{environment('hermes')}/bin/python"
    found = replace(found, hermes=replace(HERMES, python=python))
    note = {"phase": "switched", "run": "r1", "from": "0.18.2", "to": "0.19.0",
            "services": list(services)}  # fmt: skip
    found = put(found, str(stamp("hermes")), json.dumps({"version": "0.19.0", "extras": []}))
    return put(found, str(UPGRADE_NOTE), json.dumps(note))


def tells(answer: Mapping[str, Any]) -> str:
    """Return what the program on the host answers."""
    return f"@ begin disclosed\n{json.dumps(answer)}\n@ end\n@ done\n"


def back(found: Facts, *answers: str) -> tuple[HostResult, list[str], FakeTransport]:
    """Take a host back; return what it came to, and what was noted."""
    events: list[Event] = []
    host = FakeTransport([said(found), said(found), *answers])
    inventory = Inventory((BOX,), {}, roles())
    desired = orders(BOX, inventory, "fleet.rollback")
    work = Upgrade(Job("r2", inventory), desired, host, Settings(), events.append, HostResult(BOX))
    result = work.back()
    assert host.answers == []
    return result, [event.what for event in events if isinstance(event, Noted)], host


def gone_back(found: Facts) -> str:
    """Return what a host says that made all changes, and whose gateway runs again."""
    return f"{done(range(CHANGES))}{evidence(found)}@ done\n"


def test_a_host_is_back_when_all_that_was_stopped_runs() -> None:
    """The note is ended as taken back, and what was put back is told."""
    found = switched("demo")
    end = tells({"restored": [".hermes/state.db"], "put_away": [".hermes/x.db"], "skills": {}})
    result, notes, host = back(found, tells({"there": True}), gone_back(found), end)
    assert (result.outcome, len(result.changes)) == ("changed", CHANGES)
    note, away = notes
    assert note.startswith("~/.hermes/state.db is as before the upgrade; the later one is in ~/")
    assert away.startswith("~/.hermes/x.db was not there before the upgrade: it is in ~/.local")
    assert '"phase": "reverted"' in host.scripts[-1].text
    assert host.exchanges == 5


def test_a_gateway_that_was_stopped_and_is_not_back_is_no_way_back() -> None:
    """Whatever else runs: the note stays open, so that nobody takes the host for well."""
    found = switched("demo", "late")
    with pytest.raises(CommandError, match="late does not run"):
        back(found, tells({"there": True}), gone_back(found))


def test_a_version_that_is_gone_is_not_led_to() -> None:
    """Nothing is stopped for it."""
    with pytest.raises(CommandError, match=r"hermes-agent 0\.18\.2 is not on its disk any more"):
        back(switched("demo"), tells({"there": False}))
