"""The JSON documents have the keys that the pages say: scripts are written against them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import in_repository, said

pytestmark = pytest.mark.slow
DOCS = Path(__file__).parents[2] / "docs"
HOSTS = """\
all:
  children:
    minis:
      vars: {hermes_profile_defaults: {config: {a: 1}}}
      hosts: {mini: {hermes_profiles: {coder: {config: {a: 2}}}}}
    lost: {}
"""
CODER = "description: writes code\nconfig: {b: 1}\nenv: {A_TOKEN: {env: A_TOKEN}}\n"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with a host that no task here asks anything."""
    with in_repository(tmp_path, HOSTS, CODER, monkeypatch) as folder:
        monkeypatch.setenv("A_TOKEN", "a-value-of-a-token")
        yield folder


def keys_of_block(page: str, first: str) -> set[str]:
    """Return the keys of an item, in the block of JSON of a page that has this text."""
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    body = json.loads(next(block for block in blocks if first in block))
    return set(body["items"][0] if "items" in body else body)


def keys_in_line(page: str, before: str) -> set[str]:
    """Return the keys of the list in braces that follows this text on a page."""
    text = (DOCS / page).read_text().replace("\n", " ")
    (told,) = re.findall(re.escape(before) + r' *`(\{"[^}]*\})`', text)
    return set(re.findall(r'"(\w+)"', told))


EXPLAIN = ("inventory.explain", "mini/coder")
SET = ("config.set", "mini/coder", "c", "3", "--layer", "catalogue")


@pytest.mark.parametrize(
    ("words", "page", "before"),
    [
        (EXPLAIN, "layers.md", '"said": ['),
        (("inventory.lint",), "layers.md", '"kind": "unknown-target"'),
        (("secrets.show",), "secrets.md", '"used_by": ["mini-2'),
    ],
)
def test_an_item_has_the_keys_of_the_example(
    words: tuple[str, ...], page: str, before: str, fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them, and no other."""
    assert fleet
    code, out, _ = said(capsys, *words, "--json")
    body = json.loads(out)
    assert (body["schema"], body["exit"], body["error"]) == (1, code, None)
    assert body["inventory"] == [str(fleet / "inventory")]
    wanted = keys_of_block(page, before)
    assert body["items"]
    assert [set(item) for item in body["items"]] == [wanted] * len(body["items"])


@pytest.mark.parametrize(
    ("words", "page", "before"),
    [
        (SET, "settings.md", "`set`"),
        (("config.unset", "mini/coder", "b", "--layer", "catalogue"), "settings.md", "`set`"),
        (("secrets.keygen",), "secrets.md", "`secrets.keygen` with"),
        (("secrets.set", "mini/coder", "A_TOKEN", "--from", "env:A_TOKEN"), "secrets.md",
         "`secrets.set` and `secrets.edit` answer `--json` with"),
    ],
)  # fmt: skip
def test_an_item_has_the_keys_of_the_line(
    words: tuple[str, ...], page: str, before: str, fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page lists them."""
    assert fleet
    if words[0] == "secrets.set":
        assert said(capsys, "secrets.keygen")[0] == 0
    code, out, err = said(capsys, *words, "--json")
    assert code == 0, err
    (item,) = json.loads(out)["items"]
    assert set(item) == keys_in_line(page, before)
