"""A person at a terminal, for what asks before it does."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def typing(patch: pytest.MonkeyPatch, text: str) -> Iterator[None]:
    """Let standard input be a terminal at which this has been typed."""
    main, side = pty.openpty()
    os.write(main, text.encode())
    try:
        with os.fdopen(side) as stream, patch.context() as patched:
            patched.setattr("sys.stdin", stream)
            yield
    finally:
        os.close(main)
