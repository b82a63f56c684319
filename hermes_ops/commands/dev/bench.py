"""`dev.bench`: measure what a run costs, compared with the least possible, in a lab of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.commands.dev.bench_lab import BOTS, WIDER, Bench, bench_lab, selection
from hermes_ops.commands.dev.bench_views import HOSTS, PROFILES, views
from hermes_ops.commands.dev.slow_line import slow_line
from hermes_ops.errors import CommandError
from hermes_ops.reporting.report import table

ROUNDS = 7
FIRST_ROUNDS = 5
RESTART_ROUNDS = 3
ROUND_TRIP = 0.1
"""Seconds that a round trip takes over the slow line."""
GENTLY = ("--forks", "4")
"""For what is not measured: programs of forty hosts at once on two cores would miss deadlines."""
MANY = HOSTS * PROFILES
CHECKS = 8
"""How many checks a gateway has."""

FLOOR = """\
import sys, threading
import fabric, paramiko

known_hosts, key, command, *hosts = sys.argv[1:]
answers = {}

def ask(host):
    connection = fabric.Connection(host, user="hermes", connect_kwargs={"key_filename": key})
    connection.client.load_host_keys(known_hosts)
    connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
    answers[host] = connection.run(command, hide=True, in_stream=False).stdout
    connection.close()

threads = [threading.Thread(target=ask, args=(host,)) for host in hosts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(answer.count("ActiveState=active") for answer in answers.values()), "active")
"""
"""The least that finds out the same: a connection and one command for each host, all at once."""

SETTINGS = 'for host; do ssh -G -- "$host" >/dev/null & done; wait; echo asked'
"""What `ssh -G` costs: one process a host, all at once."""

PYINFRA = """\
from pyinfra.operations import files, systemd

for name in {names!r}:
    home = f"/home/hermes/.hermes/profiles/{{name}}"
    files.file(path=f"{{home}}/config.yaml", mode="600")
    files.file(path=f"{{home}}/.env", mode="600")
    systemd.service(f"hermes-gateway-{{name}}.service", running=True, enabled=True, user_mode=True)
"""
"""Only modes and services: less than a run of ours looks at."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a whole process took: seconds, seconds of CPU, most megabytes."""

    wall: float
    cpu: float
    memory: float


Command = tuple[list[str], str]
"""A command and a text that it must print: without it, something else was measured."""


def run(output: Output, *, hosts: int, profiles: int) -> None:
    """Bring up a lab, measure, show one table, and take the lab down."""
    with bench_lab(output, hosts, profiles) as bench:
        output.note("Hermes makes the profiles; this is not measured")
        measured(bench, (bench.ours("profile.create", *GENTLY), ""))
        bench.keep_profiles()
        first = _first_applies(bench, output)
        output.note("wait until every gateway has started")
        measured(bench, (bench.ours("fleet.up", "--no-verify", *GENTLY), ""))
        output.note(f"{ROUNDS} rounds of all other commands, one after another")
        with slow_line((bench.hosts()[0].address, 22), ROUND_TRIP) as port:
            bench.write_far(port)
            costs = _interleaved(bench, _commands(bench) | _far_commands(bench, port))
        output.note(f"{RESTART_ROUNDS} rounds of restarts")
        costs |= _interleaved(bench, _restarts(bench), RESTART_ROUNDS)
        table(output, ["what", "measured", "goal"], list(_rows(bench, first, costs)))


# --- what is measured -------------------------------------------------------------------------


