"""What a host does to tell of its logs: its zone and local time, and which files are none."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host


def zone(offset: str) -> timezone:
    """Return the zone with an offset such as +0130."""
    way = -1 if offset[0] == "-" else 1
    return timezone(way * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:])))


@pytest.mark.parametrize("offset", ["+0000", "+0530", "-0330", "+1400", "-0809"])
@pytest.mark.parametrize(
    "epoch", [86_400, 951_782_400, 1_709_164_800, 1_795_804_206, 4_107_542_399]
)
def test_a_local_time_needs_no_date_of_any_kind(host: Host, epoch: int, offset: str) -> None:
    """Leap days, ends of centuries, offsets with minutes and with digits that are no octal ones."""
    host.stand("date", f"echo {offset}")
    told = host.run(f'log_local {epoch}; echo "$since"')
    wanted = datetime.fromtimestamp(epoch, zone(offset))
    assert (told.out, told.errors) == (f"{wanted:%Y-%m-%d %H:%M:%S}\n", "")


def test_nothing_was_before_the_epoch(host: Host) -> None:
    """`--since 99999w` is everything."""
    host.stand("date", "echo -0330")
    assert host.run('log_local -5000; echo "$since"').out == "1970-01-01 00:00:00\n"


def told_zone(host: Host, environ: dict[str, str]) -> tuple[list[str], str]:
    """Return what a host tells of its time, and the rules."""
    host.stand("date", "echo 1784541600 +0200")
    answer = host.run("log_host", environ=environ)
    assert answer.errors == ""
    return answer.told[:2], "".join(answer.block("rules").split()) if len(answer.told) > 2 else ""


def test_a_zone_is_told_with_its_rules(host: Host) -> None:
    """By TZ, else by the link of the system, else by the name in /etc/timezone."""
    now = "now 1784541600 +0200"
    for path in ("/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"):
        host.rooted(path)
    assert told_zone(host, {}) == ([now, "zone"], "")
    rules = host.part("/usr/share/zoneinfo/Europe/Berlin", "rules")
    host.part("/etc/timezone", "Etc/Copied\n")
    assert told_zone(host, {}) == ([now, "zone Etc/Copied"], "")
    link = Path(f"{host.root}/etc/localtime")
    link.symlink_to(rules)
    assert told_zone(host, {}) == ([now, f"zone {rules}"], b"rules".hex())
    host.part("/usr/share/zoneinfo/Asia/Tokyo", "other")
    assert told_zone(host, {"TZ": ":Asia/Tokyo"}) == ([now, "zone Asia/Tokyo"], b"other".hex())
    assert told_zone(host, {"TZ": "CET-1CEST"}) == ([now, "zone CET-1CEST"], "")


def test_only_files_are_opened(dash: Host) -> None:
    """Whatever else is in their place is told, and nobody waits for it."""
    os.mkfifo(dash.home / "pipe")
    (dash.home / "folder").mkdir()
    dash.file("file")
    asked = "for name in pipe folder /dev/null none file; do log_regular k $name && say yes; done"
    assert dash.run(f"{asked}; :").told == [
        "odd k it is a named pipe", "odd k it is a folder", "odd k it is no regular file",
        "missing k", "yes",
    ]  # fmt: skip


def test_a_wait_ends_with_a_change(dash: Host) -> None:
    """Also with a rotated file that comes; else after so many half seconds."""
    dash.file("a.log", "1")
    listed = dash.run("known=; log_wait 9 a.log").block("listed")
    assert dash.calls == []
    dash.stand("sleep", ": >a.log.1")
    again = dash.run(f"known='{listed}'; log_wait 9 a.log").block("listed")
    assert (len(again.splitlines()), dash.calls) == (2, ["sleep 0.5"])
    assert dash.run(f"known='{again}'; log_wait 2 a.log").block("listed") == again
    assert len(dash.calls) == 3
