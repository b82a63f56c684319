"""One key of a YAML text is set, and every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError
from hermes_ops.loader.edit.splice import line_of, path_at, put

AGE = {"age": "-----BEGIN-----\nabc\n-----END-----\n"}

CASES: dict[str, tuple[str, str, Any, str]] = {
    "an empty file": ("", "a.b", 1, "a:\n  b: 1\n"),
    "a file of comments": ("# mine\n", "a", 1, "# mine\na: 1\n"),
    "a document start": ("---\na: 1\n", "b", 2, "---\na: 1\nb: 2\n"),
    "a value, its comment kept": ("a: 1  # one\nb: 2\n", "a", 3, "a: 3  # one\nb: 2\n"),
    "no newline at the end": ("a: 1", "b", 2, "a: 1\nb: 2\n"),
    "lines, and no newline at the end": ("a: {}", "a", "1\n2\n", "a: |\n  1\n  2\n"),
    "a new key behind the last one": (
        "env:\n    A: 1  # one\n\n# next\nsoul: x\n", "env.B", "y",
        "env:\n    A: 1  # one\n    B: y\n\n# next\nsoul: x\n",
    ),
    "a reference by another": (
        "env:\n  T: {env: X}  # old\n  U: 'q'\n", "env.T", AGE,
        "env:\n  T:  # old\n    age: |\n      -----BEGIN-----\n      abc\n      -----END-----\n"
        "  U: 'q'\n",
    ),
    "a block by a reference": (
        "env:\n  T:  # mine\n    age: |\n      abc\n      def\n  U: 1\n", "env.T", {"env": "X"},
        "env:\n  T:  # mine\n    env: X\n  U: 1\n",
    ),
    "behind a block": (
        "a: |\n  x\n  y\n\nb: 1\n", "c.d", 1, "a: |\n  x\n  y\n\nb: 1\nc:\n  d: 1\n",
    ),
    "a key without a value": ("a:\nb: 2\n", "a.c", 1, "a:\n  c: 1\nb: 2\n"),
    "an empty mapping": ("a: {}  # none\nb: 2\n", "a.c", 1, "a:  # none\n  c: 1\nb: 2\n"),
    "inside of braces": (
        "a: {b: {c: 1}, d: 2}\n", "a.b.e", "x y", "a: {b: {c: 1, e: x y}, d: 2}\n",
    ),
    "a value inside of braces": ("a: {b: [1], d: 2}\n", "a.b", 3, "a: {b: 3, d: 2}\n"),
    "quotes and tags elsewhere": (
        "x: !vault |\n  $ANSIBLE\ny: 'a''b'\n", "z", True,
        "x: !vault |\n  $ANSIBLE\ny: 'a''b'\nz: true\n",
    ),
    "a list of names": (
        "hermes_profiles:\n- coder  # writes\n\n- 'scout'\nz: 1\n", "hermes_profiles.scout.env.A",
        "b",
        "hermes_profiles:\n  coder: {}  # writes\n\n  'scout':\n    env:\n      A: b\nz: 1\n",
    ),
    "a list in brackets": (
        "p: [coder, scout]\n", "p.coder.state", "stopped",
        "p:\n  coder:\n    state: stopped\n  scout: {}\n",
    ),
    "a list in brackets over two lines": (
        "x: {p: [coder, # writes\n  scout]}\n", "x.p.coder.state", "stopped",
        "x: {p: {coder: {state: stopped}, # writes\n  scout: {}}}\n",
    ),
    "lines inside of braces": (
        "h:\n  a: {p: [x, y], 'q': \"1\"}  # here\n  b: {}\n", "h.a.p.x.env.T", {"age": "1\n2\n"},
        "h:\n  a:  # here\n    p:\n      x:\n        env:\n          T:\n            age: |\n"
        "              1\n              2\n      y: {}\n    'q': \"1\"\n  b: {}\n",
    ),
    "lines inside of braces with a comment": (
        "a: {b: {c: 1}, # x\n d: 2}\n", "a.b.e", "1\n2\n",
        "a: {b: {c: 1, e: '1\n\n    2\n\n    '}, # x\n d: 2}\n",
    ),
    "a document end": ("a: 1\n...\n", "b", 2, "a: 1\nb: 2\n...\n"),
    "a document of nothing but its marks": ("---\n...\n", "a.b", 1, "---\na:\n  b: 1\n...\n"),
    "blank lines at the end": ("a: 1\n\n\n", "b", 2, "a: 1\nb: 2\n\n\n"),
    "behind a block that keeps its blank lines": (
        "a: |+\n  x\n\n\nb: 1\n", "c", 2, "a: |+\n  x\n\n\nb: 1\nc: 2\n",
    ),
    "such a block at the end": ("a: |+\n  x\n\n...\n", "b", 2, "a: |+\n  x\n\nb: 2\n...\n"),
    "such a block by a word": ("a: >2+  # one\n  x\n\n\nb: 1\n", "a", 2, "a: 2  # one\nb: 1\n"),
    "a block that only looks like one": (
        "a: |  # +\n  x\n\nb: 1\n", "a", "y\nz\n", "a: |  # +\n  y\n  z\n\nb: 1\n",
    ),
    "lines that end in blank ones": ("a: 1\nb: 2\n", "a", "x\n\n", 'a: "x\\n\\n"\nb: 2\n'),
    "nothing but a line end": ("a:\nb: {}\n", "a", "\n", 'a: "\\n"\nb: {}\n'),
    "lines with a blank at the end": ("a: 1\n", "a", "x\ny ", 'a: "x\\ny "\n'),
    "lines that look like the document's end": (
        "a: 1\nb: 2\n", "a", "x\n...\n", "a: |\n  x\n  ...\nb: 2\n",
    ),
    "a colon first inside of braces": ("a: {b: 1}\n", "a.b", ":x", "a: {b: ':x'}\n"),
    "windows line ends": ("a: 1\r\nb: 2\r\n", "c", 3, "a: 1\r\nb: 2\r\nc: 3\r\n"),
    "another alphabet": ("ä: ö\nb: 'ü'  # é\n", "b", "x", "ä: ö\nb: x  # é\n"),
    "an alias by a value of its own": ("a: &n 1\nb: *n\nc: 2\n", "b", 3, "a: &n 1\nb: 3\nc: 2\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_key_is_set(name: str) -> None:
    """The text is exactly the one expected."""
    text, path, value, expected = CASES[name]
    assert put(text, path.split("."), value, file="f.yml") == expected


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("a: word\n", "a.b", "f.yml:1:1: 'a' is not a mapping, so 'b' cannot be set in it"),
        ("a: &x {b: 1}\nc: *x\n", "c.b", "f.yml: c.b cannot be set here"),
        ("a: &x 1\nb: *x\n", "a", "f.yml: a cannot be set here"),
        ("- a\n", "b", "f.yml: b cannot be set here"),
        ("p: [{a: 1}]\n", "p.q.r", "f.yml:1:1: 'p' is not a mapping, so 'q' cannot be set in it"),
        ("a: [1\n", "b", "f.yml: is not YAML, so nothing is set in it"),
        ("# only a document's end\n...\n", "b", "f.yml: is not YAML, so nothing is set in it"),
    ],
)
def test_what_cannot_be_set_is_refused(text: str, path: str, said: str) -> None:
    """Rather than change anything else, nothing is changed."""
    with pytest.raises(InventoryError) as caught:
        put(text, path.split("."), 2, file="f.yml")
    assert str(caught.value) == said


words = st.sampled_from(["a", "b", "c c", "yes", "1", "ä"])
scalars = st.one_of(st.integers(), st.text("ab #:'\n-é", max_size=8), st.booleans(), st.none())
documents: Any = st.dictionaries(
    words,
    st.recursive(
        scalars,
        lambda inner: st.dictionaries(words, inner, max_size=3) | st.lists(inner, max_size=2),
    ),
    max_size=4,
)


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as people do."""


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(
    documents,
    st.lists(words, min_size=1, max_size=3),
    scalars | documents,
    st.sampled_from([None, False]),
    st.sampled_from(["", "\n\n", "...\n", "\n...\n# end\n"]),
)
@example({"a": None, "b": {}}, ["a"], "\n", None, "")
@example({"a": None}, ["a"], ":a", None, "")
@example({"a": {"b": 1}}, ["a", "c"], "x\n\n", None, "")
@example({"a": "x\n\n"}, ["b"], 1, False, "")
@example({"a": "x\n\n"}, ["b"], 1, False, "\n...\n# end\n")
def test_only_the_key_changes(
    data: dict[str, Any], path: list[str], value: Any, flow: bool | None, end: str
) -> None:
    """Whatever the document, the result is it with the value in place, or a refusal."""
    written = yaml.dump(
        data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow
    )
    text = written.removesuffix("...\n") + end
    try:
        result = put(text, path, value, file="f.yml")
    except InventoryError as refusal:
        assert _is_blocked(yaml.safe_load(text), path), refusal
        return
    assert _get(yaml.safe_load(result), path) == value
    assert result.endswith(end.lstrip("\n"))  # blank lines may be of a `|+` text before them
    kept = [line for line in text.splitlines() if re.fullmatch(r"\S+: [a-z]+", line)]
    gone = [line for line in kept if line not in result.splitlines()]
    assert all(str(next(iter(yaml.safe_load(line)))) == path[0] for line in gone)


def _get(data: Any, path: Sequence[str]) -> Any:
    for name in path:
        data = data[name]
    return data


def _is_blocked(data: Any, path: Sequence[str]) -> bool:
    """Say whether something that is neither a mapping nor nothing is in the way."""
    for name in path[:-1]:
        data = data.get(name) if isinstance(data, dict) else None
        if data is not None and not isinstance(data, dict):
            return True
    return False


def test_places_and_paths_are_two_names_of_one_thing() -> None:
    """From a path to its line, and from a place to its path."""
    text = "a:\n  b:\n    c: 1\n  d: 2\n"
    assert line_of(text, ["a", "b", "c"]) == 3
    assert line_of(text, ["a", "x"]) == 0
    assert path_at(text, 3, 5) == ("a", "b", "c")
    assert path_at(text, 9, 1) == ()
