"""A secret is found in every shape in which programs write it, alone or inside of a longer text."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree as xml

import pytest
import yaml
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.secrets.secret import Redactor, is_searched

VALUES = {
    "a token": "7012345678:AAFx0Zk3vQm9_rT4uLw8-pQ",
    "odd letters": """pa$$ w'o"r`d\\n!%&<>/?=+#~ {x}""",
    "another alphabet": "pässwörd-Ω≈ç√-日本語",
    "lines": "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1x/yz+90\nq83vEjRWeJCrze8S\n-----END KEY-----\n",
    "a blank at each end": "  with blanks around  ",
    "a tab": "first\tsecond\tthird",
    "hexadecimal": "deadbeefcafe00112233445566778899",
    "only digits, too many for a number": "93847562893746528937465289374",
}


def _bash(value: str, code: str, locale: str = "C.UTF-8") -> str:
    """Return what bash makes of a value."""
    words = ["bash", "-c", code, "_", value]
    ended = subprocess.run(words, capture_output=True, env={"LC_ALL": locale}, check=True)
    return (ended.stdout + ended.stderr).decode("utf-8", "replace")


def _run(value: str, *words: str) -> str:
    return subprocess.run(
        words, input=value.encode(), capture_output=True, check=True
    ).stdout.decode()


SHAPES: dict[str, Callable[[str], str]] = {
    "itself": str,
    "stripped": str.strip,
    "JSON": json.dumps,
    "JSON, letters kept": lambda v: json.dumps(v, ensure_ascii=False),
    "JSON with escaped slashes": lambda v: json.dumps(v).replace("/", "\\/"),
    "JSON in JSON": lambda v: json.dumps(json.dumps({"a": v})),
    "Python": repr,
    "a shell word": shlex.quote,
    "printf %q": lambda v: _bash(v, 'printf %q "$1"'),
    "printf %q without a locale": lambda v: _bash(v, 'printf %q "$1"', "C"),
    "set -x": lambda v: _bash(v, 'set -x; : "$1"'),
    "declare -p": lambda v: _bash(v, 'declare x="$1"; declare -p x'),
    "${x@Q}": lambda v: _bash(v, 'echo "${1@Q}"'),
    "a URL's path": quote,
    "a URL's query": lambda v: quote(v, safe=""),
    "a form": quote_plus,
    "small percent digits": lambda v: re.sub("%..", lambda c: c[0].lower(), quote(v, safe="")),
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 of user:secret": lambda v: base64.b64encode(f"bot:{v}".encode()).decode(),
    "base64 in the middle": lambda v: base64.b64encode(f"ab{v}cdef".encode()).decode(),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(f"{v}x".encode()).decode(),
    "the program base64": lambda v: _run(v, "base64"),
    "hexadecimal": lambda v: v.encode().hex(),
    "HEXADECIMAL": lambda v: v.encode().hex().upper(),
    "HTML": html.escape,
    "XML": lambda v: xml.tostring(xml.Element("a", m=v), encoding="unicode"),
    "YAML": lambda v: yaml.safe_dump(v, width=1000),
    "YAML, letters kept": lambda v: yaml.safe_dump(v, width=1000, allow_unicode=True),
    "a .env file": lambda v: 'A="' + v.replace("\\", "\\\\").replace('"', '\\"') + '"',
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_passes(shape: str) -> None:
    """Of no value, written by the program itself, eight letters in a row are left."""
    for value in VALUES.values():
        redactor = Redactor()
        redactor.learn(value)
        left = redactor(SHAPES[shape](value))
        assert "***" in left, (value, left)
        assert not re.search(r"\w{8,}", re.sub(r"-{3,}[\w\s+%]+-{3,}", "", left)), (value, left)


@pytest.mark.parametrize("value", [
    "short", "12345678", "-12.5000000", "127.0.0.1:8642", "fe80::1:2:3", "http://localhost:8642",
    "https://10.0.0.4/", "[::1]:8642", "localhost", "LOCALHOST", "anthropic",
])  # fmt: skip
def test_plain_values_are_not_searched_for(value: str) -> None:
    """Numbers, addresses, known words and short values stay readable."""
    assert not is_searched(value)


@pytest.mark.parametrize("value", [
    "deadbeefcafe0011", "127.0.0.1:hunter2", "http://me:pass@10.0.0.4/", "a.b.c.d.e.f",
    "https://hooks.example.com/T0/x", "1234567890123456789012345",
])  # fmt: skip
def test_what_looks_like_an_address_and_is_none_is_searched_for(value: str) -> None:
    """A key in hexadecimal is not an address, and a URL with a password is a secret."""
    assert is_searched(value)


odd = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=30)


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(odd.filter(is_searched), st.text(max_size=5), st.text(max_size=5))
def test_no_value_passes_whatever_is_around_it(value: str, before: str, after: str) -> None:
    """Also where the text around it could be taken for a part of it."""
    redactor = Redactor()
    redactor.learn(value)
    for shape in (value, json.dumps(value), quote(value, safe=""), repr(value)):
        assert value not in redactor(f"{before}{shape}{after}").replace("***", "\0")


@pytest.mark.parametrize("end", ["", "\nnext", "…", "...\n", "  \n"])
def test_what_the_end_of_a_line_cuts_off_does_not_pass(end: str) -> None:
    """A log or a table may have a width; the beginning of a secret is none of what fits."""
    redactor = Redactor()
    redactor.learn(VALUES["a token"])
    assert redactor(f"failed for {VALUES['a token'][:20]}{end}") == f"failed for ***{end}"
    shown = f"{VALUES['a token'][:10]}, and more{end}"
    assert redactor(shown) == shown


@pytest.mark.slow
def test_many_values_cost_what_few_cost() -> None:
    """A megabyte passes a sink that knows two thousand values within seconds, by far."""
    redactor = Redactor()
    for number in range(2000):
        redactor.learn(f"secret/{number:06}/of many+odd ones")
    text = "2026-11-22 coder connected to https://api.example.com/v1 in 0.31 s\n" * 15_000
    began = time.process_time()
    assert redactor(text + "secret/001999/of many+odd ones").endswith("s\n***")
    assert time.process_time() - began < 2
