"""Hermes' dashboard as a role: supervised, on loopback alone, reached through a tunnel."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator
from window import in_window

pytestmark = pytest.mark.lab

PORT = 9120
PROFILE = {"role": "dashboard", "service": {"settings": {"port": PORT}}}
CHECKS = 7


@pytest.mark.parametrize("kind", ["linux", "mac"])
def test_the_dashboard_lives_and_ends_as_any_profile(
    kind: str, request: pytest.FixtureRequest, operator: MakeOperator
) -> None:
    """Up and proven, unchanged, reached from here, restarted, stopped, gone."""
    box: Box = request.getfixturevalue(kind)
    ann = operator({box: {"dashboard": PROFILE}})
    up = ann.run("fleet.up", code=0)
    assert up.json["exchanges"] == {box.name: 2}
    assert up.json["verify"]["passed"] == up.json["verify"]["expected"] == CHECKS
    assert ann.run("fleet.up", code=0).totals["changes"] == 0
    first = shown(ann)
    unit = "ai.hermes-ops.dashboard" if box.is_mac else "hermes-dashboard.service"
    assert (first["state"], first["enabled"], first["unit"]) == ("healthy", True, unit)
    through_a_tunnel(ann, box)
    ann.run("fleet.restart", code=0)
    second = shown(ann)
    assert (second["state"], second["pid"] != first["pid"]) == ("healthy", True)
    ann.run("fleet.stop", "-l", f"{box.name}/dashboard", code=0)
    assert shown(ann)["state"] == "stopped"
    gone = operator({box: {"dashboard": {**PROFILE, "state": "absent"}}})
    gone.up()
    assert shown(gone)["state"] == "absent"


def shown(operator: Operator) -> Mapping[str, Any]:
    """Return what `fleet.ps` says of the only profile."""
    (host,) = operator.run("fleet.ps").json["hosts"]
    found: Mapping[str, Any] = host["profiles"][0]
    return found


def through_a_tunnel(operator: Operator, box: Box) -> None:
    """Open the page as a browser would: it has the token with which settings are told."""
    with in_window(operator, "hosts.tunnel", f"{box.name}/dashboard") as window:
        url = window.until(r"http://127.0.0.1:\d+ leads to port 9120").split()[-5]
        page = read(url)
        token = re.search(r'__HERMES_SESSION_TOKEN__="([^"]+)"', page)
        assert token, page[:2000]
        config = json.loads(read(f"{url}/api/config", token[1]))
        assert "model" in config
        window.type("\x03")
        assert window.end() == 0


def read(url: str, token: str = "") -> str:
    """Return what a URL answers."""
    asked = urllib.request.Request(url, headers={"X-Hermes-Session-Token": token})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        text: bytes = answer.read()
    return text.decode()
