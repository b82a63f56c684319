"""What a test may inherit of the environment in which somebody runs it."""

from __future__ import annotations

import re

KEPT = re.compile(
    r"PATH|TMPDIR|VIRTUAL_ENV|LD_.*|PYTHON(?!_KEYRING).*|PYTEST.*|COV_.*|HERMES_OPS_TEST_.*"
    r"|PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|.*_(proxy|PROXY)"
)
"""Where programs are, how pip gets out, and what says how to test."""
