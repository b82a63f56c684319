"""Any text survives a shell and a systemd unit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import needs
from shell_kit import SHELLS, words_of
from systemctl import parse_show_environment

from hermes_ops.files import quoting

FOLDER = Path(__file__).parents[1] / "cases" / "quoting"
ODD_VALUES: list[str] = json.loads((FOLDER / "odd_values.json").read_text())
"""Every special character alone, then random rows of them; hosts of the lab read them too."""
CAPTURED = re.sub(r"\A(#.*\n)+", "", (FOLDER / "systemctl_show.txt").read_text())
MANY = settings(max_examples=examples(500))
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_read_the_word(shell: str) -> None:
    """Each shell gives every odd value back."""
    script = f"printf '%s\\0' {' '.join(map(quoting.shell, ODD_VALUES))}"
    words = [*words_of(shell), "-s"]
    answer = subprocess.run(words, input=script.encode(), capture_output=True, check=True)
    assert answer.stdout.decode().split("\0")[:-1] == ODD_VALUES


def test_shell_reads_any_text() -> None:
    """500 random texts, in one call."""
    words: list[str] = []

    @MANY
    @given(texts)
    def collect(word: str) -> None:
        words.append(word)

    collect()
    script = "\n".join(f"printf '%s\\0' {quoting.shell(word)}" for word in words)
    answer = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True)
    assert answer.stdout.decode().split("\0")[:-1] == words


def test_reads_what_systemctl_printed() -> None:
    """The capture of a real host gives back the values that our lines set there."""
    read = parse_show_environment(CAPTURED)
    assert list(read.values()) == ODD_VALUES
    assert list(read) == [f"V{index}" for index in range(len(ODD_VALUES))]
    assert parse_show_environment("Environment=\n") == {}
    assert parse_show_environment("A=1 B=\n") == {"A": "1", "B": ""}


@MANY
@given(texts)
def test_a_unit_value_is_one_line_of_plain_characters(value: str) -> None:
    """Nothing in a value ends the line, closes the quote, continues the line or is a specifier."""
    line = quoting.systemd_environment("A", value)
    inner = line.removeprefix('Environment="').removesuffix('"')
    assert not re.search(r"[\x00-\x1f\x7f]", inner)
    assert re.fullmatch(r'(?:[^"\\%]|\\[abfnrtv"\\]|\\x[0-9a-f]{2}|%%)*', inner)
    unescaped = parse_show_environment(f'"{inner.replace("%%", "%")}"')
    assert unescaped == {"A": value}


def test_unit_words() -> None:
    """Plain words stay plain; variables and specifiers are doubled, the program's dollar is not."""
    assert quoting.systemd_word("/opt/a-b/c.sh") == "/opt/a-b/c.sh"
    assert quoting.systemd_word("") == '""'
    assert quoting.systemd_word(";") == '";"'
    assert quoting.systemd_word("a $B %h") == '"a $$B %%h"'
    assert quoting.systemd_program("/opt/a $B %h") == '"/opt/a $B %%h"'


@pytest.mark.parametrize("value", ["a\0", "\ufffe", "\ufdd0", "\ud800", "\U0010ffff"], ids=ascii)
def test_what_no_unit_holds(value: str) -> None:
    """systemd would drop the line, with a warning that nobody reads."""
    assert quoting.unit_refusal(value)


def test_unit_refusal_is_narrow() -> None:
    """Every other value is taken, and names are what a shell takes."""
    assert not any(quoting.unit_refusal(value) for value in ODD_VALUES)
    assert quoting.unit_refusal("x", name="A_1") is None
    assert all(quoting.unit_refusal("x", name) for name in ("", "1A", "A-B", "Ä", "A B", "A\n"))


@needs("systemd-analyze")
def test_systemd_accepts_the_lines(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say about a unit full of odd values."""
    lines = [quoting.systemd_environment(f"V{i}", value) for i, value in enumerate(ODD_VALUES)]
    words = " ".join(map(quoting.systemd_word, ODD_VALUES))
    unit = tmp_path / "odd.service"
    unit.write_text("\n".join(["[Service]", *lines, f"ExecStart=/bin/true {words}", ""]))
    command = ["systemd-analyze", "verify", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
