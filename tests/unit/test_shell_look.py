"""What a look finds on a host: itself, Pythons, Hermes, what we once wrote, profiles, ports."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import socket
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from shell_kit import Host, every_host, listen, one_host

host, dash = every_host, one_host
CASES = Path(__file__).parents[1] / "cases"
URLS = 'echo "[$urls]"'
STILL_SPLITS = ": >sp1; : >sp2; set -- $(echo 'a b sp*'); echo $#"
"""Whether words are split and names globbed as before: there are four then."""


# --- the host ---------------------------------------------------------------------------------


def bare(host: Host) -> None:
    """Let nothing of this machine show."""
    for path in ("/proc/", "/run/systemd/system", "/var/lib/systemd/linger"):
        host.rooted(path)
    host.has_only()
    host.stand("sysctl", "return 1")
    host.stand("netstat", "return 1")
    host.stand("df", "return 1")
    host.define("uid=7 user=nobody-ann XDG_RUNTIME_DIR=$HOME/run")
    host.stand("date", "echo 1700000000")
    host.stand("uname", "echo Linux x86_64")


def told(host: Host) -> dict[str, str]:
    """Return what a look says of the host, by first word; tools in one."""
    answer = host.run("look_host")
    assert answer.errors == ""
    lines = [line.partition(" ") for line in answer.told]
    tools = " ".join(rest for word, _, rest in lines if word == "tool")
    return {word: rest for word, _, rest in lines if word != "tool"} | {"tools": tools}


def test_a_bare_host_tells_what_every_host_tells(host: Host) -> None:
    """Who, where, which system, what time; and nothing that is not there."""
    bare(host)
    assert told(host) == {
        "user": "7 nobody-ann",
        "home": str(host.home),
        "account": "~nobody-ann",
        "system": "Linux x86_64",
        "now": "1700000000",
        "boot": "",
        "tools": "",
    }
    assert host.calls == [
        "date +%s", "sysctl -n kern.ostype hw.machine kern.boottime kern.bootsessionuuid",
        "uname -sm", "df -Pk .",
    ]  # fmt: skip


@pytest.mark.parametrize("user", ["CORP\\ann", "a;touch here", "$(touch here)", "a b"])
def test_a_name_of_an_account_is_never_a_command(dash: Host, user: str) -> None:
    """Directories have names that a shell would run or change."""
    bare(dash)
    dash.define(f"uid=7 user={shlex.quote(user)}")
    dash.stand("getent", '[ "$*" = "passwd $user" ] && echo "x:*:7:7::/home/of it:/bin/sh"')
    assert told(dash)["account"] == "/home/of it"
    assert not (dash.home / "here").exists()


def test_an_account_that_nobody_knows_has_the_home_it_says(dash: Host) -> None:
    """As on a Mac of a directory, which has no getent."""
    bare(dash)
    dash.define("uid=7 user='CORP ann'")
    dash.stand("getent", "return 2")
    assert told(dash)["account"] == str(dash.home)


def test_without_proc_the_uptime_is_the_time_since_the_boot(dash: Host) -> None:
    """As on macOS, which tells the second of its boot."""
    bare(dash)
    boot = "{ sec = 1699999000, usec = 0 } Thu"
    dash.stand("sysctl", f"echo '{boot}'")
    assert told(dash)["uptime"] == "1000"
    before = len(dash.calls)
    dash.stand("sysctl", f"printf 'Darwin\\narm64\\n{boot}\\nB0\\n'")
    found = told(dash)
    assert (found["uptime"], found["boot"], found["system"]) == ("1000", "B0", "Darwin arm64")
    assert "uname -sm" not in dash.calls[before:]


def test_a_whole_host_tells_all_that_is_there(dash: Host) -> None:
    """Each thing by its own evidence."""
    bare(dash)
    dash.part("/proc/sys/kernel/random/boot_id", "abc\n")
    dash.part("/proc/uptime", "12.5 3.0\n")
    dash.part("/run/systemd/system/x", "")
    dash.part("/var/lib/systemd/linger/nobody-ann", "")
    listen(dash.home / "run/bus")
    tools = ["systemctl", "loginctl", "launchctl", "sudo", "curl", "wget", "tar", "base64"]
    dash.has_only(*tools)
    found = told(dash)
    assert found["tools"].split() == tools
    wanted = {"boot": "abc", "uptime": "12.5", "systemd": "running", "bus": "ready", "linger": "on"}
    assert {word: found[word] for word in wanted} == wanted


def test_the_account_is_not_what_the_login_calls_home(dash: Host) -> None:
    """systemd reads units from the home in the account database, whatever HOME says."""
    bare(dash)
    account = pwd.getpwuid(os.getuid())
    dash.define(f"user={account.pw_name}")
    assert told(dash)["account"] == account.pw_dir


@pytest.mark.parametrize(
    ("table", "route"),
    [
        (None, True),
        ("Iface Destination Gateway\neth0 0000FEA9 0\neth0 00000000 0102\n", True),
        ("Iface Destination Gateway\neth0 0000FEA9 00000000\n", False),
        ("Iface Destination Gateway\n", False),
    ],
)
def test_a_way_out_is_a_default_route(host: Host, table: str | None, route: bool) -> None:
    """Where nobody tells of routes, there may be one."""
    host.rooted("/proc/")
    host.stand("netstat", "return 1")
    if table is not None:
        host.part("/proc/net/route", table)
    assert host.run("default_route && echo route").out == ("route\n" if route else "")


@pytest.mark.parametrize(
    ("line", "route"),
    [
        ("default            192.168.1.1        UGScg                 en0       ", True),
        ("127                127.0.0.1          UCS                   lo0       ", False),
        ("10.0.0.1           default            UGScg                 en0       ", False),
    ],
)
def test_a_way_out_where_there_is_no_proc(host: Host, line: str, route: bool) -> None:
    """As on macOS, where netstat tells of routes."""
    host.rooted("/proc/")
    table = f"Routing tables\n\nInternet:\nDestination        Gateway  Flags\n{line}"
    host.stand("netstat", f"echo noise >&2; echo '{table}'")
    answer = host.run("default_route && echo route")
    assert (answer.out, answer.errors) == ("route\n" if route else "", "")
    assert host.calls == ["netstat -rn -f inet"]


# --- Pythons ----------------------------------------------------------------------------------


def interpreter(host: Host, name: str, version: str, *, at: str = "", code: int = 0) -> str:
    """Put a stand-in for an interpreter of this version on PATH, or into a folder of the home."""
    return str(host.program(name, f"echo {version}; echo noise >&2; exit {code}", at=at))


@pytest.mark.parametrize(
    ("version", "good"),
    [
        *((version, True) for version in ("3.11", "3.12", "3.13")),
        *((version, False) for version in ("3.10", "3.14", "3.1", "3.110", "4.11", "")),
    ],
)
def test_a_python_is_of_a_version_that_hermes_runs_on(dash: Host, version: str, good: bool) -> None:
    """No older one, and none that is newer than it was tried with."""
    path = interpreter(dash, "python3", version)
    answer = dash.run(f"a_python {path}; echo $?")
    said = f"0123456789abcdef python {version} {path}\n0\n" if good else "1\n"
    assert (answer.out, answer.errors) == (said, "")


def test_a_python_is_run_to_be_believed(host: Host) -> None:
    """A shim of a version manager stands on PATH and fails; alone, it reads nothing of a user."""
    path = interpreter(host, "python3", "3.11", code=1)
    assert host.run(f"a_python {path} || echo no").out == "no\n"
    (call,) = host.calls
    assert call.startswith("python3 -I -S -B -c ")


@pytest.mark.slow
def test_a_python_must_be_able_to_make_environments(dash: Host) -> None:
    """Debian has one that cannot: `venv` is asked for, by a real interpreter."""
    version = ".".join(map(str, sys.version_info[:2]))
    dash.stand("say", 'echo "$*"')
    out = dash.run(f"a_python {sys.executable}; echo $?").out
    assert out == (
        f"python {version} {sys.executable}\n0\n" if version in ("3.11", "3.12", "3.13") else "1\n"
    )
    broken = dash.program("py", f'shift 3; exec {sys.executable} "$@"')
    dash.file("venv.py", "raise ImportError\n")
    assert dash.run(f"a_python {broken}; echo $?").out == "1\n"


@pytest.mark.parametrize("tools", [True, False])
def test_a_python_that_opens_a_dialog_is_not_run(dash: Host, tools: bool) -> None:
    """The one of macOS asks a person to install it, until the developer tools are there."""
    dash.rooted("/usr/bin/")
    dash.has_only("xcode-select")
    dash.program("xcode-select", f"echo noise; {'true' if tools else 'false'}")
    interpreter(dash, "python3", "3.13", at="../root/usr/bin/python3")
    other = interpreter(dash, "other", "3.12")
    apple = f"{dash.root}/usr/bin/python3"
    answer = dash.run(f"a_python {apple}; a_python {other}")
    assert answer.told == [f"python 3.13 {apple}"] * tools + [f"python 3.12 {other}"]
    assert dash.calls[0] == "xcode-select -p"


def pythons(host: Host, words: str = "yes", more: str = ":") -> list[str]:
    """Return the interpreters that a look finds."""
    host.rooted("/opt/homebrew/bin/")
    host.rooted("/usr/local/bin/")
    host.rooted("/usr/bin/")
    host.rooted("/run/systemd/system")
    host.define("PATH=$HOME/../bin; default_route() { return 1; }")
    answer = host.run(f"{more}; look_pythons {words or repr('')}")
    assert answer.errors == ""
    return [line.removeprefix("python ").replace(str(host.place), "") for line in answer.told]


def test_each_name_is_looked_for_in_every_folder(host: Host) -> None:
    """Newest first; of a name the first that runs, PATH before the others."""
    interpreter(host, "python3.13", "3.13", code=1)
    interpreter(host, "x", "3.13", at="../root/opt/homebrew/bin/python3.13")
    interpreter(host, "x", "3.13", at="../root/usr/bin/python3.13")
    interpreter(host, "python3.12", "3.12")
    interpreter(host, "x", "3.12", at="../root/usr/local/bin/python3.12")
    interpreter(host, "x", "3.11", at=".local/bin/python3.11")
    interpreter(host, "x", "3.11", at="../root/usr/local/bin/python3")
    assert pythons(host) == [
        "3.13 /root/opt/homebrew/bin/python3.13",
        "3.12 /home/../bin/python3.12",
        "3.11 /home/.local/bin/python3.11",
        "3.11 /root/usr/local/bin/python3",
    ]


def test_a_way_out_is_looked_for_with_them(dash: Host) -> None:
    """Where nothing may have to be installed nobody needs it, and a Mac has a program for it."""
    dash.define("default_route() { :; }; a_python() { return 1; }")
    dash.rooted("/run/systemd/system")
    dash.rooted("/bin/launchctl")
    assert dash.run("look_pythons yes").told == ["route default"]
    known = "hermes_python=x HOME=/h account=/h; look_pythons ''"
    assert dash.run(known).told == ["route default"]  # without systemd and launchd
    dash.part("/run/systemd/system/x", "")
    assert dash.run(known).told == []


def test_what_uv_installed_counts(dash: Host) -> None:
    """Each of the versions that are good for Hermes."""
    for version in ("3.10", "3.11", "3.13"):
        folder = f".local/share/uv/python/cpython-{version}.4-linux/bin"
        interpreter(dash, "x", version, at=f"{folder}/python3")
    dash.file(".local/share/uv/python/cpython-3.12.1-linux/bin/python3", mode=0o644)
    found = pythons(dash)
    assert [line.split("cpython-")[1][:4] for line in found] == ["3.11", "3.13"]


@pytest.mark.parametrize(
    ("asked", "hermes", "systemd", "home", "looks"),
    [
        ("", "/x", True, "$HOME", False),
        ("yes", "/x", True, "$HOME", True),
        ("", "", True, "$HOME", True),
        ("", "/x", False, "$HOME", True),
        ("", "/x", True, "/else", True),
    ],
)
def test_pythons_are_looked_for_where_one_may_be_needed(
    dash: Host, asked: str, hermes: str, systemd: bool, home: str, looks: bool
) -> None:
    """For Hermes, or for supervisord where systemd does not serve this home."""
    interpreter(dash, "python3.11", "3.11")
    if systemd:
        dash.part("/run/systemd/system/x", "")
    assert bool(pythons(dash, asked, f"hermes_python={hermes}; account={home}")) == looks


# --- Hermes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "python"),
    [
        ("#!/opt/venv/bin/python3\nimport x\n", "/opt/venv/bin/python3"),
        ("#!/bin/sh\n'''exec' '/opt/a b/bin/python' \"$0\" \"$@\"\n", "/opt/a b/bin/python"),
        ("#!/bin/sh\n'''exec' /opt/venv/bin/python \"$0\" \"$@\"\n", "/opt/venv/bin/python"),
        ("#!/bin/sh\necho no\n", ""),
        ("#!/bin/bash\nexec python\n", ""),
        ("#! /usr/bin/perl\n", ""),
        ("", ""),
        ("text\n#!/opt/venv/bin/python\n", ""),
    ],
)
def test_a_console_script_names_its_python(host: Host, script: str, python: str) -> None:
    """In its first line, or in the second where that would be too long for the kernel."""
    host.file("script", script)
    answer = host.run('python=old; script_python script; echo "[$python]"')
    assert (answer.out, answer.errors) == (f"[{python}]\n", "")


def hermes(
    host: Host, venv: str, *, parts: Mapping[str, str] | None = None, cfg: str | None = ""
) -> str:
    """Lay out an environment with a hermes-agent in it; return its Python."""
    site = f"{venv}/lib/python3.11/site-packages"
    host.file(f"{site}/hermes_agent-0.19.0.dist-info/METADATA", "Version: 0.19.0\n")
    if cfg is not None:
        host.file(f"{venv}/pyvenv.cfg", f"home = /usr/bin\n{cfg}")
    for path, text in (parts or {}).items():
        host.file(f"{site}/{path}", text)
    host.file(f"{venv}/bin/python", mode=0o755)
    host.file(f"{venv}/bin/python3", mode=0o755)
    return f"{host.home}/{venv}/bin/python3"


def test_hermes_is_what_the_interpreter_would_import(host: Host) -> None:
    """Its metadata, its environment and that one's Python, by the name that Hermes uses."""
    python = hermes(host, "v", cfg="version_info = 3.11.2.final.0\n")
    answer = host.run(f'hermes_of {python}; echo "$? $hermes_python $project"')
    venv = f"{host.home}/v"
    site = f"{venv}/lib/python3.11/site-packages"
    assert answer.told == [
        f"hermes python {venv}/bin/python",
        f"hermes info {site}/hermes_agent-0.19.0.dist-info",
        f"hermes venv {venv}",
        "hermes python_version 3.11.2.final.0",
    ]
    assert answer.out.endswith(f"\n0 {venv}/bin/python {site}\n")


