"""Installing a program: beside the old one, made anew where it was left half-made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host
BASE = ".local/share/hermes-ops/demo"
CURRENT = f"{BASE}/current"
STAMP = f"{CURRENT}/hermes-ops.json"
MAKES_VENV = 'mkdir -p "$4/bin"; ln -s {python} "$4/bin/python"'


def installable(host: Host, *, venv: str = "", pip: str = "") -> Path:
    """Lay out a Python that makes environments, whose own Python is a pip."""
    own = host.program("pip-python", pip)
    host.program("base-python", f"{MAKES_VENV.format(python=own)}; {venv}")
    return own


def install(host: Host, version: str = "1.0", stamp: str = "{}", more: str = "req==1") -> str:
    """Return what an installation says, and its code."""
    words = f"install_program demo {version} base-python .cache/pip.whl '{stamp}' 900 {more}"
    answer = host.run(f"uid=7 user=ann; identify; {words}; echo $?")
    return answer.out + answer.errors


def test_a_program_is_installed_with_these_words(host: Host) -> None:
    """By the pip that came along, into an environment without one, through `current`."""
    installable(host)
    assert install(host, more="--no-index 'req[a] == 1'") == "0\n"
    assert host.calls == [
        f"base-python -m venv --without-pip {host.home}/{CURRENT}/venv",
        f"pip-python {host.home}/.cache/pip.whl/pip --no-input --disable-pip-version-check --quiet"
        " install --no-warn-script-location --no-index 'req[a] == 1'",
    ]
    assert (host.home / CURRENT).readlink() == Path("1.0")
    assert (host.home / STAMP).read_text() == "{}\n"
    assert not list((host.home / CURRENT).glob(".stamp*"))


def test_the_stamp_comes_last_and_whole(dash: Host) -> None:
    """It is renamed into its place, after pip was done."""
    installable(dash, pip=f"[ ! -e {dash.home}/{STAMP} ] || echo early")
    dash.stand("mv", 'command mv "$@"')
    assert install(dash) == "0\n"
    assert dash.calls[2:] == [
        f"mv {dash.home}/{CURRENT}/.stamp.new {dash.home}/{STAMP}"
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["venv", "pip"])
def test_what_failed_has_no_stamp(host: Host, part: str) -> None:
    """Its code is the answer, and what would come after it does not come."""
    installable(host, **{part: "echo broken >&2; exit 3"})
    assert install(host) == "3\nbroken\n"
    assert not (host.home / STAMP).exists()
    assert len(host.calls) == (1 if part == "venv" else 2)


def test_a_half_made_environment_is_made_anew(host: Host) -> None:
    """Without a stamp nothing in it is believed."""
    installable(host, pip="exit 3")
    install(host)
    half = host.file(f"{CURRENT}/venv/half")
    installable(host)
    assert install(host) == "0\n"
    assert not half.exists()
    assert [call.split()[0] for call in host.calls] == ["base-python", "pip-python"] * 2


def test_a_whole_environment_is_used_again(host: Host) -> None:
    """Only pip runs, and the stamp becomes the new one."""
    installable(host)
    install(host)
    kept = host.file(f"{CURRENT}/venv/kept")
    assert install(host, stamp='{"a": 1}') == "0\n"
    assert kept.exists()
    assert [call.split()[0] for call in host.calls] == ["base-python", "pip-python", "pip-python"]
    assert (host.home / STAMP).read_text() == '{"a": 1}\n'


@pytest.mark.slow
def test_another_version_lies_beside_the_old_one(host: Host) -> None:
    """`current` leads to the new one, made as its own; the old one is still there."""
    installable(host)
    install(host)
    assert install(host, version="2.0") == "0\n"
    assert (host.home / CURRENT).readlink() == Path("2.0")
    assert (host.home / BASE / "1.0/hermes-ops.json").exists()
    assert not (host.home / BASE / "1.0/2.0").exists()
    assert len(host.calls) == 4


def test_current_that_is_right_is_not_touched(dash: Host) -> None:
    """Between removing and making it anew a running program would find nothing."""
    installable(dash)
    install(dash)
    dash.stand("point_current")
    install(dash)
    assert "point_current" not in "\n".join(dash.calls)


@pytest.mark.parametrize("blocked", [f"{BASE}/1.0", f"{BASE}/current/x"])
def test_a_place_that_cannot_be_made_is_a_failure(dash: Host, blocked: str) -> None:
    """A file for its folder, or a folder for its link: no Python is run."""
    installable(dash)
    dash.file(blocked)
    assert install(dash).startswith("1\n")
    assert dash.calls == []


NETWORK = {
    "PIP_INDEX_URL": "https://index",
    "PIP_EXTRA_INDEX_URL": "https://more",
    "PIP_CERT": "/etc/cert a",
    "PIP_FIND_LINKS": "/wheels",
    "https_proxy": "http://low",
    "HTTPS_PROXY": "http://high",
    "SSL_CERT_FILE": "/etc/ssl",
}
OWN = {"USER": "ann", "LOGNAME": "ann", "LANG": "C.UTF-8"}


@pytest.mark.parametrize("given", [{}, NETWORK], ids=["plain", "behind a proxy"])
def test_pip_gets_the_way_to_its_index_and_nothing_else(
    host: Host, given: Mapping[str, str]
) -> None:
    """Neither settings of the login nor its secrets; and no input."""
    host.program("pip", f"env >{host.home}/environ; cat >{host.home}/input")
    environ = {**given, "PIP_TARGET": "/evil", "TOKEN": "x", "PYTHONPATH": "/evil"}
    body = "uid=7 user=ann; identify; echo secret | pip_environment 900 pip install"
    assert host.run(body, environ=environ).errors == ""
    lines = (host.home / "environ").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert found.pop("HOME") == str(host.home)
    assert found.pop("PATH").startswith(f"{host.bin}:")
    assert {k: v for k, v in found.items() if k not in ("PWD", "OLDPWD", "SHLVL", "_")} == {
        **OWN, **given,
    }  # fmt: skip
    assert (host.home / "input").read_text() == ""


def test_pip_and_venv_have_their_time(dash: Host) -> None:
    """Two minutes for an environment, what the plan says for pip."""
    installable(dash)
    dash.stand("limited", 'shift; "$@"')
    assert install(dash) == "0\n"
    limits = [call.split()[1] for call in dash.calls if call.startswith("limited")]
    assert limits == ["120", "900"]


# --- beside the one in use --------------------------------------------------------------------


def beside(host: Host, version: str = "2.0") -> str:
    """Return what an installation beside the one in use says, and its code."""
    words = f"install_beside demo {version} base-python .cache/pip.whl '{{}}' 900 req==2"
    answer = host.run(f"uid=7 user=ann; identify; {words}; echo $?")
    return answer.out + answer.errors


def test_a_version_is_made_beside_the_one_in_use(host: Host) -> None:
    """The link stays; what is new is called by its own path, until it is whole."""
    installable(host)
    install(host)
    before = len(host.calls)
    assert beside(host) == "0\n"
    own, calls = f"{host.home}/{BASE}/2.0", host.calls[before:]
    assert calls[0] == f"base-python -m venv --without-pip {own}/venv"
    assert "import hermes_cli.main, gateway.run" in calls[2]
    assert calls[-1].endswith(f" {own}/venv {host.home}/{CURRENT}/venv")
    assert (host.home / CURRENT).readlink() == Path("1.0")
    assert (host.home / BASE / "2.0/hermes-ops.json").read_text() == "{}\n"


@pytest.mark.parametrize("part", ["venv", "pip"])
def test_nothing_is_left_of_what_failed_beside(host: Host, part: str) -> None:
    """Neither a half-made environment nor a folder."""
    installable(host)
    install(host)
    installable(host, **{part: "echo broken >&2; exit 3"})
    assert beside(host) == "3\nbroken\n"
    assert sorted(path.name for path in (host.home / BASE).iterdir()) == ["1.0", "current"]


def test_a_version_that_cannot_load_hermes_is_not_made(host: Host) -> None:
    """An upgrade must fail before anything stops for it."""
    installable(host)
    install(host)
    installable(host, pip='case "$*" in *"import hermes_cli"*) exit 1 ;; esac')
    assert beside(host) == "this version does not even start\n1\n"
    assert sorted(path.name for path in (host.home / BASE).iterdir()) == ["1.0", "current"]


def test_what_is_in_use_is_not_made_anew_beside_itself(dash: Host) -> None:
    """It has no stamp: somebody else has to mend it first."""
    installable(dash, pip="exit 3")
    install(dash, version="2.0")
    installable(dash)
    assert beside(dash).splitlines()[-2:] == [
        f"{dash.home}/{BASE}/2.0 is in use and incomplete: run fleet.up first", "1",
    ]  # fmt: skip
