"""A setting is removed where an operator says, and nothing else of the inventory changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from calling import said
from case_file import read_case
from examples import examples
from folders import standing_in
from hypothesis import given, settings
from test_splice import Dumper, documents

from hermes_ops.errors import InventoryError
from hermes_ops.loader.edit.cut import without_key

CASES = read_case(Path(__file__).parents[1] / "cases" / "edit" / "one_key.yml")
DEFAULTS = "hermes_profile_defaults: {config: {agent: {max_turns: 3}}}   # all"
HOSTS = f"""\
# my fleet
all:
  children:
    minis:
      vars:
        {DEFAULTS}
      hosts:
        m1: {{hermes_profiles: [coder]}}
        m2:
          hermes_profiles:
            coder:
              config: {{model: {{default: x/y}}}}  # strong
              service: {{watchdog: 60}}
"""
FILES = {
    "hosts.yml": HOSTS,
    "profiles/coder.yml": "# the coder\nconfig:\n  model: {default: a/b}\n  list: [1]\n"
    "env: {A_TOKEN: {env: A}}\n",
    "host_vars/m2.json": '{"hermes_profile_defaults": {"config": {"list": [2]}}}',
    "host_vars/m1/one.yml": "hermes_profile_defaults: {config: {w: 1}}\n",
    "host_vars/m1/two.yml": "hermes_profile_defaults: {config: {+list: [3]}}\n",
}
folder = standing_in(FILES)


@pytest.mark.parametrize("case", CASES["cut"].values(), ids=CASES["cut"])
def test_a_key_is_removed(case: dict[str, Any]) -> None:
    """The text is exactly the one expected."""
    path = case["path"].split(".")
    assert without_key(case["text"], path, file="f.yml", kept=case.get("kept", 0)) == case["then"]


@pytest.mark.parametrize("case", CASES["not cut"])
def test_what_cannot_be_removed_alone_is_refused(case: dict[str, str]) -> None:
    """Rather than change anything else, nothing is changed."""
    with pytest.raises(InventoryError) as caught:
        without_key(case["text"], case["path"].split("."), file="f.yml")
    assert str(caught.value) == case["said"]


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(document=documents)
def test_every_key_of_any_document_can_be_removed(document: dict[str, Any]) -> None:
    """In lines and in braces: what is left says the same, without that key."""
    for style in (False, True):
        text = yaml.dump(document, Dumper=Dumper, default_flow_style=style, allow_unicode=True)
        for key in document:
            left = without_key(text, [key], file="f.yml")
            assert left is not None
            rest = {other: value for other, value in document.items() if other != key}
            assert (yaml.safe_load(left) or {}) == rest


def unset(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Call the task."""
    return said(capsys, "config.unset", *words)


def changed(folder: Path) -> dict[str, str]:
    """Return the files that differ from those at the beginning."""
    return {n: (folder / n).read_text() for n in FILES if (folder / n).read_text() != FILES[n]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "file", "after"),
    [
        (("m2/coder", "model.default", "--layer", "profile"), "hosts.yml",
         HOSTS.replace("              config: {model: {default: x/y}}  # strong\n", "")),
        (("m1/coder", "agent", "--layer", "group:minis"), "hosts.yml",
         HOSTS.replace(f"        {DEFAULTS}\n", "")),
        (("m1/coder", "env.A_TOKEN", "--layer", "catalogue"), "profiles/coder.yml",
         FILES["profiles/coder.yml"].replace("env: {A_TOKEN: {env: A}}\n", "")),
        (("m2/coder", "list", "--layer", "host"), "host_vars/m2.json", "{}"),
        (("m1/coder", "w", "--layer", "host"), "host_vars/m1/one.yml", ""),
        (("m1/coder", "+list", "--layer", "host"), "host_vars/m1/two.yml", ""),
    ],
)  # fmt: skip
def test_each_layer_loses_its_own(
    words: Sequence[str], file: str, after: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key, and what it leaves empty, is gone from one file; with --check from none."""
    assert unset(capsys, *words, "--check")[0] == 2
    assert changed(folder) == {}
    code, out, err = unset(capsys, *words)
    assert (code, changed(folder)) == (0, {file: after}), err
    assert f"is removed from the layer {words[-1]}\n" in out
    assert "now: ./inv " in out


@pytest.mark.slow
def test_what_counts_afterwards_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A weaker layer's value, and the command that brings the change to the host."""
    _, out, err = unset(capsys, "m2/coder", "model.default", "--layer", "profile")
    assert (
        "warning: catalogue still sets config.model.default: inventory/profiles/coder.yml:3:11"
        in err
    )
    assert out.endswith("now: ./inv config.push -l m2/coder\n")
    _, out, _ = unset(capsys, "m2/coder", "service.watchdog", "--layer", "profile")
    assert out.endswith("now: ./inv fleet.up -l m2/coder\n")
    _, out, _ = unset(capsys, "m1/coder", "model", "--layer", "catalogue", "--json")
    (item,) = json.loads(out)["items"]
    assert (item["key"], item["line"], item["changed"], item["winner"]) == (
        "config.model", 3, True, None,
    )  # fmt: skip


REFUSED = {
    "a near miss": (("model.dfault", "--layer", "profile"), "did you mean 'config.model.default'?"),
    "another layer": (("model.default", "--layer", "group:minis"),
                      "it is set in profile (inventory/hosts.yml:12:32),"
                      " catalogue (inventory/profiles/coder.yml:3:11)"),
    "no layer": (("model.default",), "it is set in catalogue, profile"),
    "nothing alike": (("zzzz", "--layer", "host"),
                      "./inv inventory.explain m2/coder   shows what is set"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_set_is_refused(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, 64, and where it is set; no file changes."""
    words, hint = REFUSED[name]
    code, _, err = unset(capsys, "m2/coder", *words)
    assert code == 64
    assert f"hint:  {hint}\n" in err
    assert changed(folder) == {}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["config.set", "config.unset"])
def test_a_misspelt_profile_is_told(
    task: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the one that was probably meant."""
    value = ("x",) if task == "config.set" else ()
    words = (task, "m1/codr", "model.default", *value, "--layer", "host")
    code, _, err = said(capsys, *words)
    assert code == 64
    assert "m1 has no profile 'codr'\nhint:  did you mean 'coder'?" in err


@pytest.mark.slow
def test_what_another_file_brings_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An INI inventory is not edited: the place is told; so is what `<<` brings."""
    (folder / "hosts.yml").unlink()
    (folder / "hosts").write_text("m1 hermes_profiles=\"{'coder': {'state': 'stopped'}}\"\n")
    code, _, err = unset(capsys, "m1/coder", "state", "--layer", "profile")
    assert code == 64
    assert "state cannot be removed from the layer profile here: only files of YAML" in err
    (folder / "profiles/coder.yml").write_text("config: {a: &a {b: 1}, c: {<<: *a}}\n")
    code, _, err = unset(capsys, "m1/coder", "c.b", "--layer", "catalogue")
    assert code == 64
    assert "config.c.b cannot be removed from the layer catalogue here: an alias" in err