def test_an_interpreter_knows_where_its_packages_are(dash: Host) -> None:
    """Outside of environments it is asked; what an interrupted pip left is no version."""
    dash.file(
        "site/hermes_agent-0.19.0.dist-info/METADATA", "Name: hermes-agent\nVersion: 0.19.0\n"
    )
    dash.file("half/hermes_agent-0.18.0.dist-info/METADATA", "")
    places = f"{dash.home}/half:{dash.home}/site"
    python = dash.program("py", f'PYTHONPATH={places} exec {sys.executable} "$@"')
    answer = dash.run(f'metadata_of {python}; printf %s "$infos"')
    assert answer.out == f"{dash.home}/site/hermes_agent-0.19.0.dist-info"


def test_hermes_of_a_system_has_no_environment(dash: Host) -> None:
    """There the interpreter keeps its own name."""
    python = hermes(dash, "v", cfg=None)
    assert [line.split()[1] for line in dash.run(f"hermes_of {python}").told] == ["python", "info"]
    assert dash.run(f"hermes_of {python}").told[0] == f"hermes python {python}"


def test_what_lies_beside_hermes_is_told(dash: Host) -> None:
    """Folders that its units name, where it came from, and its version of Python."""
    parts = {
        "hermes_agent-0.19.0.dist-info/direct_url.json": '{"url": "file:///x"}\n',
        "venv/bin/x": "",
        "node_modules/.bin/x": "",
    }
    python = hermes(dash, "v", parts=parts, cfg="version = 3.12.1\n")
    lines = dash.run(f"hermes_of {python}").told
    assert lines[2:5] == [
        'hermes origin {"url": "file:///x"}', "hermes dir venv/bin",
        "hermes dir node_modules/.bin",
    ]  # fmt: skip
    assert lines[-1] == "hermes python_version 3.12.1"


