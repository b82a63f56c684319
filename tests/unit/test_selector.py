"""A selector is a set of hosts and profiles; each case file has one inventory and its selectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case_file import read_case
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Group, Host, Inventory, Profile
from hermes_ops.inventory.selector import select

FOLDER = Path(__file__).parents[1] / "cases" / "selector"


def inventory_of(data: dict[str, Any]) -> Inventory:
    """Return the inventory of a case: hosts with their profiles, and groups."""
    hosts = tuple(
        Host(name, profiles=tuple(map(Profile, profiles)), all_profiles=tuple(profiles))
        for name, profiles in data["hosts"].items()
    )
    groups = {
        name: Group(name, tuple(group.get("hosts", ())), tuple(group.get("children", ())))
        for name, group in data["groups"].items()
    }
    return Inventory(hosts, groups)


def selected(inventory: Inventory) -> dict[str, list[str]]:
    """Return the names of a selection."""
    return {host.name: [profile.name for profile in host.profiles] for host in inventory.hosts}


def cases() -> list[Any]:
    """Return every selector of every case file, with the inventory it speaks of."""
    return [
        pytest.param(data, case, id=f"{file.stem}: {case['selector']}")
        for file in sorted(FOLDER.glob("*.yml"))
        for data in [read_case(file)]
        for case in data["cases"]
    ]


@pytest.mark.parametrize(("data", "case"), cases())
def test_case(
    data: dict[str, Any], case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The selection, its warnings or its error are those of the case."""
    monkeypatch.chdir(tmp_path)
    for name, text in data.get("files", {}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    if "error" in case:
        with pytest.raises(UsageError) as caught:
            select(inventory_of(data), case["selector"])
        assert {"message": caught.value.message, "hint": caught.value.hint} == case["error"]
        return
    chosen, warnings = select(inventory_of(data), case["selector"])
    assert selected(chosen) == case["selected"]
    assert warnings == case.get("warnings", [])


SMALL = {
    "hosts": {"a-1": ["x", "y"], "a-2": ["x"], "b-1": [], "b-2": ["y", "z"]},
    "groups": {
        "all": {"children": ["a", "b"]},
        "a": {"hosts": ["a-1", "a-2"]},
        "b": {"hosts": ["b-1", "b-2"]},
    },
}
TERMS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "&", "!"]),
    st.sampled_from(["all", "a", "b", "a-1", "*-2", "~b", "a[0]", "none"]),
    st.sampled_from(["", "/x", "/*", "/[yz]"]),
)


@given(st.lists(TERMS, min_size=1, max_size=5), st.sampled_from([",", ":"]), st.randoms())
def test_order_does_not_matter(terms: list[str], separator: str, random: Any) -> None:
    """Whatever the order of the terms, the selection is the same."""
    shuffled = list(terms)
    random.shuffle(shuffled)
    assert _outcome(separator.join(terms)) == _outcome(separator.join(shuffled))


@pytest.mark.slow
@given(st.lists(TERMS, min_size=1, max_size=4), TERMS)
def test_exclusion_only_takes_away(terms: list[str], last: str) -> None:
    """A term with `!` or `&` more never selects more, as long as another unites."""
    united = ["all", *terms]
    narrowing = "!" + last.lstrip("&!")
    before, after = _outcome(",".join(united)), _outcome(",".join([*united, narrowing]))
    assert all(set(profiles) <= set(before[host]) for host, profiles in after.items())


def _outcome(selector: str) -> dict[str, list[str]]:
    try:
        return selected(select(inventory_of(SMALL), selector)[0])
    except UsageError:
        return {}


def test_no_selector_is_everything() -> None:
    """Without `--limit` the inventory is the selection."""
    inventory = inventory_of(SMALL)
    assert select(inventory, None) == (inventory, [])


def test_all_profiles_stay_known() -> None:
    """A narrowed host still knows which profiles it has in full."""
    chosen, _ = select(inventory_of(SMALL), "a-1/x")
    assert chosen.hosts[0].all_profiles == ("x", "y")
