"""Prepare Python before Invoke is imported, so that the program starts quickly."""

from __future__ import annotations

import gc
import sys
from types import ModuleType

import yaml

_MOCK = "unittest.mock"


def hasten() -> None:
    """Let Python collect garbage rarely, and import Invoke without its tools for tests."""
    # Modules are not garbage: what a collection frees of a run over ten hosts is 200 objects.
    gc.set_threshold(200_000, 20, 20)
    if not {_MOCK, "invoke", "pytest"} & sys.modules.keys():
        _import_invoke_alone()


def _import_invoke_alone() -> None:
    """Import Invoke without the parts that we do not need.

    It needs `unittest.mock` for `MockContext` alone, which is for tests; mock brings asyncio and
    ssl, and takes longer to import than all of Invoke. Its PyYAML is the one that we import too.
    """
    stand_in = ModuleType(_MOCK)
    stand_in.Mock = object  # type: ignore[attr-defined]
    sys.modules |= {_MOCK: stand_in, "invoke.vendor.yaml": yaml}
    try:
        __import__("invoke.context")
    finally:
        del sys.modules[_MOCK]
