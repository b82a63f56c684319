"""What checks usually ask about services, asked for all services of a host by one command.

A check looks at the host through `Foreseen`: a command whose output is known from that is not run
again, unless this check has already had its answer. So a check that waits for a change sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testinfra.backend.base import CommandResult

from hermes_ops.services import MANAGERS
from hermes_ops.services.manager import CheckedService
from hermes_ops.verify import process
from hermes_ops.verify.once import once

_BETWEEN = "== processes =="


@dataclass(frozen=True, slots=True)
class Usual:
    """The kind of question that services are: what their checks usually ask."""

    manager: str

    def command(self, subjects: Sequence[CheckedService]) -> str:
        """Return the command that asks about all services."""
        asks = MANAGERS[self.manager].ahead(subjects)
        return f"{asks}\necho '{_BETWEEN}'\n{process.ahead()}\n:" if asks else ":"

    def answers(
        self, subjects: Sequence[CheckedService], ended: CommandResult
    ) -> list[Mapping[tuple[str, ...], str]]:
        """Return the commands whose output is known now, with that output."""
        units, _, processes = ended.stdout.partition(f"{_BETWEEN}\n")
        known = {
            **MANAGERS[self.manager].foreseen(subjects, units),
            **process.foreseen(processes),
        }
        return [known] * len(subjects)


class Foreseen:
    """testinfra's host as the fixtures of one check have it."""

    def __init__(self, host: Any, service: CheckedService) -> None:
        self._host, self._service = host, service
        self._had: set[tuple[str, ...]] = set()
        # Now, and not when it is needed: what the check asks first goes with the same turn.
        self._asked = host.backend.asking(Usual(service.manager), service)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def run(self, command: str, *args: str) -> CommandResult:
        """Return the result of a command."""
        words = (command, *args)
        if words in self._had or words not in self._known:
            return self._host.run(command, *args)
        self._had.add(words)
        backend = self._host.backend
        text = backend.encode(backend.get_command(command, *args))
        return backend.result(0, text, backend.encode(self._known[words]), b"")

    def check_output(self, command: str, *args: str) -> str:
        """Return the output of a command that must succeed, without its line end."""
        ended = self.run(command, *args)
        assert ended.rc == 0, f"{command} ended with {ended.rc}: {ended.stderr}"  # noqa: S101 - as testinfra's
        return str(ended.stdout.rstrip("\r\n"))

    @once
    def _known(self) -> Mapping[tuple[str, ...], str]:
        known: Mapping[tuple[str, ...], str] = self._asked()
        return known
