"""What a check looks at: one service on one host."""

from __future__ import annotations

from dataclasses import dataclass

from testinfra.host import Host

from hermes_ops.services import MANAGERS
from hermes_ops.services.manager import CheckedService, UnitCheck
from hermes_ops.verify.ahead import Foreseen
from hermes_ops.verify.http import Http
from hermes_ops.verify.once import once
from hermes_ops.verify.process import CheckedProcess


@dataclass
class Subject:
    """One service on one host, and everything that a check may use to look at it."""

    host: Host
    service: CheckedService

    @once
    def unit(self) -> UnitCheck:
        """The service as its manager reports it."""
        return MANAGERS[self.service.manager].check(self._foreseen, self.service)

    @once
    def process(self) -> CheckedProcess:
        """The main process as the kernel reports it."""
        return CheckedProcess(self._foreseen, self.unit, self.service.python)

    @once
    def http(self) -> Http:
        """The function that asks a URL from the host."""
        return Http(self.host, self.service)

    def anew(self) -> Subject:
        """Return the same service with nothing known of it: each check looks for itself."""
        return Subject(self.host, self.service)

    @once
    def _foreseen(self) -> Foreseen:
        return Foreseen(self.host, self.service)

    @property
    def id(self) -> str:
        """Return the service's part of a test's name."""
        return f"{self.service.host}/{self.service.profile}"
