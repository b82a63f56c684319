"""Executable inventories are run with a deadline; whatever they do wrong is one sentence."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader import load

ROLES = Path(__file__).parents[2] / "roles"


def inventory_of(folder: Path, script: str) -> Inventory:
    """Load an inventory that is this shell script."""
    program = folder / "inv"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return load([program], ROLES, {})


def nested(lists: int) -> str:
    """Return a script that prints a mapping with so many lists in each other."""
    opened, closed = (f"yes '{bracket}' | head -n {lists} | tr -d '\\n'" for bracket in "[]")
    return f"printf '{{\"x\": '; {opened}; {closed}; echo '}}'"


WRONG = {
    "fails": ("echo 'no credentials' >&2; exit 3", "failed (exit 3): no credentials"),
    "is killed": ("kill -9 $$", "failed (signal 9)"),
    "prints nothing": ("true", "printed nothing"),
    "prints garbage": ("echo hello", "printed invalid JSON: Expecting value"),
    "prints a list": ("echo '[1]'", "must print a JSON object for --list"),
    "prints bytes": ("printf '\\377'", "printed text that is not UTF-8"),
    "names a key twice": ('echo \'{"a": [], "a": []}\'', "'a' appears twice"),
    "nests deeper than we follow": (nested(100), "is nested deeper than 100"),
    "nests deeper than Python follows": (nested(50_000), "is nested deeper than 100"),
    "has a text for a group": ('echo \'{"g": "x"}\'', "group 'g' must be a mapping"),
    "has a text for hosts": ('echo \'{"g": {"hosts": "x"}}\'', "'hosts' of 'g' must be a list"),
    "has numbers for hosts": (
        'echo \'{"g": {"hosts": [1]}}\'',
        "must hold names, one is the number",
    ),
    "has a list for vars": ('echo \'{"g": {"vars": []}}\'', "'vars' of 'g' must be a mapping"),
    "has a host for a group": ('echo \'{"h": {"x": 1}}\'', "group 'h' has none of hosts"),
    "has a text for hostvars": (
        'echo \'{"g": ["x"], "_meta": {"hostvars": 1}}\'',
        "'_meta.hostvars' must be a mapping",
    ),
    "fails for a host": (
        'test "$1" = --list && echo \'{"g": ["x"]}\' || { echo bad $2 >&2; exit 1; }',
        "failed (exit 1): bad x",
    ),
    "has groups in a circle": (
        'echo \'{"_meta": {"hostvars": {}}, "a": {"children": ["b"]}, "b": {"children": ["a"]}}\'',
        "groups contain each other",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_a_sentence(name: str, tmp_path: Path) -> None:
    """It names the program, and what it printed on stderr; never what it printed on stdout."""
    script, message = WRONG[name]
    with pytest.raises(InventoryError) as caught:
        inventory_of(tmp_path, script)
    assert message in caught.value.message
    assert (caught.value.where or "").startswith(str(tmp_path / "inv"))


@pytest.mark.slow
def test_one_that_hangs_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deadline its whole process group is ended."""
    monkeypatch.setenv("HERMES_OPS_INVENTORY_TIMEOUT", "0.2")
    begun = time.monotonic()
    with pytest.raises(InventoryError, match=r"did not finish within 0\.2 s"):
        inventory_of(tmp_path, f"(sleep 0.6; touch {tmp_path}/still-there) & sleep 60")
    assert time.monotonic() - begun < 5
    time.sleep(0.7)
    assert not (tmp_path / "still-there").exists()


@pytest.mark.slow
def test_one_that_prints_for_ever_is_ended(tmp_path: Path) -> None:
    """More than 64 MiB are not kept."""
    with pytest.raises(InventoryError, match="printed more than 64 MiB"):
        inventory_of(
            tmp_path, "exec yes 0123456789012345678901234567890123456789012345678901234567"
        )


def test_standard_input_is_closed(tmp_path: Path) -> None:
    """A program that asks gets no answer, and does not wait for one."""
    script = 'read -r x && exit 9; echo \'{"g": ["x"], "_meta": {"hostvars": {}}}\''
    assert [host.name for host in inventory_of(tmp_path, script).hosts] == ["x"]


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "1e9"])
def test_a_deadline_that_is_none(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable must hold seconds."""
    monkeypatch.setenv("HERMES_OPS_INVENTORY_TIMEOUT", text)
    with pytest.raises(UsageError, match="must be a number of seconds"):
        inventory_of(tmp_path, "true")


def test_long_complaints_are_cut(tmp_path: Path) -> None:
    """Of a long stderr the end is shown, in one line without control characters."""
    with pytest.raises(InventoryError) as caught:
        inventory_of(
            tmp_path, "yes complaint | head -n 1000 >&2; printf 'the\\033[1m end\\n' >&2; exit 1"
        )
    assert len(caught.value.message) < 500
    assert caught.value.message.endswith("complaint the?[1m end")


def test_credentials_of_the_environment_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that complains with its token does not give it away."""
    monkeypatch.setenv("CLOUD_API_TOKEN", "geheimes-token-77")
    with pytest.raises(InventoryError) as caught:
        inventory_of(tmp_path, "echo refused: $CLOUD_API_TOKEN >&2; exit 1")
    assert caught.value.message.endswith("refused: ***")


def test_values_know_the_program(tmp_path: Path) -> None:
    """What it says is placed in its file, without a line."""
    script = 'echo \'{"_meta": {"hostvars": {"x": {"hermes_linger": "maybe"}}}, "g": ["x"]}\''
    with pytest.raises(InventoryError) as caught:
        inventory_of(tmp_path, script)
    assert caught.value.where == str(tmp_path / "inv")


def test_a_script_that_is_not_executable(tmp_path: Path) -> None:
    """Named with -i it is an error; in a folder it is passed over, and that is said."""
    (tmp_path / "inv.py").write_text("#!/usr/bin/env python3\nprint('{}')\n")
    (tmp_path / "hosts").write_text("h1\n")
    with pytest.raises(InventoryError, match="it is a program, but not executable"):
        load([tmp_path / "inv.py"], ROLES, {})
    inventory = load([tmp_path], ROLES, {})
    assert [host.name for host in inventory.hosts] == ["h1"]
    assert inventory.warnings[0].endswith("inv.py is ignored: it is a program, but not executable")


def test_settings_of_a_program_are_no_inventory(tmp_path: Path) -> None:
    """`ec2.ini` beside `ec2.py` belongs to it."""
    (tmp_path / "ec2.ini").write_text("[ec2]\nregions = all\n")
    (tmp_path / "ec2.py").write_text(
        '#!/bin/sh\necho \'{"ec2": ["h1"], "_meta": {"hostvars": {}}}\'\n'
    )
    (tmp_path / "ec2.py").chmod(0o755)
    inventory = load([tmp_path], ROLES, {})
    assert [host.name for host in inventory.hosts] == ["h1"]
    assert inventory.warnings[0].endswith("it is taken for the settings of ec2.py")
