"""The pytest plugin that runs the checks: each check for every service of its role.

All hosts are checked at the same time, and all checks of a host (`together`). As pytest can only
run one test after another, threads call them ahead of time, and pytest takes their results when it
comes to them.
Checks with fixtures or marks of their own are run by pytest itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from testinfra.host import Host

from hermes_ops.errors import HermesError, Unreachable
from hermes_ops.services.manager import CheckedService, UnitCheck
from hermes_ops.verify import outcome
from hermes_ops.verify.http import Http
from hermes_ops.verify.outcome import Check, CheckOutcome
from hermes_ops.verify.process import CheckedProcess
from hermes_ops.verify.subject import Subject

Redact = Callable[[str], str]


@dataclass(frozen=True)
class _Ended:
    """The result of a check that was called ahead of time."""

    error: BaseException | None
    seconds: float


_OURS = frozenset({"host", "service", "unit", "process", "http"})
_SAID = (AssertionError, HermesError, pytest.fail.Exception, pytest.skip.Exception)
"""What a check raises on purpose, with a text for people."""


class Fixtures:
    """The fixtures that a check may use."""

    @pytest.fixture(autouse=True)
    def _subject(self, request: pytest.FixtureRequest) -> Subject:
        subject: Subject = request.param
        return subject.anew()

    @pytest.fixture
    def host(self, _subject: Subject) -> Host:
        """The host, as testinfra has it."""
        return _subject.host

    @pytest.fixture
    def service(self, _subject: Subject) -> CheckedService:
        """The wanted state of the service."""
        return _subject.service

    @pytest.fixture
    def unit(self, _subject: Subject) -> UnitCheck:
        """The service as its manager reports it."""
        return _subject.unit

    @pytest.fixture
    def process(self, _subject: Subject) -> CheckedProcess:
        """The service's main process as the kernel reports it."""
        return _subject.process

    @pytest.fixture
    def http(self, _subject: Subject) -> Http:
        """The function that asks a URL from the host."""
        return _subject.http


class Checks:
    """Gives each check its subjects, calls it, and keeps its outcome."""

    def __init__(
        self,
        subjects: Mapping[Path, Sequence[Subject]],
        names: Mapping[Path, frozenset[str]],
        redact: Redact,
        forks: int,
    ) -> None:
        self._subjects, self._names, self._redact = subjects, names, redact
        self._forks = forks
        self._ahead: dict[str, Future[_Ended]] = {}
        self.outcomes: dict[Check, CheckOutcome] = {}
        self.notes: list[str] = []
        self.not_collected: dict[Path, str] = {}
        self.interrupted = False
        self.failure = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        """Read no conftest.py but those of the folders of checks: others are nobody's we trust."""
        early_config.pluginmanager._is_in_confcutdir = self._is_of_checks  # type: ignore[method-assign]

    def _is_of_checks(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._subjects)

    # --- which checks, on what ---

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check for every service of the role that the check belongs to."""
        subjects = self._subjects.get(_folder(metafunc.definition.path), ())
        metafunc.parametrize("_subject", subjects, ids=[s.id for s in subjects], indirect=True)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the checks that role.yml names: nobody would notice if another one vanished."""
        unnamed = [item for item in items if not self._is_named(item)]
        items[:] = [item for item in items if self._is_named(item)]
        for name, folder in sorted({(_name(item), _folder(item.path)) for item in unnamed}):
            self.notes.append(f"{folder}: {name} did not run: role.yml does not name it")

    def _is_named(self, item: pytest.Item) -> bool:
        return _name(item) in self._names.get(_folder(item.path), ())

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Remember why no checks could be collected from a file."""
        report = yield
        if report.failed:
            why = self._short(_last_line(report.longreprtext))
            self.not_collected.setdefault(_folder(collector.path), why)
        return report

    # --- call them ---

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Start to call the checks of all hosts."""
        queues: dict[Host, list[pytest.Function]] = {}
        for item in session.items:
            if isinstance(item, pytest.Function) and _is_plain(item):
                self._ahead[item.nodeid] = Future()
                queues.setdefault(_subject(item).host, []).append(item)
        waiting = deque(queues.items())
        for _ in range(min(self._forks, len(queues))):
            # A daemon thread: a host that hangs must not keep an interrupted program alive.
            Thread(target=self._work, args=(waiting,), daemon=True).start()

    def _work(self, waiting: deque[tuple[Host, list[pytest.Function]]]) -> None:
        with suppress(IndexError):
            while True:
                host, items = waiting.popleft()
                host.backend.together.all([partial(self._call, item) for item in items])

    def _call(self, item: pytest.Function) -> None:
        future = self._ahead[item.nodeid]
        if future.set_running_or_notify_cancel():
            future.set_result(_call(item))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Take the result of a check that was called ahead of time: it needs no set-up any more.

        Of one that passed pytest makes no report: with its place in the file and all that was
        printed, that takes longer than everything else that is done for it here.
        """
        future = self._ahead.get(item.nodeid)
        if future is None:
            return None
        if future.result().error is None:
            self._keep(item, outcome.PASSED, None, future.result().seconds)
            return True
        stops = (KeyboardInterrupt, pytest.exit.Exception)
        call = pytest.CallInfo.from_call(partial(_told, future), "call", reraise=stops)
        item.ihook.pytest_runtest_makereport(item=item, call=call)
        return True

    def pytest_keyboard_interrupt(self) -> None:
        """Remember the interruption: pytest itself only ends."""
        self.interrupted = True

    def pytest_sessionfinish(self) -> None:
        """Start no further check, whatever ended the session."""
        for future in self._ahead.values():
            future.cancel()

    # --- their outcomes ---

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep the outcome; set-up and tear-down only count if they fail."""
        report = yield
        if call.when == "call" or report.outcome != "passed":
            error = call.excinfo.value if call.excinfo else None
            self._keep(item, _word(report, error), error, self._seconds(item, report))
        return report

    def _keep(
        self, item: pytest.Item, word: str, error: BaseException | None, seconds: float
    ) -> None:
        if not hasattr(item, "callspec"):
            return
        service = _subject(item).service
        check = Check(service.host, service.profile, _name(item))
        before = self.outcomes.get(check)
        if before is None or before.outcome == outcome.PASSED:
            message = "" if word == outcome.PASSED else self._short(_message(error))
            self.outcomes[check] = CheckOutcome(check, word, message, _promise(item), seconds)

    def _seconds(self, item: pytest.Item, report: pytest.TestReport) -> float:
        future = self._ahead.get(item.nodeid)
        return future.result().seconds if future and future.done() else report.duration

    def _short(self, text: str) -> str:
        shown = " ".join(self._redact(text).split())
        return shown if len(shown) <= 300 else shown[:299] + "…"


