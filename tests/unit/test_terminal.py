"""A terminal on this machine as a host."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport.local import Local


def test_a_terminal_of_this_machine_is_of_the_same_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else programs would draw what this one does not understand; nothing else is inherited."""
    monkeypatch.setenv("TERM", "xterm-odd")
    monkeypatch.setenv("MY_TOKEN", "a-secret")
    host = Host("box", Connection(kind="local"), (), (), ())
    remote: Any = Local(host).terminal('echo "[$TERM] [$MY_TOKEN]"; kill -9 $$')
    said = b""
    while part := remote.read():
        said += part
    assert (said.split(), remote.wait()) == ([b"[xterm-odd]", b"[]"], 137)
