"""A YAML file gets its keys, and keeps its comments, its order and all that is not theirs."""

from __future__ import annotations

import datetime as dt
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from case_file import read_case
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.errors import Conflict
from hermes_ops.files import yamlfile

CASES = sorted((Path(__file__).parents[1] / "cases" / "yaml").glob("*.yml"))
MANY = settings(max_examples=examples(500))
FEWER = settings(MANY, max_examples=examples(150))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """Each case names a text, what is wanted, and the text or the conflict that follows."""
    case = read_case(path)
    initial = case.get("initial")
    if sentence := case.get("conflict"):
        with pytest.raises(Conflict) as caught:
            yamlfile.merge(case["text"], case["wanted"], initial)
        assert sentence in str(caught.value)
        assert caught.value.hint
        return
    result = yamlfile.merge(case["text"], case["wanted"], initial)
    assert result == case["result"]
    assert yamlfile.merge(result, case["wanted"], initial) == result
    assert yamlfile.holds(case["text"], case["wanted"]) == (case["text"] == case["result"])


ODD = [
    "yes",
    "On",
    "012",
    "1_0",
    "1:30",
    "2024-01-02",
    "~",
    "",
    " ",
    "<<",
    "=",
    "a: b",
    "# c",
    "- x",
]
ODD += [
    "a #b",
    "'",
    '"',
    "\\",
    "%TAG",
    "@x",
    "`",
    "{",
    "[a]",
    "!t",
    "&a",
    "*a",
    "|",
    ">",
    "?",
    "...",
]
ODD += [
    "---",
    "a\nb",
    "a\n",
    "\na",
    "a\n\n",
    " a\n b",
    "a \nb",
    "é\nü",
    "🙂",
    "\x85",
    "\u2028\n",
    "\ufeff",
]
ODD += ["\x07", "1e3", "1.e+3", ".inf", "0x1F", "0b1", "null", "a\tb", "x" * 300, "${HOME}", "$(x)"]

texts = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.datetimes(timezones=st.none() | st.just(dt.UTC)).map(lambda time: time.replace(fold=0))
scalars = (
    texts
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | times
    | st.binary(min_size=1, max_size=5)
)
keys = texts | st.integers() | st.booleans()


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """No list begins with an empty one: beside a comment, ruamel cannot write that (a conflict)."""
    return st.lists(items, max_size=3).filter(lambda found: not found or found[0] not in ([], {}))


