"""Marks in a gateway's home: whose they are, and whether they still count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from building import NEW, NOW, put

from hermes_ops.files.layout import STOPPED
from hermes_ops.hermes.gateway import HEARTBEAT
from hermes_ops.hermes.markers import DRAIN, Marker, hand_stop, markers
from hermes_ops.look.facts import LinkEnd, PathState

HOME = PurePosixPath(".hermes")
HERE = replace(NEW, boot="this-boot")


def found(text: str, *, old: bool = False) -> Marker:
    """Return the only mark in the home, with this text."""
    path = f"{HOME}/{DRAIN}"
    facts = put(replace(HERE, aged=frozenset({path} if old else ())), path, text)
    (marker,) = markers(HOME, facts)
    return marker


@pytest.mark.parametrize(
    ("text", "over"),
    [
        (f'{{"expires_at": {NOW - 1}}}', "expired"),
        (f'{{"expires_at": {NOW + 1}}}', ""),
        (f'{{"expires_at": {NOW + 1}, "boot": "other"}}', "outlived"),
        (f'{{"expires_at": {NOW + 1}, "epoch": "this-boot:77"}}', ""),
        ('{"epoch": "other:77"}', "outlived"),
        ('{"requested_at": "2026-11-22T07:59:59+00:00"}', "expired"),
        ('{"requested_at": "2026-11-22T07:59:59"}', "expired"),
        ('{"requested_at": "2026-11-22T08:00:01+00:00"}', ""),
        (f'{{"requested_at": {NOW + 60}}}', ""),  # a clock that is a little ahead
        ('{"requested_at": "2031-01-01T00:00:00+00:00"}', "untimely"),
        (f'{{"requested_at": {NOW + 9000}, "expires_at": {NOW + 99999}}}', "untimely"),
        # Its own end counts, not the hour that Hermes' marks get.
        (f'{{"requested_at": "2026-11-20T08:00:01+00:00", "expires_at": {NOW + 9}}}', ""),
        *(
            (text, "")
            for text in ("", "[]", "{", '{"requested_at": "yesterday"}', '{"boot": 7.5e9')
        ),
    ],
)
def test_whether_it_counts(text: str, over: str) -> None:
    """By its own end, its boot, or the time when it was written."""
    assert found(text).over == over


@pytest.mark.parametrize(("later", "counts"), [(-9, True), (1, True), (3, False)])
def test_a_stop_by_hand_ends_with_what_a_gateway_writes_after_it(later: int, counts: bool) -> None:
    """Its last heartbeat may come while it ends; a later one is of another start."""
    stopped = datetime.fromtimestamp(NOW - 60, UTC).isoformat()
    beat = datetime.fromtimestamp(NOW - 60 + later, UTC).isoformat()
    held = put(HERE, f"{STOPPED}/demo", f'{{"by": "ann", "since": "{stopped}"}}')
    held = put(held, f"{HOME}/{HEARTBEAT}", f'{{"updated_at": "{beat}"}}')
    assert (hand_stop("demo", HOME, held) is not None) is counts


def test_a_mark_without_any_time_is_as_old_as_its_file() -> None:
    """Somebody touched the file: after an hour it does not count."""
    assert found("", old=True).told == "old drain request of somebody"
    assert found(f'{{"expires_at": {NOW + 9}}}', old=True).over == ""


def test_a_link_to_a_file_is_a_mark() -> None:
    """Hermes follows it; what leads nowhere is none to it."""
    path, there = f"{HOME}/{DRAIN}", PathState("file", 0o600, 1000, 2)
    for state, count in ((there, 1), (None, 0)):
        end = LinkEnd("/srv/mark", state, None)
        link = PathState("link", 0o777, 1000, 9, "/srv/mark", end=end)
        held = replace(HERE, paths={path: link}, contents={path: "{}"})
        assert len(list(markers(HOME, held))) == count


def test_no_file_is_no_mark() -> None:
    """Neither is a folder of that name."""
    assert not list(markers(HOME, HERE))
