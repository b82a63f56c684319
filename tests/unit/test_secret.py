"""A secret does not show, whichever way it is printed."""

from __future__ import annotations

import base64
import copy
import io
import json
import pickle
import shlex
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
from calling import said
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.cli import output as sink
from hermes_ops.cli.output import Output
from hermes_ops.errors import CommandError
from hermes_ops.secrets.encodings import SHORTEST
from hermes_ops.secrets.secret import Public, Redactor, Secret, is_searched

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
    assert "box \\xff" in lines[0]
    assert ("box \\udcff" if json_wanted else "box \\xff") in lines[1]
    assert not json_wanted or json.loads(lines[1]) == {"user": "box \udcff"}


def test_names_are_no_text() -> None:
    """What is public stays in documents, as a key and as a value; a value beside it does not."""
    redact = Redactor()
    redact.learn("lighthouse")
    document = {Public("lighthouse"): [Public("lighthouse"), "lighthouse", "to lighthouse 2"]}
    assert redact.deep(document) == {"lighthouse": ["lighthouse", "***", "to *** 2"]}


def test_names_stay_whole_in_text() -> None:
    """A spared name is no secret although a part of it is one; the value alone still is."""
    redact = Redactor()
    redact.learn("lighthouse")
    redact.spare(["lighthouse-1", "north/lighthouse-2", "lighthouse"])
    text = "lighthouse-1: ok, lighthouse-1/bot, lighthouse-2. lighthouse, lighthouse-3"
    assert redact(text) == "lighthouse-1: ok, lighthouse-1/bot, lighthouse-2. ***, ***-3"
    assert redact.in_words("lighthouse-3, x=lighthouse, lighthouses") == (
        "lighthouse-3, x=***, lighthouses"
    )


def test_an_inventory_is_listed_with_its_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A password that is also a name, or a part of names, leaves every name as it is."""
    hosts = (
        "[lighthouse]\nlighthouse-1 lighthouse_port=80 note=lighthouse-note\n"
        "[lighthouse:vars]\nansible_become_password=lighthouse\n"
    )
    (tmp_path / "hosts").write_text(hosts)
    code, out, _ = said(capsys, "inventory.list", "--json", "-i", str(tmp_path / "hosts"))
    listed = json.loads(out)
    assert (code, listed["lighthouse"]) == (0, {"hosts": ["lighthouse-1"]})
    assert listed["all"] == {"children": ["ungrouped", "lighthouse"]}
    assert listed["_meta"]["hostvars"] == {
        "lighthouse-1": {
            "lighthouse_port": 80,
            "note": "lighthouse-note",
            "ansible_become_password": "***",
        }
    }
    _, out, _ = said(capsys, "inventory.list", "-i", str(tmp_path / "hosts"))
    assert out.splitlines() == ["@all", "  @ungrouped", "  @lighthouse", "    lighthouse-1"]
    _, out, _ = said(
        capsys, "inventory.explain", "lighthouse-1", "--json", "-i", str(tmp_path / "hosts")
    )
    keys = {row["key"]: row["value"] for row in json.loads(out)["items"]}
    assert keys["ansible_become_password"] == "***"
    assert keys["lighthouse_port"] == 80


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("+  thing: ab", "+  thing: ***"),
        ("-  thing: 'ab'", "-  thing: '***'"),
        ('+Environment="THING=ab"', '+Environment="THING=***"'),
        ("+  - ab", "+  - ***"),
        ("+{a: ab, b: [12, cab]}", "+{a: ***, b: [***, cab]}"),
        ("+  thing: a: b", "+  thing: ***"),
        ("+  other: abc", "+  other: abc"),
    ],
)
def test_a_value_of_a_vault_of_any_length(line: str, shown: str) -> None:
    """Where it is the value of a setting: in running text nobody can tell it from a word."""
    redactor = Redactor()
    assert redactor.in_line(line) == line
    for value in ("ab", "12", "a: b", ""):
        redactor.learn_typed(value)
    assert redactor.in_line(line) == shown
    assert redactor.of_setting("ab") == "***"
    assert redactor.of_setting("abc") == "abc"
    assert redactor("the word ab") == "the word ab"
