"""A plan as one shell script, and its answer as outcomes."""

from hermes_ops.apply.compile import HOST, compile_plan, compile_watch
from hermes_ops.apply.outcome import ChangeOutcome, outcomes
from hermes_ops.apply.waits import Terms
from hermes_ops.files.layout import PIP, WHEELS

__all__ = [
    "HOST",
    "PIP",
    "WHEELS",
    "ChangeOutcome",
    "Terms",
    "compile_plan",
    "compile_watch",
    "outcomes",
]
