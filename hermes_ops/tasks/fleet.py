"""The fleet: bring it up, take it down, show it, verify it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import LOGS, LOOK, RESTARTING, Option, Options, whole
from hermes_ops.cli.output import Output, Result
from hermes_ops.errors import UsageError
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.tasks.step import finish, verb

if TYPE_CHECKING:
    from hermes_ops.plan.desired import StepPlan

_NO_VERIFY = Option("no_verify", "do not run the roles' checks at the end", False)
_NO_WAIT = Option("no_wait", "do not wait until the started services are ready", False)
_ALL_HOSTS = Option("all_hosts", "take down every host of the inventory", False)
_UNMANAGED = Option(
    "unmanaged", "-l HOST/NAME also reaches gateways that are not in the inventory", False
)
_PRUNE = Option(
    "prune", "also stop and remove the services of profiles that left the inventory", False
)
_DRY = Option("check", "send and write nothing: say what --alert and --textfile would do", False)
_JUNIT = Option("junit", "write the checks' results to this file, as JUnit XML")


@finish(
    "fleet.up",
    pre=[graph.start],
    options=(_NO_VERIFY, _NO_WAIT, _PRUNE, _JUNIT),
    common=RESTARTING,
    example="./inv fleet.up -l minis --why 'new bot tokens'",
)
def up(steps: Sequence[StepPlan], options: Options, output: Output, **own: Any) -> Result:
    """Bring the selected profiles to the wanted state, and prove that they run."""
    from hermes_ops.commands.fleet import up as command

    return command.up(steps, options, output, **own)


@finish(
    "fleet.plan",
    pre=[graph.start],
    options=(_PRUNE,),
    example="./inv fleet.plan -l '*/coder'",
)
def plan(steps: Sequence[StepPlan], options: Options, output: Output, *, prune: bool) -> Result:
    """Show what `fleet.up` would change, and change nothing (`fleet.up --check`)."""
    from hermes_ops.commands.fleet import up as command

    return command.plan(steps, options, output, prune=prune)


@verb(options=(_ALL_HOSTS, _UNMANAGED), example="./inv fleet.down -l minis/coder -y")
def down(options: Options, output: Output, *, all_hosts: bool, unmanaged: bool) -> Result:
    """Stop and disable the selected profiles; their data stays."""
    from hermes_ops.commands.fleet import down as command

    return command.down(options, output, all_hosts=all_hosts, unmanaged=unmanaged)


@verb(options=(_UNMANAGED,), example="./inv fleet.start -l minis/coder")
def start(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Start the selected services, and end their drains; configures nothing."""
    from hermes_ops.commands.fleet import control

    return control.start(options, output, unmanaged=unmanaged)


