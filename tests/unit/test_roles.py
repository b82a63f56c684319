"""`role.yml` becomes a frozen value, or one sentence at its file, line and column.

The cases of `tests/cases/role/` are in three files: what is refused when the role is read, what is
refused once a profile uses it, and what comes of a good one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import HERMES, NEW, desired
from case_file import read_case
from folders import fill

from hermes_ops.errors import InventoryError
from hermes_ops.hermes import gateway
from hermes_ops.inventory.model import Inventory
from hermes_ops.inventory.role import Role, RoleText
from hermes_ops.loader import load
from hermes_ops.loader.roles.keys import PROGRAM, ROLE
from hermes_ops.loader.roles.load import load_roles
from hermes_ops.loader.schema import Each, Fields, Key, Schema, bare
from hermes_ops.plan import make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.model import DesiredState, RunCommand
from hermes_ops.plan.resource import EnvFile, File, YamlFile
from hermes_ops.services.describe import WORD_FACTS
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parents[1] / "cases" / "role"
EXAMPLE = ROOT / "docs" / "example" / "roles"
PAGE = (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")


def cases(name: str) -> list[Any]:
    """Return the cases of a file, each under its own name."""
    found = read_case(CASES / f"{name}.yml")
    return [pytest.param(case, id=title) for title, case in found.items()]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(case: dict[str, Any]) -> None:
    """Write the role `x` of a case, and what lies beside it."""
    fill(Path("roles"), {"x/role.yml": case["role"], **case.get("files", {})})


def refused(error: InventoryError, case: dict[str, Any]) -> None:
    """Hold that an error is that of a case, whole, and ends the program with 64."""
    told = {"where": error.where, "message": error.message, "hint": error.hint}
    wanted = {"hint": "", **case["error"]}
    wanted["where"] = f"roles/{wanted['where']}"
    assert told == wanted
    assert error.exit_code == 64


@pytest.mark.parametrize("case", cases("refused"))
def test_a_wrong_role_is_refused_at_its_place(case: dict[str, Any]) -> None:
    """One sentence with file, line and column, and what was probably meant."""
    write(case)
    with pytest.raises(InventoryError) as caught:
        load_roles([Path("roles")])
    refused(caught.value, case)


def used(profile: dict[str, Any]) -> DesiredState:
    """Return what is wanted of a host with one profile of the role `x`."""
    inventory = loaded({"p": {"role": "x", **profile}})
    return desired_state(inventory.hosts[0], inventory.roles, step_plans(graph.start))


def loaded(profiles: dict[str, Any]) -> Inventory:
    """Load an inventory of one host with these profiles, and the roles that are here."""
    Path("inventory").mkdir(exist_ok=True)
    hosts = {"all": {"hosts": {"box": {"hermes_profiles": profiles}}}}
    Path("inventory/hosts.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
    return load([Path("inventory")], Path("roles"), {})


@pytest.mark.parametrize("case", cases("refused_when_used"))
def test_a_wrong_text_is_refused_before_any_host_is_asked(case: dict[str, Any]) -> None:
    """An expression that cannot be rendered for a profile is told at the text's own place."""
    write(case)
    with pytest.raises(InventoryError) as caught:
        used(case.get("profile", {}))
    refused(caught.value, case)


@pytest.mark.parametrize("case", cases("made"))
def test_a_role_is_made(case: dict[str, Any]) -> None:
    """Every key becomes a value of its own type; what nobody says has its default."""
    write(case)
    made = told(load_roles([Path("roles")])["x"])
    assert {key: made[key] for key in case["expect"]} == case["expect"]


def told(value: Any) -> Any:
    """Return a role as plain data; an octal mode as the text that a person writes."""
    if isinstance(value, RoleText):
        return value.source
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value):
        found = {field.name: told(getattr(value, field.name)) for field in fields(value)}
        if "mode" in found:
            found["mode"] = f"{found['mode']:04o}"
        return {"is": type(value).__name__, **found} if "path" in found else found
    if isinstance(value, dict):
        return {key: told(entry) for key, entry in value.items()}
    return sorted(value) if isinstance(value, frozenset) else _items(value)


def _items(value: Any) -> Any:
    return [told(item) for item in value] if isinstance(value, tuple) else value


