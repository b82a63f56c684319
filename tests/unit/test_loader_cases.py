"""An inventory is files; what follows from them is values, or one sentence at its place.

Each case of `tests/cases/inventory/` has the files of a working folder and what is expected:
a part of the values, or the whole error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import BARE_ROLE
from case_file import read_case

from hermes_ops.commands.workspace import refuse_unreachable
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Host, Inventory, Profile, ProfileFile
from hermes_ops.loader import load
from hermes_ops.secrets.reference import EnvValue, Generate, Reference
from hermes_ops.secrets.secret import Secret

CASES = sorted((Path(__file__).parents[1] / "cases" / "inventory").glob("*.yml"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the case expects is what these files give."""
    case = read_case(file)
    write_files(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", case.get("platform", "linux"))
    sources = [Path(source) for source in case.get("sources", ["inventory"])]
    environ = case.get("environ", {})
    if "error" in case:
        with pytest.raises(InventoryError) as caught:
            refuse_unreachable(load(sources, Path("roles"), environ))
        assert error_of(caught.value) == {"hint": "", "kind": "inventory", **case["error"]}
    else:
        actual = described(load(sources, Path("roles"), environ))
        assert part_of(actual, case["expect"]) == case["expect"]


def write_files(case: dict[str, Any], folder: Path) -> None:
    """Write the files of a case below `inventory/`, or where its sources are."""
    base = folder if _names_its_folders(case) else folder / "inventory"
    base.mkdir(exist_ok=True)
    for name, text in {"../roles/gateway/role.yml": BARE_ROLE, **case["files"]}.items():
        path = (folder / "roles" / name[9:]) if name.startswith("../roles/") else base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in case.get("executable", []):
        (base / name).chmod(0o755)


def _names_its_folders(case: dict[str, Any]) -> bool:
    sources = [source.partition("/")[0] for source in case.get("sources", ["inventory"])]
    return any(name.partition("/")[0] in sources for name in case["files"])


def error_of(error: InventoryError) -> dict[str, str | None]:
    """Return all that an error says."""
    return {**error.document(), "hint": error.hint}


def part_of(actual: Any, expected: Any) -> Any:
    """Return of `actual` what `expected` speaks of."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: part_of(actual.get(key), value) for key, value in expected.items()}
    return actual


def described(inventory: Inventory) -> dict[str, Any]:
    """Return an inventory as the cases write it."""
    return {
        "order": [host.name for host in inventory.hosts],
        "hosts": {host.name: described_host(host) for host in inventory.hosts},
        "groups": {
            name: {"hosts": list(group.hosts), "children": list(group.children)}
            for name, group in inventory.groups.items()
        },
        "warnings": list(inventory.warnings),
    }


def described_host(host: Host) -> dict[str, Any]:
    """Return a host as the cases write it."""
    names = ("manager", "linger", "ready_timeout", "settle", "enabled", "disabled_reason")
    return {
        **{name: getattr(host, name) for name in names},
        "groups": list(host.groups),
        "all_profiles": list(host.all_profiles),
        "profiles": {profile.name: described_profile(profile) for profile in host.profiles},
        "connection": slots_of(host.connection),
        "alerts": {
            "urls": list(map(described_env, host.alerts.urls)),
            "ping": [described_env(host.alerts.ping)] if host.alerts.ping else [],
        },
        "hermes": slots_of(host.hermes),
        "awake": slots_of(host.awake) if host.awake else None,
        "variables": {name: written(value) for name, value in host.variables.items()},
    }


def described_profile(profile: Profile) -> dict[str, Any]:
    """Return a profile as the cases write it."""
    names = ("role", "description", "config", "soul", "state")
    return {
        "files": {path: described_file(file) for path, file in profile.files.items()},
        **{name: getattr(profile, name) for name in names},
        "env": {name: described_env(value) for name, value in profile.env.items()},
        "service": slots_of(profile.service),
        "after": list(profile.after),
    }


def described_file(file: ProfileFile) -> str:
    """Return a further file of a profile in a line."""
    more = ["template"] * file.is_template + ["restarts"] * file.restart
    return ", ".join([f"{file.content} {file.mode:o} from {file.source}", *more])


def described_env(value: EnvValue) -> str:
    """Return a value of `env:` as the cases write it: its kind, and what stands behind it."""
    match value:
        case Secret():
            return f"secret {value.reveal()}"
        case Generate():
            return f"generate {value.bytes}"
        case Reference(argument=str() as argument):
            return f"{value.kind} {argument}"
    return " ".join([value.kind, *value.argument])


def slots_of(value: Any) -> dict[str, Any]:
    """Return the fields of a frozen value."""
    return {name: written(getattr(value, name)) for name in value.__slots__}


def written(value: Any) -> Any:
    """Return a value as YAML can write it."""
    if isinstance(value, tuple):
        return [written(item) for item in value]
    return str(value) if isinstance(value, Path | Secret) else value
