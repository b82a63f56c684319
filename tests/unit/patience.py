"""Waiting for what something else does in a moment."""

from __future__ import annotations

import time
from collections.abc import Callable


def soon(true: Callable[[], object], seconds: float = 10) -> bool:
    """Say whether something holds within these seconds."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(true())
