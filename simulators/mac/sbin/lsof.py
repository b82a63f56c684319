#!/opt/mac/gnu/bin/python3 -IS
"""`lsof` of a Mac for sockets of TCP: -nP -iTCP[:PORT] [-sTCP:LISTEN] [-a] [-p PIDS] [-t]."""

from __future__ import annotations

import pwd
import re
import sys
from contextlib import suppress

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import Process, processes, refuse  # noqa: E402
from sockets import Socket, inodes, sockets  # noqa: E402


def main() -> int:
    """Print the sockets that the caller may see; 1 if there is none."""
    port, state, pids, brief = "", "", set(), False
    words = iter(sys.argv[1:])
    for word in words:
        if found := re.fullmatch(r"-iTCP(?::(\d+))?", word):
            port = found[1] or ""
        elif found := re.fullmatch(r"-sTCP:(LISTEN|ESTABLISHED)", word):
            state = found[1]
        elif word == "-p":
            pids = set(next(words, "").split(","))
        elif word == "-t":
            brief = True
        elif not re.fullmatch(r"-[nPa]+", word):
            refuse("lsof")
    wanted = {
        socket.inode: socket
        for socket in sockets()
        if state in ("", socket.state) and port in ("", str(socket.port))
    }
    lines = []
    for process in processes():
        if pids and str(process.pid) not in pids:
            continue
        with suppress(OSError):
            for inode, descriptor in inodes(process).items():
                if inode not in wanted:
                    continue
                line = shown(process, descriptor, wanted[inode])
                lines.append(str(process.pid) if brief else line)
    if lines and not brief:
        print("COMMAND     PID     USER   FD   TYPE DEVICE SIZE/OFF NODE NAME")
    print("\n".join(dict.fromkeys(lines)))
    return 0 if lines else 1


def shown(process: Process, descriptor: str, socket: Socket) -> str:
    """Return the line of a socket."""
    user = pwd.getpwuid(process.user(1)).pw_name
    name = process.name.rpartition("/")[2][:9]
    kind = "IPv4" if socket.proto == "tcp4" else "IPv6"
    end = f"{socket.address}:{socket.port} ({socket.state})"
    return f"{name:<9} {process.pid:>5} {user:>8} {descriptor:>4}u {kind} 0x0 0t0 TCP {end}"


sys.exit(main())
