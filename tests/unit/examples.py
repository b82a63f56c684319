"""How many examples a property test tries: a fifth in `dev.check`, all of them in `dev.test`.

They are the same ones every time. `HERMES_OPS_TEST_EXPLORE=1` tries others, and more of them:
what it finds is kept as an `@example`.
"""

from __future__ import annotations

import os

import pytest
from _pytest.mark import ParameterSet

THOROUGH = "HERMES_OPS_TEST_THOROUGH"
EXPLORE = "HERMES_OPS_TEST_EXPLORE"


def examples(whole: int) -> int:
    """Return how many of `whole` examples are tried now."""
    if os.environ.get(EXPLORE):
        return whole * 5
    return whole if os.environ.get(THOROUGH) else max(whole // 5, 10)


def seldom(*values: object) -> list[ParameterSet]:
    """Return further values of a parameter, which the slow tests alone try."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
