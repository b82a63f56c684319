"""A secret does not show, whichever way it is printed."""

from __future__ import annotations

import base64
import copy
import io
import json
import pickle
import shlex
import tempfile
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.cli import output as sink
from hermes_ops.cli.output import Output
from hermes_ops.errors import CommandError
from hermes_ops.secrets.encodings import SHORTEST
from hermes_ops.secrets.secret import Redactor, Secret, is_searched

values = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), max_codepoint=0x2FFF),
    min_size=SHORTEST,
    max_size=40,
).filter(is_searched)


def test_a_secret_has_no_text() -> None:
    """Neither str, repr, format nor an f-string gives the value; no copy or pickle is made."""
    secret = Secret("hunter2-hunter2")
    shown = f"{secret} {secret!r} {secret:}" + str([secret]) + repr({"a": secret})
    assert "hunter2" not in shown
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            duplicate(secret)
    assert secret.reveal() == "hunter2-hunter2"


@pytest.mark.parametrize(
    "value", ["short", "12345678", "127.0.0.1:8642", "http://localhost:8642", "localhost", "::1"]
)
def test_plain_values_are_not_blacked_out(value: str) -> None:
    """Numbers, addresses, known words and short values stay readable."""
    redactor = Redactor()
    redactor.learn(value)
    assert redactor(f"see {value} here") == f"see {value} here"


@given(values, st.text(max_size=10))
def test_no_form_of_a_value_passes(value: str, around: str) -> None:
    """As itself and in JSON, shell, URL and base64 form, a known value does not pass the sink."""
    redactor = Redactor()
    redactor.learn(Secret(value))
    forms = [
        value,
        json.dumps(value),
        json.dumps(value, ensure_ascii=False),
        shlex.quote(value),
        quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
    ]
    for form in forms:
        shown = redactor(f"{around}{form}")
        assert form not in shown


def test_lines_of_a_long_value_do_not_pass() -> None:
    """Of a value of several lines, no line passes."""
    redactor = Redactor()
    redactor.learn("-----BEGIN KEY-----\nabcdefghijkl\nmnopqrstuvwx\n-----END KEY-----")
    assert "mnopqrstuvwx" not in redactor("line: mnopqrstuvwx")


def test_what_a_task_prints_passes_the_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers, notes, documents and errors are all redacted."""
    redactor = Redactor()
    redactor.learn("s3cr3t-value-1")
    monkeypatch.setattr(sink, "REDACTOR", redactor)
    for json_wanted in (False, True):
        out, err = io.StringIO(), io.StringIO()
        output = Output(json=json_wanted, out=out, err=err)
        output.text("a s3cr3t-value-1")
        output.note("b s3cr3t-value-1")
        output.document({"c": "s3cr3t-value-1"})
        output.error(CommandError("d s3cr3t-value-1", hint="e s3cr3t-value-1"))
        assert "s3cr3t" not in out.getvalue() + err.getvalue()
        assert "***" in out.getvalue() + err.getvalue()


@pytest.mark.parametrize("json_wanted", [False, True])
def test_bytes_that_are_no_text_end_no_answer(json_wanted: bool) -> None:
    """What a host sent is printed, escaped, where a terminal has no letter for it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as stream:
        output = Output(json=json_wanted, out=stream, err=stream)
        output.text("box \udcff")
        output.note("box \udcff")
        output.document({"user": "box \udcff"})
        stream.seek(0)
        lines = stream.read().splitlines()
    assert len(lines) == 2
    assert all("box \\udcff" in line for line in lines)
    assert not json_wanted or json.loads(lines[1]) == {"user": "box \udcff"}
