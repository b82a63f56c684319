"""What a lab is, and where its files are; lab.json records it.

ROOT/lab.json            this file: the network and the hosts
ROOT/ssh/id_ed25519      the key that opens every host
ROOT/inventory/          an inventory of the hosts, ready for `fleet.up`
ROOT/hosts/NAME/         upper and work folder, console.log, process.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from hermes_ops.errors import UsageError
from hermes_ops.lab.network import Bridge, Cable, bridge_name

FIRST_NUMBER = 11


@dataclass(frozen=True, slots=True)
class Member:
    """A host of the lab, running or not; `number` is the last number of its address."""

    name: str
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Lab:
    """The hosts below one folder; `subnet` is the first three numbers of their addresses."""

    root: Path
    subnet: str
    members: tuple[Member, ...] = ()

    @classmethod
    def load(cls, root: Path) -> Self | None:
        """Return the lab in `root`, None if there is none."""
        file = root.resolve() / "lab.json"
        if not file.exists():
            return None
        data = json.loads(file.read_text())
        members = tuple(Member(**member) for member in data["members"])
        return cls(file.parent, data["subnet"], members)

    def save(self) -> None:
        """Write lab.json atomically."""
        data = {"subnet": self.subnet, "members": [asdict(member) for member in self.members]}
        scratch = self.root / "lab.json.new"
        scratch.write_text(json.dumps(data, indent=2) + "\n")
        scratch.rename(self.root / "lab.json")

    @property
    def bridge(self) -> Bridge:
        """The bridge of this lab, named after its folder."""
        return Bridge(bridge_name(self.root), self.subnet)

    def cable(self, member: Member) -> Cable:
        """Return the cable of a host."""
        return Cable(self.bridge, member.number)

    def address(self, member: Member) -> str:
        """Return the IPv4 address of a host."""
        return self.cable(member).address

    def folder(self, member: Member) -> Path:
        """Return the folder of a host's own files."""
        return self.root / "hosts" / member.name

    def member(self, name: str) -> Member:
        """Return the host called `name`; the UsageError for another name lists all hosts."""
        for member in self.members:
            if member.name == name:
                return member
        names = ", ".join(member.name for member in self.members)
        raise UsageError(f"the lab has no host '{name}'", hint=f"its hosts are: {names}")

    def grown(self, wanted: Mapping[str, int]) -> Self:
        """Return this lab with hosts added until there are `wanted` of each kind."""
        lab = self
        for kind, count in wanted.items():
            for number in range(1, count + 1):
                lab = lab._with(f"{kind}-{number}", kind)
        return lab

    def _with(self, name: str, kind: str) -> Self:
        if any(member.name == name for member in self.members):
            return self
        number = max((member.number for member in self.members), default=FIRST_NUMBER - 1) + 1
        if number > 254:
            raise UsageError("a lab has room for 244 hosts", hint="begin a new one: lab.down")
        return replace(self, members=(*self.members, Member(name, kind, number)))
