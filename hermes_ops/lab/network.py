"""The wires of a lab: one bridge, and a cable from it to each host.

A host's end of the cable lies in a network namespace which has no name and lives
as long as the host's process. The kernel takes the cable away with it, so that
nothing is left behind, however a host ends. The lab has no way out: no default
route, no address translation.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from hermes_ops.errors import CommandError, UsageError
from hermes_ops.lab.commands import run

DEVICES = Path("/sys/class/net")
IFF_UP = 1
# Private, and rarely in use; the third number comes from the lab's own folder.
RANGES = ("10.213", "172.29", "192.168")


def bridge_name(root: Path) -> str:
    """Return a name for the bridge of the lab in `root`: ten characters of at most fifteen."""
    return "lab" + hashlib.sha256(bytes(root)).hexdigest()[:7]


def free_subnet(root: Path) -> str:
    """Return the first three numbers of a /24 that no route of this machine touches."""
    taken = _routes()
    start = hashlib.sha256(bytes(root)).digest()[0]
    for prefix in RANGES:
        for step in range(256):
            subnet = f"{prefix}.{(start + step) % 256}"
            if not any(IPv4Network(f"{subnet}.0/24").overlaps(route) for route in taken):
                return subnet
    raise UsageError("every private network the lab would use has a route on this machine")


def _routes() -> list[IPv4Network]:
    routes = json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]))
    names = [route["dst"] for route in routes]
    return [IPv4Network(name, strict=False) for name in names if name[0].isdigit()]


@dataclass(frozen=True, slots=True)
class Bridge:
    """The switch that the machine and all hosts of one lab are plugged into."""

    name: str
    subnet: str

    def up(self) -> None:
        """Make the bridge with the machine's address on it; one that exists is kept."""
        if not (DEVICES / self.name).exists():
            run(["ip", "link", "add", self.name, "type", "bridge"])
        run(["ip", "address", "replace", f"{self.subnet}.1/24", "dev", self.name])
        run(["ip", "link", "set", self.name, "up"])

    def down(self) -> None:
        """Remove the bridge, if there is one."""
        if (DEVICES / self.name).exists():
            run(["ip", "link", "delete", self.name])


@dataclass(frozen=True, slots=True)
class Cable:
    """The veth pair between the bridge and one host, named by the host's number."""

    bridge: Bridge
    number: int

    @property
    def name(self) -> str:
        """The machine's end; the host's end is called host0."""
        return f"{self.bridge.name}.{self.number}"

    @property
    def is_cut(self) -> bool:
        """Whether the machine's end is there, but down."""
        flags = DEVICES / self.name / "flags"
        return flags.exists() and not int(flags.read_text(), 16) & IFF_UP

    def plug(self, pid: int, *, cut: bool = False) -> None:
        """Connect the network namespace of the process `pid`, which has to make it first."""
        wait_for_namespace(pid)
        self._unplug()
        state = "down" if cut else "up"
        mac = "02:00:{:02x}:{:02x}:{:02x}:{:02x}".format(*map(int, self.address.split(".")))
        # A fixed hardware address: after a reboot nobody's ARP table is wrong.
        peer = f"peer name host0 address {mac} netns {pid}"
        machine = f"link add {self.name} type veth {peer}\n"
        machine += f"link set {self.name} master {self.bridge.name} {state}\n"
        run(["ip", "-batch", "-"], input=machine)
        host = f"link set lo up\naddress add {self.address}/24 dev host0\nlink set host0 up\n"
        run(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"], input=host)

    def _unplug(self) -> None:
        # The kernel may be about to take away the cable of a host that just ended.
        with suppress(CommandError):
            run(["ip", "link", "delete", self.name])

    @property
    def address(self) -> str:
        """The host's IPv4 address."""
        return f"{self.bridge.subnet}.{self.number}"

    def cut(self) -> None:
        """Let nothing through any more, at once and in both directions."""
        run(["ip", "link", "set", self.name, "down"])

    def heal(self) -> None:
        """Let everything through again."""
        run(["ip", "link", "set", self.name, "up"])


def wait_for_namespace(pid: int, seconds: float = 5) -> None:
    """Wait until the process `pid` has a network namespace other than ours."""
    ours = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/ns/net").readlink() != ours:
                return
        except FileNotFoundError:
            break
        time.sleep(0.002)
    raise CommandError(f"process {pid} of the lab ended before it had a network")
