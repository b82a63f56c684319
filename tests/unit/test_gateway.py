"""What is known of a gateway's unit and settings: its PATH, its times, the names of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from building import HERMES, NEW, desired

from hermes_ops.hermes import gateway
from hermes_ops.look.facts import Hermes
from hermes_ops.services import MANAGERS

SERVICE = desired({"desired": {"demo": {}}}).services["demo"]
HOME = PurePosixPath(NEW.home)
OWN, NODE = f"{SERVICE.home}/node/bin", f"{SERVICE.home}/node_modules/.bin"
VENV = replace(HERMES, venv="/opt/hermes/venv", project="/opt/hermes/lib", folders=frozenset())


@pytest.mark.parametrize(
    ("hermes", "found", "path"),
    [
        (VENV, {}, ["/opt/hermes/venv/bin"]),
        (replace(VENV, venv=""), {}, []),
        (replace(VENV, folders=frozenset({"venv/bin"})), {}, ["/opt/hermes/lib/venv/bin"]),
        (replace(VENV, folders=frozenset({"node_modules/.bin"})), {},
         ["/opt/hermes/venv/bin", "/opt/hermes/lib/node_modules/.bin"]),
        (VENV, {"node": "/opt/node/bin"}, ["/opt/hermes/venv/bin", "/opt/node/bin"]),
        (VENV, {"node": ".nvm/bin"}, ["/opt/hermes/venv/bin", str(HOME / ".nvm/bin")]),
        (VENV, {"node": "/opt/hermes/venv/bin"}, ["/opt/hermes/venv/bin"]),
        (VENV, {"node": "/opt/node/bin", "folders": {OWN}},
         ["/opt/hermes/venv/bin", str(HOME / OWN)]),
        (VENV, {"folders": {"go/bin", ".local/bin", NODE, OWN}},
         ["/opt/hermes/venv/bin", str(HOME / OWN), str(HOME / NODE),
          str(HOME / ".local/bin"), str(HOME / "go/bin")]),
        (VENV, {"node": ".local/bin", "folders": {".local/bin"}},
         ["/opt/hermes/venv/bin", str(HOME / ".local/bin")]),
    ],
)  # fmt: skip
def test_the_path_of_a_gateway(hermes: Hermes, found: dict[str, Any], path: list[str]) -> None:
    """Hermes' own programs, the profile's node or else the host's, the user's, the system's.

    Only folders that are there, and none of them twice.
    """
    given = {**found, "folders": frozenset(found.get("folders", ()))}
    facts = replace(NEW, **{"node": "", **given})
    folders = gateway.path_folders(SERVICE, facts, hermes)
    assert folders == [*path, *gateway.SYSTEM_FOLDERS]


@pytest.mark.parametrize(
    ("config", "env", "drain", "stop"),
    [
        ({}, {}, 0, 60),
        ({"agent": {"restart_drain_timeout": 45}}, {}, 45, 75),
        ({"agent": {"restart_drain_timeout": "12.5"}}, {}, 12.5, 60),
        ({"agent": {"restart_drain_timeout": 45}}, {"HERMES_RESTART_DRAIN_TIMEOUT": "90"}, 90, 120),
        ({"agent": {"restart_drain_timeout": 45}}, {"HERMES_RESTART_DRAIN_TIMEOUT": " "}, 45, 75),
        ({"agent": {"restart_drain_timeout": -5}}, {}, 0, 60),
        ({"agent": {"restart_drain_timeout": "soon"}}, {}, 0, 60),
        ({"agent": {"restart_drain_timeout": [1]}}, {}, 0, 60),
        ({"agent": {"restart_drain_timeout": None}}, {}, 0, 60),
        ({"agent": "no mapping"}, {}, 0, 60),
    ],
)
def test_how_long_turns_may_take_to_end(
    config: Mapping[str, Any], env: Mapping[str, str], drain: float, stop: int
) -> None:
    """`.env` counts more than config.yaml; what is no number is none; a stop has a minute."""
    assert gateway.drain(config, env) == drain
    assert gateway.stop_timeout(config, env) == stop


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({}, 0),
        ({"systemd_watchdog_seconds": 30}, 30),
        ({"gateway": {"systemd_watchdog_seconds": 20}, "systemd_watchdog_seconds": 30}, 20),
        ({"gateway": {}, "systemd_watchdog_seconds": 1}, 1),
        ({"gateway": "no mapping", "systemd_watchdog_seconds": 30}, 30),
        ({"systemd_watchdog_seconds": 0}, 0),
        ({"systemd_watchdog_seconds": -1}, 0),
        ({"systemd_watchdog_seconds": True}, 0),
        ({"systemd_watchdog_seconds": 1.5}, 0),
        ({"systemd_watchdog_seconds": "30"}, 0),
        ({"systemd_watchdog_seconds": 2**31}, 0),
        ({"systemd_watchdog_seconds": 2**31 - 1}, 2**31 - 1),
    ],
)
def test_the_seconds_of_a_watchdog(config: Mapping[str, Any], seconds: int) -> None:
    """Whole seconds that systemd can hold, of `gateway:` before those at the top."""
    assert gateway.watchdog(config) == seconds


@pytest.mark.parametrize(
    ("wanted", "have", "saved"),
    [
        # Hermes has saved the file: the old name is written as it is now.
        ({"provider": "x"}, {"model": {"provider": "y"}}, {"model": {"provider": "x"}}),
        ({"max_turns": 3}, {"agent": {"max_turns": 9}}, {"agent": {"max_turns": 3}}),
        ({"model": {"name": "m"}}, {"model": {"default": "n"}}, {"model": {"default": "m"}}),
        # It has not, or both names are there, or both are wanted: nobody renames.
        ({"provider": "x"}, {}, {"provider": "x"}),
        ({"provider": "x"}, {"provider": "y", "model": {"provider": "z"}}, {"provider": "x"}),
        ({"provider": "x", "model": {"provider": "w"}}, {"model": {"provider": "y"}},
         {"provider": "x", "model": {"provider": "w"}}),
    ],
)  # fmt: skip
def test_names_that_hermes_gives(
    wanted: dict[str, Any], have: dict[str, Any], saved: dict[str, Any]
) -> None:
    """A setting under its old name is wanted under the one that is in the file."""
    assert gateway.as_saved(wanted, have) == saved


@pytest.mark.parametrize(
    ("manager", "name", "profile"),
    [
        ("systemd", "hermes-gateway.service", "default"),
        ("systemd", "hermes-gateway-demo.service", "demo"),
        ("supervisord", "hermes-gateway", "default"),
        ("supervisord", "hermes-gateway-demo", "demo"),
    ],
)
def test_whose_service_it_is(manager: str, name: str, profile: str) -> None:
    """A gateway that nobody described is known by the name of its service."""
    assert MANAGERS[manager].profile_of(name) == profile


@pytest.mark.parametrize(
    ("profile", "real", "home"),
    [
        ("demo", {}, "/home/hermes/.hermes/profiles/demo"),
        ("demo", {".hermes/profiles": "/data/h/profiles"}, "/data/h/profiles/demo"),  # not made yet
        ("demo", {".hermes/profiles": "/data/h/profiles",
                  ".hermes/profiles/demo": "/data/h/profiles/demo"}, "/data/h/profiles/demo"),
        ("demo", {".hermes/profiles": "/home/hermes/.hermes/profiles",
                  ".hermes/profiles/demo": "/srv/bot"}, "/home/hermes/.hermes/profiles/demo"),
        ("default", {".hermes": "/data/h"}, "/data/h"),
    ],
)  # fmt: skip
def test_a_home_behind_a_link(profile: str, real: dict[str, str], home: str) -> None:
    """Its unit names it as Hermes does, which writes the unit anew at its start."""
    service = desired({"desired": {profile: {}}}).services[profile]
    values = gateway.values_for(service, replace(NEW, real=real), HERMES, {}, {})
    assert values["service_home"] == home
