"""Bad input gets a sentence with its place, exit 64, and not one connection is opened."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import pytest

from hermes_ops.errors import HermesError
from hermes_ops.tasks.program import Program

HOSTS = """\
all:
  hosts:
    mini-1:
      ansible_host: 127.0.0.1
      ansible_port: {port}
      ansible_user: nobody
      hermes_profiles: [coder]
"""
AGE = "-----BEGIN AGE ENCRYPTED FILE-----\n      YWdl\n      -----END AGE ENCRYPTED FILE-----"
CODER = """\
description: writes code
config: {model: {default: a/b}}
env: {API_SERVER_KEY: "0123456789abcdef"}
"""


NINES = "9" * 5000


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (NINES, "is not a valid int"),
        (f"0x{NINES}", "is not a valid int"),
        (f"[0b{'1' * 20000}]", "is not a valid int"),
    ],
)
def test_a_number_that_nobody_can_write(tmp_path: Path, value: str, words: str) -> None:
    """Its beginning is shown, and how long it is."""
    (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{one: {{hermes_settle: {value}}}}}}}\n")
    error = io.StringIO()
    with redirect_stderr(error), pytest.raises(SystemExit) as ended:
        Program().run(["hermes-ops", "inventory.lint", "-i", str(tmp_path)])
    assert ended.value.code == 64
    assert words in error.getvalue()
    assert len(error.getvalue()) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"there is no role '{NINES}'", f"there is no role '{NINES[:59]}…' (5000 characters)"),
        (f'not "{"a b " * 100}".', f'not "{"a b " * 14}a b…" (400 characters).'),
        (f"-o {NINES}", f"-o {NINES[:60]}… (5000 characters)"),
        (f"/{'x' * 250}/y is no folder, '{'z' * 150}'", ""),
        ("it isn't so; it isn't", ""),
    ],
)
def test_long_values_are_cut_in_messages(message: str, shown: str) -> None:
    """What can be read stays whole."""
    assert str(HermesError(message)) == (shown or message)


@dataclass(frozen=True, slots=True)
class Site:
    """An inventory whose only host is a socket here that counts who connects."""

    folder: Path
    listener: socket.socket

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{port}", str(self.port)))

    def connections(self) -> int:
        """Return how many have connected."""
        count = 0
        while True:
            try:
                self.listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A good inventory; what a test writes upon it is the bad input."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "HERMES_OPS_AGE_KEY_FILE", "SOPS_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERMES_OPS_INVENTORY", str(tmp_path / "inventory"))
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        made = Site(tmp_path / "inventory", listener)
        made.write("hosts.yml", HOSTS)
        made.write("profiles/coder.yml", CODER)
        yield made


Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call the program here; return exit code, output and errors."""

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            Program().run(["inv", *words])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


