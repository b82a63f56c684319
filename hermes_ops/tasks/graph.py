"""The graph: its nodes, and `pre`, which is the only place where an edge is written."""

from __future__ import annotations

from hermes_ops.cli.options import RESTARTING
from hermes_ops.commands import steps
from hermes_ops.tasks.step import step

create = step("profile.create", example="./inv profile.create -l minis/coder")(steps.create)

configure = step(
    "profile.configure", pre=[create], example="./inv profile.configure -l '*/coder' --check --diff"
)(steps.configure)

install = step(
    "gateway.install", pre=[configure], example="./inv gateway.install -l mini-1 --check --diff"
)(steps.install)

enable = step("linger.enable", pre=[install], example="./inv linger.enable -l minis")(steps.enable)

start = step(
    "gateway.start", pre=[enable], example="./inv gateway.start -l '*/coder'", common=RESTARTING
)(steps.start)
