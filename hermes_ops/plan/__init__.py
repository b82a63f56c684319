"""Compare what is wanted with the state of a host: the plan, as data."""

from hermes_ops.plan.make import make_plan
from hermes_ops.plan.model import Change, DesiredState, Plan, Wanted, Watch

__all__ = ["Change", "DesiredState", "Plan", "Wanted", "Watch", "make_plan"]
