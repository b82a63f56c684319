"""The whole selection: install beside, canaries, soak, then the rest in batches."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from hermes_ops.cli.options import Amount, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands import steps
from hermes_ops.commands.converge import Converged, begin, converge, finish, run_hosts, settings
from hermes_ops.commands.fleet.upgrade.host import Upgrade
from hermes_ops.commands.fleet.upgrade.job import BACK, NAME, UP, Job, running
from hermes_ops.commands.fleet.upgrade.switch import orders
from hermes_ops.commands.workspace import Workspace, in_service, open_workspace
from hermes_ops.errors import CommandError, Interrupted, NotTried, UsageError
from hermes_ops.hermes.versions import is_same, is_version
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import PythonProgram, Resource
from hermes_ops.reporting.events import Emit
from hermes_ops.run import HostResult, Settings
from hermes_ops.run.fan_out import BAD
from hermes_ops.run.host import outcome_of_changes
from hermes_ops.transport import Transport

CANARIES, SOAK = 1, 60
GO_ON = "type the same command again: it goes on where this one has ended"

Work = Callable[[Upgrade], HostResult]


def upgrade(
    options: Options, output: Output, *, to: str, canary: int, soak: int, auto_revert: bool
) -> Result:
    """Bring the selected hosts to a version of Hermes."""
    if not is_version(to):
        hint = "./inv fleet.upgrade --to 0.19.0"
        raise UsageError(f"--to takes a version of hermes-agent, not {to!r}", hint=hint)
    run = _Run(_opened(options, output), options, output)
    run.prepare(to)
    try:
        if not run.is_over():
            job = Job(run.name, run.selected, to, auto_revert)
            run.all(job, canary, soak)
    finally:
        run.converged.close()
    return run.finished(to)


def rollback(options: Options, output: Output) -> Result:
    """Bring the selected hosts back to the version before their last upgrade."""
    workspace = _opened(options, output)
    if not options.check:
        hosts = ", ".join(host.name for host in workspace.selected.hosts)
        confirm(
            f"Go back to the Hermes before the last upgrade on {hosts}? Where that changed the"
            " format of a database, what was stored since then is only kept aside.",
            options,
        )
    run = _Run(workspace, options, output)
    run.begin(BACK)
    try:
        run.go(run.hosts, Job(run.name, run.selected), Upgrade.back)
    finally:
        run.converged.close()
    return run.finished("")


def _opened(options: Options, output: Output) -> Workspace:
    """Return the workspace with the selected hosts that run Hermes, each as a whole.

    Raises:
        UsageError: only a part of a host is selected: all its profiles run one Hermes.
    """
    workspace = open_workspace(options, output)
    selected, notes = in_service(workspace.selected)
    for note in notes:
        output.note(f"skipped: {note}")
    for host in selected.hosts:
        left = [name for name in host.all_profiles if name not in {p.name for p in host.profiles}]
        if left:
            raise UsageError(
                f"all profiles of {host.name} run one Hermes, {', '.join(left)} is not selected",
                hint=f"select the host: -l {shlex.quote(host.name)}",
            )
    return replace(workspace, selected=selected)


class _Run:
    """One run over the hosts: its results, stage by stage."""

    def __init__(self, workspace: Workspace, options: Options, output: Output) -> None:
        self.workspace, self.output = workspace, output
        self.options = replace(options, max_fail=options.max_fail or Amount(0))
        self.until = time.monotonic() + options.timeout if options.timeout else None
        self.results: dict[str, HostResult] = {}
        self.task = UP
        self.selected = workspace.selected
        self.hosts = [host for host in self.selected.hosts if running(self._state(host))]
        for host in self.selected.hosts:
            if host not in self.hosts:
                output.note(f"skipped: {host.name}: none of its profiles runs Hermes")
        self.selected = replace(self.selected, hosts=tuple(self.hosts))
        self.converged: Converged

    @property
    def name(self) -> str:
        """The name of this run."""
        return self.converged.run

    def _state(self, host: Host) -> DesiredState:
        return orders(host, self.selected, self.task)

    def begin(self, task: str) -> None:
        """Begin a run without a preparation."""
        self.task = task
        workspace = replace(self.workspace, selected=self.selected)
        self.converged = begin(task, (), self.options, workspace, self.output)

    def prepare(self, to: str) -> None:
        """Install the version beside the one in use, on every host."""
        workspace = replace(self.workspace, selected=self.selected)
        wanted = [StepPlan("hermes.install", (), _beside(to))]
        self.converged = converge(
            UP, wanted, self.options, self.output, wait=False, workspace=workspace, stage="prepared"
        )
        self._keep()
        for result in self.results.values():
            _say_plainly(result, to)

    def is_over(self) -> bool:
        """Whether so many hosts have failed that no further one is begun."""
        bad = [name for name, result in self.results.items() if result.outcome in BAD]
        most = self.options.max_fail.of(len(self.hosts)) if self.options.max_fail else 0
        if len(bad) > most:
            self._leave(f"{', '.join(bad)} failed; nothing was stopped anywhere")
            return True
        return False

    def all(self, job: Job, canary: int, soak: int) -> None:
        """Upgrade the canaries, let them soak, and then the rest."""
        ready = [h for h in self.hosts if self.results[h.name].outcome not in BAD]
        first = [] if self.options.check else ready[:canary]
        if first:
            soaking = replace(job, soaking=frozenset(host.name for host in first if soak))
            self.go(first, soaking, Upgrade.up, stage="soaking" if soak else "")
            if again := [host for host in first if host.name in soaking.passed]:
                if not self._soaks(again, soak):
                    return
                self.go(again, job, Upgrade.again)
            if bad := self._failed(first):
                self._leave(f"{', '.join(bad)} did not pass as a canary", of=ready[len(first) :])
                return
        if rest := ready[len(first) :]:
            self.go(rest, job, Upgrade.up)

    def _soaks(self, hosts: Sequence[Host], seconds: int) -> bool:
        """Let canaries run for a while; return whether nobody has ended that."""
        names = ", ".join(host.name for host in hosts)
        self.output.note(f"{names}: runs for {seconds} s before it is judged again")
        try:
            time.sleep(seconds)
        except KeyboardInterrupt:
            why = "interrupted: it runs the new version, and was not judged again"
            for host in hosts:
                result = self.results[host.name]
                result.outcome, result.error = "unknown", Interrupted(why, hint=GO_ON)
            self._leave("interrupted", [host for host in self.hosts if host not in hosts], GO_ON)
            return False
        return True

    def _failed(self, hosts: Iterable[Host]) -> list[str]:
        return [h.name for h in hosts if self.results[h.name].outcome in (*BAD, "skipped")]

    def _leave(
        self, why: str, of: Sequence[Host] | None = None, hint: str = "mend that first"
    ) -> None:
        """Note that hosts are not upgraded, as others did not pass."""
        for host in self.hosts if of is None else of:
            result = self.results[host.name]
            if result.outcome not in BAD:
                result.outcome, result.error = "skipped", NotTried(why, hint=hint)

    def go(self, hosts: Sequence[Host], job: Job, work: Work, stage: str = "") -> None:
        """Do a part of the work on these hosts."""
        converged = self.converged
        converged.connections.close()
        left = None if self.until is None else max(0.1, self.until - time.monotonic())
        converged.options = replace(self.options, timeout=left)

        def one(
            desired: DesiredState, transport: Transport, how: Settings, emit: Emit,
            result: HostResult,
        ) -> HostResult:  # fmt: skip
            return work(Upgrade(job, desired, transport, how, emit, result))

        how = settings(converged, self.output)
        states = [self._state(host) for host in hosts]
        run_hosts(converged, states, how, self.output, one=one, stage=stage)
        self._keep()

    def _keep(self) -> None:
        """Add the results of a part to those of the parts before it."""
        for result in self.converged.results:
            before = self.results.get(result.host.name)
            if before is not None:
                result.changes = [*before.changes, *result.changes]
                result.exchanges += before.exchanges
                if result.outcome == "ok":
                    result.outcome = outcome_of_changes(result)
            self.results[result.host.name] = result

    def finished(self, to: str) -> Result:
        """Print what has become of all hosts, and return the document."""
        converged = self.converged
        converged.results = [self.results[host.name] for host in self.hosts]
        converged.options = self.options
        if self.options.check:
            return finish(converged, self.output)
        if not any(result.verdicts for result in converged.results):
            return finish(converged, self.output)  # no gateway was looked at
        from hermes_ops.commands.fleet.profile_table import show_converged

        result = finish(
            converged, self.output, table=lambda: show_converged(converged, self.output)
        )
        self._tell_version(to)
        return result

    def _tell_version(self, to: str) -> None:
        """Say where the inventory names another version than the one that runs now."""
        programs = [role.program for role in self.selected.roles.values() if role.program]
        default = next((program.version for program in programs if program.name == NAME), "")
        others = [
            host.name for host in self.hosts
            if to and self.results[host.name].outcome in ("ok", "changed")
            and not is_same(host.hermes.version or default, to)
        ]  # fmt: skip
        if others:
            self.output.note(
                f"now set hermes_version: {to} in the inventory for {', '.join(others)}; until then"
                " fleet.plan tells the difference"
            )


def _say_plainly(result: HostResult, to: str) -> None:
    """Replace what pip says of a version that does not exist by one sentence."""
    failed = [done for done in result.changes if done.outcome == "failed"]
    said = [str(result.error or ""), *(done.because or "" for done in failed)]
    if any(f"No matching distribution found for hermes-agent=={to}" in text for text in said):
        result.error = CommandError(
            f"there is no hermes-agent {to} in the package index; nothing was stopped",
            hint="the versions that there are: pip index versions hermes-agent",
        )
        for done in failed:
            done.because = result.error.message


def _beside(to: str) -> Callable[[Profile, Role, Host], Iterable[Resource]]:
    """Return the step that wants a version of Hermes, with what the profiles need of it."""

    def body(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
        for wanted in steps.create(profile, role, host):
            if isinstance(wanted, PythonProgram) and wanted.name == NAME:
                yield replace(wanted, version=to, beside=True)

    return body
