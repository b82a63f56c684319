"""What takes from a unit of systemd what it needs: low limits above it, another control group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from building import NEW
from test_outside import found, looked, told

from hermes_ops.commands.fleet.troubles import troubles_of
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.look.facts import Facts, Process, Unit
from hermes_ops.services.protection.above import above
from hermes_ops.services.units.threats import threats

ID = "hermes-gateway-demo.service"
MANAGER = "/user.slice/user-1000.slice/user@1000.service"
GROUP = f"{MANAGER}/app.slice/{ID}"
OURS = f"{MANAGER}/hermes.slice/{ID}"
CONTROL = ".config/systemd/user.control"
SYSTEM = "/etc/systemd/system"
MIB = 256
"""Pages."""


def host(lines: Mapping[str, Sequence[str]], group: str = GROUP, services: int = 1) -> Facts:
    """Return a host whose services have 100 MiB each, and that has these files."""
    pids = range(10, 10 + services)
    units = {f"{pid}.service": Unit({"MainPID": str(pid), "ControlGroup": group}) for pid in pids}
    processes = {pid: Process(1, "S", 100 * MIB, group, cgroups=(group,)) for pid in pids}
    files = {path: tuple(words) for path, words in lines.items()}
    return replace(NEW, unit_lines=files, processes=processes, units={"systemd": units})


def limits(
    lines: Mapping[str, Sequence[str]], group: str = GROUP, services: int = 1, own: str = ""
) -> list[str]:
    """Return what is told of the limits in these files, for one of the services."""
    seen = host(lines, group, services)
    unit = seen.unit("systemd", "10.service")
    return [str(one) for one in above(unit, ServiceSettings(memory_max=own or None), seen)]


@pytest.mark.parametrize(
    ("path", "line", "counts"),
    [
        (f"{CONTROL}/app.slice.d/50-MemoryMax.conf", "MemoryMax=20971520", True),
        (f"{CONTROL}/app.slice.d/50-MemoryMax.conf", "MemoryMax=150M", True),
        (f"{CONTROL}/app.slice.d/50-MemoryMax.conf", "MemoryMax=4G", False),
        (f"{CONTROL}/app.slice.d/50-MemoryMax.conf", "MemoryMax=infinity", False),
        (f"{CONTROL}/app.slice.d/50-MemoryMax.conf", "MemoryMax=50%", False),
        (f"{CONTROL}/background.slice.d/50-MemoryMax.conf", "MemoryMax=20M", False),
        (f"{CONTROL}/hermes.slice.d/50-MemoryMax.conf", "MemoryMax=20M", False),  # not around it
        (".config/systemd/user/app.slice", "MemoryHigh=20M", True),
        (".config/systemd/user/slice.d/all.conf", "MemoryHigh=20M", True),
        ("/run/user/1000/systemd/user.control/app.slice.d/50.conf", "CPUQuota=5%", True),
        ("/etc/systemd/user/app.slice.d/50.conf", "CPUQuota=80%", False),
        ("/etc/systemd/user/user-1000.slice.d/50.conf", "CPUQuota=5%", False),  # one of its own
        (f"{SYSTEM}/user-.slice.d/x.conf", "TasksMax=20", True),
        (f"{SYSTEM}/user-.slice.d/x.conf", "TasksMax=33%", False),
        (f"{SYSTEM}/user-.slice.d/x.conf", "TasksMax=4000", False),
        (f"{SYSTEM}/user-1001.slice.d/x.conf", "TasksMax=20", False),
        (f"{SYSTEM}/user@.service.d/x.conf", "MemoryMax=20M", True),
        (f"{SYSTEM}/-.slice.d/x.conf", "MemoryMax=20M", True),
        (f"{SYSTEM}/app.slice.d/x.conf", "MemoryMax=20M", False),
        (f"{SYSTEM}/system.slice.d/x.conf", "MemoryMax=20M", False),
        ("/etc/systemd/system.control/user-1000.slice.d/50.conf", "AllowedCPUs=0", True),
        ("/run/systemd/system.control/user.slice.d/50.conf", "AllowedCPUs=0-3", False),
    ],
)
def test_a_low_limit_above_a_gateway(path: str, line: str, counts: bool) -> None:
    """On whatever is around its control group; what leaves room is its administrator's matter."""
    said = limits({path: [line]})
    assert len(said) == counts
    assert all(path in one and line in one for one in said)