values = st.recursive(
    scalars,
    lambda inner: lists(inner) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
known = st.sampled_from(["model", "tools", "gateway", "text", "deep", "none", "flow", "odd", "yes"])
mappings = st.dictionaries(known | keys, values, max_size=4)


def with_simple_keys(value: Any) -> Any:
    """PyYAML writes the others with `?`, which ruamel brings back wrong: a conflict."""
    if isinstance(value, list):
        return [with_simple_keys(item) for item in value]
    if isinstance(value, dict):
        simple = (k for k in value if 0 < len(str(k)) < 100 and str(k).isprintable())
        return {key: with_simple_keys(value[key]) for key in simple}
    return value


FOREIGN = [
    "",
    "# only a comment\n",
    "---\nmodel: 1\n",
    "{}",
    "{model: 1, flow: {a: [1, 2], 'b': \"c\"},}\n",
    "model:   x   # beside\n\n# mid\ntools:\n- a # one\n# inside\n- b\n\ngateway:\n    p: 0o17\n",
    "text: |+\n  one\n\n  two\n\n\nnone:\ndeep: >-\n  folded\n  text\n\n# end\n",
    "flow: {a: 1,\n  b: {c: [1,\n 2]}}\nodd: 'it''s'\nmodel: plain\n  over lines\nyes: off\n",
    "deep:\n  deep:\n    # note\n    model: 1_0\n\n  # after\n  tools: [ ]\nnone: ~ #\ngateway: {}",
    "model:\r\n  a: 1\r\n# c\r\ntools: 2\r\n",
]


def load(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader) or {}


def merged(have: Any, want: Any) -> Any:
    """The meaning of a merge, said once more for the test."""
    if isinstance(have, dict) and isinstance(want, Mapping):
        return {**have, **{k: merged(have.get(k), v) for k, v in want.items()}}
    return want


@pytest.mark.slow
@MANY
@given(st.sampled_from(FOREIGN), mappings)
def test_reads_back_what_was_merged(text: str, wanted: dict[Any, Any]) -> None:
    """Any value survives, all foreign keys keep theirs, and nothing is left to do."""
    result = yamlfile.merge(text, wanted)
    assert repr(load(result)) == repr(merged(load(text), wanted))
    assert yamlfile.holds(result, wanted)
    assert yamlfile.merge(result, wanted) == result


def comments(text: str) -> list[str]:
    return re.findall(r"(?<!\S)#.*", text)


@pytest.mark.slow
@FEWER
@given(
    st.sampled_from(FOREIGN),
    st.dictionaries(texts.filter(bool).map("x{}".format), values, max_size=4),
)
def test_new_keys_keep_all_that_is_there(text: str, wanted: dict[str, Any]) -> None:
    """Adding keys leaves the comments, keys, values and their order; new keys come last."""
    result = yamlfile.merge(text, wanted)
    kept = iter(comments(result))
    assert all(comment in kept for comment in comments(text))
    assert list(load(result)) == [*load(text), *wanted]


@pytest.mark.slow
@FEWER
@given(st.sampled_from(FOREIGN[4:]), mappings)
def test_what_is_spelled_by_others_keeps_its_spelling(text: str, wanted: dict[Any, Any]) -> None:
    """A plain foreign word is the same word afterwards, whatever it reads as."""
    foreign = [key for key in load(text) if key not in wanted]
    before, after = words(text), words(yamlfile.merge(text, wanted))
    assert all(after[str(key)] == before[str(key)] for key in foreign if str(key) in before)


def words(text: str) -> dict[str, Any]:
    """Return all top values as text, without what YAML takes them for."""
    return yaml.load(text, yaml.BaseLoader) or {}


def commented(dice: random.Random, name: str, depth: int = 2, indent: int = 0) -> list[str]:
    """Return a mapping with comments that say where they belong, in lines."""
    lines = []
    for key in (f"{name}_{n}" for n in range(dice.randint(1, 3))):
        above = ["", f"# above {key}", f"\n# above {key}"][dice.randrange(3)]
        beside = dice.choice(["", f"  # beside {key}"])
        value = dice.choice(["v", "'v'", "", "{a: 1}", "[]", "|", ">", "list", "map" * (depth > 0)])
        shown = value if value not in {"list", "map"} else ""
        own = [above] * bool(above) + [f"{key}: {shown}".rstrip() + beside]
        if value in {"|", ">"}:
            own += ["  one", "", "  two"]
        if value == "list":
            own += [f"  # above {key}_x", f"  - {key}_x  # beside {key}_x", f"  - {key}_y"]
        lines += [" " * indent + line for line in "\n".join(own).split("\n")]
        lines += commented(dice, key, depth - 1, indent + 2) if value == "map" else []
    return lines


def changes(dice: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Return other scalars, longer lists and more keys for some of `data`."""
    news = [7, "yes", None, "one\ntwo", [1, {"a": 2}], {"p": {"q": []}}, {}]
    wanted: dict[str, Any] = {f"new{dice.random()}": dice.choice(news)}
    for key in (key for key in data if dice.random() < 0.6):
        here = data[key]
        new = [*here, "more"] if isinstance(here, list) else dice.choice(news)
        wanted[key] = changes(dice, here) if isinstance(here, dict) else new
    return wanted


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 400, 100))
def test_comments_stay_where_they_belong(seed: int) -> None:
    """Whatever changes, each comment stays above or beside its key or item."""
    for dice in map(random.Random, range(seed, seed + 100)):
        text = "\n".join([*commented(dice, "k"), "", "# the end", ""])
        result = yamlfile.merge(text, changes(dice, load(text)))
        assert sorted(comments(result)) == sorted(comments(text))
        for name in re.findall(r"# above (\S+)", text):
            assert re.search(rf"# above {name}\n *(- )?{name}\b", result)
        for name in re.findall(r"# beside (\S+)", text):
            assert re.search(rf"(?m)^ *(- )?{name}\b.*# beside {name}$", result)
        assert result.endswith("\n# the end\n")


@pytest.mark.slow
@FEWER
@given(mappings.map(with_simple_keys), st.booleans(), mappings)
def test_merges_into_any_dumped_file(
    have: dict[Any, Any], flow: bool, wanted: dict[Any, Any]
) -> None:
    """A file in the form that Hermes itself writes takes any value."""
    text = yaml.safe_dump(have, default_flow_style=flow)
    assert yamlfile.holds(yamlfile.merge(text, wanted), wanted)


def test_frozen_mappings_and_tuples_are_values() -> None:
    """The inventory's frozen values are written as what they stand for."""
    wanted = MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})
    assert yamlfile.merge("", wanted) == "a:\n  b:\n    - 1\n    - 2\n"
    assert yamlfile.holds("a: {b: [1, 2]}", wanted)


@pytest.mark.slow
def test_no_round_trip_without_a_change() -> None:
    """A run that finds all as wanted does not even import ruamel.yaml."""
    code = (
        "import sys; from hermes_ops.files import yamlfile; "
        "yamlfile.merge('a: 1', {'a': 1}); sys.exit('ruamel.yaml' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_load_is_what_hermes_reads() -> None:
    """YAML 1.1, an empty file is a mapping, and a mistake names its file and line."""
    assert yamlfile.load("a: on\nb: 010\n") == {"a": True, "b": 8}
    assert yamlfile.load("# nothing\n") == {}
    with pytest.raises(Conflict, match=r"x\.yaml:2: the key 'a' appears twice"):
        yamlfile.load("a: 1\na: 2\n", file="x.yaml")