BAD: Mapping[str, tuple[Mapping[str, str], str]] = {
    "invalid YAML": ({"profiles/coder.yml": "config: [a\nenv: }"}, "profiles/coder.yml:"),
    "a tab": ({"hosts.yml": "all:\n\thosts: {}\n"}, "hosts.yml:2"),
    "an unknown key": ({"profiles/coder.yml": "confg: {}\n"}, "did you mean 'config'"),
    "an unknown key deep": (
        {"profiles/coder.yml": "service:\n  memory_mx: 2G\n"},
        "profiles/coder.yml:2",
    ),
    "an unknown key of a default": (
        {"group_vars/all.yml": "hermes_profile_defaults:\n  service: {watchdg: 5}\n"},
        "group_vars/all.yml:2:13",
    ),
    "an unknown list": (
        {"group_vars/all.yml": "hermes_profile_defaults: {+aftr: [coder]}\n"},
        "did you mean 'after'",
    ),
    "a list changed that is none": (
        {"group_vars/all.yml": "hermes_profile_defaults: {config: {+model: [x]}}\n"},
        "profiles/coder.yml:2",
    ),
    "a word that is nearly one": (
        {"group_vars/all.yml": "hermes_install: inedx\n"},
        "did you mean 'index'",
    ),
    "an unknown variable": (
        {"group_vars/all.yml": "hermes_profles: [coder]\n"},
        "did you mean 'hermes_profiles'",
    ),
    "a wrong type": ({"profiles/coder.yml": "config: 7\n"}, "profiles/coder.yml:1"),
    "a wrong type of a variable": (
        {"group_vars/all.yml": "hermes_ready_timeout: soon\n"},
        "group_vars/all.yml:1",
    ),
    "a Python that is no path": (
        {"host_vars/mini-1.yml": "hermes_python: python3.12\n"},
        "host_vars/mini-1.yml:1",
    ),
    "a bad state": ({"profiles/coder.yml": "state: runing\n"}, "one of started, stopped"),
    "a bad profile name": (
        {"host_vars/mini-1.yml": "hermes_profiles: [Coder]\n"},
        "cannot be the name of a profile",
    ),
    "a mapping in a list of profiles": (
        {"host_vars/mini-1.yml": "hermes_profiles: [{coder: {env: {A_TOKEN: '12:s3cret-x'}}}]\n"},
        "this is a mapping",
    ),
    "a host that is not an address": (
        {"hosts.yml": "all: {hosts: {'mini:one': {hermes_profiles: [coder]}}}\n"},
        "ansible_host",
    ),
    "an address with a port": (
        {"host_vars/mini-1.yml": "ansible_host: 127.0.0.1:9\n"},
        "ansible_port",
    ),
    "a reserved profile name": (
        {"host_vars/mini-1.yml": "hermes_profiles: {tmp: {}}\n"},
        "Hermes keeps for itself",
    ),
    "a profile without a file": (
        {"host_vars/mini-1.yml": "hermes_profiles: [codr]\n"},
        "did you mean 'coder'",
    ),
    "an unknown role": ({"profiles/coder.yml": "role: gatway\n"}, "did you mean 'gateway'"),
    "two hosts of one address and profile": (
        {"other.yml": HOSTS.replace("mini-1", "mini-2")},
        "mini-2",
    ),
    "a template with an undefined name": (
        {
            "profiles/coder.yml": CODER + "soul: coder.soul.md\n",
            "profiles/coder.soul.md": "I am\n{{ nobody }}\n",
        },
        "profiles/coder.soul.md",
    ),
    "an unreadable key": (
        {"group_vars/all.yml": "ansible_ssh_private_key_file: ./no-such-key\n"},
        "no-such-key",
    ),
    "a .env value with a newline": (
        {"profiles/coder.yml": 'env:\n  A_TOKEN: "a\\nb"\n'},
        "profiles/coder.yml:2",
    ),
    "a .env value with ${": (
        {"profiles/coder.yml": 'env:\n  A_TOKEN: "a${HOME}b"\n'},
        "profiles/coder.yml:2",
    ),
    "a .env credential outside ASCII": (
        {"profiles/coder.yml": "env:\n  A_TOKEN: schlüssel\n"},
        "profiles/coder.yml:2",
    ),
    "a variable that no unit holds": (
        {"profiles/coder.yml": 'service:\n  environment:\n    A: "a\\0b"\n'},
        "profiles/coder.yml:3",
    ),
    "a secret that is not there": (
        {"profiles/coder.yml": "env:\n  A_TOKEN: {env: NO_SUCH_VARIABLE_HERE}\n"},
        "NO_SUCH_VARIABLE_HERE",
    ),
    "a command that fails": (
        {"profiles/coder.yml": "env:\n  A_TOKEN: {command: [sh, -c, 'echo locked >&2; exit 9']}\n"},
        "profiles/coder.yml:2:13 command sh failed with exit 9: locked",
    ),
    "an age text and no key": (
        {"profiles/coder.yml": f"env:\n  A_TOKEN:\n    age: |\n      {AGE}\n"},
        "profiles/coder.yml:3:5 there is no age key",
    ),
    "an age text that is none": (
        {"profiles/coder.yml": "env:\n  A_TOKEN:\n    age: |\n      YWdl\n      YWdl\n"},
        "profiles/coder.yml:3:5 this is not an age text",
    ),
    "a keyring without a backend": (
        {
            "profiles/coder.yml": "env:\n  A_TOKEN: {keyring: bots/coder}\n",
            ".env": "PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring\n",
        },
        "profiles/coder.yml:2:13 no keyring works here",
    ),
    "a circle of after": (
        {
            "host_vars/mini-1.yml": "hermes_profiles: [coder, scout]\n",
            "profiles/coder.yml": "after: [scout]\n",
            "profiles/scout.yml": "after: [coder]\n",
        },
        "scout",
    ),
    "checking of host keys switched off": (
        {"group_vars/all.yml": "ansible_ssh_common_args: -o StrictHostKeyChecking=no\n"},
        "hosts.trust",
    ),
    "no inventory": ({"hosts.yml": "all:\n"}, "inventory"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(site: Site, said: Said, name: str) -> None:
    """A bad file is named with what is wrong; nothing is asked of any host."""
    files, sentence = BAD[name]
    for path, text in files.items():
        site.write(path, text)
    code, out, err = said("fleet.up", "--no-verify", "--json")
    assert (code, site.connections()) == (64, 0), err
    error = json.loads(out)["error"]
    assert error["kind"] in ("inventory", "usage", "conflict")
    told = f"{error['where']} {error['message']} {error['hint']}"
    assert sentence in told, told
    assert "Traceback" not in err


CALLS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "a host that is not there": (("fleet.up", "-l", "mini-7"), "mini-1"),
    "a profile that is not there": (("fleet.up", "-l", "mini-1/codr"), "coder"),
    "an inventory that is not there": (("fleet.up", "-i", "/no/such/folder"), "/no/such/folder"),
    "forks that are no number": (("fleet.up", "--forks", "x"), "--forks"),
    "no forks": (("fleet.up", "--forks", "0"), "--forks"),
    "a share of nothing": (("fleet.up", "--serial", "200%"), "--serial"),
    "a deadline in the past": (("fleet.up", "--timeout", "-1"), "--timeout"),
    "an unknown task": (("fleet.upp",), "fleet.upp"),
    "an unknown option": (("fleet.up", "--chek"), "--chek"),
    "a core flag behind a task": (("fleet.up", "--dry"), "--check"),
    "a short core flag behind a task": (("fleet.up", "-R"), "--check"),
    "an option twice": (("fleet.up", "--forks"), "forks"),
    "down without a selection": (("fleet.down", "-y"), "--all-hosts"),
    "a question that nobody answers": (("fleet.down", "--all-hosts"), "-y"),
    "an operand too many": (("fleet.up", "mini-1"), "mini-1"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("json_too", [False, True])
def test_bad_calls(
    site: Site, said: Said, name: str, json_too: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong command line is one sentence, with `--json` the error document, and exit 64."""
    words, sentence = CALLS[name]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = said(*words, *(["--json"] if json_too else []))
    assert (code, site.connections()) == (64, 0), err
    assert sentence in err
    assert "Traceback" not in err
    if json_too:
        assert json.loads(out)["exit"] == 64
        assert sentence in out
    else:
        assert err.startswith("error: ") and out == ""


@pytest.mark.slow
def test_the_good_one_connects(site: Site, said: Said) -> None:
    """The same inventory without a fault is asked: the socket would have seen it."""
    site.write("group_vars/all.yml", "hermes_connect_timeout: 0.2\n")
    code, _, _ = said("fleet.up", "--no-verify", "--json", "--timeout", "2")
    assert code in (3, 4)
    assert site.connections() >= 1
