"""Parse what the kernel lists of TCP servers and open files: whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from math import inf
from typing import Any

from hermes_ops.look.facts import Lock, Server
from hermes_ops.look.processes import grouped
from hermes_ops.wire import Reply


def listening(reply: Reply) -> dict[str, Any]:
    """Return what listens on TCP ports, and on which ports and addresses one may listen here."""
    first = next((record.rest for record in reply.of("unprivileged")), "")
    return {
        "servers": servers(reply),
        "deleted": deleted(reply),
        "opened": opened(reply),
        "locked": locked(reply),
        "addresses": addresses(reply),
        "unprivileged": int(first) if first.isdigit() else 0,
    }


def addresses(reply: Reply) -> frozenset[str] | None:
    """Return the host's own addresses; None if they are not known."""
    words = [word for record in reply.of("addresses") for word in (record.text or "").split()]
    return frozenset(map(_address, words)) or None


def _address(word: str) -> str:
    """Return an address; of its interfaces the kernel lists those of IPv6 as bare digits."""
    return word if "." in word else str(ip_address(bytes.fromhex(word)))


def servers(reply: Reply) -> tuple[Server, ...] | None:
    """Return what listens on a TCP port; None if the kernel does not list it."""
    listed = next(reply.of("servers"), None)
    if listed is None:
        return None
    owners = _sockets(reply)
    # The fields of /proc/net/tcp: number, local address, remote one, state, ..., inode (the tenth).
    rows = [line.split() for line in (listed.text or "").splitlines()]
    found = [(*row[1].partition(":")[::2], row[9]) for row in rows if len(row) > 9]
    return tuple(Server(_host(host), int(port, 16), owners.get(at)) for host, port, at in found)


def _host(digits: str) -> str:
    """Return an address: the kernel prints each of its words of four bytes backwards."""
    words = (bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    return str(ip_address(b"".join(words)))


_SOCKET = re.compile(r" -> socket:\[(\d+)\]$")
_DELETED = " (deleted)"
_LOCK = re.compile(r" -> (/.*/gateway\.lock(?: \(deleted\))?)$")


def _sockets(reply: Reply) -> dict[str, int]:
    """Return the process of each socket, by inode."""
    return {found[1]: pid for pid, line in _open(reply) if (found := _SOCKET.search(line))}


def locks(reply: Reply) -> dict[int, str]:
    """Return where the lock lies that each gateway has open, by pid."""
    return {pid: found[1] for pid, line in _open(reply) if (found := _LOCK.search(line))}


def deleted(reply: Reply) -> dict[int, tuple[str, ...]]:
    """Return the deleted files that processes have open, by pid."""
    return grouped(
        (pid, path.removesuffix(_DELETED)) for pid, path in _files(reply) if path.endswith(_DELETED)
    )


def opened(reply: Reply) -> dict[int, tuple[str, ...]]:
    """Return the logs and databases that processes have open, by pid."""
    return grouped((pid, path) for pid, path in _files(reply) if path.endswith((".log", ".db")))


def _files(reply: Reply) -> Iterator[tuple[int, str]]:
    return ((pid, line.partition(" -> ")[2]) for pid, line in _open(reply))


def locked(reply: Reply) -> tuple[Lock, ...]:
    """Return the locks by which other processes bar ours from writing into listed files."""
    return tuple(
        Lock(int(pid), int(inode), int(first), inf if last == "EOF" else int(last))
        for pid, inode, first, last in (record.words for record in reply.of("locked"))
    )


def _open(reply: Reply) -> Iterator[tuple[int, str]]:
    """Yield the lines of `ls -l` of `/proc/PID/fd`, each with its process."""
    pid = 0
    for line in (line for r in reply.of("sockets") for line in (r.text or "").splitlines()):
        if line.startswith("/proc/") and line.endswith("/fd:"):
            pid = int(line.split("/")[2])
        else:
            yield pid, line
