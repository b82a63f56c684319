"""Any value of the inventory arrives: in systemd, in the process, in both readers of Hermes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from conftest import MakeOperator
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import HOME, Box, Operator, echo, gateway
from systemctl import parse_show_environment

from hermes_ops.files import envfile, quoting

pytestmark = pytest.mark.lab

COUNT = 500
MANY = settings(max_examples=COUNT, deadline=None, derandomize=True, database=None)
ODD = st.sampled_from([*" \t\"'\\$%`#=;{}!~*?äß…€😀\n", "${HOME}", "%h", "\\n", "{{ x }}"])
VALUES = st.lists(ODD | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)
NAMES = st.from_regex(r"[A-Za-z0-9_]{1,12}", fullmatch=True)

ORACLE = """
import json, os, sys
from pathlib import Path
home = Path(sys.argv[1]); path = home / ".env"
os.environ["HERMES_HOME"] = str(home)
before = path.read_bytes()
from dotenv import dotenv_values
from hermes_cli import config, env_loader
plain = dotenv_values(path)
env_loader._sanitize_env_file_if_needed(path)
by_line = config.load_env()
env_loader._load_dotenv_with_fallback(path, override=True)
print(json.dumps([path.read_bytes() == before, plain, by_line, dict(os.environ)]))
"""


def examples(accepts: Any) -> dict[str, str]:
    """Return `COUNT` names and values that `accepts(name, value)` gives no reason against."""
    found: dict[str, str] = {}

    @MANY
    @given(NAMES, VALUES)
    def collect(name: str, value: str) -> None:
        found[f"V{len(found)}_{name}"] = value

    collect()
    kept = {name: value for name, value in found.items() if accepts(name, value) is None}
    assert len(found) >= COUNT and len(kept) > COUNT / 2
    return kept


def catalogue(somebody: Operator, profiles: Mapping[str, Mapping[str, Any]]) -> None:
    """Write profiles into the catalogue, where no template is rendered."""
    folder = somebody.inventory / "profiles"
    folder.mkdir(exist_ok=True)
    for name, profile in profiles.items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(dict(profile)))


def test_environment_of_a_service(linux: Box, operator: MakeOperator) -> None:
    """500 values through inventory, script and drop-in: systemd and the process have them as is."""
    wanted = examples(lambda name, value: quoting.unit_refusal(value, name))
    somebody = operator({linux: {"odd": {}}})
    profile = echo(8801)
    profile["service"]["environment"] = wanted
    catalogue(somebody, {"odd": profile})
    somebody.up()
    shown = "systemctl --user show -p Environment echo-odd.service | base64 -w0"
    printed = base64.b64decode(linux.user(shown)).decode()
    found = parse_show_environment(printed)
    assert {name: found.get(name) for name in wanted} == wanted
    pid = linux.pid("echo-odd.service")
    block = base64.b64decode(linux.sh(f"base64 -w0 /proc/{pid}/environ")).decode()
    live = dict(entry.split("=", 1) for entry in block.split("\0") if entry)
    assert {name: live.get(name) for name in wanted} == wanted
    assert somebody.plan().totals["changes"] == 0


def test_env_file_of_a_gateway(linux: Box, operator: MakeOperator) -> None:
    """Every value that `.env` can hold: python-dotenv and both readers of Hermes give it back."""
    wanted = examples(envfile.refusal)
    somebody = operator({linux: {"odd": {}}})
    catalogue(somebody, {"odd": gateway(8701, env=wanted, state="stopped")})
    somebody.up()
    home = f"{HOME}/.hermes/profiles/odd"
    done = linux.user_done(f"/opt/hermes/venv/bin/python - {home}", ORACLE)
    assert done.returncode == 0, done.stderr
    untouched, plain, by_line, environment = json.loads(done.stdout)
    assert untouched
    for read in (plain, by_line, environment):
        assert {name: read.get(name) for name in wanted} == wanted
    assert somebody.plan().totals["changes"] == 0


def test_yaml_values(linux: Box, operator: MakeOperator) -> None:
    """500 keys and values of config.yaml: the YAML loader of Hermes' own Python gives them back."""
    wanted = examples(lambda name, value: None)
    somebody = operator({linux: {"odd": {}}})
    # A key that begins with a sign changes a list.
    keys = {value: name for name, value in wanted.items() if value[:1] not in ("", "+", "-")}
    config = {"mine": wanted, "more": keys}
    catalogue(somebody, {"odd": gateway(8701, config=config, state="stopped")})
    somebody.up()
    script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
    path = f"{HOME}/.hermes/profiles/odd/config.yaml"
    found = json.loads(linux.user(f"/opt/hermes/venv/bin/python -c '{script}' {path}"))
    assert {key: found[key] for key in config} == config
    assert somebody.plan().totals["changes"] == 0
