"""What a push leaves to `fleet.up` is told: what is in the service, not in the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from building import desired, facts, roles

from hermes_ops.commands.config.left_over import _INSTALL as INSTALL
from hermes_ops.commands.config.left_over import left_over
from hermes_ops.commands.config.push import settings_steps
from hermes_ops.files.layout import WRAPPER
from hermes_ops.plan import make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.services import MANAGERS


def told(profile: dict[str, Any], held: dict[str, Any] | None, **more: Any) -> list[str]:
    """Return what is told of a host that an earlier run brought to another state."""
    case = {"desired": {"demo": profile}, "facts": {"holds": {"demo": held}, **more}}
    host = desired(case).host
    return [str(one) for one in left_over(host, facts(case), roles(), settings_steps())]


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ({"service": {"memory_max": "2G"}}, "MemoryMax"),
        ({"service": {"watchdog": 60}}, "Type, NotifyAccess, WatchdogSec; TimeoutStartSec"),
        ({"config": {"agent": {"restart_drain_timeout": 90}}}, "TimeoutStopSec"),
        ({"service": {"environment": {"A": "b"}}}, "Environment"),
        ({"config": {"model": {"default": "x"}}}, None),
        ({}, None),
    ],
)
def test_settings_of_a_service_are_told(profile: dict[str, Any], names: str | None) -> None:
    """By the names that they have in the unit; settings of the files alone are not."""
    said = told(profile, {})
    if names is None:
        assert said == []
    else:
        words = "demo: config.push does not write {} of its service: fleet.up does"
        assert said == [words.format(name) for name in names.split("; ")]


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_who_is_to_stop_is_told(state: str) -> None:
    """A push stops nothing; of one that does not run there is nothing to say."""
    words = "demo: config.push does not stop it: fleet.up does"
    assert told({"state": state}, {}) == [words]
    assert told({"state": state}, {"state": "stopped"}) == []
    assert told({}, {"state": "stopped"}) == []


def test_the_wrapper_of_the_host_is_no_setting() -> None:
    """Where it is absent, a push has nothing to say of it."""
    case = {"desired": {"demo": {}}, "facts": {"holds": {"demo": {}}}}
    host, found = replace(desired(case).host, gateways=("demo",)), facts(case)
    plan = make_plan(desired_state(host, roles(), (*settings_steps(), INSTALL)), found, wait=False)
    assert f"file:{WRAPPER}" in {change.resource for change in plan.changes}
    assert list(left_over(host, found, roles(), settings_steps())) == []


def test_a_service_that_is_not_there_is_not_told() -> None:
    """A push makes none, and says so elsewhere; nor is one told of that cannot be planned."""
    wanted = {"service": {"memory_max": "2G"}}
    service = desired({"desired": {"demo": wanted}}).services["demo"]
    gone = {str(known.path): None for known in MANAGERS["systemd"].paths(service) if known.is_own}
    assert told(wanted, {}, files=gone) == []
    assert told(wanted, {}, systemd=False, hermes=None) == []
