"""The page of limits tells those that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_ops import errors, worker
from hermes_ops.audit import health
from hermes_ops.cli.options import Options
from hermes_ops.commands.fleet import control
from hermes_ops.commands.fleet.care import hermes_doctor
from hermes_ops.commands.hosts import tunnel
from hermes_ops.commands.logs import ask as logs
from hermes_ops.commands.profile.archive import ask as archives
from hermes_ops.commands.profile.archive import read as imported
from hermes_ops.commands.runbook import shelf
from hermes_ops.hermes import readiness
from hermes_ops.loader.hosts.host import VARIABLES
from hermes_ops.loader.layers import evaluate
from hermes_ops.loader.profiles import env
from hermes_ops.loader.schema import Key
from hermes_ops.loader.sources import json, patterns, programs, text, yaml
from hermes_ops.plan.lifecycle import starting, watching
from hermes_ops.secrets import resolve
from hermes_ops.secrets.sources import base as sources
from hermes_ops.services import report
from hermes_ops.wire import reader

PAGE = (Path(__file__).parents[2] / "docs/limits.md").read_text(encoding="utf-8")


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def seconds(count: float) -> str:
    """Return seconds as people say them."""
    return f"{count:g} s"


def given(name: str) -> str:
    """Return what a variable of the inventory is where nobody sets it."""
    key = VARIABLES[name]
    assert isinstance(key, Key)
    return seconds(float(key.default))


LIMITS = {
    "what a host may say in one answer": size(reader.LARGEST),
    "records in one answer": f"{reader.MOST_RECORDS:,}",
    "logs of the past that a host sends at once": size(logs.MOST_OF_HOST),
    "what is searched in logs on a host where nothing says since when": size(logs.MOST_SEARCHED),
    "an archive of a profile, unpacked": size(imported.MOST_UNPACKED),
    "members of an archive": f"{imported.MOST_MEMBERS:,}",
    "what the header of a member may claim to need": size(imported.MOST_AT_ONCE),
    "all files of an inventory, and each of them": size(text.LARGEST_FILE),
    "what an inventory program or plugin may print": size(programs.LARGEST_OUTPUT),
    "hosts in one pattern such as `mini-[001:999]`": f"{patterns.MOST_HOSTS:,}",
    "nodes of a YAML file that aliases add": f"{yaml.MOST_ALIASED:,}",
    "levels of a YAML file": f"{yaml.DEEP:,}",
    "levels of a JSON file": f"{json.DEEPEST:,}",
    "the result of an expression": size(evaluate.LARGEST),
    "the memory of an expression": size(evaluate.MEMORY),
    "the time of an expression": seconds(worker.SECONDS),
    "a secret from a file or a command": size(sources.LARGEST),
    "the bytes of `{generate: N}`": f"{env.SHORTEST_GENERATED} to {env.LONGEST_GENERATED:,}",
    "a runbook": size(shelf.LARGEST),
    "connections at once through `hosts.tunnel`": f"{tunnel.MOST}",
    "hosts at once": f"{Options().forks}",
    "to connect": given("hermes_connect_timeout"),
    "an exchange with a host": given("hermes_exchange_timeout"),
    "an archive of a profile, from a host": seconds(archives.DEADLINE),
    "until a started gateway must be ready": given("hermes_ready_timeout"),
    "how long it must stay so": given("hermes_settle"),
    "to wait for the lock of another run": seconds(Options().lock_timeout),
    "to wait for running turns before a restart": seconds(Options().drain),
    "a drain that names no time": seconds(control.DRAIN),
    "a stop, where its manager names no time": seconds(report.PATIENCE),
    "silence of a heartbeat, with a silent API, until a gateway counts as frozen": seconds(
        readiness.HEARTBEAT_LIMIT
    ),
    "between the two looks that must agree on that": seconds(starting.STALL),
    "all secrets of a run together": seconds(resolve.DEADLINE),
    "an inventory program or plugin": seconds(programs.DEADLINE),
    "Hermes' own doctor, for each profile": seconds(hermes_doctor.DEADLINE),
    "a value that a message shows whole": (
        f"{errors.MOST_QUOTED} characters in quotes, {errors.MOST_OF_WORD} of one word"
    ),
    "free space below which nothing is started": size(watching.LEAST_FREE_KIB << 10),
    "free space below which `fleet.doctor` warns": size(health.LOW_KIB << 10),
}
"""What the page says, and what the code has."""


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_on_the_page_is_that_of_the_code(limit: str) -> None:
    """Whoever changes one of them changes the page: this is the beginning of its row."""
    row = f"| {limit} | {LIMITS[limit]} |"
    assert row in PAGE, f"docs/limits.md must have the row: {row}"


def test_the_page_has_no_other_limits() -> None:
    """A row that nothing checks would grow old."""
    rows = [line.split(" | ")[0].removeprefix("| ") for line in PAGE.splitlines()
            if line.startswith("| ") and not line.startswith("| what |")]  # fmt: skip
    assert sorted(rows) == sorted(LIMITS)
