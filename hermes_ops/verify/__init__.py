"""Prove from outside that services run: the testinfra checks of the roles in use.

A check is a function of `roles/<role>/checks/test_*.py` that `role.yml` names under `checks:`.
It is called for every selected profile of its role, with any of these fixtures:

    host        the host, as testinfra has it; `host.run` goes through one long-lived shell
    service     what is wanted of the profile's service: names, folders, user, URLs, platforms
    unit        what its service manager says of it: enabled, active, the pid of its process
    process     what the kernel says of that process: owner, environment, cgroup, start
    http        `http(url)` asks a URL on the host itself

testinfra's own `host.service` knows neither user units nor supervisord: ask `unit`.
"""

from hermes_ops.services.manager import CheckedService
from hermes_ops.verify.outcome import Check, CheckOutcome, Verified, expected_of
from hermes_ops.verify.runner import Target, verify
from hermes_ops.verify.service import services_of

__all__ = [
    "Check",
    "CheckOutcome",
    "CheckedService",
    "Target",
    "Verified",
    "expected_of",
    "services_of",
    "verify",
]
