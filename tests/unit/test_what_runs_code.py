"""Nothing of an inventory runs as code but what the docs list: every place that could is known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hermes_ops.assets import CLONE

PACKAGE = CLONE / "hermes_ops"
PROGRAMS = ("lab", "commands/dev")
"""What developers run; no inventory reaches it, except the one that it writes itself."""

RUNS = {
    "subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output", "subprocess.getoutput", "os.system", "os.popen",
    "os.fork", "pty.fork", "pty.spawn",
    "exec", "eval", "compile", "__import__", "import_module", "importlib.import_module",
    "spec_from_file_location", "module_from_spec", "runpy.run_path", "runpy.run_module",
    "pytest.main", "pickle.loads", "pickle.load", "marshal.loads", "yaml.load", "yaml.compose",
    "ctypes.CDLL", "site.addsitedir",
}  # fmt: skip
FAMILIES = ("os.exec", "os.spawn", "os.posix_spawn", "asyncio.create_subprocess")
ANSIBLE = "import ansible"

LISTED = {
    "loader/sources/programs.py": "executable inventories",
    "secrets/runner.py": "the programs that `{command: […]}` names",
    "verify/runner.py": "the checks of roles beside an inventory",
    "tasks/own_tasks.py": "a `tasks.py` beside it",
    "commands/runbook/call.py": "tasks that a runbook in `runbooks/` beside it names",
}
"""Places that run what an inventory brings or names, and the words of the docs for each."""

OURS = {
    "loader/sources/vault.py": "ansible's vault alone is imported, by a fixed name",
    "loader/sources/yaml.py": "safe readers make no objects",
    "files/yamlfile.py": "safe readers make no objects",
    "files/yamlcut.py": "safe readers make no objects",
    "loader/edit/nodes.py": "safe readers make no objects",
    "files/ownership.py": "safe readers make no objects",
    "commands/profile/archive/search.py": "safe readers make no objects; and it runs on a host",
    "assets.py": "reads our own tables with a safe reader",
    "__init__.py": "imports our own tasks by fixed names",
    "plan/__init__.py": "imports our own modules by fixed names",
    "run/__init__.py": "imports our own modules by fixed names",
    "tasks/__init__.py": "imports our own tasks by fixed names",
    "tasks/startup.py": "imports Invoke",
    "worker.py": "starts our own Python; its answers are plain values of our own process",
    "loader/layers/evaluate.py": "the other end of that",
    "transport/local.py": "this machine as a host: the docs say that it is one",
    "transport/terminal.py": "a shell of this machine as a host",
    "transport/streams.py": "a shell of this machine as a host",
    "transport/openssh/ask.py": "ssh -G, for a name that was checked",
    "transport/openssh/hops.py": "ProxyCommand of the operator's own ssh_config",
    "transport/openssh/hostkeys.py": "KnownHostsCommand of the operator's own ssh_config",
    "apply/wheels.py": "pip, for the version of Hermes",
    "commands/fleet/disk/on_host.py": "ps alone, on the host, where there is no /proc",
    "commands/fleet/upgrade/on_host.py": "Hermes' own sync of skills; and it runs on a host",
    "commands/config/edit.py": "the operator's editor",
    "commands/editor.py": "the operator's editor",
    "commands/lab.py": "ssh to a host of the lab",
}
"""Places that run what no inventory brings, and why."""


def calls(file: Path) -> Iterator[str]:
    """Yield what a module calls or imports that could run code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in RUNS or name.startswith(FAMILIES):
                yield name
        elif isinstance(node, ast.Import):
            yield from (ANSIBLE for alias in node.names if alias.name.startswith("ansible"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible"):
            yield ANSIBLE


def found() -> dict[str, set[str]]:
    files = {file.relative_to(PACKAGE).as_posix(): file for file in PACKAGE.rglob("*.py")}
    all_calls = {name: set(calls(file)) for name, file in files.items()
                 if not name.startswith(PROGRAMS)}  # fmt: skip
    return {name: ran for name, ran in all_calls.items() if ran}


def test_every_place_that_can_run_code_is_known() -> None:
    """A new one is either listed in the docs, or has a reason here why no inventory reaches it."""
    places = found()
    known = LISTED.keys() | OURS.keys()
    assert {name: ran for name, ran in places.items() if name not in known} == {}
    assert known - places.keys() == set()


def test_the_docs_list_is_complete() -> None:
    """Each place that runs what an inventory brings has its line, and each line has its place."""
    text = (CLONE / "docs" / "inventory.md").read_text(encoding="utf-8")
    part = text[text.index("**What runs.**") : text.index("Expressions and templates are")]
    lines = [" ".join(line.split()) for line in re.split(r"^- ", part, flags=re.MULTILINE)[1:]]
    words = [*LISTED.values(), "a vault password file that is a program"]
    assert [[w for w in words if line.startswith(w)] for line in lines] == [[w] for w in words]
