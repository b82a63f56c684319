"""Our runbook: tasks of our own, made of those of hermes-ops. `./inv --list` shows both.

`pre` is what a task requires: it runs first, and where one of it fails, the task ends there.
"""

from invoke import call, task

from hermes_ops import fleet, hosts


@task(pre=[hosts.ping, fleet.ps])
def look(c):
    """Ask whether every host answers and every agent runs; changes nothing."""
    print("all of it as it should be")


@task(pre=[call(fleet.up, why="the morning round"), look])
def morning(c):
    """Bring the fleet up, prove it, and look at it; `-l HOST` takes a part of it."""
    print("good morning")
