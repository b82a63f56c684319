"""Keys are taken out of a YAML file, and every other byte stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.errors import Conflict
from hermes_ops.files import yamlcut, yamlfile
from hermes_ops.files.ownership import pruned

A, B, C = {"a": None}, {"b": None}, {"c": None}
CASES: dict[str, tuple[str, Any, str]] = {
    "a line": ("a: 1\nb: 2\n", A, "b: 2\n"),
    "the last line, without its end": ("a: 1\nb: 2", B, "a: 1\n"),
    "its comment goes, those above and below stay": (
        "# head\na: 1 # beside\n# below\nb: 2\n",
        A,
        "# head\n# below\nb: 2\n",
    ),
    "an emptied mapping goes, the notes in it stay": (
        "x: |\n  text\na:\n  # note\n  k: 1 # one\n\n  # more\n  l: 2\nb: 3\n",
        {"a": {"k": None, "l": None}},
        "x: |\n  text\n# note\n# more\nb: 3\n",
    ),
    "a mapping with foreign keys stays": (
        "a:\n  k: 1\n  theirs: 2\n",
        {"a": {"k": None}},
        "a:\n  theirs: 2\n",
    ),
    "text of many lines": (
        "b: |-\n  # no comment\n\n  x\n\n# note\na: >\n  y\n",
        B,
        "\n# note\na: >\n  y\n",
    ),
    "lists": ("a:\n- 1\n-\n  - k: 2\n    l: |\n      t\nb: [1,\n  2]\nc: 3\n", A | B, "c: 3\n"),
    "quotes": ("\"a\": 'x''\n\n  y'\n'b': \"z\\\n  w\"\nc: 1\n", A | B, "c: 1\n"),
    "Windows' lines": ("a: 1\r\nb:\r\n  k: 2\r\nc: 3\r\n", {"b": {"k": None}}, "a: 1\r\nc: 3\r\n"),
    "a byte order mark": ("\ufeffa: é\nb: 1\n", A, "\ufeffb: 1\n"),
    "braces, first": ("x: {a: 1, b: 2}\n", {"x": A}, "x: {b: 2}\n"),
    "braces, last": ("x: { a: 1, b: 2 }\n", {"x": B}, "x: {a: 1}\n"),
    "braces in braces": (
        "{x: {a: 1, y: {b: [2, 3], c: 4}}, z: 5}\n",
        {"x": {"a": None, "y": {"b": None}}},
        "{x: {y: {c: 4}}, z: 5}\n",
    ),
    "all in braces": ("{a: 1}\n", A, "{}\n"),
    "the notes of an anchor stay with it": (
        "a: &x\n  k: 1\n  # about l\n  l: 2\nb: *x\nc: 1\n",
        {"b": {"k": None, "l": None}},
        "a: &x\n  k: 1\n  # about l\n  l: 2\nc: 1\n",
    ),
    "a value that is an alias": ("a: &x {k: 1}\nb: *x\nc: 2\n", B, "a: &x {k: 1}\nc: 2\n"),
    "keys of other kinds": (
        "2: a\n~: c\n'2': d\n1.5: e\n",
        {"2": None, None: None},
        "2: a\n1.5: e\n",
    ),
    "words that YAML 1.1 knows": ("on: 1\n'on': 2\n", {"on": None}, "on: 1\n"),
    "nothing at all": ("a: 1\n", {}, "a: 1\n"),
    "what is not there": ("a: 1\n", B, "a: 1\n"),
    "empty values": ("a:\nb: ~\nc: ''\nd: 1\n", A | B | C, "d: 1\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """The lines of an entry go; all other bytes are what they were."""
    text, gone, result = CASES[name]
    assert yamlcut.without(text, gone) == result


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("a: &x 1\nb: *x\n", A),
        ("x: &x {a: 1}\ny:\n  <<: *x\n", {"y": A}),
    ],
)
def test_what_others_depend_on(text: str, gone: dict[str, Any]) -> None:
    """A key that an alias or a merge needs is refused, and named."""
    with pytest.raises(Conflict, match=r"cannot be removed here alone") as caught:
        yamlcut.without(text, gone, file="coder:~/x")
    assert str(caught.value).startswith("coder:~/x: ")


KEYS = st.sampled_from(["a", "b", "on", "ä: #", "- x", 1, None, "12"])
SCALARS: Any = st.sampled_from(
    ["", "x", "yes", "a: b", "# c", "l1\nl2\n", "\n x \n", "é🙂", "1_0", 3, 1.5, True, None, []]
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=6,
    ),
    max_size=4,
)


class Plain(yaml.SafeDumper):
    """Writes equal values out, each where it stands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def some(tree: dict[Any, Any], chosen: Any) -> dict[Any, Any]:
    """Return a part of the keys of a tree, as they are named to be removed."""
    found: dict[Any, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value and chosen(st.booleans()):
            if inner := some(value, chosen):
                found[key] = inner
        elif chosen(st.booleans()):
            found[key] = None
    return found


@pytest.mark.slow
@settings(max_examples=examples(300))
@given(TREES, st.data(), st.sampled_from([None, False, True]))
def test_what_is_left_reads_as_before(
    tree: dict[Any, Any], data: st.DataObject, flow: bool | None
) -> None:
    """Whatever goes, the rest reads as before, and the lines that stay are lines that were."""
    text = yaml.dump(tree, Dumper=Plain, default_flow_style=flow, allow_unicode=True)
    gone = some(tree, data.draw)
    result = yamlcut.without(text, gone)
    assert yamlfile.same(yamlfile.load(result), pruned(tree, gone))
    if flow is False:
        assert set(result.splitlines()) <= set(text.splitlines())
