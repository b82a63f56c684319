"""`fleet.logs` and `gateway.logs`: what the gateways of a selection have logged, and log now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code
from hermes_ops.commands.logs.follow import AGAIN, Follower
from hermes_ops.commands.logs.host import HostLogs
from hermes_ops.commands.logs.line import LogLine, Origin
from hermes_ops.commands.logs.merge import merged
from hermes_ops.commands.logs.request import Request, read_request
from hermes_ops.commands.logs.source import LogNotice, LogSource, sources_of
from hermes_ops.commands.logs.view import View, document, prefix_of
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.strangers import reach, strangers
from hermes_ops.commands.target import one_gateway
from hermes_ops.commands.workspace import Workspace, enabled, open_workspace, with_profiles
from hermes_ops.errors import HermesError, Interrupted, Unreachable, UsageError, belongs_to
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.run import HostOutcome, ignore, over_hosts
from hermes_ops.run.connections import open_host
from hermes_ops.transport import Transport

WIDEST = 40
"""Columns that prefixes are filled up to at most."""

Selected = Callable[[Output], tuple[Workspace, Inventory]]


def fleet(options: Options, output: Output, *, unmanaged: bool, **given: Any) -> Result:
    """Show the last lines of the selected gateways, merged by time; with `-f` what comes, too."""
    request = read_request(given, time.time())
    return _show(request, options, output, lambda quiet: _selection(options, quiet, unmanaged))


def gateway(
    options: Options, output: Output, *, target: str, unmanaged: bool, **given: Any
) -> Result:
    """Show the logs of one gateway.

    Raises:
        UsageError: there is no such profile, or the target is not written as host/profile.
    """
    request = read_request(given, time.time())
    one, _ = one_gateway(options, output, target, unmanaged=unmanaged)
    return _show(request, one, output, lambda quiet: _selection(one, quiet, unmanaged))


def _selection(options: Options, output: Output, unmanaged: bool) -> tuple[Workspace, Inventory]:
    if unmanaged and options.limit:
        reached = reach(options, output, strangers, named_only=True)
        return reached.workspace, reached.with_managed(options, "started")
    workspace = open_workspace(options, output)
    running, notes = enabled(workspace.selected)
    running, more = (running, []) if options.limit else with_profiles(running)
    for note in (*notes, *more):
        output.note(f"skipped: {note}")
    return workspace, running


def _show(request: Request, options: Options, output: Output, select: Selected) -> Result:
    workspace, inventory = select(output)
    for host in inventory.hosts:
        if host.refusal:
            raise host.refusal
    wanted = _wanted(inventory)
    if not any(wanted.values()):
        raise UsageError("no profile is selected", hint="./inv profile.list")
    screen = _Screen(output, _view(wanted, request, output))
    if request.follow:
        return _follow(request, options, screen, workspace, wanted, select)
    return _once(request, options, screen, workspace, wanted)


def _wanted(inventory: Inventory) -> dict[Host, Sequence[LogSource]]:
    return {host: sources_of(host, inventory.roles) for host in inventory.hosts}


# --- once ---------------------------------------------------------------------------------------


def _once(
    request: Request, options: Options, screen: _Screen, workspace: Workspace,
    wanted: Mapping[Host, Sequence[LogSource]],
) -> Result:  # fmt: skip
    def work(host: Host, transport: Transport) -> list[list[LogLine]]:
        return HostLogs(host.name, wanted[host], request, screen.tell).last(transport)

    hosts = [host for host in wanted if wanted[host]]
    how = looking(workspace, options, screen.output)
    outcomes = over_hosts(hosts, work, rules_of(options), how)
    screen.show(merged([file for o in outcomes for file in o.value or ()], request.lines))
    for outcome in outcomes:
        if outcome.failure:
            screen.failed(outcome.host.name, outcome.failure)
    return Result(exit_code(map(_code, outcomes)))


def _code(outcome: HostOutcome[Any]) -> int:
    return outcome.failure.exit_code if outcome.failure else 0


# --- on and on ----------------------------------------------------------------------------------


def _follow(
    request: Request, options: Options, screen: _Screen, workspace: Workspace,
    wanted: Mapping[Host, Sequence[LogSource]], select: Selected,
) -> Result:  # fmt: skip
    """Show lines until Ctrl-C or the deadline; neither is an error."""
    how = looking(workspace, options, screen.output)
    follower = Follower(
        request, lambda host: open_host(host, how, ignore), screen.tell, options.forks
    )
    began = time.monotonic()
    until = began + options.timeout if options.timeout else float("inf")
    follower.follow({host: sources for host, sources in wanted.items() if sources})
    looking_again = (select, follower, screen, wanted)
    threading.Thread(target=_look_again, args=looking_again, daemon=True).start()
    try:
        while time.monotonic() < until and not screen.output.is_closed:
            screen.show(follower.lines(began))
        return Result(_missed(follower))
    except KeyboardInterrupt:
        return Result(Interrupted.unless_asked(_missed(follower)))
    finally:
        follower.close()


def _missed(follower: Follower) -> int:
    return Unreachable.exit_code if follower.unreachable else 0


def _look_again(
    select: Selected, follower: Follower, screen: _Screen,
    wanted: Mapping[Host, Sequence[LogSource]],
) -> None:  # fmt: skip
    """Follow what the inventory has, again and again; a mistake in it changes nothing."""
    told = ""
    while not follower.closed.wait(AGAIN):
        try:
            with belongs_to("the inventory"):
                _, inventory = select(Output(json=False, out=StringIO(), err=StringIO()))
                now = _wanted(inventory)
        except HermesError as error:
            if str(error) != told:
                screen.tell(LogNotice("the inventory", f"not read again: {error}"))
            told = str(error)
            continue
        told = ""
        _tell_changes(_names(wanted), _names(now), screen)
        if _names(wanted) != _names(now):
            follower.follow({host: sources for host, sources in now.items() if sources})
        wanted = now


def _tell_changes(before: set[str], now: set[str], screen: _Screen) -> None:
    for name in sorted(now - before):
        screen.tell(LogNotice(name, "is followed from now on"))
    for name in sorted(before - now):
        screen.tell(LogNotice(name, "is not followed any more: it left the selection"))


def _names(wanted: Mapping[Host, Sequence[LogSource]]) -> set[str]:
    return {f"{source.host}/{source.profile}" for found in wanted.values() for source in found}


# --- the screen ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Screen:
    """Where lines and notices go."""

    output: Output
    view: View
    told: set[str] = field(default_factory=set)

    def show(self, lines: Iterable[LogLine]) -> None:
        """Print lines, at once."""
        if self.output.json:
            self.output.objects(map(document, lines))
        elif drawn := "\n".join(map(self.view.drawn, lines)):
            self.output.drawn(drawn)

    def tell(self, notice: LogNotice) -> None:
        """Print something beside the lines, on standard error."""
        self.output.note(f"-- {notice}")

    def failed(self, host: str, failure: HermesError) -> None:
        """Say why there is nothing of a host."""
        self.output.note(f"-- {host}: {failure}")
        if failure.hint:
            self.output.note(f"   hint: {failure.hint}")


def _view(wanted: Mapping[Host, Sequence[LogSource]], request: Request, output: Output) -> View:
    files = [*request.files, *(["journal"] if request.journal else [])]
    names = [
        prefix_of(Origin(source.host, source.profile, file), with_file=len(files) > 1)
        for sources in wanted.values()
        for source in sources
        for file in files
    ]
    width = min(WIDEST, max(map(len, names), default=0))
    return View(output.has_colors, width, len(files) > 1, request.grep)