def test_a_python_without_hermes(host: Host) -> None:
    """Neither with another program, nor with a file of its name."""
    host.file("v/lib/python3.11/site-packages/hermes_agents-1.dist-info/METADATA")
    host.file("v/lib/python3.12/site-packages/hermes_agent-1.dist-info", "a file")
    answer = host.run('hermes_python=old; hermes_of "$HOME/v/bin/python"; echo "$? $hermes_python"')
    assert answer.out == "1 old\n"


OURS = ".local/share/hermes-ops/hermes/current"


def look(host: Host, wanted: str = "", *, on_path: str = "") -> str:
    """Return whose Python a look finds, as a path of the home; empty: none."""
    host.rooted("/usr/local/bin/hermes")
    if on_path:
        host.program("hermes").write_text(f"#!{on_path}\n")
    answer = host.run(f"hermes_python=old; look_hermes '{wanted}'; echo \"$hermes_python\"")
    assert answer.errors == ""
    found = answer.out.splitlines()[-1]
    lines = answer.told
    told = [line[len("hermes python ") :] for line in lines if line.startswith("hermes python ")]
    assert told == ([found] if found else [])
    return found.replace(f"{host.home}/", "")


def test_hermes_of_ours_counts_when_it_is_whole(host: Host) -> None:
    """Its stamp is written last; a half-made one is passed over for the one on PATH."""
    other = hermes(host, "other")
    hermes(host, f"{OURS}/venv")
    assert look(host, on_path=other) == "other/bin/python"
    host.file(f"{OURS}/hermes-ops.json", "{}")
    assert look(host, on_path=other) == f"{OURS}/venv/bin/python"


