"""What we write, the real Hermes reads back; what it migrates, we leave alone."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from building import NEW, applied, desired, put
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import needs
from oracle import Oracle, hermes_says

from hermes_ops.files import yamlfile
from hermes_ops.hermes import gateway
from hermes_ops.look.facts import Facts
from hermes_ops.plan import make_plan

ORACLE = """
import json, os, sys
from pathlib import Path
from hermes_cli import config
path = Path(os.environ["HERMES_HOME"]) / "config.yaml"
out = sys.stdout
sys.stdout = sys.stderr
def leaves(tree, at=()):
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, key))
        else:
            yield [*at, key], value
for line in sys.stdin:
    verb, text = json.loads(line)
    if verb == "defaults":
        answer = list(leaves(config.DEFAULT_CONFIG))
    else:
        path.write_bytes(text.encode())
        config._RAW_CONFIG_CACHE.clear()
        if verb == "migrate":
            config.migrate_config(interactive=False, quiet=True)
            answer = path.read_bytes().decode()
        elif verb == "save":
            config.save_config(config.load_config())
            answer = path.read_bytes().decode()
        else:
            answer = config.read_raw_config()
    print(json.dumps(answer), file=out, flush=True)
"""


hermes = hermes_says(ORACLE)
"""Answers with the file after a migration, with what Hermes reads in it, or with its defaults."""


@needs("hermes-agent")
def test_every_default_is_known(hermes: Oracle) -> None:
    """What Hermes takes by itself is no change by hand; anything else at its place is."""
    for path, value in hermes(["defaults", ""]):
        assert gateway.is_default(tuple(path), value)
        assert not gateway.is_default(tuple(path), "somebody's")


PIECES = st.sampled_from(
    ["yes", "no", "on", "~", "012", "1_0", "1:30", ":", "#", " #", "\n", "\n\n", " ", "'", '"',
     "\\", "é", "🙂", "\t", "- ", "? ", "{", "]", "&a", "*a", "!t", "%", "@", "|", ">", "0x1f",
     "1e3",
     "\u2028", "\x85", "\ufeff", "<<", "=", "...", "---"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=4).map("".join)
VALUES: Any = st.recursive(
    TEXTS | st.integers(-9, 99) | st.booleans() | st.none() | st.sampled_from([1.5, 1e9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
HOSTS_OWN = [
    "",
    "# theirs\r\nmodel: {default: x}\r\nodd:   # beside\r\n  a: 'b'\r\n",
    "x: &x [1]\ny: *x\nodd: {a: 1}\n",
]


@needs("hermes-agent")
def test_odd_values_are_read_back(hermes: Oracle) -> None:
    """Merged into a host's own file, every value is read back by Hermes as it was wanted."""

    @settings(max_examples=examples(300))
    @given(st.sampled_from(HOSTS_OWN), st.dictionaries(TEXTS, VALUES, max_size=3))
    def are_read_back(text: str, odd: dict[str, Any]) -> None:
        wanted: dict[str, Any] = {"odd": odd or []}
        read = hermes(["read", yamlfile.merge(text, wanted)])["odd"]
        assert all(read[key] == value for key, value in odd.items()) if odd else read == []

    are_read_back()


# --- migrations -------------------------------------------------------------------------------

OLD: dict[str, Any] = {
    "model": {"default": "a/b"},
    "memory": {"write_mode": "approve"},
    "skills": {"write_mode": "off"},
    "compression": {"summary_model": "a/b", "summary_provider": "x", "summary_base_url": "y"},
    "delegation": {"max_async_children": 7},
    "custom_providers": [{"name": "Mine", "base_url": "http://127.0.0.1:1/v1"}],
    "stt": {"model": "base"},
    "display": {"tool_progress_overrides": {"telegram": "off"}},
    "agent": {"verify_on_stop": "auto"},
    "model_catalog": {"ttl_hours": 24},
}
RENAMED = {
    "custom_providers": 12,
    "stt.model": 14,
    "compression.summary_model": 17,
    "compression.summary_provider": 17,
    "compression.summary_base_url": 17,
    "memory.write_mode": 29,
    "skills.write_mode": 29,
    "delegation.max_async_children": 33,
}
"""What each migration of 0.19.0 takes away, and the version that does."""

FILE = ".hermes/profiles/demo/config.yaml"


def converged(found: Facts, config: dict[str, Any] = OLD) -> tuple[Facts, list[str], list[str]]:
    """Return the facts after a run of `profile.configure`, its changes and its notes."""
    case = {"desired": {"demo": {"config": config}}, "steps": ["profile.configure"]}
    plan = make_plan(desired(case), found)
    return applied(plan, found), [change.resource for change in plan.changes], list(plan.notes)


@needs("hermes-agent")
@pytest.mark.parametrize("version", [3, 8, 11, 13, 16, 22, 28, 30, 31, 32])
def test_a_migration_is_not_undone(hermes: Oracle, version: int) -> None:
    """Whatever version the file had, a run after the migration puts nothing back, and ends."""
    found, _, _ = converged(NEW)
    at = yaml.safe_load(found.contents[FILE])["_config_version"]
    old = found.contents[FILE].replace(f"_config_version: {at}", f"_config_version: {version}")
    found, changes, notes = converged(put(found, FILE, old))
    assert notes == []
    migrated = hermes(["migrate", found.contents[FILE]])
    found, changes, notes = converged(put(found, FILE, migrated))
    gone = {key for key, since in RENAMED.items() if version < since}
    assert {note.split(": ")[2] for note in notes} == gone
    after = yaml.safe_load(found.contents[FILE])
    assert all(key not in after for key in gone if "." not in key)
    again, changes, notes = converged(found)
    assert changes == []
    assert len(notes) == len(gone)
    # What Hermes gave another value is wanted as it was: set once, and left so by Hermes.
    assert yaml.safe_load(again.contents[FILE])["agent"]["verify_on_stop"] == "auto"
    assert hermes(["migrate", again.contents[FILE]]) == again.contents[FILE]


@needs("hermes-agent")
@pytest.mark.parametrize(
    "config",
    [
        {"model": {"name": "a/b", "api_base": "http://127.0.0.1:1/v1"}},
        {"model": {"model": "a/b"}, "base_url": "http://127.0.0.1:1/v1", "max_turns": 7},
        {"model": {"default": "a/b"}, "provider": "x", "context_length": 1000, "api_base": "y"},
        {"display": {"skin": "default"}, "odd": {"012": "yes", "list": [1, {"a": "1:30"}]}},
    ],
)
def test_a_file_that_hermes_saved_is_as_wanted(hermes: Oracle, config: dict[str, Any]) -> None:
    """Hermes gives some keys another name when it saves: what it kept is not set again."""
    found, _, _ = converged(NEW, config)
    saved = hermes(["save", found.contents[FILE]])
    assert saved != found.contents[FILE]
    found, _, notes = converged(put(found, FILE, saved), config)
    assert (found.contents[FILE], notes) == (saved, [])
    assert converged(found, config)[1:] == ([], [])


@needs("hermes-agent")
def test_a_renamed_key_gets_its_new_value(hermes: Oracle) -> None:
    """Beside the name that Hermes gave it, a new value under the old one would not count."""
    found, _, _ = converged(NEW, {"model": {"name": "a/b"}})
    found = put(found, FILE, hermes(["save", found.contents[FILE]]))
    found, _, _ = converged(found, {"model": {"name": "c/d"}})
    assert yaml.safe_load(found.contents[FILE])["model"] == {"default": "c/d"}
