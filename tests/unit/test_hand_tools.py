"""What an operator does by hand: what is refused before any host is contacted, and how it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from calling import said

from hermes_ops.errors import Interrupted, Unknown
from hermes_ops.reporting.summary import orders_line
from hermes_ops.transport.streams import RemoteChannel

TEXT = """\
all:
  hosts:
    idle: {ansible_host: 127.0.0.9, ansible_port: 9, hermes_enabled: false,
          hermes_disabled_reason: broken fan, hermes_profiles: {a: {}}}
    live: {ansible_host: 127.0.0.8, ansible_port: 9, hermes_profiles: {a: {}}}
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("gateway.reset", "idle/a"), "idle is disabled: broken fan"),
        (("hosts.tunnel", "idle/a"), "idle is disabled: broken fan"),
        (
            ("hosts.tunnel", "live/a", "--port", "80000"),
            "--port takes a whole number from 1 to",
        ),
        (("hosts.tunnel", "live/a", "--to", "65536"), "--to takes a whole number from 1 to 65535"),
        (("hosts.exec", " ", "-l", "live"), "hosts.exec needs a command: this one is empty"),
    ],
)
def test_what_is_refused_before_any_contact(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    """With one sentence."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    code, out, err = said(capsys, *words, "-i", str(tmp_path))
    assert (code, out) == (64, "")
    assert told in err


def channel(code: int, *, active: bool) -> Any:
    """Return a channel whose process has ended so, on a connection that lives or not."""
    transport = SimpleNamespace(is_active=lambda: active)
    event = SimpleNamespace(wait=lambda _: True)
    return SimpleNamespace(exit_status=code, status_event=event, get_transport=lambda: transport)


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (7, 7), (255, 255), (-1, 255)])
def test_a_terminal_ends_as_its_process(code: int, ends: int) -> None:
    """With 255 if a signal ended that."""
    assert RemoteChannel(channel(code, active=True)).wait() == ends


def test_a_terminal_whose_connection_is_lost() -> None:
    """It says so: 255 alone could be the shell's own."""
    with pytest.raises(Unknown, match="the connection was lost"):
        RemoteChannel(channel(-1, active=False)).wait()
    assert RemoteChannel(channel(7, active=False)).wait() == 7


def test_what_ctrl_c_ends_well_sigterm_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of the signal is kept."""
    assert Interrupted.unless_asked(0) == 0
    monkeypatch.setattr(Interrupted, "exit_code", 143)
    assert Interrupted.unless_asked(0) == 143


@pytest.mark.parametrize(
    ("actions", "restarts", "told"),
    [
        (["stop", "stop"], 0, "2 gateways will stop"),
        (["drain"], 0, "1 gateway will take no new turn"),
        (["start"], 0, "no gateway will restart"),
        (["stop", "restart"], 1, "1 gateway will stop; 1 gateway will restart; at once: box/a"),
    ],
)
def test_a_check_counts_what_is_ordered(actions: list[str], restarts: int, told: str) -> None:
    """Whoever reads only the last line must not take a stop for nothing."""
    changes = [{"resource": "service:a", "action": a, "outcome": "planned"} for a in actions]
    rows = [{"host": "box", "profile": "a", "platforms": []}] * restarts
    body = {"hosts": [{"outcome": "ok", "changes": changes}], "restarts": rows}
    assert orders_line(body, serial=False) == told


@pytest.mark.parametrize("outcome", ["unreachable", "unknown"])
def test_a_check_promises_nothing_of_hosts_that_it_did_not_see(outcome: str) -> None:
    """That no gateway will restart is known only of those that answered."""
    lost, seen = ({"outcome": word, "changes": []} for word in (outcome, "ok"))
    told = orders_line({"hosts": [lost, seen], "restarts": []}, serial=False)
    assert told == "no gateway will restart; not known of 1 host"
    told = orders_line({"hosts": [lost, lost], "restarts": []}, serial=False)
    assert told == "it is not known which gateways will restart"


def test_a_window_is_as_wide_as_it_is_said_to_be() -> None:
    """The columns come first, as for a terminal of this machine."""
    told: list[tuple[int, int]] = []

    class Window:
        def resize_pty(self, width: int, height: int) -> None:
            told.append((width, height))

    RemoteChannel(Window()).resize(132, 43)  # type: ignore[arg-type]
    assert told == [(132, 43)]
