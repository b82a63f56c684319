"""The Invoke tasks: the command surface, and the graph. Only this package imports Invoke."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hermes_ops.tasks.startup import hasten

if TYPE_CHECKING:
    from invoke.collection import Collection

MODULES = (
    "dev", "fleet", "gateway", "hosts", "inventory", "lab", "linger", "profile", "runs", "secrets",
)  # fmt: skip

hasten()


def namespace() -> Collection:
    """Return every task, each in the collection of its module."""
    from invoke.collection import Collection

    root = Collection()
    for name in MODULES:
        root.add_collection(
            Collection.from_module(import_module(f"hermes_ops.tasks.{name}")), name=name
        )
    return root
