"""A template may be a stranger's: it ends, takes little memory, and its text has a bound."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hermes_ops.assets import ROLES, TEMPLATES
from hermes_ops.errors import InventoryError
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.describe import _refuse_unknown_names
from hermes_ops.templates import _is_ours, render

ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
LONG = "{% for a in range(99999) %}" + "x" * 100 + "{% endfor %}"
WIDE = "{{ 'x' * 10**10 }}"
NESTED = "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (ENDLESS, "it takes longer than 0.5 s, or too much memory"),
        (LONG, "its result is larger than 1 MiB"),
        (WIDE, "it takes too much memory"),
        (NESTED, "it takes too much memory"),
    ],
    ids=["endless", "long", "wide", "nested"],
)
@pytest.mark.slow
def test_what_takes_too_much_is_one_sentence(source: str, why: str) -> None:
    """With the file and the line of its first block; the same text is not tried again."""
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(InventoryError) as caught:
            render(f"first line\n\n{source}", {}, name="profiles/a.md")
        assert str(caught.value.where) == "profiles/a.md:3:1"
        assert caught.value.message == f"the template cannot be rendered: {why}"
    assert time.monotonic() - began < 5


def test_what_a_template_gets() -> None:
    """The same as in this process: values of any depth, and no secret."""
    values = {"a": {"b": [1, {"c": "x"}]}, "s": {"deep": Secret("hush")}, "unused": object()}
    assert render("{% for n in a.b[:1] %}{{ n }}{% endfor %}{{ a.b[1].c }}\n", values) == "1x\n"
    with pytest.raises(InventoryError, match="a template cannot write a secret") as caught:
        render("{{ s.deep or '' }}", values)
    assert "0600" in caught.value.hint
    with pytest.raises(InventoryError, match="'nobody' is undefined") as caught:
        render("x\n{{ nobody | upper }}", values, name="file")
    assert str(caught.value.where) == "file:2:4"
    assert caught.value.hint == "names that are defined here: a, s, unused"
    with pytest.raises(InventoryError, match="unexpected 'end of print statement'") as caught:
        render("x\n{{ a + }}", values, name="file")
    assert str(caught.value.where) == "file:2:1"


def test_our_own_templates_need_no_other_process() -> None:
    """They are known by their text."""
    for top in (TEMPLATES, ROLES):
        for file in top.glob("*/*.j2"):
            assert _is_ours(file.read_text())
    assert not _is_ours(ENDLESS)


@pytest.mark.slow
def test_a_template_of_a_role_is_tried_before_any_contact(tmp_path: Path) -> None:
    """Its values come from the host, but that it has no end is seen without them."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.service.j2").write_text(f"[Unit]\n{ENDLESS}\n")
    with pytest.raises(InventoryError, match="the template cannot be rendered: it takes longer"):
        _refuse_unknown_names(tmp_path, "templates/a.service.j2", frozenset({"name"}))
