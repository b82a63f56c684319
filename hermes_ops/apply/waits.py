"""The part of a script that watches started services, and decides when to stop."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from hermes_ops.apply.lines import call
from hermes_ops.hermes.gateway import EVIDENCE, PID_FILE
from hermes_ops.hermes.readiness import CONNECT_LIMIT
from hermes_ops.look.question import watch_lines
from hermes_ops.plan.model import Watch
from hermes_ops.plan.question import look_words
from hermes_ops.services import MANAGERS


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a script may wait, in seconds, and the `owner` that it writes into the lock."""

    owner: str = "{}"
    lock_timeout: int = 60
    ready_timeout: int = 60
    settle: float = 3


def wait_for(watches: Sequence[Watch], terms: Terms) -> Iterator[str]:
    """Yield the lines that look at the services until their verdict is final, or time is up."""
    if not watches:
        return
    services = [watch.service for watch in watches]
    homes = [watch.service.home for watch in watches if watch.service.text == "hermes"]
    yield "round() {"
    yield from watch_lines(look_words(services), [f"{home}/{PID_FILE}" for home in homes])
    yield "set --"
    for watch in watches:
        yield from if_whole(watch, _is_up(watch))
    yield 'ask_urls "$@"'
    # Sent last: files that are sent before the checks may be older than what ended the wait.
    yield call("send_files", *(f"{home}/{name}" for home in homes for name in EVIDENCE))
    yield "}"
    yield "watching=; set --"
    for watch in watches:
        yield from if_whole(watch, _wanted(watch))
    times = (terms.ready_timeout, _hundredths(terms.settle), CONNECT_LIMIT * 100)
    yield 'if [ -n "$watching" ]; then'
    yield f'{call("await", *times)} "$@"'
    for watch in watches:
        yield from if_whole(watch, f"{is_well(watch)} || {_log(watch)}")
    yield "fi"


def _wanted(watch: Watch) -> str:
    """Return shell text that adds to what is waited for; a gateway is asked often by its home."""
    if watch.service.text != "hermes":
        return "watching=1"
    return f'{{ watching=1; set -- "$@" {shlex.quote(str(watch.service.home))}; }}'


def _is_over(watch: Watch) -> str:
    return call("is_over", _id(watch))


def _id(watch: Watch) -> str:
    return MANAGERS[watch.manager].id(watch.service)


def _hundredths(seconds: float) -> int:
    # One more than the verdict needs: the verdict computes with floats.
    return ceil(seconds * 100) + 1


def _is_up(watch: Watch) -> str:
    """Return shell text that checks whether a service is up, unless it has failed for good."""
    asked = f'{call("set", "--")} "$@" {shlex.join(watch.urls)}'
    is_hermes = watch.service.text == "hermes"
    of_hermes = (watch.service.home, *sorted(watch.expected)) if is_hermes else ("",)
    settled = call("is_settled", _id(watch), *of_hermes)
    return f"{_is_over(watch)} || {{ {asked}; {settled} || ready=; }}"


def is_well(watch: Watch) -> str:
    """Return shell text that tests whether a service is well, so that its log is not needed."""
    words = f'[ -n "$ready" ] && ! {_is_over(watch)}'
    if watch.service.text == "hermes":
        words += f" && {call('are_connected', watch.service.home, *sorted(watch.expected))}"
    return f"{{ {words}; }}"


def _log(watch: Watch) -> str:
    named = MANAGERS[watch.manager].shell_name
    return call("send_log", watch.service.home, f"{named}_log", _id(watch))


def if_whole(watch: Watch, line: str) -> Iterator[str]:
    """Yield the line, to be run unless a step of the watch's profile failed."""
    yield f"profile={shlex.quote(watch.service.profile)}"
    yield f"is_broken || {line}"
