"""What judging and showing many profiles costs here, without any host."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from typing import Any

from hermes_ops.cli.output import Output
from hermes_ops.commands.fleet.profile_table import COLUMNS, WIDE, show_profiles
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import judge
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.look.facts import Answer

HOSTS, PROFILES = 500, 10
NOW = 1795338000.0
URL = "http://127.0.0.1:8642/health"


def views() -> dict[str, float]:
    """Return the seconds of a processor that each step takes for all profiles, by its name."""
    found = [[_evidence(host * PROFILES + n) for n in range(PROFILES)] for host in range(HOSTS)]
    spent: dict[str, float] = {}
    hosts = _timed("classify", spent, lambda: [_seen(n, own) for n, own in enumerate(found)])
    page = Output(json=False, out=io.StringIO(), err=io.StringIO())
    _timed("the table", spent, lambda: show_profiles(hosts, page, COLUMNS, None))
    _timed("the wide table, sorted", spent, lambda: show_profiles(hosts, page, WIDE, "uptime"))
    whole = Output(json=True, out=io.StringIO(), err=io.StringIO())
    body = {"schema": 1}
    _timed(
        "the document",
        spent,
        lambda: whole.document({**body, "hosts": [h.document() for h in hosts]}),
    )
    return spent


def _document(hosts: Sequence[HostSeen]) -> dict[str, Any]:
    return {"schema": 1, "hosts": [host.document() for host in hosts]}


def _timed(name: str, spent: dict[str, float], work: Callable[[], Any]) -> Any:
    began = time.process_time()
    done = work()
    spent[name] = time.process_time() - began
    return done


def _seen(number: int, own: list[Evidence]) -> HostSeen:
    names = [f"bot-{n}" for n in range(len(own))]
    host = Host(f"host-{number:04}", profiles=tuple(map(Profile, names)))
    seen = tuple(
        SeenProfile(name, judge(one), one, f"hermes-gateway-{name}.service", "started", False)
        for name, one in zip(names, own, strict=True)
    )
    return HostSeen(host, seen, manager="systemd")


def _evidence(number: int) -> Evidence:
    """Return what a look finds of a gateway; one in ten is not healthy, for one of two reasons."""
    pid = 1000 + number
    word = "connected" if number % 10 else "retrying"
    entry = {"state": word, "updated_at": "2026-11-22T08:59:00+00:00"}
    own = {"pid": pid, "start_time": 400, "gateway_state": "running"}
    return Evidence(
        supervised=number % 20 != 10, activity="active", pid=pid, alive=True, started_ticks=400,
        age_s=600 + number, now=NOW, rss_bytes=96_000_000, restarts=0, recent=0, enabled=True,
        state={**own, "platforms": {"api_server": entry}},
        heartbeat={"pid": pid, "updated_at": "2026-11-22T08:59:50+00:00"}, settle=3,
        expected=frozenset({"api_server"}), answers={URL: Answer(200, "hermes-agent")},
    )  # fmt: skip
