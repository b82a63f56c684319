"""Prove from outside that services run, with the testinfra checks of the roles in use.

A check is a function of `roles/<role>/checks/test_*.py` that `role.yml` names under `checks:`.
It is called for every selected profile of its role, with any of these fixtures:

    host        testinfra's host; `host.run` uses one long-lived shell
    service     the wanted state of the profile's service: names, folders, user, URLs, platforms
    unit        the service as its manager reports it: enabled, active, the pid of its process
    process     the process as the kernel reports it: owner, environment, cgroup, start
    http        `http(url)` asks a URL from the host itself

testinfra's own `host.service` knows neither user units nor supervisord: use `unit`.
"""

from hermes_ops.services.manager import CheckedService
from hermes_ops.verify.outcome import Check, CheckOutcome, Verified, expected_of
from hermes_ops.verify.runner import Target, prepare, verify
from hermes_ops.verify.service import services_of

__all__ = [
    "Check",
    "CheckOutcome",
    "CheckedService",
    "Target",
    "Verified",
    "expected_of",
    "prepare",
    "services_of",
    "verify",
]