def test_ours_without_a_program_is_passed_over(dash: Host) -> None:
    """As where somebody removed it and left the stamp."""
    dash.file(f"{OURS}/hermes-ops.json", "{}")
    assert look(dash, on_path=hermes(dash, "other")) == "other/bin/python"


def test_hermes_is_looked_for_by_its_script(dash: Host) -> None:
    """On PATH, then where its installers put it; one that leads nowhere is passed over."""
    second = hermes(dash, "second")
    third = hermes(dash, "third")
    dash.file(".local/bin/hermes", f"#!{second}\n")
    dash.part("/usr/local/bin/hermes", f"#!{third}\n")
    assert look(dash, on_path="/no/such/python") == "second/bin/python"
    (dash.home / ".local/bin/hermes").unlink()
    assert look(dash) == "third/bin/python"


def test_no_hermes(dash: Host) -> None:
    """Then nothing is told, and an older answer is forgotten."""
    assert look(dash) == ""


def test_the_python_that_is_wanted_is_the_only_one_asked(host: Host) -> None:
    """No other is taken for it where it has no Hermes."""
    other = hermes(host, "other")
    wanted = hermes(host, "wanted one")
    assert look(host, wanted, on_path=other) == "wanted one/bin/python"
    assert look(host, "/no/such/bin/python", on_path=other) == ""


LAUNCHERS = yaml.safe_load((CASES / "launchers.yml").read_text())


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_shell_launcher_is_followed(host: Host, name: str) -> None:
    """Whatever people write between its first line and what it runs."""
    hermes(host, "v")
    host.file("v/bin/hermes", f"#!{host.home}/v/bin/python\n", mode=0o755)
    text = LAUNCHERS[name].replace("@HOME@", str(host.home))
    host.file("bin/hermes", text, mode=0o755)
    answer = host.run('script_python "$HOME/bin/hermes"; echo "$python"')
    assert answer.errors == ""
    assert os.path.normpath(answer.out.strip()) == f"{host.home}/v/bin/python"


@pytest.mark.parametrize(
    "text",
    [
        '#!/bin/sh\nexec "$HOME/bin/hermes" "$@"\n',
        '#!/bin/sh\nexec "$UNKNOWN/python" "$@"\n',
        '#!/bin/sh\nexec "unclosed "$@"\n',
        '#!/bin/sh\nexec $(touch made) "$@"\nexec `touch made` "$@"\n',
        '#!/bin/sh\nA=$A\nexec $A "$@"\n',
        "#!/bin/sh\nA='${A}x'\nexec $A \"$@\"\n",
        "#!/bin/sh\n" + "x\n" * 100_000,
    ],
)
def test_a_launcher_that_cannot_be_followed_ends(host: Host, text: str) -> None:
    """One that runs itself, or something unknown; nothing in it is run."""
    host.file("bin/hermes", text, mode=0o755)
    answer = host.run('script_python "$HOME/bin/hermes"; echo "[$python]"')
    assert not (host.home / "made").exists()
    assert answer.errors == ""
    assert not Path(answer.out.strip().strip("[]") or "/none").exists()


@pytest.mark.slow
def test_a_checkout_has_its_environment_beside_its_script(dash: Host) -> None:
    """Its script names no interpreter of its own."""
    hermes(dash, "checkout/.venv")
    dash.file("checkout/hermes", "#!/usr/bin/env python3\nimport hermes_cli\n", mode=0o755)
    (dash.home / ".local/bin").mkdir(parents=True)
    (dash.home / ".local/bin/hermes").symlink_to(dash.home / "checkout/hermes")
    assert look(dash) == "checkout/.venv/bin/python"


@pytest.mark.parametrize(
    "path", [".local/share/pipx/venvs/hermes-agent", ".local/share/uv/tools/hermes-agent"]
)
def test_hermes_of_an_installer_is_found_without_a_launcher(dash: Host, path: str) -> None:
    """Where pipx and uv put it, even if their links are gone."""
    python = hermes(dash, path)
    dash.file(f"{path}/bin/hermes", f"#!{python}\n", mode=0o755)
    assert look(dash) == f"{path}/bin/python"


def test_hermes_of_a_unit_counts_without_a_launcher(dash: Host) -> None:
    """A gateway that runs is proof of a Hermes that works."""
    python = hermes(dash, "v")
    dash.file(
        ".config/systemd/user/hermes-gateway-a.service",
        f"[Service]\nExecStart={python} -m hermes_cli.main --profile a gateway run\n",
    )
    assert look(dash) == "v/bin/python"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('#!/bin/sh\nexec docker run hermes "$@"\n', True),
        ('#!/bin/sh\nexec /no/such/hermes "$@"\n', False),
        ('#!/bin/sh\nexec java -jar messages.jar "$@"\n', False),
        ("\x7fELF hermes\n", False),
    ],
)
def test_a_launcher_that_leads_nowhere_known_is_told(dash: Host, text: str, told: bool) -> None:
    """Unless it is another program, or what it runs is gone."""
    dash.rooted("/usr/local/bin/hermes")
    dash.file(".local/bin/hermes", text, mode=0o755)
    path = f"{dash.home}/.local/bin/hermes"
    assert dash.run("look_hermes ''").told == ([f"hermes launcher {path}"] if told else [])


def test_metadata_that_pip_left_behind_is_no_version(host: Host) -> None:
    """An empty folder does not count; of two whole ones the code tells which runs."""
    python = hermes(
        host, "v", parts={"hermes_cli/__init__.py": '"""x"""\n__version__ = "0.19.0"\n'}
    )
    site = host.home / "v/lib/python3.11/site-packages"
    (site / "hermes_agent-0.18.2.dist-info").mkdir()
    (site / "hermes_agent-0.20.0.dist-info").mkdir()
    (site / "hermes_agent-0.20.0.dist-info/INSTALLER").write_text("pip")
    told = host.run(f"hermes_of {python}").told
    assert [line for line in told if "info" in line.split()] == [
        f"hermes info {site}/hermes_agent-0.19.0.dist-info"
    ]
    (site / "hermes_agent-0.18.2.dist-info/METADATA").write_text("Version: 0.18.2\n")
    told = host.run(f"hermes_of {python}").told
    assert [line.split()[1] for line in told[1:4]] == ["info", "info", "code"]
    assert told[3] == "hermes code 0.19.0"


