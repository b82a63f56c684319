"""Every setting knows who said it, who won and who lost; `+key` and `-key` change lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from folders import fill
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.loader import gather
from hermes_ops.loader.explain.provenance import Leaf, leaves, traced
from hermes_ops.loader.keypath import begins, parsed, spelled
from hermes_ops.loader.located import Located, plain
from hermes_ops.loader.profiles.profile import Contribution, described
from hermes_ops.loader.sources.yaml import parse

ROLES = Path(__file__).parents[2] / "roles"
FILES = {
    "hosts.yml": """\
all:
  children:
    minis:
      hosts: {mini-1: {hermes_profiles: {coder: {config: {model: {default: host/model}}}}}}
      vars:
        hermes_profile_defaults:
          config: {+toolsets: [web], -plugins: [b]}
          env: {A_TOKEN: {env: GROUP_TOKEN}}
""",
    "group_vars/all.yml": """\
hermes_profile_defaults:
  config:
    model: {default: all/model, name: m}
    plugins: [a, b]
  state: stopped
""",
    "profiles/coder.yml": """\
config:
  model: {default: catalogue/model}
  toolsets: [terminal]
  gpt-4.1: {"a.b": 1}
env:
  A_TOKEN: "in-clear-and-secret"
  B_TOKEN: {command: [op, read, op://x]}
state: started
""",
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Leaf]:
    """Return the leaves of mini-1/coder by key."""
    fill(tmp_path / "inventory", FILES)
    monkeypatch.chdir(tmp_path)
    gathered = gather([Path("inventory")], ROLES, {})
    with pytest.raises(UsageError, match="mini-1 has no profile 'codr'"):
        leaves(gathered, "mini-1", "codr")
    with pytest.raises(UsageError, match="there is no host 'mini'"):
        leaves(gathered, "mini", "coder")
    return {leaf.key: leaf for leaf in leaves(gathered, "mini-1", "coder")}


def chain(leaf: Leaf) -> list[tuple[str, str, Any, bool]]:
    """Return what is said of a leaf as rows: layer, action, value, whether it counts."""
    return [(said.layer, said.action, said.value, said.counts) for said in leaf.said]


def test_winner_and_losers(found: dict[str, Leaf]) -> None:
    """The strongest layer wins, with its file, line and column; the rest follow in order."""
    leaf = found["config.model.default"]
    assert chain(leaf) == [
        ("host", "sets", "host/model", True),
        ("group:all", "sets", "all/model", False),
        ("catalogue", "sets", "catalogue/model", False),
    ]
    assert str(leaf.winner.place) == "inventory/hosts.yml:4:67"
    assert str(leaf.said[1].place) == "inventory/group_vars/all.yml:3:13"
    assert leaf.said[0].variable == "hermes_profiles"
    assert leaf.said[1].variable == "hermes_profile_defaults"
    assert found["state"].value == "stopped"


def test_list_operators_show_each_contribution(found: dict[str, Leaf]) -> None:
    """What a layer appends or removes counts beside the list that it changes."""
    assert found["config.toolsets"].value == ["terminal", "web"]
    assert chain(found["config.toolsets"]) == [
        ("group:minis", "appends", ["web"], True),
        ("catalogue", "sets", ["terminal"], True),
    ]
    # `vars` in hosts.yml are weaker than group_vars/, so all.yml comes upon what minis says.
    assert found["config.plugins"].value == ["a", "b"]
    assert chain(found["config.plugins"]) == [
        ("group:all", "sets", ["a", "b"], True),
        ("group:minis", "removes", ["b"], False),
    ]


def test_env_is_never_in_clear(found: dict[str, Leaf]) -> None:
    """Of a secret there is the kind of its source, and of a command its program."""
    assert chain(found["env.A_TOKEN"]) == [
        ("group:minis", "sets", {"env": "GROUP_TOKEN"}, True),
        ("catalogue", "sets", "***", False),
    ]
    assert found["env.B_TOKEN"].value == {"command": "op …"}
    assert "in-clear" not in repr(found)


def test_keys_with_dots_are_quoted(found: dict[str, Leaf]) -> None:
    """A key that holds a dot stands in quotes, and can be asked for."""
    assert found['config."gpt-4.1"."a.b"'].path == ("config", "gpt-4.1", "a.b")


def test_a_key_that_begins_with_a_sign_is_said_by_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A doubled sign is read once: afterwards the key is no operator, and its list is set."""
    (tmp_path / "inventory/profiles").mkdir(parents=True)
    for name, text in {
        "hosts.yml": "all: {hosts: {m: {hermes_profiles: [coder]}}}\n",
        "profiles/coder.yml": "config: {++names: [a], +words: [b], ++deep: {--x: 1}}\n",
    }.items():
        (tmp_path / "inventory" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    found = leaves(gather([Path("inventory")], ROLES, {}), "m", "coder")
    assert {leaf.key: chain(leaf) for leaf in found if leaf.key.startswith("config")} == {
        "config.+names": [("catalogue", "sets", ["a"], True)],
        "config.words": [("catalogue", "sets", ["b"], True)],
        "config.+deep.-x": [("catalogue", "sets", 1, True)],
    }


@given(st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_any_key_can_be_written(path: list[str]) -> None:
    """A path that is written and read is the same path."""
    assert parsed(spelled(path)) == tuple(path)
    assert begins(path, parsed(spelled(path)))


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", 'a."b', 'a"b', "a b", 'a."\\q"'])
def test_keys_that_cannot_be_read(text: str) -> None:
    """What is no key is refused with the character where it ends being one."""
    with pytest.raises(UsageError, match="is not a key: it cannot be read from character"):
        parsed(text)


def layered(*texts: str) -> Any:
    """Return the config that these texts, weakest first, come to."""
    return plain(described(contributed(texts)))["config"]


def contributed(texts: Sequence[str]) -> list[Contribution]:
    return [
        Contribution("group g", "hermes_profile_defaults", parse(f"config:\n {text}", f"{n}.yml"))
        for n, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["{a: [1]}", "{+a: [2]}"], {"a": [1, 2]}),
        (["{a: [1]}", "{+a: [1]}"], {"a": [1]}),
        (["{a: [1]}", "{+a: ['1', true]}"], {"a": [1, "1", True]}),
        (["{a: [1, 2, 1]}", "{-a: [1]}"], {"a": [2]}),
        (["{a: [1, 2]}", "{+a: [3], -a: [1]}"], {"a": [2, 3]}),
        (["{a: [1]}", "{a: [5], +a: [6]}"], {"a": [5, 6]}),
        (["{a: [1]}", "{+a: [6], -a: [5], a: [5]}"], {"a": [6]}),
        (["{a: [{x: 1}]}", "{-a: [{x: 1}]}"], {"a": []}),
        (["{b: 1}", "{+a: [1]}"], {"a": [1], "b": 1}),
        (["{b: 1}", "{-a: [1]}"], {"b": 1}),
        (["{a: null}", "{+a: [1]}"], {"a": [1]}),
        (["{+a: [1]}", "{+a: [2]}"], {"a": [1, 2]}),
        (["{x: {y: {a: [1]}}}", "{x: {y: {+a: [2]}}}"], {"x": {"y": {"a": [1, 2]}}}),
        (["{++a: 1}", "{++a: 2}"], {"+a": 2}),
        (["{--a: [1]}", "{---a: [2]}"], {"-a": [1], "--a": [2]}),
        (["{'-100123': {p: 1}}", "{'-100123': {q: 2}}"], {"-100123": {"p": 1, "q": 2}}),
        (["{'+4915': [1], -1: [2], '+': [3]}"], {"+4915": [1], -1: [2], "+": [3]}),
        (["{a: [{+b: [1]}]}"], {"a": [{"b": [1]}]}),
        (["{a: 1}", "{a: {b: [1], +b: [2]}}"], {"a": {"b": [1, 2]}}),
    ],
)
def test_operators(texts: list[str], expected: Any) -> None:
    """`+key` appends what is not yet there, `-key` removes; a doubled sign is a plain key."""
    assert layered(*texts) == expected


@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        (
            ["{a: text}", "{+a: [1]}"],
            "2.yml:2:3: '+a' appends to a list, and 'a' is a text at 1.yml:2:3",
            "write 'a' to replace it",
        ),
        (
            ["{a: {b: 1}}", "{-a: [b]}"],
            "2.yml:2:3: '-a' removes from a list, and 'a' is a mapping at 1.yml:2:3",
            "write 'a' to replace it",
        ),
        (
            ["{+a: text}"],
            "1.yml:2:3: '+a' must be a list of items, this is a text",
            "a key that begins with + is written '++a'",
        ),
    ],
)
def test_operators_that_meet_no_list(texts: list[str], message: str, hint: str) -> None:
    """The error names both places."""
    with pytest.raises(InventoryError) as caught:
        layered(*texts)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_order_within_a_layer_is_not_the_order_of_lines() -> None:
    """`after` and `+after` of one layer both count, whichever stands first."""
    (leaf,) = traced(
        [Contribution("group g", "hermes_profile_defaults", parse("+after: [b]\nafter: [a]", "x"))]
    )
    assert leaf.value == ["a", "b"]
    assert [(said.action, said.counts) for said in leaf.said] == [("appends", True), ("sets", True)]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["x", "y"]))
