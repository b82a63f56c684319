"""An expression of an inventory has limits: strangers take neither memory nor time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hermes_ops.errors import InventoryError
from hermes_ops.loader import load
from hermes_ops.worker import WORKER, ExpressionError


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [
        "'y' * 10 ** 11",
        "'y' | center(10 ** 11)",
        "'%99999999999d' % 1",
        "('y' * 5000) | list | map('center', 90000) | list",
        "('b' * 40 + 'c') | regex_replace('(b+)+$', '')",
        "9 ** (9 ** 9)",
        "[lookup] | map(attribute='__globals__') | list",
        "[nobody] | list",
        "lookup",
        "(" * 3000 + "1" + ")" * 3000,
    ],
)
def test_what_takes_too_much_is_a_sentence(expression: str, tmp_path: Path) -> None:
    """Refused with its place, in a few seconds; other expressions go on."""
    file = tmp_path / "hosts.yml"
    file.write_text(f'all: {{hosts: {{one: {{hermes_version: "{{{{ {expression} }}}}"}}}}}}\n')
    began = time.monotonic()
    with pytest.raises(InventoryError) as caught:
        load([file], Path("roles"), {})
    assert "the expression cannot be rendered" in str(caught.value)
    assert ":1:21: " in str(caught.value)
    assert time.monotonic() - began < 10
    assert WORKER.evaluated("{{ 'a' | upper }}", {}, {}) == "A"


@pytest.mark.slow
def test_an_expression_of_a_group_is_tried_once() -> None:
    """A thousand hosts with an expression that takes too long take no thousand seconds."""
    text = "{{ ('d' * 40 + 'e') | regex_replace('(d+)+$', '') }}"
    with pytest.raises(ExpressionError, match="takes longer"):
        WORKER.evaluated(text, {}, {})
    began = time.monotonic()
    for _ in range(1000):
        with pytest.raises(ExpressionError, match="takes longer"):
            WORKER.evaluated(text, {}, {})
    assert time.monotonic() - began < 1


def test_results_keep_their_types() -> None:
    """What comes back from the other process is what the expression gave."""
    values = {"a": [1, 2.5, None, True, {"b": "c"}]}
    assert WORKER.evaluated("{{ a | reverse | list }}", values, {}) == [
        {"b": "c"}, True, None, 2.5, 1,
    ]  # fmt: skip
    assert WORKER.evaluated("{{ lookup('env', 'X') }}", {}, {"X": "y"}) == "y"
    assert WORKER.undeclared("{{ a + b.c }}{% set d = 1 %}{{ d }}") == {"a", "b"}
