"""Nothing that a host, an inventory or a lock says controls the terminal of who reads it."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hermes_ops.cli.output import Output
from hermes_ops.cli.printable import one_line, printable
from hermes_ops.errors import HermesError
from hermes_ops.reporting.report import table
from hermes_ops.run.listener import owner_text

BAD = st.sampled_from("\x1b\x07\x00\r\x7f\x9b\u202e\u2066\u200f\u2028\ufeff\udcff\U000e0041")
FOREIGN = st.text(st.one_of(st.characters(), BAD, st.sampled_from("ab[]/\n\t")))


def is_harmless(text: str) -> bool:
    kinds = {unicodedata.category(char) for char in text if char not in "\n\t"}
    return not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b]0;TITLE\x07", "\\x1b]0;TITLE\\x07"),
        ("a\rb\x9b1m", "a\\x0db\\x9b1m"),
        ("\u202etxt.exe\u2028", "\\u202etxt.exe\\u2028"),
        (b"caf\xe9 \xff".decode("utf-8", "surrogateescape"), "caf\\xe9 \\xff"),
        ("\U000e0041", "\\U000e0041"),
        ("été, 東京 🙂, a\xa0b", "été, 東京 🙂, a\xa0b"),
    ],
)
def test_what_is_not_visible_is_escaped(text: str, shown: str) -> None:
    """Text of any language stays as it is."""
    assert printable(text) == shown


def test_a_name_is_one_line() -> None:
    """A line end in a name would let it write lines of its own."""
    assert one_line("a\nerror: b\t") == "a\\nerror: b\\t"


@pytest.mark.slow
@given(FOREIGN)
@example("\x1b[31m[bold]x[/bold]\udc80")
def test_whatever_is_printed_is_harmless(text: str) -> None:
    """Answers, notes, errors and their hints, tables."""
    out, err = io.StringIO(), io.StringIO()
    output = Output(json=False, out=out, err=err)
    output.text(text)
    output.note(text)
    output.error(HermesError(text, hint=text))
    table(output, ["host", "why"], [{"host": text, "why": [text, {text: text}]}])
    assert is_harmless(out.getvalue())
    assert is_harmless(err.getvalue())


@pytest.mark.slow
@given(FOREIGN)
def test_markup_is_no_markup(text: str) -> None:
    """A terminal gets colors of ours and the letters of others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FORCE_COLOR", "1")
        patched.setenv("COLUMNS", "1000")
        out = io.StringIO()
        table(Output(json=False, out=out), ["why"], [{"why": f"<{text}>"}, {"why": "healthy"}])
    plain = out.getvalue()
    for code in ("0m", "1m", "32m"):
        plain = plain.replace(f"\x1b[{code}", "")
    assert is_harmless(plain)


@pytest.mark.slow
@given(st.recursive(FOREIGN, lambda deeper: st.lists(deeper) | st.dictionaries(FOREIGN, deeper)))
def test_a_document_is_printable_and_means_the_same(value: Any) -> None:
    """JSON has escapes of its own for everything that is not visible."""
    out = io.StringIO()
    Output(json=True, out=out).document({"value": value})
    assert is_harmless(out.getvalue())
    assert json.loads(out.getvalue()) == {"value": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"operator": "e\\u001b]0;T\\u0007\\n", "why": "\\u001b[31m", "run": 1}',
         "e\\x1b]0;T\\x07\\n, run 1, since ? (\\x1b[31m)"),
        ("[]", "somebody"),
        ("[" * 100_000, "somebody"),
    ],
)  # fmt: skip
def test_an_owner_of_a_lock_is_one_line(text: str, said: str) -> None:
    """Whatever is in the file of the lock."""
    assert owner_text(text) == said
