"""Run pytest in this process, without the user's settings and without any output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_ops.assets import ROLES
from hermes_ops.inventory.role import Role
from hermes_ops.services.manager import CheckedService
from hermes_ops.transport import Session
from hermes_ops.verify.awake import AWAKE
from hermes_ops.verify.outcome import MISSING, Check, CheckOutcome, Verified

if TYPE_CHECKING:
    from hermes_ops.verify.backend import SessionBackend
    from hermes_ops.verify.plugin import Checks, Redact
    from hermes_ops.verify.subject import Subject

_UNUSED = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "logging",
    "pastebin", "stepwise", "threadexception", "unittest", "unraisableexception", "warnings",
)  # fmt: skip
"""pytest's plugins that write files, change the process, or cost time without any use."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host to check: its services, and how to open a shell on it."""

    host: str
    open_session: Callable[[], Session]
    services: tuple[CheckedService, ...]


def verify(
    targets: Sequence[Target],
    roles: Mapping[str, Role],
    expected: Iterable[Check],
    *,
    redact: Redact = str,
    forks: int = 32,
    deadline: float | None = None,
) -> Verified:
    """Run the checks of these hosts; return one outcome for each expected check.

    `deadline` is on the clock of `time.monotonic`.
    """
    roles, expected = {**roles, AWAKE.name: AWAKE}, list(expected)
    if not expected:
        return Verified()
    from hermes_ops.verify.backend import SessionBackend

    backends = {t.host: SessionBackend(t.host, t.open_session, deadline) for t in targets}
    for target in targets:
        if target.services:
            backends[target.host].open_early()
    try:
        checks = _run(targets, backends, roles, redact, min(forks, len(targets)))
    finally:
        for backend in backends.values():
            backend.close()
    if checks.interrupted:
        raise KeyboardInterrupt
    return Verified(
        tuple(checks.outcomes.get(c) or _missing(c, targets, roles, checks) for c in expected),
        {host: backend.sessions for host, backend in backends.items()},
        tuple(checks.notes),
    )


def prepare() -> None:
    """Load pytest and testinfra in a thread, while others wait for their hosts."""
    from threading import Thread

    Thread(target=_load, daemon=True).start()


def _load() -> None:
    import hermes_ops.verify.backend
    import hermes_ops.verify.plugin  # noqa: F401


def _run(
    targets: Sequence[Target],
    backends: Mapping[str, SessionBackend],
    roles: Mapping[str, Role],
    redact: Redact,
    forks: int,
) -> Checks:
    import pytest

    from hermes_ops.verify.plugin import Checks, Fixtures

    subjects = _subjects(targets, backends, roles)
    names = {_folder(role): frozenset(role.checks) for role in roles.values()}
    checks = Checks(subjects, names, redact, forks)
    folders = [folder for folder in subjects if folder.is_dir()]
    if folders:
        with _alone(folders) as said:
            code = pytest.main(_words(folders), plugins=[checks, Fixtures()])
        if code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            said_last = " ".join(redact(said.getvalue()).split())[-300:]
            checks.failure = f"pytest itself failed: {said_last}"
    return checks


def _subjects(
    targets: Sequence[Target],
    backends: Mapping[str, SessionBackend],
    roles: Mapping[str, Role],
) -> dict[Path, list[Subject]]:
    """Return the subjects to check, by the folder with their checks."""
    from testinfra.host import Host

    from hermes_ops.verify.subject import Subject

    found: dict[Path, list[Subject]] = {}
    for target in targets:
        host = Host(backends[target.host])
        backends[target.host].set_host(host)
        for service in target.services:
            found.setdefault(_folder(roles[service.role]), []).append(Subject(host, service))
    return found


def _folder(role: Role) -> Path:
    return role.folder.resolve() / "checks"


def _words(folders: Sequence[Path]) -> list[str]:
    root = os.path.commonpath([folder.parent.parent for folder in folders])
    return [
        *(str(folder) for folder in folders),
        "-c", os.devnull,
        "--rootdir", root,
        "--confcutdir", root,
        "--import-mode", "importlib",
        "--continue-on-collection-errors",
        *(word for name in _UNUSED for word in ("-p", f"no:{name}")),
    ]  # fmt: skip


@contextlib.contextmanager
def _alone(folders: Sequence[Path]) -> Iterator[io.StringIO]:
    """Restore environment, modules and output afterwards; compile no files of others."""
    environ, modules, compiles = dict(os.environ), set(sys.modules), sys.dont_write_bytecode
    for name in [name for name in environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = not all(folder.is_relative_to(ROLES) for folder in folders)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            yield said
    finally:
        sys.dont_write_bytecode = compiles
        _forget(set(sys.modules) - modules, folders)
        os.environ.clear()
        os.environ.update(environ)


def _forget(modules: Iterable[str], folders: Sequence[Path]) -> None:
    """Drop the modules of the checks: the next run may have other roles of the same names."""
    roles = {folder.parent.name for folder in folders}
    for name in modules:
        if name.partition(".")[0] in roles:
            del sys.modules[name]


def _missing(
    check: Check, targets: Sequence[Target], roles: Mapping[str, Role], checks: Checks
) -> CheckOutcome:
    role = next(
        roles[service.role]
        for target in targets
        for service in target.services
        if (target.host, service.profile) == (check.host, check.profile)
    )
    folder = _folder(role)
    listed = f"{role.folder}/role.yml"
    if why := checks.failure or checks.not_collected.get(folder):
        mend = f"edit {folder}, so that its files can be imported"
    else:
        why = f"{listed} lists it under checks:, and no file of {folder} has such a function"
        mend = f"edit {listed}, or write the function {check.name} into {folder}"
    return CheckOutcome(check, MISSING, f"it did not run: {why}", mend=mend)
