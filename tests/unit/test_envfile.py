"""A `.env` value is refused or read back equal by both of Hermes' readers, bytes unchanged."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from case_file import read_case
from dotenv import dotenv_values
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import needs
from oracle import Oracle, hermes_says

from hermes_ops.errors import Conflict, InventoryError
from hermes_ops.files import envfile

FOLDER = Path(__file__).parents[1] / "cases" / "env"
CASES = sorted(path for path in FOLDER.glob("*.yml") if path.stem != "refusals")
REFUSALS: list[dict[str, Any]] = read_case(FOLDER / "refusals.yml")
MANY = settings(max_examples=examples(500))
FEWER = settings(MANY, max_examples=examples(200))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """Each case names a text, what is wanted, and the text or the conflict that follows."""
    case = read_case(path)
    wanted, generated = case.get("wanted", {}), case.get("generated", {})
    if sentence := case.get("conflict"):
        with pytest.raises(Conflict) as caught:
            envfile.merge(case["text"], wanted, generated)
        assert str(caught.value) == sentence
        assert caught.value.hint
        return
    result = envfile.merge(case["text"], wanted, generated)
    assert result == case["result"]
    assert envfile.merge(result, wanted, generated) == result


@pytest.mark.parametrize(
    "case", REFUSALS, ids=lambda case: ascii(f"{case['name']}={case['value']}")
)
def test_refusal(case: dict[str, Any]) -> None:
    """What would not survive is refused with the reason, before a file is written."""
    reason = envfile.refusal(case["name"], case["value"])
    assert (reason is None) == (case["reason"] is None), reason
    if reason:
        assert case["reason"] in reason
        with pytest.raises(InventoryError, match=r"cannot be kept in \.env"):
            envfile.merge("", {case["name"]: case["value"]})


PIECES = [
    " ",
    "  ",
    "\t",
    "'",
    '"',
    "\\",
    "\\\\",
    '\\"',
    "\\n",
    "\\'",
    "$",
    "$HOME",
    "${A}",
    "%",
    "%s",
    "#",
    " #",
]
PIECES += [
    "=",
    "é",
    "🙂",
    "\u00a0",
    "\u2028",
    "\x85",
    "\x0b",
    "\x1c",
    "\ufeff",
    "a",
    "B9",
    "://",
    "?",
    "&",
    ";",
]
PIECES += [
    "`",
    "\n",
    "\r",
    "\0",
    "export ",
    "TELEGRAM_BOT_TOKEN=",
    "OPENAI_API_KEY=",
    "LM_API_KEY=",
    "X=",
    "***",
]
values = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=10
)
known = ["OPENROUTER_API_KEY", "TELEGRAM_BOT_TOKEN", "GLM_API_KEY", "OPENAI_BASE_URL", "MY_TOKEN"]
names = st.sampled_from([*known, "A", "B", "C", "D", "export", "Ä.%$", "x-y"]) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
)
entries = st.dictionaries(names, values, max_size=4)

FOREIGN = [
    "",
    "# c\r\nA=1\r\n\r\nB='x'  # y\r\n",
    '\ufeffexport A="1 2"\nA=\n  C=3\nD',
    "PEM='a\n b\n'\nOPENROUTER_API_KEY=kTELEGRAM_BOT_TOKEN=1:2\nB=b # c\n\n\n",
    "A='open\n= =\n'=\nC =  \"x\\\\\"  \n",
]


def survivors(wanted: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if envfile.refusal(name, value) is None}


def merged(text: str, wanted: dict[str, str]) -> str | None:
    """Return the merge, or None where a foreign open quote makes it impossible."""
    try:
        return envfile.merge(text, wanted)
    except Conflict:
        return None


@pytest.mark.slow
@FEWER
@given(st.sampled_from(FOREIGN), entries)
def test_python_dotenv_reads_back(text: str, wanted: dict[str, str]) -> None:
    """python-dotenv, expanding, reads what was wanted and not refused; foreign keys stay."""
    wanted = survivors(wanted)
    result = merged(text, wanted)
    assert result is not None or "open" in text
    if result is None:
        return
    read = dotenv_values(stream=io.StringIO(result), interpolate=True)
    before = dotenv_values(stream=io.StringIO(envfile.canonical(text)))
    assert {**before, **wanted} == read
    assert envfile.read(result) == {
        name: value for name, value in read.items() if value is not None
    }
    assert envfile.merge(result, wanted) == result


ORACLE = """
import json, os, sys
from pathlib import Path
home = Path(os.environ["HERMES_HOME"]); path = home / ".env"
from hermes_cli import config, env_loader
kept = dict(os.environ)
for line in sys.stdin:
    given = json.loads(line)
    path.write_bytes(given.encode())
    env_loader._sanitize_env_file_if_needed(path)
    config.invalidate_env_cache()
    by_line, after = config.load_env(), path.read_bytes().decode()
    os.environ.clear()
    try:
        env_loader._load_dotenv_with_fallback(path, override=True)
    except ValueError:
        pass  # a foreign key such as 'a=b', quoted, is no name of a variable
    print(json.dumps([after, by_line, dict(os.environ)]), flush=True)
    os.environ.clear(); os.environ.update(kept)
"""


hermes = hermes_says(ORACLE)
"""Answers with the file after a start of Hermes, and with what each reader makes of it."""


@needs("hermes-agent")
def test_hermes_reads_back(hermes: Oracle) -> None:
    """Hermes' own readers give every value back, and leave the bytes alone."""

    @MANY
    @given(st.sampled_from(FOREIGN), entries)
    def reads_back(text: str, wanted: dict[str, str]) -> None:
        wanted = survivors(wanted)
        if (result := merged(text, wanted)) is None:
            return
        after, by_line, environment = hermes(result)
        assert after == result
        assert {name: by_line.get(name) for name in wanted} == wanted
        assert {name: environment.get(name) for name in wanted} == wanted

    reads_back()


@needs("hermes-agent")
def test_hermes_leaves_canonical_text_alone(hermes: Oracle) -> None:
    """The canonical form of any text is the one that Hermes would make of it."""

    @FEWER
    @given(st.lists(names | values | st.sampled_from(FOREIGN), max_size=6).map("\n".join))
    def is_canonical(text: str) -> None:
        assert hermes(envfile.canonical(text))[0] == envfile.canonical(text)

    is_canonical()


@needs("hermes-agent")
def test_hermes_makes_the_same_of_a_foreign_file(hermes: Oracle) -> None:
    """Where Hermes would rewrite a file, it arrives at our canonical form."""
    for text in FOREIGN:
        assert envfile.canonical(hermes(text)[0]) == envfile.canonical(text)


@needs("hermes-agent")
def test_refused_values_would_not_survive(hermes: Oracle) -> None:
    """No form of line gives a refused value back to both readers and stays as it is."""
    for case in REFUSALS:
        name, value = case["name"], case["value"]
        if (
            case["reason"] in {None, "another home", "encoded as text", "${", "backslash"}
            or "\x01" in name
        ):
            continue  # refused by a rule of ours, though one form or another may pass
        for line in (f"{name}={value}\n", f'{name}="{value}"\n', f"{name}='{value}'\n"):
            after, by_line, environment = hermes(line)
            assert (after, by_line.get(name), environment.get(name)) != (line, value, value)
