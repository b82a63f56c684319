#!/opt/mac/gnu/bin/python3 -IS
"""`netstat` of a Mac: `-rn -f inet`, and `-an -p tcp`, `-anv -p tcp`."""

import sys
from pathlib import Path

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import KERNEL, refuse  # noqa: E402
from sockets import sockets  # noqa: E402


def routes() -> None:
    """Print where packets go."""
    print("Routing tables\n\nInternet:")
    print("Destination        Gateway            Flags               Netif Expire")
    for line in Path(KERNEL, "self/net/route").read_text().splitlines()[1:]:
        device, destination = line.split()[:2]
        numbers = [str(int(destination[at : at + 2], 16)) for at in (6, 4, 2, 0)]
        shown = "default" if destination == "00000000" else ".".join(numbers)
        print(f"{shown:<18} {'link#4':<18} {'UCS':<19} {device}")


def connections() -> None:
    """Print the sockets of TCP."""
    print("Active Internet connections (including servers)")
    print("Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)")
    for socket in sockets():
        local = f"{socket.address}.{socket.port}"
        other = f"{socket.other}.{socket.other_port}" if socket.other_port else "*.*"
        print(f"{socket.proto:<5} {0:>6} {0:>6}  {local:<22} {other:<22} {socket.state}")


match sys.argv[1:]:
    case ["-rn", "-f", "inet"]:
        routes()
    case ["-an", "-p", "tcp"] | ["-an", "-ptcp"]:
        connections()
    case _:
        refuse("netstat")