LISTS = st.lists(SCALARS, max_size=3)
KEYS = st.sampled_from(["a", "b"])
OPERATORS = st.sampled_from(["+a", "-a", "+b", "++a"])


def mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    plain_ones = st.dictionaries(KEYS, values, max_size=2)
    changes = st.dictionaries(OPERATORS, LISTS, max_size=1)
    return st.tuples(plain_ones, changes, st.booleans()).map(
        lambda three: {**three[1], **three[0]} if three[2] else {**three[0], **three[1]}
    )


LAYER = mappings(st.recursive(SCALARS | LISTS, mappings, max_leaves=4))


def located(value: Any, place: Place) -> Located:
    if isinstance(value, dict):
        return Located({key: located(entry, place) for key, entry in value.items()}, place)
    if isinstance(value, list):
        return Located(tuple(located(item, place) for item in value), place)
    return Located(value, place)


def parts_of(layers: Sequence[Any]) -> list[Contribution]:
    return [
        Contribution(
            "group g", "hermes_profile_defaults", located({"config": layer}, Place("f", line))
        )
        for line, layer in enumerate(layers, 1)
    ]


def rebuilt(found: Sequence[Leaf]) -> dict[str, Any]:
    """Return the mappings whose leaves these are."""
    whole: dict[str, Any] = {"config": {}}
    for leaf in found:
        inner = whole
        for key in leaf.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[leaf.path[-1]] = leaf.value
    return whole