def test_what_is_read_last_counts() -> None:
    """By the names of the files; an empty value takes a limit away."""
    first, last = f"{SYSTEM}/user-.slice.d/10.conf", f"{SYSTEM}/user-1000.slice.d/50.conf"
    assert limits({last: ["MemoryMax=8G"], first: ["MemoryMax=20M"]}) == []
    assert limits({last: ["MemoryMax="], first: ["MemoryMax=20M"]}) == []
    assert len(limits({last: ["MemoryMax=20M"], first: ["MemoryMax=8G"]})) == 1


def test_what_all_of_them_use_is_the_measure() -> None:
    """And what the inventory gives to one: a limit above it makes that a lie."""
    file = {f"{CONTROL}/app.slice.d/50.conf": ["MemoryMax=400M"]}
    assert limits(file) == []
    (said,) = limits(file, services=3)
    assert said.endswith("for all of app.slice, and what runs there uses 300M by now")
    (said,) = limits(file, own="512M")
    assert said.endswith("for all of app.slice, and the inventory gives it 512M")


def test_a_limit_in_our_slice() -> None:
    """The inventory has one for it: what somebody sets there beside that is a second hand."""
    ours = {".config/systemd/user/hermes.slice": ["MemoryMax=1G"]}
    assert limits(ours, OURS) == []
    (said,) = limits({**ours, f"{CONTROL}/hermes.slice.d/50.conf": ["MemoryMax=9G"]}, OURS)
    assert said.endswith("and the inventory has hermes_memory_max for that")


def test_a_service_of_the_system() -> None:
    """It is in a slice of the system alone, and no file of a user is about it."""
    group = f"/system.slice/{ID}"
    assert limits({f"{CONTROL}/system.slice.d/50.conf": ["MemoryMax=20M"]}, group) == []
    assert limits({f"{SYSTEM}/system.slice.d/50.conf": ["MemoryMax=20M"]}, group) != []


def test_its_end_is_a_command() -> None:
    """The file goes, and its manager is told: of a user's own, or of the system."""
    seen = host({f"{CONTROL}/app.slice.d/50.conf": ["MemoryMax=2M"]})
    (one,) = above(seen.unit("systemd", "10.service"), ServiceSettings(), seen)
    assert one.hint == (
        f"on the host: rm /home/hermes/{CONTROL}/app.slice.d/50.conf"
        " && systemctl --user daemon-reload"
    )
    path = f"{SYSTEM}.control/user-1000.slice.d/50.conf"
    (one,) = above(
        seen.unit("systemd", "10.service"), ServiceSettings(), host({path: ["TasksMax=9"]})
    )
    assert one.hint == f"on the host: sudo rm {path} && sudo systemctl daemon-reload"


@pytest.mark.parametrize(
    ("groups", "other"),
    [
        ((GROUP,), ""),
        ((GROUP, GROUP), ""),
        ((f"{GROUP}/tool",), ""),
        ((GROUP, "/"), ""),  # a hierarchy that systemd does not use
        (("/", "/"), "/"),
        ((f"{MANAGER}/init.scope",), f"{MANAGER}/init.scope"),
        (("/x", GROUP), "/x"),
        (("/", f"{MANAGER}/app.slice"), f"{MANAGER}/app.slice"),
        ((), ""),
    ],
)
def test_a_process_in_another_control_group(groups: tuple[str, ...], other: str) -> None:
    """Moved by hand: its limits do not count, and whoever kills that group ends it."""
    process = Process(1, "S", 1, cgroups=groups)
    unit = Unit({"MainPID": "10", "ControlGroup": GROUP})
    seen = replace(NEW, processes={10: process})
    said = [str(one) for one in threats(ID, unit, ServiceSettings(), seen, by_root=False)]
    assert said == (
        [f"its process 10 was moved into the control group {other}: no limit of {ID} counts there"]
        if other
        else []
    )
    assert not list(threats(ID, Unit({}), ServiceSettings(), seen, by_root=False))


def test_a_gateway_is_not_green_under_a_low_limit() -> None:
    """It is a reason of the profile, with what ends it."""
    seen, pid = found()
    unit = {**seen.unit("systemd", ID).properties, "ControlGroup": GROUP}
    seen = replace(
        seen,
        units={"systemd": {ID: Unit(unit)}},
        processes={pid: replace(seen.processes[pid], cgroups=(GROUP,))},
    )
    assert list(troubles_of(looked(seen))) == []
    seen = replace(seen, unit_lines={f"{CONTROL}/app.slice.d/50.conf": ("MemoryMax=2M",)})
    words, then = told(seen)
    assert words.startswith(f"~/{CONTROL}/app.slice.d/50.conf sets MemoryMax=2M for all of")
    assert then.startswith("on the host: rm ")
