"""The Invoke tasks: the command surface, and the graph. Only this package imports Invoke."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hermes_ops import NOUNS
from hermes_ops.assets import INSTALLED
from hermes_ops.tasks.startup import hasten

if TYPE_CHECKING:
    from invoke.collection import Collection

MODULES = tuple(sorted((*NOUNS, "inventory", "lab", "secrets")))
"""The nouns of the tasks; three of them are packages of the program, too."""

hasten()


def namespace() -> Collection:
    """Return all tasks, in one collection for each module; `dev` is only there in a clone."""
    from invoke.collection import Collection

    from hermes_ops.tasks.init import init

    root = Collection(init)
    for name in MODULES:
        if name == "dev" and INSTALLED:
            continue
        root.add_collection(
            Collection.from_module(import_module(f"hermes_ops.tasks.{name}")), name=name
        )
    return root