def test_a_later_role_wins_even_over_a_broken_one() -> None:
    """Of two roles with one name only the one that counts is checked."""
    write({"role": "homme: x\n"})
    own = Path("own/x/role.yml")
    own.parent.mkdir(parents=True)
    own.write_text("home: .own\nservice: {name: own, command: [own]}\n", encoding="utf-8")
    roles = load_roles([Path("roles"), Path("own")])
    assert roles["x"].home == RoleText(".own")
    assert roles["x"].folder == Path("own/x")


def test_every_role_of_the_project_loads() -> None:
    """The roles of the product and of the lab have no mistake."""
    assert sorted(load_roles([ROOT / "roles", ROOT / "tests" / "lab" / "roles"])) == [
        "dashboard",
        "echo",
        "gateway",
    ]


def test_a_role_does_not_change() -> None:
    """Neither a role nor what it is made of can be changed."""
    role = load_roles([ROOT / "roles"])["gateway"]
    for value, name in [(role, "home"), (role.service, "name"), (role.home, "source")]:
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, "other")


def test_a_program_is_no_role_of_a_profile() -> None:
    """A profile that names the role of a program hears so, at its place."""
    shutil.copytree(ROOT / "roles", "roles")
    with pytest.raises(InventoryError) as caught:
        loaded({"p": {"role": "hermes"}})
    assert caught.value.message == "the role 'hermes' is a program, and has no service"
    assert (caught.value.where or "").startswith("inventory/hosts.yml:")


def test_words_may_use_what_the_plan_gives_them() -> None:
    """Each name that is promised for the words of a service has its value in the plan."""
    service = desired({"desired": {"p": {}}}).services["p"]
    values = gateway.values_for(service, NEW, HERMES, {}, {})
    assert values.keys() >= WORD_FACTS
    assert all(f"`{name}`" in PAGE for name in WORD_FACTS)


def test_files_come_to_what_must_hold() -> None:
    """Each file has its path, its mode, and restarts the service or does not, as the role says."""
    files = """
files:
  - {yaml: "{{ home }}/c.yml", mode: "0640"}
  - {env: "{{ home }}/a.env"}
  - {env: "{{ home }}/b.env", mode: "0640", restart: false}
  - {file: "{{ home }}/t", template: t.j2, restart: true}
  - {file: "{{ home }}/soul", from: soul, mode: "0600"}
"""
    role = f"home: .x\nservice: {{name: x, command: [x]}}\n{files}"
    write({"role": role, "files": {"x/templates/t.j2": "t"}})
    wanted = [w.resource for w in used({}).wanted]
    assert [
        (type(r).__name__, str(r.path), f"{r.mode:o}", r.restarts)
        for r in wanted
        if isinstance(r, YamlFile | EnvFile | File)
    ] == [
        ("YamlFile", ".x/c.yml", "640", False),
        ("EnvFile", ".x/a.env", "600", True),
        ("EnvFile", ".x/b.env", "640", False),
        ("File", ".x/t", "644", True),
    ]


def test_words_of_create_are_rendered_with_what_the_host_told() -> None:
    """The command that makes a profile's home knows its home, the user's, and the interpreter."""
    words = 'make, "{{ home }}", "{{ home_dir }}", "{{ python }}", "{{ settings.kind }}"'
    role = f"home: .x\nservice: {{name: x, command: [x]}}\ncreate: {{command: [{words}]}}\n"
    write({"role": role})
    plan = make_plan(used({"service": {"settings": {"kind": "big"}}}), NEW)
    (made,) = [c.operation for c in plan.changes if isinstance(c.operation, RunCommand)]
    assert made.words == ("make", ".x", "/home/hermes", HERMES.python, "big")


# --- the page ---------------------------------------------------------------------------------

BLOCK = re.compile(r"```\w+\n(?:# (\S+)\n)?(.*?)```", re.DOTALL)


@pytest.fixture
def example() -> Role:
    """Return the role of the annotated example."""
    return load_roles([ROOT / "roles", EXAMPLE])["echo"]


def blocks() -> dict[str, str]:
    """Return the files that the page shows, by their names."""
    return {name: text for name, text in BLOCK.findall(PAGE) if name}


