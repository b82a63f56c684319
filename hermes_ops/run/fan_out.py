"""Do the same work on many hosts; every host gets an outcome, whatever happens to the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from hermes_ops.errors import (
    HermesError,
    Interrupted,
    NotTried,
    NotUnderstood,
    Unknown,
    Unreachable,
    belongs_to,
)
from hermes_ops.inventory.model import Host
from hermes_ops.reporting.events import Emit, Event, Finished, Raised
from hermes_ops.run.connections import Connections
from hermes_ops.run.model import Settings
from hermes_ops.run.parallel import DEADLINE, INTERRUPTED, Ended, Rules, parallel
from hermes_ops.transport import Transport, prepare

if TYPE_CHECKING:
    from hermes_ops.plan import DesiredState

Item = TypeVar("Item", Host, "DesiredState")
Value = TypeVar("Value")
BAD = ("failed", "unreachable", "unknown")
"""The outcomes that count for `--max-fail`."""


@dataclass(frozen=True)  # with slots Python 3.11 cannot call `HostOutcome[int](…)`
class HostOutcome(Generic[Value]):
    """The outcome of one host: a value, or the error why there is none."""

    host: Host
    value: Value | None = None
    failure: HermesError | None = None
    begun: bool = True
    ended: bool = True
    """Whether its work ended, successfully or not, before the run did."""
    exchanges: int = 0
    seconds: float = 0

    @property
    def word(self) -> str:
        """The outcome in one word: ok, failed, unreachable, unknown or skipped."""
        if not self.begun:
            return "skipped"
        return outcome_of(self.failure) if self.failure else "ok"


def outcome_of(error: HermesError) -> str:
    """Return the host's outcome in one word for an error that ended it."""
    if isinstance(error, Unreachable):
        return "unreachable"
    if isinstance(error, NotTried):
        return "skipped"
    return "unknown" if isinstance(error, Unknown | Interrupted) else "failed"


def ignore(event: Event) -> None:
    """Drop the event."""
    del event


def over_hosts(
    wanted: Sequence[Item],
    work: Callable[[Item, Transport], Value],
    rules: Rules,
    settings: Settings,
    emit: Emit = ignore,
    *,
    word_of: Callable[[HostOutcome[Value]], str] = lambda outcome: outcome.word,
    keep: Connections | None = None,
    left: Callable[[Host], None] = lambda _: None,
) -> list[HostOutcome[Value]]:
    """Connect to every host and do the work there; return an outcome for each, in their order.

    An error of one host is its outcome; any other exception becomes `NotUnderstood`. Hosts that
    are still at work at the deadline are unknown, those that never began are skipped. `word_of`
    returns what an outcome counts as. Connections are closed; with `keep`, those of the hosts that
    ended stay open there. `left` is called with each host whose work has ended, in any way.
    """

    def meanwhile() -> None:
        prepare(map(_host, wanted))
        settings.meanwhile()

    with Connections() as own:
        fan = _Fan(work, settings, emit, word_of, keep or own, keep is not None, left)
        ended = parallel(
            wanted, fan.one, rules,
            failed=lambda o: fan.words[o.host.name] in BAD, meanwhile=meanwhile,
        )  # fmt: skip
        return fan.all(wanted, ended)


@dataclass(slots=True)
class _Fan(Generic[Item, Value]):
    """The work of one call of `over_hosts`, and the events that it emits."""

    work: Callable[[Item, Transport], Value]
    settings: Settings
    emit: Emit
    word_of: Callable[[HostOutcome[Value]], str]
    connections: Connections
    keeps: bool
    leaves: Callable[[Host], None]
    began: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    """What the last outcome of each host counts as: `word_of` is asked once for an outcome."""
    left: frozenset[str] = frozenset()
    """Hosts that did not end in time: their later events are dropped."""

    def one(self, item: Item) -> HostOutcome[Value]:
        """Do the work of one host."""
        host, transport, value, failure = _host(item), None, None, None
        self.began[host.name] = time.monotonic()
        try:
            with belongs_to(host.name):
                transport = self.connections.open(host, self.settings, self._hear)
                value = self.work(item, transport)
        except HermesError as error:
            failure = error
        finally:
            self.leaves(host)
        if not self.keeps:
            self.connections.leave([host.name])
        outcome = HostOutcome(
            host, value, failure,
            exchanges=transport.exchanges if transport else 0, seconds=self._seconds(host),
        )  # fmt: skip
        self._tell(outcome, self._hear)
        return outcome

    def all(
        self, wanted: Sequence[Item], ended: Ended[Item, HostOutcome[Value]]
    ) -> list[HostOutcome[Value]]:
        """Return every outcome; hosts that are still at work are left behind."""
        late = ended.begun - ended.values.keys()
        self.left = frozenset(_host(wanted[index]).name for index in late)
        self.connections.leave(self.left)
        return [
            ended.values.get(index) or self._without(index, _host(item), ended)
            for index, item in enumerate(wanted)
        ]

    def _without(
        self, index: int, host: Host, ended: Ended[Item, HostOutcome[Value]]
    ) -> HostOutcome[Value]:
        broken, begun = ended.broken.get(index), index in ended.begun
        failure = NotUnderstood.by(broken, host.name) if broken else _stopped(ended.stopped_by)
        outcome = HostOutcome[Value](
            host, None, failure, begun, broken is not None, seconds=self._seconds(host)
        )
        if begun:
            self._tell(outcome, self.emit)
        return outcome

    def _hear(self, event: Event) -> None:
        """Pass on an event, unless its host was left behind."""
        if event.host not in self.left:
            self.emit(event)

    def _tell(self, outcome: HostOutcome[Value], emit: Emit) -> None:
        name, failure, trace = outcome.host.name, outcome.failure, self.settings.trace
        if isinstance(failure, NotUnderstood):
            emit(Raised(name, failure.trace))
            if trace is not None:
                for line in failure.trace:
                    trace(name, line)
        message = str(failure) if failure else ""
        self.words[name] = word = self.word_of(outcome)
        emit(Finished(name, word, message, outcome.seconds))

    def _seconds(self, host: Host) -> float:
        now = time.monotonic()
        return now - self.began.get(host.name, now)


def _host(item: Host | DesiredState) -> Host:
    return item if isinstance(item, Host) else item.host


def _stopped(why: str) -> HermesError:
    if why == INTERRUPTED:
        return Interrupted(why, hint="run it again")
    kind = "timeout" if why == DEADLINE else "command"
    return Unknown(why, kind=kind, hint="run it again")
