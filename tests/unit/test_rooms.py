"""The house: no import circles, rooms of a size that a stranger can take in, one meaning a name."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from hermes_ops import plan, run

pytestmark = pytest.mark.xdist_group("rooms")  # one process parses all modules once

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hermes_ops"
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
"""Every module by its dotted name."""


@cache
def nodes(file: Path) -> list[ast.AST]:
    """Return all that a module is made of."""
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


def imported(file: Path) -> Iterator[str]:
    """Yield the modules of ours that a file imports anywhere, late imports included."""
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hermes_ops"):
            for name in node.names:
                below = f"{node.module}.{name.name}"
                yield below if below in FILES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in FILES)


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Return a circle in a graph, nothing if there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_two_files_import_each_other() -> None:
    """There is no import circle between files, whatever its length and wherever the imports are."""
    assert circle({name: set(imported(file)) - {name} for name, file in FILES.items()}) == []


def test_a_circle_would_be_seen() -> None:
    """Three files in a ring are found, beside others that are not in it."""
    found = circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert set(found) == {"a", "b", "c"}


def test_rooms_are_few() -> None:
    """A stranger finds at most 28 folders and modules in the package."""
    rooms = [path for path in PACKAGE.iterdir() if not path.name.startswith(("__", "."))]
    assert len(rooms) <= 28, sorted(path.name for path in rooms)


def test_no_room_is_crowded() -> None:
    """A folder has at most 14 modules, but for the one with a module a namespace of tasks."""
    modules: dict[Path, int] = defaultdict(int)
    for file in FILES.values():
        modules[file.parent] += file.name != "__init__.py"
    modules.pop(PACKAGE / "tasks")
    assert {str(folder): count for folder, count in modules.items() if count > 14} == {}


def test_modules_are_short() -> None:
    """A module has at most 300 lines."""
    lines = {name: len(file.read_text().splitlines()) for name, file in FILES.items()}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_functions_are_short() -> None:
    """Half of all functions have at most 6 lines, nine tenths at most 14, docstrings apart."""
    lengths = sorted(length for file in FILES.values() for length in function_lengths(file))
    assert statistics.median(lengths) <= 6
    assert lengths[len(lengths) * 9 // 10] <= 14


def function_lengths(file: Path) -> Iterator[int]:
    """Yield the lines of each function's body."""
    for node in nodes(file):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
            yield (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_a_class_has_its_name_alone() -> None:
    """No two public classes have one name."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, file in FILES.items():
        for node in nodes(file):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(name)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


@pytest.mark.parametrize(
    ("library", "rooms"),
    [("invoke", {"tasks"}), ("fabric", {"transport"}), ("rich", {"reporting", "commands"})],
)
def test_a_library_has_its_room(library: str, rooms: set[str]) -> None:
    """Only `tasks` imports Invoke, only `transport` Fabric."""
    users = {
        name.split(".")[1]
        for name, file in FILES.items()
        for node in nodes(file)
        for module in modules_of(node)
        if module.split(".")[0] == library
    }
    assert users <= rooms


def modules_of(node: ast.AST) -> Iterator[str]:
    """Yield the modules that an import names."""
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""


@pytest.mark.slow
def test_commands_are_called_without_invoke() -> None:
    """What tasks do is imported, all of it, and Invoke is not."""
    names = [name for name in FILES if name.startswith("hermes_ops.commands")]
    code = f"import importlib, sys; [importlib.import_module(n) for n in {names}]\n"
    code += "assert not [n for n in sys.modules if n.split('.')[0] in ('invoke', 'fabric')]"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


ENGINE = {"plan.make", "plan.model", "hermes.evidence", "run.host", "look.answers"}
"""Modules that plan, and judge what runs."""


@pytest.mark.parametrize(
    ("words", "loaded", "not_loaded"),
    [
        ("--list", {"tasks.fleet"}, ENGINE | {"loader.load", "services.systemd"}),
        ("fleet.logs", {"run.fan_out", "commands.logs.logs"}, ENGINE),
        *(
            pytest.param(*values, marks=pytest.mark.slow)
            for values in (
                ("runs.list", {"commands.runs"}, ENGINE | {"loader.load", "services.systemd"}),
                ("inventory.list", {"loader.load"}, ENGINE | {"transport.ssh"}),
                ("hosts.exec true", {"run.fan_out", "transport.local"}, ENGINE),
                ("secrets.show", {"commands.secrets.show"}, ENGINE),
                ("fleet.ps", ENGINE, set[str]()),
            )
        ),
    ],
)
def test_what_a_task_loads(
    tmp_path: Path, words: str, loaded: set[str], not_loaded: set[str]
) -> None:
    """What it needs and no engine of others: half of a short task is the time to load modules."""
    (tmp_path / "hosts.yml").write_text(
        "all: {hosts: {here: {ansible_connection: local, hermes_profiles: [a]}}}"
    )
    code = (
        "import sys; from hermes_ops.tasks.program import Program\n"
        f"try: Program().run(['inv', *{words.split()}])\n"
        "finally: print('', {n[11:] for n in sys.modules if n.startswith('hermes_ops.')})"
    )
    environ = {**os.environ, "HOME": str(tmp_path), "HERMES_OPS_INVENTORY": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=tmp_path, env=environ, check=False,
    )  # fmt: skip
    found = set(ast.literal_eval(ended.stdout.splitlines()[-1].strip()))
    assert loaded <= found, ended.stderr
    assert found.isdisjoint(not_loaded), found & not_loaded


@pytest.mark.parametrize("package", [plan, run])
def test_a_name_that_is_loaded_late_is_there(package: Any) -> None:
    """Each one that a package promises leads to its module, and no other name does."""
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'nothing_such'"):
        _ = package.nothing_such


def test_a_shell_variable_begins_in_one_way() -> None:
    """Scripts are put together of many files: what two files begin differently is neither's."""
    begins: defaultdict[str, set[str]] = defaultdict(set)
    for file in PACKAGE.rglob("*.sh"):
        for name, value in re.findall(r"^([a-z_]+)=(.*?)(?: *#.*)?$", file.read_text(), re.M):
            begins[name].add(value)
    assert {name: values for name, values in begins.items() if len(values) > 1} == {}