def _call(item: pytest.Function) -> _Ended:
    """Call a check with its fixtures; return what it raised, as a thread cannot raise further."""
    subject = _subject(item).anew()
    began = time.monotonic()
    try:
        item.obj(**{name: getattr(subject, name) for name in item._fixtureinfo.argnames})
    except BaseException as error:
        return _Ended(error, time.monotonic() - began)
    return _Ended(None, time.monotonic() - began)


def _told(future: Future[_Ended]) -> None:
    """Wait for the result of a check; raise what it raised."""
    error = future.result().error
    if error is not None:
        raise error


def _is_plain(item: pytest.Function) -> bool:
    ours = set(item.fixturenames) <= _OURS | {"_subject", "request"}
    asks = set(item._fixtureinfo.argnames) <= _OURS
    return ours and asks and item.cls is None and not any(item.iter_markers())


def _subject(item: Any) -> Subject:
    subject: Subject = item.callspec.params["_subject"]
    return subject


@lru_cache(maxsize=256)  # it is asked for every check of every service
def _folder(path: Path) -> Path:
    """Return the folder `checks` that contains a file, at any depth."""
    return next((folder for folder in path.parents if folder.name == "checks"), path.parent)


def _name(item: pytest.Item) -> str:
    return str(getattr(item, "originalname", None) or item.name)


def _promise(item: pytest.Item) -> str:
    text = (getattr(getattr(item, "obj", None), "__doc__", None) or "").strip()
    return text.splitlines()[0] if text else ""


def _word(report: pytest.TestReport, error: BaseException | None) -> str:
    if isinstance(error, Unreachable):
        return outcome.UNREACHABLE
    if isinstance(error, HermesError) and error.exit_code == 4:
        return outcome.UNKNOWN
    return report.outcome


def _message(error: BaseException | None) -> str:
    """Return the message of a failed check, without pytest's explanation of the comparison."""
    if isinstance(error, _SAID):
        return str(error).partition("\nassert ")[0].partition("\n")[0]
    return f"{type(error).__name__}: {error}" if error else ""


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it cannot be read"
