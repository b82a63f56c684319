"""What a host says is data: an expression in it is written so that it is never rendered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_ops.loader.edit.edits import edit_key
from hermes_ops.loader.located import Literal, inert, plain
from hermes_ops.loader.sources.yaml import read

SAID = "{{ lookup('env', 'HOME') }}"


def test_every_text_that_looks_like_an_expression_is_marked() -> None:
    """However deep it is; other texts stay as they are."""
    found = inert({"a": ["x", {"b": SAID}], "c": "{% if x %}", "d": "{x}", "e": 1})
    assert found == {"a": ["x", {"b": SAID}], "c": "{% if x %}", "d": "{x}", "e": 1}
    marked = [found["a"][1]["b"], found["c"]]
    assert all(isinstance(text, Literal) for text in marked)
    assert not any(isinstance(text, Literal) for text in (found["a"][0], found["d"]))


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("lines.yml", "config:\n  other: 1 # kept\n"),
        ("replaced.yml", "config:\n  note: old\n"),
        ("braces.yml", "config: {other: 1}\n"),
        ("empty.yml", ""),
        ("x.json", '{"config": {"other": 1}}\n'),
    ],
)
@pytest.mark.parametrize("value", [SAID, f"two\n{SAID}\n", [SAID, 1], {"x": SAID}])
def test_a_marked_text_is_written_with_its_mark(
    name: str, before: str, value: Any, tmp_path: Path
) -> None:
    """And read back as the same text, which is no expression."""
    file = tmp_path / name
    edit = edit_key(file, ("config", "note"), inert(value)) if before == "" else None
    if edit is None:
        file.write_text(before)
        edit = edit_key(file, ("config", "note"), inert(value))
    file.write_text(edit.after)
    note = read(file).entries["config"].entries["note"]
    assert plain(note) == value
    texts = [note, *note.items, *note.entries.values()]
    expressions = [part.data for part in texts if isinstance(part.data, str)]
    assert all(isinstance(text, Literal) for text in expressions)
    if name.endswith(".json"):
        assert "__ansible_unsafe" in json.dumps(json.loads(edit.after))
