"""What cannot be read is told with file, line and column, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import BARE_ROLE
from folders import fill

from hermes_ops.commands.workspace import refuse_unreachable
from hermes_ops.errors import InventoryError
from hermes_ops.loader import load, load_env
from hermes_ops.templates import render

HOSTS = "all: {hosts: {one: {hermes_profiles: [coder]}}}\n"
PROGRAM = "#!/bin/sh\ncat <<'E'\n"
PLACES = {
    "YAML": ({"hosts.yml": "all:\n  hosts: [a\n"}, "inventory/hosts.yml:3:1"),
    "a tab": ({"hosts.yml": "all:\n\thosts:\n"}, "inventory/hosts.yml:2:1"),
    "a control character": ({"hosts.yml": "all:\n  ä: \x07\n"}, "inventory/hosts.yml:2:6"),
    "no UTF-8 in YAML": ({"hosts.yml": "all:\n  ä: \udcff\n"}, "inventory/hosts.yml:2:6"),
    "no UTF-8 in INI": ({"hosts.ini": "[a]\nä x=\udcff\n"}, "inventory/hosts.ini:2:5"),
    "an INI section": ({"hosts.ini": "[a]\nb\n  [c d]\n"}, "inventory/hosts.ini:3:3"),
    "an INI value": ({"hosts.ini": "[a]\none x=1 hermes_linger=of\n"}, "inventory/hosts.ini:2:9"),
    "a quoted INI value": (
        {"hosts.ini": "one x=1 hermes_linger='o f'\n"}, "inventory/hosts.ini:1:9"),
    "JSON": ({"hosts.json": '{"all":\n {"hosts": ]}}'}, "inventory/hosts.json:2:12"),
    "a value of JSON with tabs": (
        {"hosts.json": '{"all": {"hosts":\n\t{"one": {"a": 1e3,\n\t\t"hermes_linger": "of"}}}}'},
        "inventory/hosts.json:3:3"),
    "a value of JSON beside what YAML reads otherwise": (
        {"hosts.json": '{"all": {"hosts": {"one": {"a": "\\ud83d\\ude00\\/", "b": '
                       '{"__ansible_unsafe": "x"},\n"hermes_linger": "of"}}}}'},
        "inventory/hosts.json:2:1"),
    "variables": (
        {"hosts.yml": HOSTS, "host_vars/one.yml": "a: {\n"}, "inventory/host_vars/one.yml:2:1"),
    "a profile": (
        {"hosts.yml": HOSTS, "profiles/coder.yml": "config: {a: b: c}\n"},
        "inventory/profiles/coder.yml:1:14"),
    "a role": (
        {"hosts.yml": HOSTS, "roles/x/role.yml": "home: x\nservice: {\n"},
        "inventory/roles/x/role.yml:3:1"),
    "an expression": (
        {"hosts.yml": "all: {hosts: {one: {hermes_version: '{{ nope }}'}}}\n"},
        "inventory/hosts.yml:1:21"),
    "what a program prints": ({"inv": PROGRAM + '{"a":\n  x}\nE\n'}, "inventory/inv --list:2:3"),
    "no UTF-8 of a program": (
        {"inv": PROGRAM + '{"a":\n  "\udcff"}\nE\n'}, "inventory/inv --list:2:4"),
    "nothing of a program": ({"inv": "#!/bin/sh\n"}, "inventory/inv --list:1:1"),
    "a list of a program": ({"inv": PROGRAM + "[]\nE\n"}, "inventory/inv --list:1:1"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_what_cannot_be_read_has_its_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is where the reader stopped, or where the value is written."""
    monkeypatch.chdir(tmp_path)
    files, where = PLACES[name]
    fill(tmp_path, {"roles/gateway/role.yml": BARE_ROLE})
    for file, text in files.items():
        path = tmp_path / "inventory" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    with pytest.raises(InventoryError) as caught:
        refuse_unreachable(load([Path("inventory")], Path("roles"), {}))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("text", "where"),
    [("A=1\n  no value ' x\n", "2:3"), ("\n\n A b\n", "3:2"), ("A='x\n", "1:1")],
)
def test_a_line_of_env_has_its_place(
    text: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blank lines above it are none of it."""
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "inventory", {".env": text})
    with pytest.raises(InventoryError) as caught:
        load_env([Path("inventory")], {})
    assert caught.value.where == f"inventory/.env:{where}"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a\nb {{ x }} {{ nope }}\n", "2:14", "'nope' is undefined"),
        ("{{ x\n + nope }}", "2:4", "'nope' is undefined"),
        ("x\n  {{ x | nofilter }}", "2:10", "No filter named 'nofilter'."),
        ("a\n {% for %}", "2:2", "Expected an expression, got 'end of statement block'"),
        ("{{ x.y.z }}", "1:6", "'str object' has no attribute 'y'"),
        ("a\n\n b {{ 1 / 0 }}", "3:4", "the expression cannot be evaluated: division by zero"),
        ("{{ [x] | join(1, 2, 3) | int(base='z') + 'a' }}", "1:1", "the expression cannot be"),
        ("{{ '%d' | format(x) }}", "1:1", "the expression cannot be evaluated: "),
    ],
)
def test_an_expression_of_a_template_has_its_place(text: str, where: str, message: str) -> None:
    """The word that is wrong, or where its expression begins; no mistake is a crash."""
    with pytest.raises(InventoryError) as caught:
        render(text, {"x": "geheim"}, name="soul.md")
    assert caught.value.where == f"soul.md:{where}"
    assert caught.value.message.startswith(message)
    assert "geheim" not in caught.value.message
