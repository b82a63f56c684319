"""One lab for all tests here, and operators with an empty home."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kit import Box, Operator, Profiles, write_inventory

from hermes_ops import lab

collect_ignore = ["roles"]
"""Checks of a role: `fleet.verify` runs them."""

KEPT = os.environ.get("HERMES_OPS_TEST_LAB")
"""A folder for a lab that stays: for those who work on these tests."""
WANTED = {"linux": 3, "linux-bare": 1, "linux-nohermes": 1, "mac": 1}

MakeOperator = Callable[..., Operator]


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on a simulated Mac, so that it can be run alone."""
    for item in items:
        if "mac" in getattr(item, "fixturenames", ()):
            item.add_marker("mac")


def _folder_on_disk() -> Path:
    """Return a new folder that overlayfs accepts as its upper one."""
    for place in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/var/cache")):
        words = ["stat", "--file-system", "--format=%T", str(place)]
        kind = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
        if kind not in ("overlayfs", "tmpfs"):
            return Path(tempfile.mkdtemp(prefix="hermes-ops-lab-", dir=place))
    pytest.skip("no folder here is on a disk: a lab cannot lie on overlayfs or tmpfs")


@pytest.fixture(scope="session")
def boxes() -> Iterator[Mapping[str, Box]]:
    """The hosts of the lab by name, up for the whole session."""
    if reason := lab.why_not():
        pytest.skip(reason)
    root = Path(KEPT) if KEPT else _folder_on_disk()
    try:
        hosts = lab.up(root, WANTED, lambda _: None)
        yield {host.name: Box(root, host.name, host.address) for host in hosts}
    finally:
        if not KEPT:
            lab.down(root, lambda _: None)


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> MakeOperator:
    """Make operators: `operator({box: {profile: …}}, variables={…}, own={host: {…}})`."""

    def make(hosts: Mapping[Box, Profiles], **named: Any) -> Operator:
        folder = tmp_path_factory.mktemp("operator")
        (folder / "home").mkdir()
        return Operator(folder / "home", write_inventory(folder, hosts, **named))

    return make


@pytest.fixture
def linux(boxes: Mapping[str, Box]) -> Box:
    """A host with all rights on which nobody has done anything."""
    boxes["linux-1"].reset()
    return boxes["linux-1"]


@pytest.fixture
def mac(boxes: Mapping[str, Box]) -> Box:
    """A simulated Mac as after its first boot, on which nobody has done anything.

    What was asked in vain of its programs stands in /run/refused.
    """
    boxes["mac-1"].reset()
    return boxes["mac-1"]


@pytest.fixture
def linuxes(boxes: Mapping[str, Box]) -> list[Box]:
    """Three such hosts."""
    found = [boxes[f"linux-{number}"] for number in (1, 2, 3)]
    for box in found:
        box.reset()
    return found


@pytest.fixture
def bare(boxes: Mapping[str, Box]) -> Box:
    """A host without polkit and sudo, untouched."""
    boxes["linux-bare-1"].reset()
    return boxes["linux-bare-1"]


@pytest.fixture
def nohermes(boxes: Mapping[str, Box]) -> Box:
    """A host without Hermes and without a way out, untouched."""
    boxes["linux-nohermes-1"].reset()
    return boxes["linux-nohermes-1"]
