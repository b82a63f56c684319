"""A backend for testinfra: every `host.run` goes through one shell that stays open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

from testinfra.backend.base import BaseBackend, CommandResult

from hermes_ops.errors import HermesError, Unknown
from hermes_ops.transport import Session
from hermes_ops.verify.together import Query, QueryKind, Together

Open = Callable[[], Session]
COMMAND_TIMEOUT = 30.0
"""Seconds that one command of a check may take."""


class SessionBackend(BaseBackend):  # type: ignore[misc] # testinfra ships no types
    """One host, one shell: opened by the first command, used by all checks of the host."""

    NAME = "hermes-ops"

    def __init__(self, host: str, open_session: Open, deadline: float | None = None) -> None:
        super().__init__(host)
        self._open, self._deadline = open_session, deadline
        self._session: Session | None = None
        self._failure: HermesError | None = None
        self._lock = threading.Lock()
        self.sessions = 0
        self.together = Together(self._answer)

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Run a command; raise `Unknown` or `Unreachable` if the host does not answer."""
        return self.together.wait(Query(self.get_command(command, *args)))

    def ask(self, kind: QueryKind, subject: Any) -> Any:
        """Ask about a subject, together with whoever asks the same kind of question now."""
        return self.asking(kind, subject)()

    def asking(self, kind: QueryKind, subject: Any) -> Callable[[], Any]:
        """Ask as `ask` does, but return at once: with what waits for the answer."""
        query = Query(kind=kind, subject=subject)
        self.together.begin(query)
        return partial(self.together.wait, query)

    def open_early(self) -> None:
        """Begin to open the shell: it takes two round trips, which nothing needs to wait for."""
        threading.Thread(target=self._open_early, daemon=True).start()

    def _open_early(self) -> None:
        with self._lock, suppress(Exception):  # who asks first, is told
            self._opened()

    def _answer(self, questions: Sequence[Query]) -> None:
        """Answer the questions of one turn, with one round trip."""
        asked: dict[Any, list[Query]] = {}
        for question in questions:
            asked.setdefault(question.kind or question, []).append(question)
        subjects = {kind: _subjects(of) for kind, of in asked.items() if of[0].kind}
        texts = [
            kind.command(subjects[kind]) if kind in subjects else kind.command for kind in asked
        ]
        try:
            with self._lock:
                all_ended = self._opened().run_all(texts, timeout=self._patience())
        except BaseException as failure:
            for question in questions:
                question.answer.set_exception(failure)
            return
        for (kind, of), text, ended in zip(asked.items(), texts, all_ended, strict=True):
            self._give(of, subjects.get(kind), text, ended)

    def _give(
        self, questions: Sequence[Query], subjects: Sequence[Any] | None, text: str,
        ended: tuple[int, bytes, bytes] | Unknown,
    ) -> None:  # fmt: skip
        """Give the result of one command to those who wait for it."""
        try:
            if isinstance(ended, Unknown):
                raise ended
            code, output, errors = ended
            result = self.result(code, self.encode(text), output, errors)
            if subjects is None:
                questions[0].answer.set_result(result)
                return
            kind = cast(QueryKind, questions[0].kind)
            answers = dict(zip(subjects, kind.answers(subjects, result), strict=True))
            for question in questions:
                question.answer.set_result(answers[question.subject])
        except BaseException as failure:
            for question in questions:
                question.answer.set_exception(failure)

    def get_encoding(self) -> str:
        """Return UTF-8: testinfra would ask a Python on the host, which may have none."""
        return "utf-8"

    def decode(self, data: bytes) -> str:
        """Return text, whatever bytes a command printed."""
        return data.decode("utf-8", "backslashreplace")

    def encode(self, data: str) -> bytes:
        """Return bytes, whatever text a command is."""
        return data.encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """End the shell."""
        if self._session is not None:
            self._session.close()

    def _opened(self) -> Session:
        if self._failure is not None:
            raise self._failure
        if self._session is None:
            try:
                self._session = self._open()
            except HermesError as failure:
                self._failure = failure
                raise
            self.sessions += 1
        return self._session

    def _patience(self) -> float:
        if self._deadline is None:
            return COMMAND_TIMEOUT
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Unknown("the deadline of the run passed", kind="timeout")
        return min(COMMAND_TIMEOUT, left)


def _subjects(questions: Sequence[Query]) -> list[Any]:
    """Return what is asked about, each once."""
    return list(dict.fromkeys(question.subject for question in questions))
