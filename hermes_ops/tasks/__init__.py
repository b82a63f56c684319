"""The Invoke tasks: the command surface, and the graph. Only this package imports Invoke."""

from __future__ import annotations

from importlib import import_module

from invoke.collection import Collection

MODULES = ("dev", "fleet", "gateway", "hosts", "inventory", "lab", "linger", "profile", "runs")


def namespace() -> Collection:
    """Return every task, each in the collection of its module."""
    root = Collection()
    for name in MODULES:
        root.add_collection(
            Collection.from_module(import_module(f"hermes_ops.tasks.{name}")), name=name
        )
    return root
