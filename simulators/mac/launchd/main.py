"""Process 1 of a simulated Mac: it boots, and answers `launchctl`."""

from __future__ import annotations

import json
import os
import pwd
import selectors
import socket
import struct
import sys
import time
import traceback
import uuid
from contextlib import suppress
from pathlib import Path

from launchd import view
from launchd.knobs import UnknownKnob
from launchd.machine import Machine
from launchd.targets import Answer, Call, Deferred, Stop
from launchd.verbs import VERBS

SOCKET = Path("/run/launchd.sock")
MOST = 1 << 20
USERS = ("hermes", "fresh")
UNBUILT = frozenset(
    """
    attach debug limit procinfo hostinfo resolveport examine config dumpstate dumpjpcategory
    bootshell getenv setenv unsetenv bsexec submit print-cache plist uncache runstats help umask
    variant bstree
    """.split()  # noqa: SIM905 - read more easily than a list
)
"""Verbs of Apple's that this one does not have: to say that they do not exist would be wrong."""


def main() -> None:
    """Run the Mac until it goes down."""
    for folder in ("/run/sshd", "/var/folders", "/Library/LaunchAgents", "/Library/LaunchDaemons"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for user in pwd.getpwall():
        if user.pw_dir.startswith("/Users/"):
            _temporary(user.pw_uid)
    _note_the_boot()
    view.prepare()
    machine = Machine()
    SOCKET.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(SOCKET))
    SOCKET.chmod(0o666)
    server.listen(64)
    machine.loop.selector.register(
        server, selectors.EVENT_READ, lambda: _accept(machine, server.accept()[0])
    )
    machine.boot()
    machine.loop.run()


def _note_the_boot() -> None:
    """Write what stand-ins tell of this boot, and where they write to."""
    now = time.time()
    Path("/run/boottime").write_text(f"{int(now)} {int(now % 1 * 1e6)}\n")
    Path("/run/bootsession").write_text(f"{str(uuid.uuid4()).upper()}\n")
    for path in (Path("/run/refused"), Path("/run/assertions")):
        path.mkdir() if path.name == "assertions" else path.touch()
        path.chmod(0o1777 if path.is_dir() else 0o666)


def _temporary(uid: int) -> None:
    folder = Path(f"/var/folders/{uid}/T")
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, uid, 20)
    folder.chmod(0o700)


def _accept(machine: Machine, connection: socket.socket) -> None:
    connection.settimeout(5)
    got = b""
    try:
        while (part := connection.recv(65536)) and len(got) < MOST:
            got += part
        pid, uid, _ = struct.unpack(
            "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        answer = _answer(machine, pid, uid, got.decode(errors="surrogateescape").split("\0")[:-1])
    except (OSError, ValueError):
        connection.close()
        return
    except Exception:
        traceback.print_exc(file=sys.stderr)
        answer = Answer(70, err=f"the simulator has an error:\n{traceback.format_exc()}")
    if isinstance(answer, Answer):
        _send(connection, answer)
    else:
        answer(lambda late: _send(connection, late))


def _send(connection: socket.socket, answer: Answer) -> None:
    out, err = (text.encode(errors="surrogateescape") for text in (answer.out, answer.err))
    run = "".join(f"{word}\0" for word in answer.run).encode(errors="surrogateescape")
    with suppress(OSError):
        connection.sendall(f"{answer.code} {len(out)} {len(err)}\n".encode() + run + out + err)
    connection.close()


def _answer(machine: Machine, pid: int, uid: int, asked: list[str]) -> Answer | Deferred:
    program, folder, terminal, *given = asked
    verb, *words = given or ["help"]
    if program == "sim":
        return _event(machine, verb, words) if uid == 0 else Answer(1, err="only root may\n")
    call = Call(machine, machine.caller(pid, uid), tuple(words), folder, bool(terminal))
    if verb in UNBUILT:
        return Answer(70, err=f"the simulated launchctl has no '{verb}'\n")
    if verb not in VERBS:
        return Answer(
            1, err=f"Unrecognized subcommand: {verb}\nUsage: launchctl <subcommand> ...\n"
        )
    try:
        return VERBS[verb](call)
    except Stop as stop:
        return stop.answer


def _event(machine: Machine, verb: str, words: list[str]) -> Answer | Deferred:
    """Let something happen to the Mac that no program on it can do."""
    match verb, *words:
        case "login", name if name not in USERS:
            return Answer(64, err=f"nobody is called '{name}': {', '.join(USERS)}\n")
        case "knob", "autologin", name if name not in ("", *USERS):
            return Answer(64, err=f"nobody is called '{name}': {', '.join(USERS)}\n")
        case "login", name:
            machine.log_in(name)
        case ["logout"]:
            uid = machine.console
            return lambda reply: machine.log_out(uid or 0, lambda: reply(Answer()))
        case "knob", name, value:
            return _turn(machine, name, value)
        case ["knobs"]:
            return Answer(0, json.dumps(machine.knobs.values, indent=1) + "\n")
        case ["unlock"]:
            machine.unlock()
        case ["reboot"]:
            machine.loop.later(0, lambda: machine.go_down(reboot=True))
        case ["reset"]:
            return lambda reply: machine.reset(lambda: reply(Answer()))
        case _:
            return Answer(64, err=f"no event is called '{verb}' with {len(words)} words\n")
    return Answer()


def _turn(machine: Machine, name: str, value: str) -> Answer:
    try:
        machine.knobs.turn(name, value)
    except UnknownKnob as unknown:
        return Answer(64, err=f"{unknown}\n")
    machine.apply_knobs()
    return Answer()