def shown_profile() -> dict[str, Any]:
    """Return the profile of the page."""
    (text,) = [text for name, text in blocks().items() if name.startswith("inventory/profiles/")]
    profile: dict[str, Any] = yaml.safe_load(text)
    return profile


def test_page_shows_the_files() -> None:
    """Each file of the annotated example stands in the page as it is."""
    files = {
        str(path.relative_to(EXAMPLE.parent)): path.read_text(encoding="utf-8")
        for path in EXAMPLE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    shown = blocks()
    assert {name: shown.get(name) for name in files} == files


def test_example_comes_to_what_the_page_promises(example: Role) -> None:
    """With the profile that the page shows, it is a service with its files and its checks."""
    shutil.copytree(EXAMPLE, "roles")
    state = used(shown_profile())
    service = state.services["p"]
    assert (service.name, service.url) == ("echo-p", "http://127.0.0.1:8080/")
    assert service.environment == {"GREETING": "good morning"}
    assert [str(w.resource.path) for w in state.wanted if hasattr(w.resource, "path")] == [
        ".local/share/echo/p", ".local/share/echo/p/www", ".local/share/echo/p/www/index.html",
        ".local/share/echo/p/.env", ".local/share/echo/p/.hermes-ops.yml",
    ]  # fmt: skip


def test_checks_of_the_example_are_there(example: Role) -> None:
    """What `checks` names are functions of its file."""
    text = (EXAMPLE / "echo" / "checks" / "test_echo.py").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^def (\w+)\(", text, re.MULTILINE)) == example.checks


def test_page_shows_what_a_mistake_looks_like() -> None:
    """The message of the page is the one that the program prints for the mistake in it."""
    shutil.copytree(EXAMPLE, "roles")
    file = Path("roles/echo/role.yml")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("{{ settings.port }}", "{{ setings.port }}", 1), encoding="utf-8")
    with pytest.raises(InventoryError) as caught:
        used(shown_profile())
    assert f"error: {caught.value}\nhint:  {caught.value.hint}\n" in PAGE


def rows(record: Fields, before: str = "") -> Iterator[str]:
    """Yield the lines of the page's table for the keys of a mapping, and of those in it."""
    for name, schema in record.keys.items():
        assert isinstance(schema, Key), f"{before}{name} has no documentation"
        default = schema.otherwise or _shown(schema.default)
        default = "needed" if name in record.required else default
        yield f"| `{before}{name}` | {schema.about} | {default} |".replace("|  |", "| |")
        yield from _inner(schema.schema, f"{before}{name}")


def _inner(schema: Schema, name: str) -> Iterator[str]:
    match bare(schema):
        case Fields() as record:
            yield from rows(record, f"{name}.")
        case Each(item):
            yield from _inner(item, f"{name}[]")
        case _:
            pass


def _shown(default: Any) -> str:
    return str(default).lower() if default is not None else ""


def test_page_has_every_key() -> None:
    """The table of the page is the table that checks: every key, what it means, its default."""
    wanted = [*rows(ROLE), *list(rows(PROGRAM))[1:]]
    assert [line for line in PAGE.splitlines() if line.startswith("| `")] == wanted


def test_defaults_are_the_real_ones() -> None:
    """What the table calls a default is what nobody's saying so comes to."""
    write({"role": "home: .x\nservice: {name: x, command: [x]}\ndirectories: [{path: a}]\n"})
    role = load_roles([Path("roles")])["x"]
    made = {
        "directories[].mode": f"{role.folders[0].mode:04o}",
        "service.text": role.service.text,
        "service.planned_stop": role.service.planned_stop,
        "readiness.kind": role.readiness.kind,
    }
    assert made == dict(defaults(ROLE))


def defaults(record: Fields, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each key that has a value as its default."""
    for name, schema in record.keys.items():
        if isinstance(schema, Key) and schema.default is not None:
            yield f"{before}{name}", schema.default
        inner = bare(schema)
        many = "[]" if isinstance(inner, Each) else ""
        inner = bare(inner.item) if isinstance(inner, Each) else inner
        if isinstance(inner, Fields):
            yield from defaults(inner, f"{before}{name}{many}.")
