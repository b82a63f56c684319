"""Ask process 1 of the simulated Mac, and print what it answers."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any


def ask(program: str, words: list[str]) -> dict[str, Any]:
    """Return the answer: code, out, err, and perhaps words to run instead."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("/run/launchd.sock")
    asked = {
        "program": program,
        "words": words,
        "folder": str(Path.cwd()),
        "terminal": sys.stdout.isatty(),
    }
    connection.sendall(json.dumps(asked).encode() + b"\n")
    with connection.makefile("rb") as stream:
        answer: dict[str, Any] = json.loads(stream.read())
    return answer


def show(answer: dict[str, Any]) -> int:
    """Print an answer, and return the code to end with."""
    sys.stdout.write(answer["out"])
    sys.stdout.flush()
    sys.stderr.write(answer["err"])
    if answer["run"]:
        os.execvp(answer["run"][0], answer["run"])
    if answer["code"] < 0:
        os.abort()
    return int(answer["code"])
