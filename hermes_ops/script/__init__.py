"""A plan as one shell script, and its answer as outcomes."""

from hermes_ops.script.lines import PIP, WHEELS
from hermes_ops.script.outcome import Outcome, outcomes
from hermes_ops.script.waits import Terms
from hermes_ops.script.whole import HOST, compile_plan, compile_watch

__all__ = ["HOST", "PIP", "WHEELS", "Outcome", "Terms", "compile_plan", "compile_watch", "outcomes"]
