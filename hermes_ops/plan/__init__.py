"""Compare what is wanted with the state of a host: the plan, as data.

Its names are loaded when they are asked for: many tasks need one module in here, and no plan.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hermes_ops.plan.make import make_plan
    from hermes_ops.plan.model import Change, DesiredState, Plan, Wanted, Watch

__all__ = ["Change", "DesiredState", "Plan", "Wanted", "Watch", "make_plan"]

if not TYPE_CHECKING:  # hidden from type checkers: they would accept any name

    def __getattr__(name: str) -> object:
        """Return one of the names above."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = "make" if name == "make_plan" else "model"
        return getattr(import_module(f"{__name__}.{module}"), name)
