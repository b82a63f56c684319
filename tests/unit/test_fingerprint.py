"""A fingerprint tells equal from different, and nothing else."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.errors import UsageError
from hermes_ops.secrets.fingerprint import LENGTH, fingerprint, operator_key
from hermes_ops.secrets.secret import Secret

KEY = bytes(range(32))


def test_it_is_a_known_function() -> None:
    """HMAC-SHA256, its first twelve digits: another program can compute it with the same key."""
    assert fingerprint(KEY, "hunter2-hunter2") == "373951402ead"


@given(st.text(max_size=30), st.text(max_size=30))
def test_equal_values_and_only_they_look_alike(first: str, second: str) -> None:
    """Plain or as a secret, a value has one fingerprint, and another value another."""
    assert fingerprint(KEY, first) == fingerprint(KEY, Secret(first))
    assert (fingerprint(KEY, first) == fingerprint(KEY, second)) is (first == second)
    assert len(fingerprint(KEY, first)) == LENGTH


def test_another_key_gives_another_fingerprint() -> None:
    """What one operator sees does not help who has no key."""
    assert fingerprint(KEY, "same") != fingerprint(KEY[::-1], "same")


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Ten threads that need the first key get one; it has mode 0600, and nothing is left over."""
    file = tmp_path / "state" / "fingerprint.key"
    with ThreadPoolExecutor(10) as pool:
        keys = set(pool.map(lambda _: operator_key(file), range(10)))
    assert len(keys) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The sentence has the command that mends it."""
    file = tmp_path / "fingerprint.key"
    operator_key(file)
    file.chmod(0o640)
    with pytest.raises(UsageError, match="others may read the key") as caught:
        operator_key(file)
    assert f"chmod 600 {file}" in caught.value.hint


@pytest.mark.parametrize("content", ["", "abcd\n", "no hex\n", "ä" * 64])
def test_a_damaged_key_is_refused(content: str, tmp_path: Path) -> None:
    """A key of another length, or none at all, would make fingerprints that mean nothing."""
    file = tmp_path / "fingerprint.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="not a key of fingerprints"):
        operator_key(file)


def test_a_key_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    """Where the state folder would be is a file."""
    (tmp_path / "state").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        operator_key(tmp_path / "state" / "fingerprint.key")
