"""INI inventories: any text is read or refused with its line, and some files are no UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError
from hermes_ops.loader.sources.ini import ini_mentions
from hermes_ops.loader.sources.reading import Reading


def read(folder: Path, content: bytes) -> list[object]:
    """Return all that a file says."""
    path = folder / "hosts.ini"
    path.write_bytes(content)
    return list(ini_mentions(path, Reading(), {"all", "ungrouped"}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="[]:=a1#;'\" \\\n\t(){},-é\x0b", max_size=60))
def test_any_text_is_read_or_a_sentence(tmp_path: Path, text: str) -> None:
    """No text ends in another exception; a sentence always has its line."""
    try:
        read(tmp_path, text.encode())
    except InventoryError as error:
        assert (error.where or "").startswith(str(tmp_path / "hosts.ini:"))
        assert "\n" not in error.message


def test_comments_may_be_in_any_encoding(tmp_path: Path) -> None:
    """As for Ansible, only what says something must be UTF-8."""
    assert len(read(tmp_path, b"# caf\xe9\nh1\n; \xff\nh2\n")) == 2
    with pytest.raises(InventoryError, match=r"hosts\.ini:3:6: is not UTF-8 text"):
        read(tmp_path, b"h1\n# \xe9\nh2 x=\xff\n")


def test_a_byte_order_mark_is_none_of_the_name(tmp_path: Path) -> None:
    """Editors of Windows leave one."""
    assert read(tmp_path, b"\xef\xbb\xbf[web]\nh1\n") == read(tmp_path, b"[web]\nh1\n")


def test_a_value_that_python_cannot_parse(tmp_path: Path) -> None:
    """A literal too deep for the parser is refused, not a crash."""
    with pytest.raises(InventoryError, match=r"hosts\.ini:1:4: a value is nested too deep"):
        read(tmp_path, b"h1 x=" + b"-" * 200_000 + b"1\n")


def test_what_follows_an_equals_sign_is_not_repeated(tmp_path: Path) -> None:
    """A line that is wrong may hold a password."""
    for line in (b"h1 'pass word=geheim", b"h1 x=1 pass word=geheim", b"[a]\nh1 word geheim=1"):
        with pytest.raises(InventoryError) as caught:
            read(tmp_path, line)
        assert "geheim=" not in str(caught.value) and "=geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("length", "shown"),
    [(39, "w" * 39), (40, "w" * 40), (41, "w" * 40 + "…"), (99, "w" * 40 + "…")],
)
def test_a_long_word_is_shown_cut(length: int, shown: str, tmp_path: Path) -> None:
    """A line without an end does not fill the terminal, and it is seen that more followed."""
    with pytest.raises(InventoryError) as caught:
        read(tmp_path, b"h1 " + b"w" * length + b"\n")
    assert f"not {shown!r}" in str(caught.value)
