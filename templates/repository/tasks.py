"""Our runbook: our own tasks, which combine those of hermes-ops. `./inv --list` shows both.

`pre` lists the tasks that a task requires. They run first; if one fails, the task does not run.
"""

from invoke import call, task

from hermes_ops import fleet, hosts


@task(pre=[hosts.ping, fleet.ps])
def look(c):
    """Check that every host answers and every agent runs; changes nothing."""
    print("everything is as it should be")


@task(pre=[call(fleet.up, why="the morning round"), look])
def morning(c):
    """Bring the fleet up, prove that it runs, and look at it; `-l HOST` selects a part of it."""
    print("good morning")