def test_an_interpreter_is_asked_where_its_layout_is_another(dash: Host) -> None:
    """As a system's or a user's installation: the folder is where it would import from."""
    info = dash.file("else/hermes_agent-0.19.0.dist-info/METADATA", "Version: 0.19.0\n").parent
    dash.file("s/bin/python3", f"#!/bin/sh\necho {info}\n", mode=0o755)
    assert dash.run('hermes_of "$HOME/s/bin/python3"').told == [
        f"hermes python {dash.home}/s/bin/python3", f"hermes info {info}",
    ]  # fmt: skip


# --- what we once wrote -----------------------------------------------------------------------

OWNERSHIP = """\
# written by us
files:
  "config.yaml": "00"
  "a b/*": "11"
  "q\\": x": "22"
made_here:
  - ".env=KEY"
  - "sub/.env=A B"
keys:
  "not": "a file"
"""


def test_an_ownership_file_names_what_is_ours(host: Host) -> None:
    """Files and secrets that were made here, in its folder; what comes after them is no file."""
    host.file("p/.hermes-ops.yml", OWNERSHIP)
    host.file("q/.hermes-ops.yml", 'files:\n  "one": "00"\n')
    body = "made=old; look_owned p/.hermes-ops.yml gone q/.hermes-ops.yml"
    answer = host.run(f'{body}; printf "%s|%s" "$extra" "$made"')
    owned, made = answer.out.split("|")
    assert owned.splitlines() == ["p/config.yaml", "p/a b/*", "p/q\\", "q/one"]
    assert made.split("\t") == ["p/.env=KEY", "p/sub/.env=A B", ""]
    assert answer.errors == ""


def test_what_is_ours_is_asked_for_as_well(host: Host) -> None:
    """Each path once, as it is written: a name that is a pattern opens no other file."""
    host.file("p/one")
    host.stand("ask")
    owned = "extra='p/*\na b\nknown\n'"
    answer = host.run(f"{owned}; with_extra ask known 'x y'; {STILL_SPLITS}")
    assert host.calls == ["ask known 'x y' p/* 'a b'"]
    assert (answer.out, answer.errors) == ("4\n", "")


def test_only_what_is_ours(dash: Host) -> None:
    """Where nothing else is asked for; and where nothing is ours, nothing is added."""
    dash.stand("ask")
    dash.run("extra='one\n'; with_extra ask; extra=; with_extra ask two; with_extra ask")
    assert dash.calls == ["ask one", "ask two", "ask"]


# --- .env files -------------------------------------------------------------------------------

ENV = "A=1\nexport KEY=top-secret\n  KEY=deep-secret\nKEY=\nKEY2=x\nMYKEY=y\n# KEY=z"
HIDDEN = "A=1\nexport KEY=\x01kept\x01\n  KEY=\x01kept\x01\nKEY=\nKEY2=x\nMYKEY=y\n# KEY=z\n"


def test_env_files_come_as_they_are(host: Host) -> None:
    """With digests of all; no folder, and none that is not there."""
    host.file("p/.env", ENV)
    host.file("a b", "X=1\n")
    (host.home / "folder").mkdir()
    answer = host.run("made=; send_env '' p/.env folder gone 'a b'")
    assert answer.told == ["digests", "env p/.env", "env a b"]
    texts = [record.text for record in answer.reply.of("env")]
    assert texts == [ENV, "X=1\n"]
    names = [line.split("  ")[1] for line in answer.block("digests").splitlines()]
    assert names == ["p/.env", "a b"]


def test_masked_values_stay(host: Host) -> None:
    """Of the names that are said, in those files alone, however the line is written."""
    host.file("p/.env", ENV)
    for other in ("q/.env", ".env"):
        host.file(other, "KEY=open\n")
    answer = host.run("made=; send_env 'p/.env=KEY\t' p/.env q/.env .env")
    assert [record.text for record in answer.reply.of("env")] == [HIDDEN, *["KEY=open\n"] * 2]
    made = ["made 06a8 p/.env=KEY", "made 8f9f p/.env=KEY"]
    assert answer.told == ["digests", "env p/.env", *made, "env q/.env", "env .env"]


CHECKED = ("one", "onf", "onr", "one ", "'one'", '"one"', "\xe9", "\\", "x" * 5000, "'", '"a')


def test_a_value_that_stays_is_told_from_another(host: Host) -> None:
    """Every shell has the same check; quotes and blanks around a value are none of it."""
    lines = "".join(f"K{number}={value}\n" for number, value in enumerate(CHECKED))
    host.file("p/.env", lines)
    names = [f"K{number}" for number, _ in enumerate(CHECKED)]
    masks = "".join(f"p/.env={name}\t" for name in names)
    told = [line for line in host.run(f"made=; send_env '{masks}' p/.env").told if "made" in line]
    checks = [line.split()[1] for line in told]
    assert checks[0] == checks[3] == checks[4] == checks[5] == "6249"
    assert len(set(checks)) == len(CHECKED) - 3
    host.run(f'keep_start p/note "ordered: 1$newline" p/.env {" ".join(names)} NONE')
    kept = dict(re.findall(r"^  (K\d+): (\w+)$", (host.home / "p/note").read_text(), re.M))
    assert [kept[name] for name in names] == checks


def test_what_was_made_here_stays_here(host: Host) -> None:
    """Whether or not the operator still names it."""
    host.file("p/.env", ENV)
    answer = host.run("made='p/.env=KEY\t'; send_env '' p/.env; send_env 'x=A\t' p/.env")
    assert [record.text for record in answer.reply.of("env")] == [HIDDEN, HIDDEN]


def test_without_env_files_nothing_is_said(dash: Host) -> None:
    """`cat` and `awk` would wait for an input."""
    assert dash.run("made=; send_env ''; send_env 'x=A\t' gone").out == ""


# --- folders, node, profiles ------------------------------------------------------------------


def test_folders_that_are_there(dash: Host) -> None:
    """No file, and none that is gone."""
    dash.file("file")
    (dash.home / "a b").mkdir()
    assert dash.run("look_folders 'a b' file gone /").told == ["folder a b", "folder /"]


