"""Turn references into secrets: once a run, in parallel, each with a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from hermes_ops.errors import InventoryError
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources.read import Failed, Reader, described

__all__ = ["attempt", "described", "resolve", "source"]

DEADLINE = 30.0
MOST_AT_ONCE = 16
SETTLING = 2.0
"""Seconds that the others have once one has failed: what it said may tell of theirs."""

Learn = Callable[[Secret], None]
Source = tuple[str, str | tuple[str, ...]]
Answer = Secret | InventoryError
T = TypeVar("T")


def resolve(
    references: Iterable[Reference],
    environ: Mapping[str, str],
    *,
    deadline: float = DEADLINE,
    age_key_file: str | None = None,
    learn: Learn = lambda _: None,
) -> dict[Reference, Secret]:
    """Return the secret of each reference; the first that has none is an `InventoryError`.

    References with the same source are asked for once. `learn` is told each secret as soon as it
    is known, so that no error of another one shows it.
    """
    asked = _distinct(references)
    reader = Reader(environ, deadline, age_key_file, [found[0] for found in asked.values()])
    with _pool(asked) as pool:
        try:
            answers = [pool.submit(_read, reader, found[0], learn) for found in asked.values()]
            _refuse_failure(reader, answers)
        except BaseException:
            # Also at Ctrl-C: nobody waits for commands whose answer is of no use any more.
            pool.shutdown(wait=False, cancel_futures=True)
            reader.end()
            raise
    return _spread(asked, [answer.result() for answer in answers])


def attempt(
    references: Iterable[Reference],
    environ: Mapping[str, str],
    *,
    deadline: float = DEADLINE,
    age_key_file: str | None = None,
    learn: Learn = lambda _: None,
) -> dict[Reference, Answer]:
    """Return of each reference its secret, or why it has none: for those who show, not apply."""
    asked = _distinct(references)
    reader = Reader(environ, deadline, age_key_file, [found[0] for found in asked.values()])
    with _pool(asked) as pool:
        answers = [pool.submit(_read, reader, found[0], learn) for found in asked.values()]
        wait(answers)
    return _spread(asked, [_outcome(reader, answer) for answer in answers])


def source(reference: Reference) -> Source:
    """Return what two references share that lead to the same secret."""
    return (reference.kind, reference.argument)


def _distinct(references: Iterable[Reference]) -> dict[Source, list[Reference]]:
    """Return the references to each source."""
    found: dict[Source, list[Reference]] = {}
    for reference in references:
        found.setdefault(source(reference), []).append(reference)
    return found


def _pool(asked: Mapping[Source, object]) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(asked) or 1))


def _spread(
    asked: Mapping[Source, Sequence[Reference]], answers: Sequence[T]
) -> dict[Reference, T]:
    """Return the answer of each source for all references to it."""
    pairs = zip(asked.values(), answers, strict=True)
    return {reference: answer for references, answer in pairs for reference in references}


def _read(reader: Reader, reference: Reference, learn: Learn) -> Secret:
    secret = reader.secret(reference)
    learn(secret)
    return secret


def _refuse_failure(reader: Reader, answers: Sequence[Future[Secret]]) -> None:
    """Wait for all; raise the first failure, told without what the others found out."""
    ended, running = wait(answers, return_when=FIRST_EXCEPTION)
    if not any(answer.exception() for answer in ended):
        return
    ended, running = wait(answers, timeout=SETTLING)
    failure = next(e for answer in answers if answer in ended and (e := answer.exception()))
    raise reader.told(failure, complete=not running) if isinstance(failure, Failed) else failure


def _outcome(reader: Reader, answer: Future[Secret]) -> Answer:
    match answer.exception():
        case None:
            return answer.result()
        case Failed() as failure:
            return reader.told(failure, complete=True)
        case InventoryError() as error:
            return error
        case mistake:
            raise mistake
