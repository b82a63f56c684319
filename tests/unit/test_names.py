"""Which names hold a credential: one rule for variables, options and settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from case_file import read_case
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.audit import on_host
from hermes_ops.hermes import identities
from hermes_ops.inventory.credentials import known_secrets
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.secrets import names
from hermes_ops.secrets.names import holds_credential

ROOT = Path(__file__).parents[2]
CASES = read_case(ROOT / "tests/cases/names/credentials.yml")
DEFAULTS = ROOT / "hermes_ops/hermes/data/hermes-defaults.txt"


def cases(kind: str) -> list[str]:
    """Return the names of one half of the case file."""
    return [name for group in CASES[kind].values() for name in group]


@pytest.mark.parametrize("name", cases("credentials"))
def test_a_name_of_a_credential(name: str) -> None:
    """Its value is masked, and not written in clear."""
    assert holds_credential(name)


@pytest.mark.parametrize("name", cases("others"))
def test_another_name(name: str) -> None:
    """Its value is shown, and written as it is."""
    assert not holds_credential(name)


WORDS = [["api", "key"], ["bot", "token"], ["max", "tokens"], ["public", "key"], ["sort", "key"],
         ["client", "secret"], ["db", "password"], ["token", "limit"], ["key", "id"]]  # fmt: skip


@given(st.sampled_from(WORDS), st.sampled_from(["", "a.", "x.0.", "Deep.er."]))
def test_the_style_does_not_matter(words: list[str], path: str) -> None:
    """One name in snake, kebab or camel case, shouted, or as an option, is judged alike."""
    camel = words[0] + "".join(word.title() for word in words[1:])
    styles = ["_".join(words), "-".join(words), camel, "_".join(words).upper()]
    judged = {holds_credential(path + style) for style in styles}
    judged.add(holds_credential("--" + "-".join(words)))
    assert len(judged) == 1


def test_every_token_of_a_platform() -> None:
    """Each variable that a platform identifies itself with is one."""
    known = identities.token_names()
    assert known
    assert [name for name in known if not holds_credential(name)] == []


def test_few_of_hermes_own_settings() -> None:
    """Of the settings that Hermes has by itself these alone are masked."""
    lines = DEFAULTS.read_text(encoding="utf-8").splitlines()
    paths = [json.loads(line[13:]) for line in lines if not line.startswith("#")]
    assert len(paths) > 300
    masked = {path[-1] for path in paths if holds_credential(".".join(path))}
    assert masked == {"api_key", "password", "secret"}


def test_the_rule_needs_nothing_else() -> None:
    """Hosts are sent it as a text: it works with the standard library alone."""
    text = Path(names.__file__).read_text(encoding="utf-8")
    code = f"{text}\nassert holds_credential('svc.api-key') and not holds_credential('keyboard')"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_its_names_meet_no_other() -> None:
    """Sent within the program of a host, neither takes the place of a name of the other."""
    own, program = (
        {name for name in vars(module) if re.match("_[^_]|_$", name)} for module in (names, on_host)
    )
    assert own
    assert program
    assert not own & program


def test_what_settings_hold_is_masked() -> None:
    """The value of a credential in `config`, in a list too, is known to the sink; no other is."""
    svc = {"apiKey": "v1", "keyboard": "v2", "hooks": [{"bot_token": "v3"}], "api_keys": ["v4"]}
    host = Host("box", profiles=(Profile("p", config={"svc": svc}),))
    assert {secret.reveal() for secret in known_secrets(Inventory((host,)))} == {"v1", "v3", "v4"}
