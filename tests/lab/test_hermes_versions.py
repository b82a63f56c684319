"""Hosts that run another Hermes than the one of which we know all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway
from machine import source_of

from hermes_ops.hermes.versions import OBSERVED, capabilities
from hermes_ops.lab.operations import leader

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
FILE = f".config/systemd/user/{UNIT}"
CONFIG = ".hermes/profiles/coder/config.yaml"
NEWER = "0.23.0"

_ENVIRONMENT = """
python3 -m venv --without-pip venv
site=$(echo venv/lib/python3*/site-packages)
echo /opt/hermes/venv/lib/python3*/site-packages >"$site/libraries.pth"
echo "$site"
"""


def put(box: Box, version: str) -> Path:
    """Make an environment with this version in the home; its libraries are those of the image.

    Return where its code is, as this machine sees it.
    """
    home = Path(f"/proc/{leader(box.root, box.name)}/root{box.home}")
    site = home / box.user(_ENVIRONMENT)
    shutil.copytree(source_of(version), site, dirs_exist_ok=True)
    box.sh("chown -R hermes: /home/hermes/venv")
    return site


def put_newer(box: Box) -> None:
    """Put a Hermes of the future: the observed one, which says another version and writes another
    unit: a launcher in place of Python, another order, lines that nobody has seen yet.
    """
    site = put(box, OBSERVED)
    (site / f"hermes_agent-{OBSERVED}.dist-info").rename(site / f"hermes_agent-{NEWER}.dist-info")
    replaced(site / f"hermes_agent-{NEWER}.dist-info/METADATA", f"Version: {OBSERVED}\n")
    replaced(site / "hermes_cli/__init__.py", f'__version__ = "{OBSERVED}"')
    code = site / "hermes_cli/gateway.py"
    launcher = f"{box.home}/venv/bin/hermes-launcher"
    code.write_text(
        code.read_text()
        .replace("ExecStart={python_path} -m hermes_cli.main", f"ExecStart={launcher}")
        .replace("RestartForceExitStatus=", "SuccessExitStatus=75\nRestartForceExitStatus=")
    )
    line = f'exec {box.home}/venv/bin/python -m hermes_cli.main "$@"'
    box.user(f"printf '#!/bin/sh\\n%s\\n' '{line}' >{launcher}; chmod 755 {launcher}")


def replaced(file: Path, text: str) -> None:
    """Let a file say another version in a text that it has."""
    before = file.read_text()
    assert text in before
    file.write_text(before.replace(text, text.replace(OBSERVED, NEWER)))


def an_operator(box: Box, operator: MakeOperator, version: str) -> Operator:
    """Return an operator who knows that the host has this version."""
    own = {"hermes_python": f"{box.home}/venv/bin/python", "hermes_version": version}
    return operator({box: {"coder": gateway(8701, description="writes code")}}, own={box.name: own})


def is_held(one: Operator, note: str) -> None:
    """Everything is as wanted, a second time as well, and one note says what is not known."""
    plan = one.plan(code=0)
    assert plan.totals["changes"] == 0
    assert plan.host("linux-1")["notes"] == [note]
    (profile,) = one.run("fleet.ps", code=0).host("linux-1")["profiles"]
    assert (profile["state"], profile["drift"]) == ("healthy", False)


@pytest.mark.parametrize("version", ["0.13.0", "0.18.2"])
def test_an_older_version_is_kept_up(linux: Box, operator: MakeOperator, version: str) -> None:
    """It runs under the unit that it wrote itself, restarts, and stops as one that was told to."""
    put(linux, version)
    one = an_operator(linux, operator, version)
    one.run("fleet.up", code=0)
    is_held(one, f"Hermes {version} writes its units itself: only their main lines are checked")
    schema = capabilities(version).config_schema
    assert f"_config_version: {schema}" in linux.user(f"cat {CONFIG}")
    before = linux.pid(UNIT)
    one.run("fleet.restart", code=0)
    assert linux.pid(UNIT) != before
    one.run("fleet.stop", "-l", "linux-1", "-y", code=0)
    assert linux.state(UNIT) == "inactive"


def test_a_version_that_nobody_knows_is_kept_up(linux: Box, operator: MakeOperator) -> None:
    """Its unit is its own, whatever that says; a home that is not ours is still seen in it."""
    put_newer(linux)
    one = an_operator(linux, operator, NEWER)
    one.run("fleet.up", code=0)
    assert "hermes-launcher --profile coder gateway run" in linux.user(f"cat {FILE}")
    known = "is newer than what this hermes-ops knows (docs/versions.md), and writes its units"
    is_held(one, f"Hermes {NEWER} {known} itself: only their main lines are checked")
    linux.user(f"sed -i 's,HERMES_HOME=.*coder,HERMES_HOME=/else,' {FILE}")
    plan = one.plan(code=2)
    assert (f"file:{FILE}", "update") in {change[:2] for change in plan.changes("linux-1")}
    one.run("fleet.up", code=0)
    assert one.run("fleet.ps", code=0).host("linux-1")["hermes"]["version"] == NEWER