def _commands(bench: Bench) -> dict[str, Command]:
    hosts = bench.hosts()
    few = hosts[:WIDER]
    holds = "; 0 changes"
    up = ("fleet.up", "--no-verify", "-l")
    commands: dict[str, Command] = {
        "floor": (_floor(bench), f"{len(hosts) * len(bench.names)} active"),
        "no change": (bench.ours(*up, BOTS), holds),
        "verified": (bench.ours("fleet.up", "-l", BOTS), holds),
        "verify": (bench.ours("fleet.verify", "-l", BOTS), "checks passed"),
        "ps": (bench.ours("fleet.ps", "-l", BOTS), "bot-"),
        "half": (bench.ours(*up, selection(hosts[: len(hosts) // 2])), holds),
        "few": (bench.ours(*up, selection(few)), holds),
        "more": (bench.ours(*up, ",".join(host.name for host in few)), holds),
        "doctor": (_doctor(bench), f"{len(hosts) * len(bench.names)} profiles on"),
        "logs": (bench.ours("fleet.logs", "-n", "1", "-l", BOTS), "bot-"),
        "settings": (["/bin/sh", "-c", SETTINGS, "sh", *(h.address for h in hosts)], "asked"),
        "list": ([str(CLONE / "inv"), "--list"], "fleet.up"),
    }
    if importlib.util.find_spec("pyinfra"):
        commands["pyinfra"] = (_pyinfra(bench), "")
    return commands


def _doctor(bench: Bench) -> list[str]:
    """Return the words of a doctor that finds something, as it does in a lab."""
    return ["/bin/sh", "-c", '"$@" || [ $? = 2 ]', "sh", *bench.ours("fleet.doctor", "-l", BOTS)]


def _far_commands(bench: Bench, port: int) -> dict[str, Command]:
    """Return what is measured over the slow line: the least that ssh can do, and all of `up`."""
    return {
        "far ssh": (bench.ssh_far(port), ""),
        "far up": (bench.ours_far("fleet.up", "-l", BOTS), "; 0 changes"),
    }


RESTART = """\
systemctl --user restart {units}
for port in {ports}; do
  until bash -c ": </dev/tcp/127.0.0.1/$port" 2>/dev/null; do sleep 0.1; done
done
systemctl --user show -p ActiveState {units}
"""
"""The least that restarts gateways, and knows that each serves again."""


def _restarts(bench: Bench) -> dict[str, Command]:
    """Return a restart of all gateways by hand, and by us; no turn runs in any."""
    gateways = len(bench.hosts()) * len(bench.names)
    ports = " ".join(str(bench.port(name)) for name in bench.names)
    least = RESTART.format(units=_units(bench), ports=ports)
    ours = bench.ours("fleet.restart", "--now", "-l", BOTS)
    return {
        "restart floor": (_asking(bench, least), f"{gateways} active"),
        "restart": (ours, f"; {gateways} change"),
    }


def _units(bench: Bench) -> str:
    return " ".join(f"hermes-gateway-{name}.service" for name in bench.names)


def _floor(bench: Bench) -> list[str]:
    return _asking(
        bench, f"systemctl --user show -p Id,ActiveState,SubState,MainPID {_units(bench)}"
    )


def _asking(bench: Bench, command: str) -> list[str]:
    """Return the words that run a command on every host at once, each over a connection."""
    addresses = [host.address for host in bench.hosts()]
    known = str(bench.inventory / "known_hosts")
    return [sys.executable, "-I", "-c", FLOOR, known, str(bench.key), command, *addresses]


def _pyinfra(bench: Bench) -> list[str]:
    deploy = bench.root / "deploy.py"
    deploy.write_text(PYINFRA.format(names=bench.names))
    options = ["--ssh-user", "hermes", "--ssh-key", str(bench.key), "-y"]
    addresses = ",".join(host.address for host in bench.hosts())
    return [sys.executable, "-m", "pyinfra", *options, addresses, str(deploy)]


def _first_applies(bench: Bench, output: Output) -> list[Cost]:
    output.note(f"{FIRST_ROUNDS} first applies, each on hosts that have only the profiles")
    options = ("--no-wait", "--no-verify", "-l", BOTS)
    words = bench.ours("fleet.up", *options)
    costs = []
    for _ in range(FIRST_ROUNDS):
        bench.reset()
        costs.append(measured(bench, (words, f"{len(bench.hosts())} changed")))
    return costs


def _interleaved(
    bench: Bench, commands: Mapping[str, Command], rounds: int = ROUNDS
) -> dict[str, list[Cost]]:
    """Run every command once in each round, so that other load on the machine affects all alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(measured(bench, command))
    return costs


def measured(bench: Bench, command: Command) -> Cost:
    """Run a whole process and return what it took; raises `CommandError` if it failed."""
    words, expected = command
    environment = {**os.environ, "HOME": str(bench.root)}
    began = time.monotonic()
    with subprocess.Popen(
        words, cwd=CLONE, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout  # noqa: S101 - it is a pipe
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode or expected not in said:
        told = "\n".join(line for line in said.splitlines() if "done" not in line)
        raise CommandError(f"{' '.join(words[:4])} … printed no {expected!r}, but: {told[:3000]}")
    return Cost(
        wall, used.ru_utime + used.ru_stime, used.ru_maxrss / _KILO[sys.platform == "darwin"]
    )


_KILO = (1024, 1024 * 1024)
"""How many of ru_maxrss make a megabyte: Linux counts kilobytes, macOS bytes."""


# --- results ----------------------------------------------------------------------------------


def _rows(
    bench: Bench, first: Sequence[Cost], costs: Mapping[str, Sequence[Cost]]
) -> Iterator[dict[str, str]]:
    hosts, profiles = len(bench.hosts()), len(bench.names)
    wall = {name: median(c.wall for c in of) for name, of in costs.items()}
    cpu = {name: 1000 * median(c.cpu for c in of) for name, of in costs.items()}
    added = min(WIDER, hosts) * len(bench.more)
    others = hosts - hosts // 2
    size = f"{hosts} hosts x {profiles} profiles"

    def row(what: str, measured: str, goal: str = "") -> dict[str, str]:
        return {"what": what, "measured": measured, "goal": goal}

    yield row(f"first apply, {size}", f"{median(c.wall for c in first):.2f} s", "under 2 s")
    yield row(f"no change, {size}", f"{wall['no change']:.2f} s")
    yield row("the floor: a connection and a command a host", f"{wall['floor']:.2f} s")
    yield row("no change / floor", f"{wall['no change'] / wall['floor']:.2f}", "at most 1.6")
    yield row("fleet.ps / floor", f"{wall['ps'] / wall['floor']:.2f}", "at most 1.3")
    yield row("fleet.doctor / floor", f"{wall['doctor'] / wall['floor']:.2f}", "at most 2")
    checks = f"{hosts * profiles * CHECKS} checks"
    verification = wall["verified"] - wall["no change"]
    yield row(f"verification, {checks}", f"{verification:.2f} s")
    yield row("verification / floor", f"{verification / wall['floor']:.2f}", "at most 1.6")
    yield row("fleet.verify with its look", f"{wall['verify']:.2f} s")
    trip = f"{1000 * ROUND_TRIP:.0f} ms"
    yield row(f"a round trip of {trip}: ssh HOST true", f"{wall['far ssh']:.2f} s")
    yield row(f"a round trip of {trip}: fleet.up", f"{wall['far up']:.2f} s")
    yield row("fleet.up / ssh HOST true", f"{wall['far up'] / wall['far ssh']:.2f}", "at most 2")
    yield row("ssh -G, a process a host", f"{1000 * wall['settings']:.0f} ms")
    yield row(
        "one more profile: our CPU", f"{(cpu['more'] - cpu['few']) / added:.1f} ms", "under 10 ms"
    )
    yield row("one more host: our CPU", f"{(cpu['no change'] - cpu['half']) / others:.1f} ms")
    yield row("one more host: time", f"{1000 * (wall['no change'] - wall['half']) / others:.0f} ms")
    yield row(f"restart of {hosts * profiles} gateways", f"{wall['restart']:.2f} s")
    yield row("the same by systemctl, until all serve", f"{wall['restart floor']:.2f} s")
    part = 100 * (wall["restart"] / wall["restart floor"] - 1)
    yield row("restart: our part", f"{part:.0f} %", "under 10 %")
    for what, seconds in views().items():
        yield row(f"{MANY} profiles, {what}", f"{seconds:.2f} s of CPU", "under 1 s")
    yield row("fleet.logs, its first line", f"{wall['logs']:.2f} s")
    yield row("fleet.logs / floor", f"{wall['logs'] / wall['floor']:.2f}", "at most 1.3")
    yield row("inv --list", f"{wall['list']:.2f} s", "under 0.25 s")
    memory = max(cost.memory for cost in costs["no change"])
    yield row(f"our memory at {hosts} hosts", f"{memory:.0f} MB", "under 150 MB at 40")
    if "pyinfra" in wall:
        yield row("pyinfra, files and services alone", f"{wall['pyinfra']:.2f} s")
