"""A job: it starts, ends, waits for its throttle, is stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from launchd import spawn
from launchd.calendar import seconds_until
from launchd.definition import Definition
from launchd.errors import DARWIN, LINUX
from launchd.loop import Timer

if TYPE_CHECKING:
    from launchd.domain import Domain

CRASHES = frozenset({4, 5, 6, 8, 10, 11, 12})  # as Darwin numbers them
EXPONENTIAL = 10, 1200  # runs before the pause grows, and seconds that it grows to


class Job:
    """A definition that is loaded in a domain."""

    def __init__(self, definition: Definition, domain: Domain) -> None:
        self.definition = definition
        self.domain = domain
        self.pid = 0
        self.runs = 0
        self.reason = ""
        self.killed = ""  # SIGTERMed or SIGKILLed
        self.exit_code: int | None = None
        self.signal_number = 0
        self.spawn_failed = False
        self.started = float("-inf")
        self._failure = -1
        self._respawn: Timer | None = None
        self._kill: Timer | None = None
        self._then: list[Callable[[], object]] = []

    @property
    def label(self) -> str:
        """Its label."""
        return self.definition.label

    @property
    def state(self) -> str:
        """Its state, as `print` calls it."""
        if self.pid:
            return self.killed or "running"
        return "spawn scheduled" if self._respawn else "not running"

    @property
    def throttle(self) -> float:
        """Seconds between two starts."""
        flat = self.definition.throttle
        if self.domain.machine.knobs["throttle"] == "flat" or self.runs <= EXPONENTIAL[0]:
            return flat
        return min(flat * 2.0 ** (self.runs - EXPONENTIAL[0]), EXPONENTIAL[1])

    def loaded(self) -> None:
        """Start it if it starts when it is loaded, and at its times."""
        fault = self.domain.machine.knobs["spawn_fault"]
        if fault == "btm_161" or self.label in self.domain.machine.denied:
            self.domain.machine.log(
                f"{self.label}: 161: Service cannot be launched because of BTM policy"
            )
            self.domain.drop(self)
            return
        self._at_times()
        if fault != "registered_never_spawned" and self._conditions_at_load():
            self.start("speculative")

    def start(self, reason: str) -> None:
        """Start it now, if it does not run."""
        if self.pid:
            return
        self._cancel_respawn()
        self.reason = reason
        self.spawn_failed = False
        self.started = time.monotonic()
        self.runs += 1
        who = self.domain.identity(self.definition)
        full = self.domain.machine.knobs["job_env"] == "full"
        env = spawn.environment(self.definition, who, full=full, gui=self.domain.kind == "gui")
        self.pid, self._failure = spawn.spawn(self.definition, who, env)
        self.domain.machine.children[self.pid] = self.ended

    def ended(self, status: int) -> None:
        """Take note of the end of its process, and decide what follows."""
        pid, self.pid = self.pid, 0
        self.spawn_failed = bool(self._read_failure())
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.signal_number = DARWIN.get(number, number)
        self.exit_code = None if number else os.WEXITSTATUS(status)
        if not self.definition.get("AbandonProcessGroup"):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        if self._kill:
            self._kill.cancel()
        then, self._then, self.killed, self._kill = self._then, [], "", None
        for call in then:
            call()
        if not then and self._wants_again():
            self._schedule()

    def stop(self, then: Callable[[], object], *, hard: bool = False) -> None:
        """End its process; do `then` when it has ended. Without a process, do it at once."""
        self._cancel_respawn()
        if not self.pid:
            then()
            return
        self._then.append(then)
        if self.killed and not hard:
            return
        if hard:
            self._send_kill()
            return
        self.killed = "SIGTERMed"
        self.send(signal.SIGTERM)
        if self.definition.exit_timeout > 0:
            self._kill = self.domain.machine.loop.later(
                self.definition.exit_timeout, self._send_kill
            )

    def send(self, number: int) -> None:
        """Send a signal, numbered as by Linux, to its process."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def last_status(self) -> int:
        """Return the raw wait status of its last process."""
        return self.signal_number or (self.exit_code or 0) << 8

    @property
    def job_state(self) -> str:
        """What `print` calls its job state."""
        if self.pid:
            return "running"
        if self.spawn_failed:
            return "spawn failed"
        return "exited" if self.runs else "uninitialized"

    def _read_failure(self) -> bytes:
        try:
            said = os.read(self._failure, 1000)
        finally:
            os.close(self._failure)
        if said:
            self.domain.machine.log(f"{self.label}: could not be spawned: {said.decode()}")
        return said

    def _send_kill(self) -> None:
        self.killed = "SIGKILLed"
        self.send(signal.SIGKILL)

    def _wants_again(self) -> bool:
        keep = self.definition.keep_alive
        if not isinstance(keep, dict):
            return keep
        wants = []
        if "SuccessfulExit" in keep:
            wants.append(bool(keep["SuccessfulExit"]) is (self.exit_code == 0))
        if "Crashed" in keep:
            wants.append(bool(keep["Crashed"]) is (self.signal_number in CRASHES))
        return any(wants) or self._conditions(keep)

    def _conditions(self, keep: dict[str, dict[str, bool]]) -> bool:
        paths = [Path(p).exists() is v for p, v in keep.get("PathState", {}).items()]
        loaded = self.domain.jobs
        jobs = [(label in loaded) is v for label, v in keep.get("OtherJobEnabled", {}).items()]
        return any([*paths, *jobs])

    def _conditions_at_load(self) -> bool:
        keep = self.definition.keep_alive
        if self.definition.get("RunAtLoad") or not isinstance(keep, dict):
            return self.definition.starts_at_load
        return "SuccessfulExit" in keep or "Crashed" in keep or self._conditions(keep)

    def _schedule(self) -> None:
        scale = self.domain.machine.knobs.scale
        ran = (time.monotonic() - self.started) * scale
        pause = max(self.throttle - ran, 0)
        self._respawn = self.domain.machine.loop.later(pause, lambda: self._again("inefficient"))

    def _again(self, reason: str) -> None:
        self._respawn = None
        self.start(reason)

    def _cancel_respawn(self) -> None:
        if self._respawn:
            self._respawn.cancel()
        self._respawn = None

    def _at_times(self) -> None:
        """Start it at its interval and its times; what comes while it runs is lost."""
        pauses = []
        if isinstance(interval := self.definition.get("StartInterval"), int):
            pauses.append(float(max(1, interval)))
        if self.definition.get("StartCalendarInterval"):
            pauses.append(seconds_until(self.definition.get("StartCalendarInterval")))
        for pause in pauses:
            self.domain.machine.loop.later(pause, self._time_has_come)

    def _time_has_come(self) -> None:
        if self.domain.jobs.get(self.label) is self:
            self.start("interval")
            self._at_times()


def signal_number(word: str) -> int | None:
    """Return the number on Linux of a signal that is given as TERM, SIGTERM, 15 or -15."""
    name = word.lstrip("-").upper().removeprefix("SIG")
    if name.isdigit():
        number = int(name)
        return LINUX.get(number, number) if 0 < number < 32 else None
    return getattr(signal, f"SIG{name}", None)
