"""Marks in a gateway's home: whose they are, and whether they still count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from building import NEW, NOW, put

from hermes_ops.hermes.markers import DRAIN, Marker, markers

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


def test_a_mark_without_any_time_is_as_old_as_its_file() -> None:
    """Somebody touched the file: after an hour it does not count."""
    assert found("", old=True).told == "old drain request of somebody"
    assert found(f'{{"expires_at": {NOW + 9}}}', old=True).over == ""


def test_no_file_is_no_mark() -> None:
    """Neither is a folder of that name."""
    assert not list(markers(HOME, HERE))
