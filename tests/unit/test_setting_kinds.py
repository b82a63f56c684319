"""Settings of `config.yaml` that Hermes knows: which values it takes as they are."""

from __future__ import annotations

from typing import Any

import pytest
from machine import needs
from oracle import Oracle, hermes_says

from hermes_ops.hermes.variables import setting_expected

ORACLE = """
import json, sys
out, sys.stdout = sys.stdout, sys.stderr
import logging
logging.disable(logging.CRITICAL)
from gateway.config import PlatformConfig, coerce_systemd_watchdog_seconds
from gateway.platforms.api_server import _coerce_port
from gateway.restart import parse_restart_drain_timeout
for line in sys.stdin:
    name, value = json.loads(line)
    if name == "watchdog":
        answer = coerce_systemd_watchdog_seconds(value)
    elif name == "drain":
        answer = parse_restart_drain_timeout(str(value))
    elif name == "port":
        answer = _coerce_port(value, -1)
    else:
        answer = PlatformConfig.from_dict({"enabled": value}).enabled
    print(json.dumps(answer), file=out, flush=True)
"""
hermes = hermes_says(ORACLE)
PATHS = {
    "watchdog": ("gateway", "systemd_watchdog_seconds"),
    "drain": ("agent", "restart_drain_timeout"),
    "port": ("platforms", "api_server", "extra", "port"),
    "enabled": ("platforms", "telegram", "enabled"),
}
TAKEN: dict[str, list[tuple[Any, Any]]] = {
    "watchdog": [(60, 60), ("60", 60), (0, 0), (2**31 - 1, 2**31 - 1)],
    "drain": [(30, 30), ("2.5", 2.5), (1.5, 1.5), (0, 0)],
    "port": [(8701, 8701), ("8701", 8701)],
    "enabled": [(True, True), ("off", False), ("Yes", True), (False, False)],
}
"""Values, and what Hermes makes of each."""
IGNORED: dict[str, list[tuple[Any, Any]]] = {
    "watchdog": [(True, 0), (1.5, 0), (-1, 0), ("6 0", 0), ("1m", 0), (2**31, 0)],
    "drain": [("soon", 0), (-5, 0)],
    "port": [("eight", -1), (True, 1), ([], -1)],
    "enabled": [("maybe", False), ("ja", False)],
}
ROWS = [(name, *row) for table in (TAKEN, IGNORED) for name, rows in table.items() for row in rows]


@pytest.mark.parametrize(("name", "value", "_made"), ROWS)
def test_what_is_refused_is_what_hermes_does_not_take(name: str, value: Any, _made: object) -> None:
    """A watchdog of `true` would be none, and a drain of `soon` the default."""
    wanted = (value, _made) in IGNORED[name]
    assert bool(setting_expected(PATHS[name], value)) is wanted


@needs("hermes-agent")
@pytest.mark.parametrize(("name", "value", "made"), ROWS)
def test_hermes_says_so(hermes: Oracle, name: str, value: Any, made: object) -> None:
    """Each value of the table, asked of the real package."""
    assert hermes([name, value]) == made


def test_other_settings_are_of_any_kind() -> None:
    """Only what Hermes is known to pass over is refused; what has no value is not set."""
    assert setting_expected(("model", "default"), [1]) == ""
    assert setting_expected(("platforms", "telegram", "extra"), 5) == ""
    assert setting_expected(("platforms",), None) == ""
    assert setting_expected(("platforms", "x"), "on") == "a mapping"