def test_node_is_the_first_that_can_be_run(dash: Host) -> None:
    """Not a folder of that name, nor a file that cannot."""
    (dash.home / "one/node").mkdir(parents=True)
    dash.file("two/node", mode=0o644)
    for name in ("three", "four"):
        dash.file(f"{name}/node", mode=0o755)
    assert dash.run("look_node zero one two three four").told == ["node three"]


def test_profiles_and_units_that_nobody_described(host: Host) -> None:
    """Each by its name, with the files and processes that show how it does."""
    host.file(".hermes/profiles/a b/gateway.pid", "4242")
    host.file(".hermes/profiles/a b/gateway_state.json", "{}")
    host.file(".hermes/profiles/two/state/gateway.heartbeat", "{}")
    host.file(".hermes/profiles/file")
    host.file(".hermes/gateway.pid", "4343")
    host.file(".config/systemd/user/hermes-gateway.service")
    host.file(".config/systemd/user/hermes-gateway-a b.service")
    (host.home / ".config/systemd/user/hermes-gateway-d.service").mkdir()
    host.file(".config/systemd/user/other.service")
    host.stand("send_files")
    words = 'pids=" 7"; look_profiles; systemd_defined; with_extra send_files; echo "[$pids]"'
    answer = host.run(words)
    assert answer.told == [
        "profile a b", "profile two",
        "defined systemd hermes-gateway-a b.service", "defined systemd hermes-gateway.service",
    ]  # fmt: skip
    assert answer.out.splitlines()[-1] == "[ 7 4343 4242]"
    (call,) = host.calls
    for name in ("gateway_state.json", "gateway.pid", "state/gateway.heartbeat"):
        assert f" .hermes/{name}" in call
        assert f" '.hermes/profiles/a b/{name}'" in call


def test_a_home_without_profiles(dash: Host) -> None:
    """No name is made of the pattern."""
    answer = dash.run("pids=; look_profiles; systemd_defined; supervisord_defined")
    assert (answer.told, answer.errors) == ([], "")


# --- ports ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("API_SERVER_PORT=8642", "8642"),
        ('API_SERVER_PORT="8642"', "8642"),
        ("export API_SERVER_PORT='8642'", "8642"),
        ("API_SERVER_PORT=", ""),
        ("API_SERVER_PORT=80x", ""),
        ("API_SERVER_PORT=$(id)", ""),
        ("API_SERVER_PORT=1/../..", ""),
        ("API_SERVER_PORT=1 2", ""),
        ("MY_API_SERVER_PORT=8642", ""),
        ("#API_SERVER_PORT=8642", ""),
        ("API_SERVER_PORTS=8642", ""),
        ("A=8642", ""),
    ],
)
def test_a_port_on_the_host_is_asked_too(host: Host, line: str, port: str) -> None:
    """Somebody may have changed it there; what is no number is no port."""
    host.file(".env", f"A=1\n{line}\nB=2\n")
    answer = host.run(f"urls=; look_ports '' gone .env; {URLS}")
    url = f" http://127.0.0.1:{port}/health" if port else ""
    assert (answer.out, answer.errors) == (f"[{url}]\n", "")


def test_no_url_is_asked_twice(dash: Host) -> None:
    """Neither one that the inventory says, nor one that two files say."""
    dash.file("one", "API_SERVER_PORT=1\n")
    dash.file("two", "API_SERVER_PORT=2\nAPI_SERVER_PORT=3\n")
    known = "'http://127.0.0.1:1/health http://127.0.0.1:4/health'"
    answer = dash.run(f"urls=; look_ports {known} one two two; {URLS}")
    assert answer.out == "[ http://127.0.0.1:2/health http://127.0.0.1:3/health]\n"


# --- disclosure -------------------------------------------------------------------------------


def disclosed(host: Host, *, hermes: bool, name: str = "python3") -> str:
    """Return what is disclosed; the request is a secret."""
    host.program(name, f"cat >{host.home}/input; env >{host.home}/environ; echo told; echo no >&2")
    own = f"hermes_python={host.bin}/{name} project=/p" if hermes else "hermes_python="
    answer = host.run(f"{own}; disclose 'the program' 's3cr3t %s\\n'")
    assert answer.errors == ""
    assert (host.home / "input").read_text() == "s3cr3t %s\\n"
    assert not any("s3cr3t" in call for call in host.calls)
    return answer.block("disclosed")


def test_the_python_of_hermes_discloses(host: Host) -> None:
    """Alone: no setting, folder or package of a user is read, and nothing is written."""
    assert disclosed(host, hermes=True) == "told\n"
    assert host.calls == ["python3 -I -S -B -c 'the program' /p"]


def test_any_python_discloses_where_hermes_has_none(host: Host) -> None:
    """It may have the packages that are needed, so those of the system are read."""
    assert disclosed(host, hermes=False) == "told\n"
    assert host.calls == ["python3 -I -B -c 'the program'"]


def test_a_host_without_python_says_so(dash: Host) -> None:
    """Nothing is disclosed then."""
    answer = dash.run("hermes_python= PATH=/none; disclose program request")
    assert answer.out == "0123456789abcdef python none\n"


@pytest.mark.parametrize("tools", [True, False])
def test_a_python_that_opens_a_dialog_discloses_nothing(dash: Host, tools: bool) -> None:
    """On a Mac without the developer tools there is no Python but that of Hermes."""
    dash.rooted("/usr/bin/")
    dash.program("xcode-select", "true" if tools else "false")
    dash.program("python3", "cat", at="../root/usr/bin/python3")
    dash.define("command() { echo $root; }".replace("$root", f"{dash.root}/usr/bin/python3"))
    dash.has_only("xcode-select")
    answer = dash.run("hermes_python=; disclose program request")
    assert answer.told == (["disclosed"] if tools else ["python none"])