@verb(options=(_UNMANAGED,), example="./inv fleet.stop -l minis/coder")
def stop(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Stop the selected services; they start again at the next boot, or with `fleet.start`."""
    from hermes_ops.commands.fleet import control

    return control.stop(options, output, unmanaged=unmanaged)


@verb(options=(_UNMANAGED,), common=RESTARTING, example="./inv fleet.restart -l minis --drain 30")
def restart(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Restart the selected services, one at a time per platform, each after its running turns."""
    from hermes_ops.commands.fleet import control

    return control.restart(options, output, unmanaged=unmanaged)


@verb(
    options=(
        Option("for", "how long the drain lasts, in seconds (3600), unless `fleet.start` ends it"),
        _UNMANAGED,
    ),
    common=RESTARTING,
    example="./inv fleet.drain -l mini-1 --for 600",
)
def drain(options: Options, output: Output, *, unmanaged: bool, **own: Any) -> Result:
    """Let the selected gateways finish their turns and take no new one."""
    from hermes_ops.commands.fleet import control

    lasts = whole("for", own["for"]) if own["for"] is not None else control.DRAIN
    return control.drain(options, output, lasts=lasts, unmanaged=unmanaged)


@verb(
    options=(Option("all_hosts", "prune every host of the inventory", False),),
    example="./inv fleet.prune -l mini-1/scout",
)
def prune(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Stop and remove the services of profiles that left the inventory; their data stays."""
    from hermes_ops.commands.fleet import prune as command

    return command.prune(options, output, all_hosts=all_hosts)


@verb(example="./inv fleet.gc -l minis --check")
def gc(options: Options, output: Output) -> Result:
    """Remove versions and copies that upgrades left: not what runs, nor what a rollback needs."""
    from hermes_ops.commands.fleet.disk import gc as command

    return command.gc(options, output)


@verb(
    options=(
        Option("quiet", "print only what is not as desired: nothing if all is well", False),
        Option("alert", "tell the URLs of hermes_alerts what changed since the last look", False),
        Option("textfile", "write metrics to this file, for a node exporter"),
        Option("gatus", "print a configuration for Gatus, and look at nothing", False),
    ),
    common=tuple(_DRY if option.name == "check" else option for option in LOOK),
    example="./inv fleet.status --quiet --alert",
)
def status(options: Options, output: Output, **own: Any) -> Result:
    """Count the profiles by state; show what is not as desired, why, and the next command."""
    from hermes_ops.commands.fleet.monitoring import once

    return once.run(step_plans(graph.start), options, output, **own)


@verb(
    options=(
        Option("fix", "first run fleet.up for the profiles that it mends", False),
        Option("hermes", "also run Hermes' own doctor on each profile, and quote it", False),
        _UNMANAGED,
    ),
    common=RESTARTING,
    example="./inv fleet.doctor -l minis --fix",
)
def doctor(options: Options, output: Output, **own: bool) -> Result:
    """Say all that is wrong on this machine and the hosts, with what mends it."""
    from hermes_ops.commands.fleet.care import doctor as command

    return command.run(step_plans(graph.start), options, output, **own)


@verb(
    options=(
        Option("to", "the version of hermes-agent, such as 0.19.0"),
        Option("canary", "how many hosts go first (1; 0: none)"),
        Option("soak", "how long the canaries run before they are judged again, in seconds (60)"),
        Option("auto_revert", "take a host that does not pass back by itself (the default)", False),
        Option("no_auto_revert", "leave a host that does not pass on the new version", False),
    ),
    common=RESTARTING,
    example="./inv fleet.upgrade --to 0.19.0 -l minis --soak 300",
)
def upgrade(options: Options, output: Output, *, to: str | None, **own: Any) -> Result:
    """Bring Hermes itself to another version: canaries first, and back if they do not pass."""
    from hermes_ops.commands.fleet.upgrade import fleet

    if to is None:
        raise UsageError("which version?", hint="./inv fleet.upgrade --to 0.19.0")
    if own["auto_revert"] and own["no_auto_revert"]:
        raise UsageError("--auto-revert and --no-auto-revert exclude each other")
    canary = whole("canary", own["canary"], least=0) if own["canary"] else fleet.CANARIES
    soak = whole("soak", own["soak"], least=0) if own["soak"] else fleet.SOAK
    reverts = not own["no_auto_revert"]
    return fleet.upgrade(options, output, to=to, canary=canary, soak=soak, auto_revert=reverts)


@verb(common=RESTARTING, example="./inv fleet.rollback -l mini-1 --why 'tools fail'")
def rollback(options: Options, output: Output) -> Result:
    """Bring Hermes back to the version before the last `fleet.upgrade`, without a network."""
    from hermes_ops.commands.fleet.upgrade import fleet

    return fleet.rollback(options, output)


@verb(
    options=(
        Option("watch", "show the table again every two seconds, until Ctrl-C", False),
        Option("wide", "show every column", False),
        Option("sort", "the column to sort by (host)"),
        _UNMANAGED,
    ),
    common=LOOK,
    example="./inv fleet.ps -l minis --wide",
)
def ps(options: Options, output: Output, **own: Any) -> Result:
    """Show every profile: state, pid, uptime, restarts, memory, platforms, drift."""
    from hermes_ops.commands.fleet import ps as command

    return command.run(step_plans(graph.start), options, output, **own)


@verb(
    options=(*LOGS, _UNMANAGED), common=LOOK, example="./inv fleet.logs -l minis -f --level warning"
)
def logs(options: Options, output: Output, **own: Any) -> Result:
    """Show the last lines of the selected gateways' logs, merged by time; `-f` follows them."""
    from hermes_ops.commands.logs import logs as command

    return command.fleet(options, output, **own)


@verb(options=(_JUNIT,), common=LOOK, example="./inv fleet.verify --junit checks.xml")
def verify(options: Options, output: Output, *, junit: str | None) -> Result:
    """Run the roles' testinfra checks on every selected profile; changes nothing."""
    from hermes_ops.commands.fleet import verify as command

    return command.run(step_plans(graph.start), options, output, junit=junit)
