"""A fleet that does all it can to show its secrets: what the fuzz test runs the program against."""

from __future__ import annotations

import base64
import json
import os
import random
import string
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hermes_ops.files.envfile import refusal
from hermes_ops.secrets import age
from hermes_ops.secrets.secret import Secret, is_searched

ROOT = Path(__file__).parents[2]
KINDS = ("plain", "env", "file", "command", "age", "agefile", "keyring")

_ALPHABETS = (
    string.ascii_letters + string.digits,
    "0123456789abcdef",
    string.ascii_letters + string.digits + string.punctuation,
    string.ascii_letters + "+/=_-.:%&<>",
    string.ascii_letters + " '\"\\$`!",
    "aäößéΩ日本語çñ-_ ",
)

_ROLE = """
description: shows what it knows
home: ".leaky/{{ profile }}"
files:
  - {env: "{{ home }}/.env", mode: "0600"}
  - {file: "{{ home }}/public.txt", template: public.txt.j2, mode: "0644"}
service: {name: "leaky-{{ profile }}", command: [/bin/sleep, "600"]}
checks: [test_leak, test_raise, test_print]
"""
_FAILING = """
description: fails, and says why at length
home: ".leaky/{{ profile }}"
create: {command: [sh, -c, "cat \\"$HOME/told\\"; cat \\"$HOME/told\\" >&2; exit 3"]}
service: {name: "failing-{{ profile }}", command: [/bin/sleep, "600"]}
"""
_CHECKS = '''
def test_leak(host):
    """Compares with what is there."""
    assert host.run("cat $HOME/told").stdout == "nothing"


def test_raise(host):
    """Fails with a text."""
    raise RuntimeError(host.run("cat $HOME/told").stdout)


def test_print(host):
    """Prints, and fails."""
    print(host.run("cat $HOME/told").stdout)
    assert False
'''

_RING = """
import json, pathlib
from keyring import backend
class Ring(backend.KeyringBackend):
    priority = 1
    def get_password(self, service, user):
        return json.loads(pathlib.Path(__file__).with_name("entries").read_text()).get(user)
    def set_password(self, service, user, password): ...
    def delete_password(self, service, user): ...
"""


def values(seed: int, count: int) -> Iterator[str]:
    """Yield values of odd shapes that a `.env` can hold."""
    rng = random.Random(seed)
    while count:
        letters = rng.choice(_ALPHABETS)
        value = "".join(rng.choices(letters, k=rng.choice((9, 17, 40, 41, 42, 200))))
        if is_searched(value) and refusal("NAME", value) is None and value == value.strip():
            count -= 1
            yield value


@dataclass
class Fleet:
    """An operator, a host that is this machine, and what nobody may see."""

    folder: Path
    secrets: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    argv: set[bytes] = field(default_factory=set)

    @property
    def home(self) -> Path:
        """Return the home of the operator, which is the host's too."""
        return self.folder / "home"

    def run(self, *words: str, code: str = "main()") -> subprocess.CompletedProcess[bytes]:
        """Run the program as an operator does, and note the words of every process meanwhile."""
        program = f"from hermes_ops.tasks.program import main; {code}"
        with self._watched():
            return subprocess.run(
                [sys.executable, "-c", program, *words], cwd=self.folder, env=self.environ,
                stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
            )  # fmt: skip

    @contextmanager
    def _watched(self) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.01):
                self.argv.update(filter(None, map(_words, Path("/proc").glob("[0-9]*"))))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file that is there, but those that are meant to hold secrets."""
        for file in self.home.rglob("*"):
            if file.is_file() and file.name not in (".env", "told"):
                yield str(file), file.read_bytes()

    def seen_in(self, content: bytes) -> list[str]:
        """Return the secrets that a content shows, in any plain shape or encoding."""
        return [value for value in self.secrets if any(s in content for s in _shapes(value))]


def _words(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def _shapes(value: str) -> set[bytes]:
    raw = value.encode()
    texts = {
        value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value, safe=""), quote(value),
        raw.hex(), base64.b64encode(raw).decode()[: len(raw) * 8 // 6],
        value.replace("\\", "\\\\").replace('"', '\\"'), value.replace("'", "'\"'\"'"),
    }  # fmt: skip
    return {text.encode() for text in texts}


def make_fleet(folder: Path, seed: int) -> Fleet:
    """Write an inventory with secrets of every kind, and a host that tells them all."""
    planted = list(values(seed, 2 * len(KINDS)))
    fleet = Fleet(folder, planted)
    (fleet.home).mkdir(parents=True)
    inputs = folder / "inputs"
    inputs.mkdir()
    fleet.environ = {
        "HOME": str(fleet.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
        "HERMES_OPS_ROLE_PATH": str(fleet.folder / "roles"),
        "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1",
        "HERMES_OPS_AGE_KEY_FILE": str(inputs / "key"), "XDG_CONFIG_HOME": str(inputs),
    }  # fmt: skip
    age.make_identity(inputs / "key")
    wanted = {
        f"S{n}": planted_as(KINDS[n % len(KINDS)], n, value, fleet, inputs)
        for n, value in enumerate(planted)
    }
    _write_ring(inputs, planted)
    _write_inventory(folder, wanted)
    write_told(fleet)
    return fleet


def planted_as(kind: str, number: int, value: str, fleet: Fleet, inputs: Path) -> Any:
    file = inputs / f"value-{number}"
    file.write_text(f"{value}\n")
    keys = [identity.to_public() for identity in age.identities([inputs / "key"])]
    match kind:
        case "env":
            fleet.environ[f"GIVEN_{number}"] = value
            return {"env": f"GIVEN_{number}"}
        case "file":
            return {"file": str(file)}
        case "command":
            return {"command": ["sh", "-c", f"cat {file}; cat {file} >&2"]}
        case "age":
            return {"age": age.encrypt(Secret(value), keys)}
        case "agefile":
            file.write_text(age.encrypt(Secret(value), keys))
            return {"age": str(file)}
        case "keyring":
            return {"keyring": f"bots/{number}"}
        case "plain":
            return value
    raise AssertionError(f"nothing plants a value of the kind {kind!r}")


def _write_ring(inputs: Path, planted: Sequence[str]) -> None:
    (inputs / "ring.py").write_text(_RING)
    (inputs / "entries").write_text(json.dumps({str(n): v for n, v in enumerate(planted)}))
    (inputs / "python_keyring").mkdir()
    settings = f"[backend]\ndefault-keyring=ring.Ring\nkeyring-path={inputs}\n"
    (inputs / "python_keyring" / "keyringrc.cfg").write_text(settings)


def _write_inventory(folder: Path, wanted: Mapping[str, Any]) -> None:
    for name, text in {
        "roles/leaky/role.yml": _ROLE,
        "roles/leaky/checks/test_leak.py": _CHECKS,
        "roles/leaky/templates/public.txt.j2": "nothing of interest\n",
        "roles/failing/role.yml": _FAILING,
        "inventory/profiles/good.yml": json.dumps({"role": "leaky", "env": wanted}),
        "inventory/profiles/bad.yml": json.dumps({"role": "failing", "env": wanted}),
        "inventory/hosts.yml": json.dumps({"all": {"hosts": {"here": {
            "ansible_connection": "local", "hermes_profiles": ["good", "bad"],
        }}}}),
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def write_told(fleet: Fleet) -> None:
    """Write what the host says whenever it is asked anything: all values, in many shapes."""
    lines = [shape for value in fleet.secrets for shape in sorted(_shapes(value))]
    (fleet.home / "told").write_bytes(b"\n".join(lines) + b"\n")