def test_who_serves_a_port(host: Host) -> None:
    """Each TCP server as the kernel lists it, and the sockets of the processes that are known."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"{server.getsockname()[1]:04X}"
        answer = host.run(f"pids=' {os.getpid()}'; look_servers; {STILL_SPLITS}")
    listed, sockets = answer.block("servers"), answer.block("sockets")
    (line,) = (line.split() for line in listed.splitlines() if f"0100007F:{port}" in line)
    assert f"/proc/{os.getpid()}/fd:" in sockets
    assert f"socket:[{line[9]}]" in sockets
    assert answer.out.rstrip().endswith("4")


@pytest.mark.slow
def test_a_stranger_at_a_wanted_port_is_found(host: Host) -> None:
    """If no known process has the port, all of this user are asked, and its holder joins them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"{server.getsockname()[1]:04X}"
        known = host.run(f"pids=' {os.getpid()}'; look_servers {port}; say \"pids$pids\"")
        found = host.run(f'pids=; look_servers {port} 0001; say "pids$pids"; {STILL_SPLITS}')
    assert f"pids {os.getpid()}" in known.told
    assert f"pids {os.getpid()}" in found.told
    assert f"/proc/{os.getpid()}/fd:" in found.block("sockets")
    assert found.out.rstrip().endswith("4")


@pytest.mark.parametrize(("ends", "ours"), [(False, False), (True, False), (False, True)])
def test_who_has_locked_a_database(host: Host, ends: bool, ours: bool) -> None:
    """Only a lock that is there a second later, as whoever writes has one for a moment."""
    database = sqlite3.connect(host.home / "state.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (x)")
    if not ends:
        database.execute("BEGIN EXCLUSIVE")
    host.stand("sleep")
    pids = f"pids='{f' {os.getpid()}' if ours else ''}'"
    answer = host.run(
        f"{pids}; list_paths state.db state.db-shm other; look_servers; {STILL_SPLITS}"
    )
    inode = (host.home / "state.db-shm").stat().st_ino
    told = [f"locked {os.getpid()} {inode} 120 120"]
    assert [line for line in answer.told if line.startswith("locked")] == (
        [] if ends or ours else told
    )
    assert host.calls.count("sleep 1") == len(told if not ends and not ours else [])
    database.close()


def test_limits_of_slices(dash: Host) -> None:
    """Of what stands around services, from both folders that `set-property` writes, too."""
    dash.rooted("/etc/systemd/system/")
    dash.part("/etc/systemd/system/user-.slice.d/a.conf", "[Slice]\nTasksMax=9\nIOWeight=1\n")
    dash.part("/etc/systemd/system/user@.service.d/a.conf", "[Service]\nMemoryMax=9M\n")
    dash.part("/etc/systemd/system/other.service.d/a.conf", "[Service]\nMemoryMax=9M\n")
    for place, line in (
        (".config/systemd/user/hermes.slice", "MemoryMax=2G"),
        (".config/systemd/user.control/app.slice.d/50-CPUQuota.conf", "CPUQuota=5%"),
        ("run/systemd/user.control/app.slice.d/50-AllowedCPUs.conf", "AllowedCPUs=0"),
    ):
        (dash.home / place).parent.mkdir(parents=True, exist_ok=True)
        (dash.home / place).write_text(f"[Slice]\n{line}\n")
    dash.define("XDG_RUNTIME_DIR=run")
    lines = dash.run("look_units").block("unitlines")
    said = {line.rpartition("/")[2] for line in lines.splitlines() if "=" in line}
    assert said >= {
        "a.conf:TasksMax=9", "a.conf:MemoryMax=9M", "hermes.slice:MemoryMax=2G",
        "50-CPUQuota.conf:CPUQuota=5%", "50-AllowedCPUs.conf:AllowedCPUs=0",
    }  # fmt: skip
    assert "other.service" not in lines
    assert "IOWeight" not in lines


def test_services_of_ours_are_known_by_a_file_of_ours(dash: Host) -> None:
    """Gateways are looked for by their homes; an odd name is none that we gave."""
    folder = dash.home / ".config/systemd/user"
    for name in ("echo-web", "echo-known", "hermes-gateway-x", "foreign", "odd name"):
        (folder / f"{name}.service.d").mkdir(parents=True)
        if name != "foreign":
            (folder / f"{name}.service.d/50-hermes-ops.conf").write_text("x")
    words = ".config/systemd/user/ .service.d/50-hermes-ops.conf .service"
    answer = dash.run(f'look_ours systemd {words} echo-known; say "list$ours"; {STILL_SPLITS}')
    assert answer.told == ["ours systemd echo-web", "list echo-web.service"]
    assert dash.run("look_ours x .none/ .conf ''; say \"list$ours\"").told == ["list"]


def test_no_process_is_known(dash: Host) -> None:
    """Then the servers alone are told; without `/proc` not even these."""
    assert [record.word for record in dash.run("pids=; look_servers").reply.records] == ["servers"]
    dash.rooted("/proc/")
    assert dash.run("pids=' 1'; look_servers").out == ""


def test_how_much_may_still_be_written(host: Host) -> None:
    """The fourth field of the second line of `df -P`, whatever device and folder are called."""
    host.stand(
        "df", "printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n'; echo $line"
    )
    said = host.run("line='/dev/disk 100 60 40 60% /mnt/a 5% b'; free_space")
    assert said.told == ["free 40"]
    assert host.run("line='//a server/b c 100 60 40 60% /'; free_space").told == ["free 40"]
    assert host.run("line=; free_space").out == ""


def test_the_fullest_disk_of_those_that_gateways_write_counts(host: Host) -> None:
    """A home, the folder of Hermes, and that of its profiles; the first of equal ones."""
    disks = {".": "/dev/a 9 2 700 9% /home", ".hermes": "/dev/b 9 2 30 9% /my data",
             ".hermes/profiles": "/dev/c c 9 2 30 9% /c"}  # fmt: skip
    cases = "".join(f"{name}) echo '{line}' ;; " for name, line in disks.items())
    host.stand(
        "df", f"shift; echo Filesystem Capacity; for one; do case $one in {cases} esac; done"
    )
    assert host.run("free_space").told == ["free 700"]
    (host.home / ".hermes/profiles").mkdir(parents=True)
    assert host.run("free_space").told == ["free 30 /my data"]
    assert host.calls[-1] == "df -Pk . .hermes .hermes/profiles"


@pytest.mark.parametrize(
    ("uid", "sudo", "asked", "told"),
    [
        (1000, "true", "yes 'units/gone*' 'units/*.conf'", ["root yes"]),
        (1000, "false", "yes 'units/*.conf'", ["root no"]),
        (0, "false", "yes 'units/*.conf'", ["root yes"]),  # with no need of sudo
        (1000, "true", "yes 'units/gone*'", []),
        (1000, "true", "'' 'units/*.conf'", []),
    ],
)
def test_whether_one_may_become_root_is_asked_where_something_is_roots(
    dash: Host, uid: int, sudo: str, asked: str, told: list[str]
) -> None:
    """By a file that is there, and of the user who logs in."""
    dash.file("units/a b.conf")
    dash.stand("sudo", sudo)
    assert dash.run(f"uid={uid} may_root=; look_rights {asked}").told == told


