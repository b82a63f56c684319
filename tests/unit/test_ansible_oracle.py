"""An inventory means here what it means to Ansible: `ansible-core` itself is asked.

Each file of `tests/cases/inventories/` is an inventory with selectors. Differences that are
wanted are rows in `docs/inventory.md`; none of them is in these files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hermes_ops.errors import UsageError
from hermes_ops.inventory import Inventory
from hermes_ops.loader import Vault, load
from hermes_ops.selector import select
from hermes_ops.tasks.listing import ansible_view

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "cases" / "inventories").glob("*.yml"))

Job = Mapping[str, Any]
Answer = Mapping[str, Any]


def ansible_says(jobs: Sequence[Job], folder: Path) -> list[Answer]:
    """Return what ansible-core says of every job, asked in one process."""
    (folder / "ansible.cfg").touch()
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
    environ |= {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "HOME": str(folder)}
    out = folder / "answers.json"
    words = [sys.executable, str(Path(__file__).with_name("ansible_says.py")), str(out)]
    subprocess.run(
        words, input=json.dumps(jobs), text=True, capture_output=True, check=True, env=environ
    )
    answers: list[Answer] = json.loads(out.read_text(encoding="utf-8"))
    return answers


def written(case: Mapping[str, Any], folder: Path) -> Job:
    """Write the files of a case and return the job that speaks of them."""
    for name, text in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in case.get("executable", ()):
        (folder / name).chmod(0o755)
    sources = [str(folder / source) for source in case["sources"]]
    return {"sources": sources, "limits": case.get("limits", [])}


def loaded(job: Job) -> Inventory:
    """Return the inventory of a job as we read it."""
    vault = Vault(Path(job["vault"])) if "vault" in job else None
    return load([Path(source) for source in job["sources"]], ROOT / "roles", {}, vault)


def selected(inventory: Inventory, limit: str) -> list[str]:
    """Return the hosts that a selector chooses; none where it is refused."""
    try:
        return sorted(host.name for host in select(inventory, limit)[0].hosts)
    except UsageError:
        return []


def agrees(job: Job, answer: Answer) -> None:
    """Raise unless the inventory is the same to both."""
    inventory = loaded(job)
    assert json.loads(json.dumps(ansible_view(inventory))) == answer["list"]
    ours = {limit: selected(inventory, limit) for limit in job["limits"]}
    theirs = {limit: sorted(hosts or []) for limit, hosts in answer["limits"].items()}
    assert ours == theirs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Job, Answer]]:
    """Every case, and what ansible-core says of it."""
    folder = tmp_path_factory.mktemp("inventories")
    cases = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in CASES}
    jobs = [written(case, folder / name) for name, case in cases.items()]
    answers = ansible_says(jobs, folder)
    return dict(zip(cases, zip(jobs, answers, strict=True), strict=True))


@pytest.mark.xdist_group("ansible")
@pytest.mark.parametrize("name", [file.stem for file in CASES])
def test_inventory(corpus: dict[str, tuple[Job, Answer]], name: str) -> None:
    """Groups, hosts, variables and selections are those of Ansible."""
    agrees(*corpus[name])
