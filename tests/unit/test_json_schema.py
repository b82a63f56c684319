"""The JSON Schema accepts what the loader accepts, and refuses the mistakes an editor can see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import bare_role
from case_file import read_case
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hermes_ops.errors import InventoryError
from hermes_ops.loader.explain.json_schema import SCHEMAS
from hermes_ops.loader.located import plain
from hermes_ops.loader.profiles.profile import PROFILE, make_profile, settled_profile
from hermes_ops.loader.profiles.service import SERVICE
from hermes_ops.loader.schema import check
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.yaml import parse, read
from hermes_ops.tasks import namespace

ROOT = Path(__file__).parents[2]
ROLES = {"gateway": bare_role("gateway")}
KNOWN = re.compile(r"(hosts|profiles/[^/]*|_vars/.*)\.ya?ml$")
CASES = sorted((ROOT / "tests" / "cases" / "inventory").glob("*.yml"))
VALIDATORS = {name: Draft202012Validator(schema()) for name, schema in SCHEMAS.items()}
INVENTORIES = [ROOT / "inventory", ROOT / "docs" / "example" / "inventory"]


def schema_of(name: str) -> str:
    """Return which schema is for a file, by its place in an inventory."""
    if "profiles/" in name:
        return "profile"
    return "variables" if "_vars/" in name else "hosts"


def mistakes(name: str, data: Any) -> list[str]:
    """Return what the schema says against a document; an empty file says nothing."""
    if data is None:
        return []
    return [error.message for error in VALIDATORS[schema_of(name)].iter_errors(data)]


@pytest.mark.slow
def test_the_task_names_every_schema() -> None:
    """A word that lacks its `--of` is met with the option."""
    (of,) = namespace()["inventory.schema"].own
    assert set(of.choices) == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    """They pass the metaschema of their draft, and say which draft it is."""
    schema = SCHEMAS[name]()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "file", [path for folder in INVENTORIES for path in sorted(folder.rglob("*.yml"))], ids=str
)
def test_example_and_embedded_inventory_pass(file: Path) -> None:
    """The annotated example and the inventory of the project have no mistake."""
    assert mistakes(str(file), plain(read(file))) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_loads_passes(case: Path) -> None:
    """No file of a case that loads is refused: an editor never underlines what is right."""
    content = read_case(case)
    if "error" in content:
        return
    for name, text in content["files"].items():
        if KNOWN.search(name):
            assert mistakes(name, plain(parse(text, name, Reading()))) == [], name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("profiles/x.yml", "confg: {}"),
        ("profiles/x.yml", "config: 7"),
        ("profiles/x.yml", "service: {memory_mx: 2G}"),
        ("profiles/x.yml", "service: {memory_max: lots}"),
        ("profiles/x.yml", "service: {watchdog: -1}"),
        ("profiles/x.yml", "state: runing"),
        ("profiles/x.yml", "state: '{{ state }}'"),
        ("profiles/x.yml", "after: other"),
        ("profiles/x.yml", "+after: other"),
        ("profiles/x.yml", "+state: [started]"),
        ("profiles/x.yml", "env: {A B: c}"),
        ("profiles/x.yml", "env: {A: [b]}"),
        ("group_vars/x.yml", "hermes_profles: [a]"),
        ("group_vars/x.yml", "hermes_profiles: [Coder]"),
        ("group_vars/x.yml", "hermes_profiles: {coder: {confg: {}}}"),
        ("group_vars/x.yml", "hermes_profile_defaults: {state: runing}"),
        ("group_vars/x.yml", "hermes_ready_timeout: soon"),
        ("group_vars/x.yml", "hermes_linger: sometimes"),
        ("group_vars/x.yml", "ansible_port: 70000"),
        ("hosts.yml", "all: {host: {}}"),
        ("hosts.yml", "all: {hosts: [a]}"),
        ("hosts.yml", "all: {hosts: {a: {hermes_profles: [a]}}}"),
        ("hosts.yml", "all: {vars: {hermes_enabled: 2}}"),
        ("hosts.yml", "all: {children: {minis: {hots: {}}}}"),
    ],
)
def test_mistakes_are_seen(name: str, text: str) -> None:
    """An editor underlines what `load()` would refuse."""
    assert mistakes(name, yaml.safe_load(text))


def test_every_key_has_its_description() -> None:
    """What an editor shows beside a key is the comment of the annotated example."""
    schema = SCHEMAS["profile"]()
    assert schema["properties"]["state"]["description"].startswith("started | stopped | absent")
    assert schema["properties"]["state"]["default"] == "started"
    variables = SCHEMAS["variables"]()["$defs"]["variables"]["properties"]
    assert all(body["description"] for body in variables.values())


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70),
    st.sampled_from([0.5, "", "x", "2G", "started", "gateway", "A_B", "true", "{{ x }}"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["A_KEY", "env", "generate", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS = st.dictionaries(
    st.sampled_from([*PROFILE.keys, "+after", "-after", "+config"]), VALUES, max_size=3
) | st.fixed_dictionaries(
    {"service": st.dictionaries(st.sampled_from([*SERVICE.keys]), VALUES, max_size=3)}
)


@pytest.mark.slow
@settings(max_examples=examples(500))
@given(DOCUMENTS)
def test_a_profile_that_loads_passes(document: dict[str, Any]) -> None:
    """Whatever the program takes as a profile, the schema takes: it is never the stricter one."""
    described = parse(yaml.safe_dump(document), "profiles/x.yml")
    try:
        check(described, PROFILE, "x")
        make_profile("x", settled_profile(described), ROLES, {}, described.place)
    except InventoryError:
        return
    assert mistakes("profiles/x.yml", document) == []