def without_losers(layers: Sequence[Any], found: Sequence[Leaf]) -> list[Any]:
    """Return the layers with nothing but what counts, each operator and value at its place."""
    kept: list[dict[str, Any]] = [{} for _ in layers]
    for leaf in found:
        for said in leaf.said:
            if said.counts:
                sign = {"sets": "", "appends": "+", "removes": "-"}[said.action]
                inner = kept[said.place.line - 1]
                for key in leaf.path[1:-1]:
                    inner = inner.setdefault(key.replace("+", "++"), {})
                inner[sign + leaf.path[-1].replace("+", "++")] = said.value
    return kept


@pytest.mark.slow
@settings(max_examples=examples(300))
@given(st.lists(LAYER, min_size=1, max_size=4))
def test_leaves_are_the_settings_and_losers_have_no_part_in_them(layers: list[Any]) -> None:
    """The leaves make up all of the config, and without what lost it would be the same."""
    try:
        whole = described(parts_of(layers))
    except InventoryError:
        assume(False)
    found = traced(parts_of(layers))
    assert rebuilt(found) == {"config": {}, **plain(whole)}
    again = plain(described(parts_of(without_losers(layers, found))))
    assert again == {"config": {}, **plain(whole)}
    assert all(leaf.winner.counts for leaf in found)
