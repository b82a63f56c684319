"""The checks of the role `dashboard`: each passes on a healthy one, and sees what it is for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from building import checks_of

SERVICE = SimpleNamespace(urls=("http://127.0.0.1:9119/api/status",))
KERNEL = "  0: {}:239F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n"
NETSTAT = "tcp4       0      0  {}.9119         *.*                    LISTEN\n"


CHECKS = checks_of("dashboard")


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        (KERNEL.format("0100007F"), ""),
        (NETSTAT.format("127.0.0.1"), ""),
        (KERNEL.format("0100007F") + KERNEL.format("00000000"), "it listens on 00000000"),
        (NETSTAT.format("127.0.0.1") + NETSTAT.format("*"), r"it listens on \*"),
        (NETSTAT.format("10.0.0.4"), "it listens on 10.0.0.4"),
        (KERNEL.format("0100007F").replace("239F", "23A0"), "nothing listens on port 9119"),
        (KERNEL.format("0100007F").replace(" 0A ", " 01 "), "nothing listens on port 9119"),
        (NETSTAT.format("127.0.0.1").replace("LISTEN", "CLOSED"), "nothing listens"),
        ("", "nothing listens"),
    ],
)
def test_where_it_listens(listed: str, fault: str) -> None:
    """By the kernel's tables of Linux, and by the list of macOS."""
    host = SimpleNamespace(run=lambda _: SimpleNamespace(stdout=listed))
    if not fault:
        CHECKS.test_it_listens_on_loopback_alone(host, SERVICE)
        return
    with pytest.raises(AssertionError, match=fault):
        CHECKS.test_it_listens_on_loopback_alone(host, SERVICE)


@pytest.mark.parametrize("status", [200, 401, 403, 500])
def test_only_a_refusal_hides_the_settings(status: int) -> None:
    """A page without a token must be told 401, nothing else."""
    asked = []

    def http(url: str) -> SimpleNamespace:
        asked.append(url)
        return SimpleNamespace(status=status, body="")

    if status == 401:
        CHECKS.test_nothing_is_told_without_a_token(http, SERVICE)
    else:
        with pytest.raises(AssertionError, match=f"to anybody: {status}"):
            CHECKS.test_nothing_is_told_without_a_token(http, SERVICE)
    assert asked == ["http://127.0.0.1:9119/api/config"]
