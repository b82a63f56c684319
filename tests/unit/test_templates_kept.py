"""A text of ours is rendered once for the same values; others never stand for each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hermes_ops import templates
from hermes_ops.errors import InventoryError
from hermes_ops.secrets.secret import Secret

PART = "{% if profile != 'default' %}/profiles/{{ profile }}{% endif %}"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The values with which Jinja was called."""
    told: list[dict[str, Any]] = []
    here = templates.rendered_here

    def spy(source: str, values: dict[str, Any], name: str) -> str:
        told.append(dict(values))
        return here(source, values, name)

    monkeypatch.setattr(templates, "rendered_here", spy)
    templates._known.cache_clear()
    yield told
    templates._known.cache_clear()


def test_the_same_values_are_rendered_once(rendered: list[dict[str, Any]]) -> None:
    """What a text does not use makes no difference."""
    found = [templates.render(PART, {"profile": "a", "host": host}) for host in "xyz"]
    assert found == ["/profiles/a"] * 3
    assert rendered == [{"profile": "a"}]


@pytest.mark.parametrize("values", [("b", "a", "b"), (1, True, "1"), (None, "None", "a")])
def test_other_values_are_other_texts(values: tuple[Any, ...]) -> None:
    """Also those that are equal to each other and of other types."""
    found = [templates.render(PART, {"profile": value}) for value in values]
    assert found == [f"/profiles/{value}" for value in values]


def test_what_is_no_plain_value_is_rendered_anew(rendered: list[dict[str, Any]]) -> None:
    """A secret is refused every time, and lists may change."""
    for _ in range(2):
        with pytest.raises(InventoryError, match="cannot write a secret"):
            templates.render(PART, {"profile": Secret("s3cret-of-the-test")})
    names = ["a"]
    assert templates.render(PART, {"profile": names}) == "/profiles/['a']"
    names.append("b")
    assert templates.render(PART, {"profile": names}) == "/profiles/['a', 'b']"
    assert len(rendered) == 4


def test_a_missing_name_is_told_with_all_others() -> None:
    """Not only with those that the text uses."""
    with pytest.raises(InventoryError) as refused:
        templates.render(PART, {"host": "one", "home": "x"}, name="some.j2")
    assert refused.value.hint == "names that are defined here: home, host"