def test_what_the_login_shell_found_out_is_told(dash: Host) -> None:
    """It asked before, so nobody asks again."""
    dash.stand("sudo", "false")
    dash.stand("id", "echo ann")
    assert dash.run("uid=1000 may_root=yes; look_rights yes 'x*'").told == ["root yes", "group ann"]
    assert dash.calls == ["id -gn"]


def test_orphans_are_told_with_what_they_hold(host: Host) -> None:
    """Homes with our record that the inventory does not name; of .env nothing secret is sent."""
    for home in (".hermes", ".hermes/profiles/a", ".hermes/profiles/b", ".hermes/profiles/c"):
        host.file(f"{home}/config.yaml", "x: 1\n")
    for home in (".hermes", ".hermes/profiles/a", ".hermes/profiles/b"):
        host.file(f"{home}/.hermes-ops.yml", "format: 1\n")
    env = "API_SERVER_PORT=8701\nexport X\nTELEGRAM_BOT_TOKEN=1:abc\nDB_PASSWORD_PORT=s\nA_HOST=h"
    host.file(".hermes/profiles/b/.env", env)
    host.file(".hermes/profiles/b/gateway.pid", "4711")
    answer = host.run('pids=; look_orphans .hermes-ops.yml a; echo "[$orphans][$pids]"')
    assert answer.errors == ""
    assert [line for line in answer.told if line.startswith("orphan")] == [
        "orphan default", "orphan b",
    ]  # fmt: skip
    assert answer.block("env") == "API_SERVER_PORT=8701\nA_HOST=h\n"
    assert answer.out.endswith("[ .hermes .hermes/profiles/b][ 4711]\n")


def test_an_orphan_is_known_by_our_part_of_its_unit(host: Host) -> None:
    """Somebody moved its home and left a link, removed its memory, or removed its home."""
    units = ".config/systemd/user"
    for name in ("moved", "bare", "gone", "known"):
        host.file(f"{units}/hermes-gateway-{name}.service.d/50-hermes-ops.conf")
    host.file(f"{units}/hermes-gateway-foreign.service.d/other.conf")
    host.file("data/.hermes-ops.yml")
    for name in ("bare", "known", "foreign"):
        host.file(f".hermes/profiles/{name}/config.yaml")
    for name in ("moved", "second-name"):
        (host.home / f".hermes/profiles/{name}").symlink_to(host.home / "data")
    answer = host.run(f"pids=; look_orphans .hermes-ops.yml known; {STILL_SPLITS}")
    assert [line for line in answer.told if line.startswith("orphan")] == [
        "orphan bare", "orphan moved", "orphan gone",
    ]  # fmt: skip
    assert answer.out.rstrip().endswith("4")


def test_no_orphan_costs_nothing(dash: Host) -> None:
    """Where every home is known, nothing is told and no program is started."""
    dash.file(".hermes/profiles/a/.hermes-ops.yml", "format: 1\n")
    answer = dash.run('look_orphans .hermes-ops.yml a b; echo "[$orphans]"')
    assert (answer.out, answer.told, dash.calls) == ("[]\n", [], [])


def test_what_was_written_long_ago(host: Host) -> None:
    """A file of more than an hour; neither a younger one nor what is no file."""
    for name, minutes in (("old", 70), ("a b", 70), ("young", 50)):
        os.utime(host.file(name), (time.time() - 60 * minutes,) * 2)
    (host.home / "folder").mkdir()
    assert host.run("look_aged old 'a b' young folder gone").told == ["aged old", "aged a b"]


def test_what_belongs_to_profiles(host: Host) -> None:
    """The space of their folders, and Hermes' own commands that start it with one of them."""
    (host.home / "a b").mkdir()
    (host.home / "link").symlink_to("a b")
    host.stand("du", 'echo "12\t$2"')
    for name, text in {
        "scout": """exec /opt/hermes/bin/hermes -p scout "$@\"""",
        "kim": """exec '/my folder/hermes' -p scout "$@\"""",
        "other": """exec /bin/ls -p scout "$@\"""",
        "more": """exec /bin/hermes -p scout --yolo "$@\"""",
        "plain": "echo exec hermes -p scout",
    }.items():
        host.file(f".local/bin/{name}", f"#!/bin/sh\n{text}\n")
    host.file(".local/bin/binary", "\x00\x01\x02")
    answer = host.run(f"look_whole 'a b' link gone; {STILL_SPLITS}")
    assert answer.errors == ""
    assert sorted(answer.told) == [
        "alias scout .local/bin/kim",
        "alias scout .local/bin/scout",
        "space 12 a b",
    ]
    assert answer.out.endswith("4\n")
    assert host.run("look_whole").told == []  # nobody asked


def test_settings_that_are_newer_than_their_gateway(host: Host) -> None:
    """It writes its pid file at its start; without one nothing is newer."""
    for home in ("a", "b", "c"):
        for name in ("config.yaml", ".env", "gateway.pid"):
            os.utime(host.file(f"{home}/{name}"), (1000, 1000))
    os.utime(host.home / "a/.env", (2000, 2000))
    os.utime(host.home / "b/config.yaml", (500, 500))
    os.utime(host.home / "c/.env", (2000, 2000))
    (host.home / "c/gateway.pid").unlink()
    asked = "hermes_code=; look_newer a b c gone"
    assert host.run(asked).told == ["newer a/.env"]


def test_code_that_is_newer_than_its_gateway(host: Host) -> None:
    """What an installation or a pull writes; a home alone stands for it."""
    for home, when in (("a", 1000), ("b", 3000)):
        os.utime(host.file(f"{home}/gateway.pid"), (when, when))
    os.utime(host.file("code"), (2000, 2000))
    assert host.run("hermes_code=code; look_newer a b gone").told == ["newer a"]
    assert host.run("hermes_code=/nowhere; look_newer a b").told == []
