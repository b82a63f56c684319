"""The account of `hermes_user`: made by a run that makes profiles, and by no other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from building import desired

from hermes_ops.errors import NoSuchUser
from hermes_ops.inventory.model import Host
from hermes_ops.plan import DesiredState
from hermes_ops.run import account
from hermes_ops.transport.become import NO_USER_ON_MAC, become
from hermes_ops.transport.unheard import refuse_unheard
from hermes_ops.wire import Script

MISSING = NoSuchUser("there is no user agent-7")


def wanted(*steps: str, create: bool = True) -> DesiredState:
    """Return what is wanted of a host whose account may be made."""
    hermes = {"user": "agent-7", "user_create": create}
    case = {"desired": {"demo": {}}, "host": {"hermes": hermes}, "steps": list(steps)}
    return desired(case)


@pytest.mark.parametrize("state", [wanted("profile.create", create=False), wanted("gateway.start")])
def test_who_does_not_make_it_tells_of_it(state: DesiredState) -> None:
    """An inventory that does not want it, and a task that makes no profile."""
    with pytest.raises(NoSuchUser):
        account.creation_of(state, MISSING)


def test_on_macos_it_is_made_by_hand() -> None:
    """Before a change is planned; how it is made is told."""
    host = wanted("profile.create").host
    with pytest.raises(NoSuchUser, match="hermes_user_create makes none on macOS") as told:
        refuse_unheard(host, "", NO_USER_ON_MAC)
    assert "sudo sysadminctl -addUser agent-7 -password -" in told.value.hint
    with pytest.raises(NoSuchUser):
        account.creation_of(wanted("profile.create"), told.value)


def test_it_is_the_only_change_that_is_known() -> None:
    """Nothing can be said of a home that is not there."""
    state = wanted("profile.create")
    creation = account.creation_of(state, MISSING)
    plan = account.planned(state, creation)
    assert [(c.resource, c.action) for c in plan.changes] == [("user:agent-7", "create")]
    assert "the rest is planned after it" in plan.notes[0]


@pytest.mark.parametrize(
    ("uid", "programs", "said"),
    [
        ("0", ["useradd"], "useradd --create-home --shell /bin/sh agent-7"),
        ("1000", ["useradd", "sudo"], "sudo useradd --create-home --shell /bin/sh agent-7"),
        ("0", ["adduser"], "adduser -D -s /bin/sh agent-7"),
    ],
)
def test_who_logs_in_makes_it(uid: str, programs: list[str], said: str, tmp_path: Path) -> None:
    """Before anything of that user's runs; nothing of it is in the answer."""
    state = wanted("profile.create")
    script = account.making(Script("", "0"), account.creation_of(state, MISSING))
    stands = {
        "id": f'[ "$1 $2" != "-u agent-7" ] || exit 1; echo {uid}',
        "sudo": f'printf "sudo " >>{tmp_path}/said; shift; exec "$@"',
        **{
            name: f'echo {name} "$@" >>{tmp_path}/said; echo loud'
            for name in ("useradd", "adduser")
        },
    }
    for name in ("id", *programs):
        (tmp_path / name).write_text(f"#!/bin/sh\n{stands[name]}\n")
        (tmp_path / name).chmod(0o755)
    line = become(state.host, before=script.before.replace(":/usr/sbin:/sbin", ""))
    ended = subprocess.run(
        ["/bin/sh", "-c", line], env={"PATH": str(tmp_path)}, capture_output=True, check=False
    )
    assert (tmp_path / "said").read_text().strip() == said
    assert (ended.returncode, ended.stdout) == (67, b"")
    assert isinstance(state.host, Host)
