"""Turn references into secrets: once a run, in parallel, each with a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypedDict, TypeVar, Unpack

from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.secrets.reference import Origin, Reference
from hermes_ops.secrets.runner import Failed, Runner
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources import source_of

DEADLINE = 30.0
MOST_AT_ONCE = 16
SETTLING = 2.0
"""Seconds left for the others after one has failed: its output may contain their secrets."""

Learn = Callable[[Secret], None]
Answer = Secret | InventoryError
Answers = Mapping[Reference, Future[Secret]]
"""The results of the first reference to each origin."""
T = TypeVar("T")


class Asking(TypedDict, total=False):
    """How references are resolved."""

    deadline: float
    """Seconds that each of them may take."""
    age_key_file: str | None
    learn: Learn
    """Gets each secret as soon as it is known, so that no error of another one shows it."""


def resolve(
    references: Iterable[Reference], environ: Mapping[str, str], **asking: Unpack[Asking]
) -> dict[Reference, Secret]:
    """Return the secret of each reference; raise an `InventoryError` for the first failure.

    References with the same origin are resolved once.
    """
    asked, runner, learn = _begun(references, environ, asking)
    with _pool(asked) as pool:
        try:
            answers = _submitted(pool, runner, asked, learn)
            _refuse_failure(runner, answers)
        except BaseException:
            # Also at Ctrl-C: do not wait for commands whose answer is no longer needed.
            pool.shutdown(wait=False, cancel_futures=True)
            runner.end()
            raise
    return _spread(asked, [answer.result() for answer in answers.values()])


def attempt(
    references: Iterable[Reference], environ: Mapping[str, str], **asking: Unpack[Asking]
) -> dict[Reference, Answer]:
    """Return for each reference its secret or the reason why it has none: to show, not to apply."""
    asked, runner, learn = _begun(references, environ, asking)
    with _pool(asked) as pool:
        answers = _submitted(pool, runner, asked, learn)
    return _spread(asked, [_outcome(runner, *answer) for answer in answers.items()])


def _begun(
    references: Iterable[Reference], environ: Mapping[str, str], asking: Asking
) -> tuple[dict[Origin, list[Reference]], Runner, Learn]:
    """Return the references to each origin, and who asks for its secret and who learns it."""
    asked: dict[Origin, list[Reference]] = {}
    for reference in references:
        asked.setdefault(reference.origin, []).append(reference)
    firsts = [found[0] for found in asked.values()]
    deadline, key_file = asking.get("deadline", DEADLINE), asking.get("age_key_file")
    return asked, Runner(environ, deadline, firsts, key_file), asking.get("learn", lambda _: None)


def _pool(asked: Mapping[Origin, object]) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(asked) or 1))


def _submitted(
    pool: ThreadPoolExecutor,
    runner: Runner,
    asked: Mapping[Origin, Sequence[Reference]],
    learn: Learn,
) -> Answers:
    return {of: pool.submit(_read, runner, of, learn) for of, *_ in asked.values()}


def _spread(
    asked: Mapping[Origin, Sequence[Reference]], answers: Sequence[T]
) -> dict[Reference, T]:
    """Return the result of each origin for all references to it."""
    pairs = zip(asked.values(), answers, strict=True)
    return {reference: answer for references, answer in pairs for reference in references}


def _read(runner: Runner, reference: Reference, learn: Learn) -> Secret:
    """Return the secret of a reference; raise `Failed` or an `InventoryError` if there is none."""
    source = source_of(reference)
    try:
        value = source.resolve(reference.argument, runner)
    except UsageError as error:
        where = f"{error.where}: " if error.where else ""
        message = f"{where}{error.message}"
        raise InventoryError(message, hint=error.hint, where=reference.place) from None
    if not value:
        message = f"{source.described(reference.argument)} returned nothing"
        raise InventoryError(message, where=reference.place)
    runner.learn(value)
    learn(secret := Secret(value))
    return secret


def _refuse_failure(runner: Runner, answers: Answers) -> None:
    """Wait for all; raise the first failure, without the secrets of the others in it."""
    ended, running = wait(answers.values(), return_when=FIRST_EXCEPTION)
    if not any(answer.exception() for answer in ended):
        return
    ended, running = wait(answers.values(), timeout=SETTLING)
    failures = ((of, answer.exception()) for of, answer in answers.items() if answer in ended)
    of, failure = next((of, failure) for of, failure in failures if failure)
    if isinstance(failure, Failed):
        raise runner.told(failure, of.place, complete=not running)
    raise failure


def _outcome(runner: Runner, reference: Reference, answer: Future[Secret]) -> Answer:
    match answer.exception():
        case None:
            return answer.result()
        case Failed() as failure:
            return runner.told(failure, reference.place, complete=True)
        case InventoryError() as error:
            return error
        case mistake:
            raise mistake
