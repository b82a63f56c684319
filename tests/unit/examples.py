"""How many examples a property test tries: a fifth in `dev.check`, all of them in `dev.test`."""

from __future__ import annotations

import os

THOROUGH = "HERMES_OPS_TEST_THOROUGH"


def examples(whole: int) -> int:
    """Return how many of `whole` examples are tried now."""
    return whole if os.environ.get(THOROUGH) else max(whole // 5, 10)
