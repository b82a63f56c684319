"""The network of a lab: one bridge, and a cable from it to each host.

The host's end of a cable is in a network namespace without a name, which lives as
long as the host's process. The kernel removes the cable together with it, so that
nothing is left behind, however a host ends. Hosts cannot reach the outside: there is
no default route and no address translation.
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
# Private and rarely used; the third number is derived from the lab's folder.
RANGES = ("10.213", "172.29", "192.168")


def bridge_name(root: Path) -> str:
    """Return the name of the bridge of the lab in `root`: ten characters, 15 are allowed."""
    return "lab" + hashlib.sha256(bytes(root)).hexdigest()[:7]


def free_subnet(root: Path) -> str:
    """Return the first three numbers of a /24 that overlaps no route of this machine."""
    taken = _routes()
    start = hashlib.sha256(bytes(root)).digest()[0]
    for prefix in RANGES:
        for step in range(256):
            subnet = f"{prefix}.{(start + step) % 256}"
            if not any(IPv4Network(f"{subnet}.0/24").overlaps(route) for route in taken):
                return subnet
    raise UsageError(
        f"no free network for the lab: this machine has routes to all of {', '.join(RANGES)}"
    )


def _routes() -> list[IPv4Network]:
    routes = json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]))
    names = [route["dst"] for route in routes]
    return [IPv4Network(name, strict=False) for name in names if name[0].isdigit()]


@dataclass(frozen=True, slots=True)
class Bridge:
    """The switch that connects this machine and all hosts of one lab."""

    name: str
    subnet: str

    def up(self) -> None:
        """Create the bridge with the machine's address; an existing one is kept."""
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
        """The name of the machine's end; the host's end is called host0."""
        return f"{self.bridge.name}.{self.number}"

    @property
    def is_cut(self) -> bool:
        """Whether the machine's end exists but is down."""
        flags = DEVICES / self.name / "flags"
        return flags.exists() and not int(flags.read_text(), 16) & IFF_UP

    def plug(self, pid: int, *, cut: bool = False) -> None:
        """Connect the network namespace of the process `pid`, once the process has created it."""
        wait_for_namespace(pid)
        self._unplug()
        state = "down" if cut else "up"
        mac = "02:00:{:02x}:{:02x}:{:02x}:{:02x}".format(*map(int, self.address.split(".")))
        # A fixed hardware address: ARP tables stay valid after a reboot.
        peer = f"peer name host0 address {mac} netns {pid}"
        machine = f"link add {self.name} type veth {peer}\n"
        machine += f"link set {self.name} master {self.bridge.name} {state}\n"
        run(["ip", "-batch", "-"], input=machine)
        host = f"link set lo up\naddress add {self.address}/24 dev host0\nlink set host0 up\n"
        run(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"], input=host)

    def _unplug(self) -> None:
        # The kernel may be removing the cable of a host that has just ended.
        with suppress(CommandError):
            run(["ip", "link", "delete", self.name])

    @property
    def address(self) -> str:
        """The host's IPv4 address."""
        return f"{self.bridge.subnet}.{self.number}"

    def cut(self) -> None:
        """Drop all packets from now on, in both directions."""
        run(["ip", "link", "set", self.name, "down"])

    def heal(self) -> None:
        """Let all packets through again."""
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
