"""The ceiling of all services: its file goes when no service is below it any more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from building import desired, facts, put

from hermes_ops.look.facts import Facts
from hermes_ops.plan import make_plan

FOLDER = ".config/systemd/user"
SLICE = f"{FOLDER}/hermes.slice"
CEILING = {"service": {"ceiling": "6G"}}
REMOVED = [("remove", "no service is in it any more")]


def held(*profiles: str) -> Facts:
    """Return a host on which these profiles are below a ceiling."""
    held_by = dict.fromkeys(profiles, CEILING)
    found = facts({"desired": held_by, "facts": {"holds": "desired"}})
    lines = {
        path: ("Slice=hermes.slice",)
        for path, text in found.contents.items()
        if "\nSlice=hermes.slice\n" in text
    }
    assert len(lines) == len(profiles)
    return replace(found, unit_lines=lines)


def about_slice(found: Facts, wanted: dict[str, object]) -> list[tuple[str, str]]:
    """Return what a plan does to the slice, and why."""
    changes = make_plan(desired({"desired": wanted}), found).changes
    return [(c.action, c.reason) for c in changes if c.resource == f"file:{SLICE}"]


def test_it_goes_with_the_last_service() -> None:
    """Once nobody wants it, or whoever did is gone; systemd is told, and a second run is empty."""
    assert about_slice(held("demo"), {"demo": {}}) == REMOVED
    assert about_slice(held("demo"), {"demo": {**CEILING, "state": "absent"}}) == REMOVED
    assert about_slice(held("demo"), {"demo": CEILING}) == []
    plan = make_plan(desired({"desired": {"demo": {}}}), held("demo"))
    kinds = [c.resource for c in plan.changes if c.profile is None]
    assert kinds == [f"file:{SLICE}", "manager:systemd"]


def test_one_that_was_left_goes_too() -> None:
    """As it stays where the last service left it before: no definition changes."""
    left = facts({"desired": {"demo": CEILING}, "facts": {"holds": "desired"}})
    bare = facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})
    paths = {**bare.paths, SLICE: left.paths[SLICE]}
    contents = {**bare.contents, SLICE: left.contents[SLICE]}
    digests = {**bare.digests, SLICE: left.digests[SLICE]}
    found = replace(bare, paths=paths, contents=contents, digests=digests)
    assert about_slice(found, {"demo": {}}) == REMOVED
    plan = make_plan(desired({"desired": {"demo": {}}}), found)
    assert [c.resource for c in plan.changes] == [f"file:{SLICE}", "manager:systemd"]


def test_only_what_is_below_it_keeps_it() -> None:
    """A drop-in of another scope is below another slice, and one of other words below none."""
    others = {
        "/etc/systemd/system/x.service.d/y.conf": ("Slice=hermes.slice",),
        f"{FOLDER}/x.service.d/y.conf": ("Slice=other.slice",),
    }
    found = held("demo")
    found = replace(found, unit_lines={**found.unit_lines, **others})
    assert about_slice(found, {"demo": {}}) == REMOVED


@pytest.mark.parametrize("may_root", [True, False])
def test_that_of_the_system_is_roots(may_root: bool) -> None:
    """Whoever cannot become root leaves it there: nothing of theirs depends on it."""
    path = "/etc/systemd/system/hermes.slice"
    bare = facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})
    left = put(replace(bare, may_root=may_root), path, "# Written by hermes-ops\n[Slice]\n")
    plan = make_plan(desired({"desired": {"demo": {}}}), left)
    assert [c.resource for c in plan.changes] == ([f"file:{path}"] if may_root else [])


@pytest.mark.parametrize("state", ["started", "absent"])
def test_it_stays_for_another(state: str) -> None:
    """For one that is not selected, or left the inventory, and if it is somebody's own."""
    assert about_slice(held("demo", "other"), {"demo": {"state": state}}) == []
    own = held("demo")
    found = replace(own, contents={**own.contents, SLICE: "[Slice]\nMemoryMax=1G\n"})
    assert about_slice(found, {"demo": {"state": state}}) == []
