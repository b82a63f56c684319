"""Gateways that the inventory does not name: find them with a look, and select among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.look_hosts import Look, look_all
from hermes_ops.commands.workspace import Workspace, enabled, open_workspace
from hermes_ops.errors import HermesError, UsageError
from hermes_ops.hermes.gateway import STATE_FILE
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.inventory.selector import Term, parse, select, within
from hermes_ops.run import HostResult
from hermes_ops.services import MANAGERS

if TYPE_CHECKING:
    from hermes_ops.audit.finding import Finding
    from hermes_ops.look.facts import Facts
    from hermes_ops.plan.desired import StepPlan


def strangers_on(host: Host, facts: Facts) -> list[str]:
    """Return the profiles on the host that are not in the inventory at all."""
    known = ((MANAGERS[manager], ids) for manager, ids in facts.defined.items())
    named = (manager.profile_of(id) for manager, ids in known for id in ids)
    found = {*facts.profiles, *filter(None, named)}
    if f".hermes/{STATE_FILE}" in facts.contents:
        found.add("default")
    return sorted(found - {*host.all_profiles, *host.beside})


def strangers(look: Look, _roles: Mapping[str, Role]) -> Sequence[str]:
    """Return the gateways on a host that are not in the inventory, by name."""
    return strangers_on(look.host, look.facts) if look.facts else ()


Names = Callable[[Look, Mapping[str, Role]], Sequence[str]]
"""Which gateways of a host are meant, by name."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The hosts that a selection names, as looked at, and its gateways outside the inventory."""

    workspace: Workspace
    looks: Sequence[Look]
    chosen: Mapping[str, tuple[str, ...]]

    def inventory(self, state: str) -> Inventory:
        """Return the chosen gateways as profiles in this state, on their hosts."""
        return replace(self.workspace.whole, hosts=tuple(self._hosts(state)))

    def _hosts(self, state: str) -> Iterator[Host]:
        for host in (look.host for look in self.looks):
            if names := self.chosen.get(host.name):
                profiles = tuple(Profile(name, state=state, unmanaged=True) for name in names)
                known = (*host.all_profiles, *names)
                yield replace(host, profiles=profiles, all_profiles=known)

    def with_managed(self, options: Options, state: str) -> Inventory:
        """Return the selection of the inventory, and the chosen gateways in this state.

        Raises:
            HermesError: nothing is selected; if a host did not answer, the error is that.
        """
        own = {host.name: host for host in managed(self.workspace.whole, options)}
        others = {host.name: host for host in self.inventory(state).hosts}
        if not own and not others:
            raise self.nothing(options)
        hosts = [
            _joined(own.get(host.name), others.get(host.name))
            for host in self.workspace.whole.hosts
        ]
        return replace(self.workspace.whole, hosts=tuple(host for host in hosts if host))

    def nothing(self, options: Options) -> HermesError:
        """Return the error of a selection without any gateway."""
        failures = [look.failure for look in self.looks if look.failure]
        hint = "fleet.ps shows every gateway of the hosts"
        return (
            failures[0]
            if failures
            else UsageError(
                f"{options.limit!r} selects no gateway of the inventory or of its hosts", hint=hint
            )
        )

    def add_failures(self, results: list[HostResult]) -> None:
        """Add the hosts that did not answer to the results of a run."""
        known = {result.host.name for result in results}
        for look in self.looks:
            if look.failure and look.host.name not in known:
                word = _WORDS.get(look.code, "failed")
                results.append(HostResult(look.host, word, look.failure))


_WORDS = {3: "unreachable", 4: "unknown"}


def managed(whole: Inventory, options: Options) -> tuple[Host, ...]:
    """Return the selected hosts of the inventory itself, without those that have no profile."""
    try:
        selected, _ = select(whole, options.limit)
        if options.within is not None:
            selected = within(selected, select(whole, options.within)[0])
    except UsageError:
        return ()
    return tuple(host for host in selected.hosts if host.profiles and host.enabled)


def _joined(own: Host | None, other: Host | None) -> Host | None:
    if own is None or other is None:
        return own or other
    return replace(other, profiles=(*own.profiles, *other.profiles))


def reach(
    options: Options,
    output: Output,
    names: Names,
    *,
    named_only: bool,
    steps: Sequence[StepPlan] = (),
    health: bool = False,
) -> Reached:
    """Look at the selected hosts, and choose among the gateways that `names` returns.

    With `named_only` a gateway is meant only by a term with a `/`, such as `host/*`. `health`: ask
    what a doctor wants to know.
    """
    wide = replace(options, limit=_hosts_of(options.limit), within=_hosts_of(options.within))
    workspace = open_workspace(wide, output)
    workspace = replace(workspace, selected=enabled(workspace.selected)[0])
    looks = look_all(wide, output, steps=steps, strangers=True, health=health, workspace=workspace)
    roles = workspace.whole.roles
    there = {look.host.name: names(look, roles) for look in looks if look.facts}
    return Reached(workspace, looks, choose(workspace.whole, there, options, named_only=named_only))


def choose(
    whole: Inventory, there: Mapping[str, Sequence[str]], options: Options, *, named_only: bool
) -> Mapping[str, tuple[str, ...]]:
    """Return the gateways that the selection means, of those on each host."""
    hosts = (  # all of them: a term such as `minis[2]` counts hosts
        replace(host, profiles=tuple(map(Profile, there.get(host.name, ()))))
        for host in whole.hosts
    )
    found = replace(whole, hosts=tuple(hosts))
    for limit in filter(None, (options.limit, options.within)):
        found = _narrowed(found, limit, named_only=named_only)
    return {h.name: tuple(p.name for p in h.profiles) for h in found.hosts if h.profiles}


def standing_of(result: HostResult, workspace: Workspace, options: Options) -> Iterator[Finding]:
    """Yield what stands on the host of a run: about itself, and about profiles that are meant."""
    from hermes_ops.audit.register import Seen  # late: `--list` does not need them
    from hermes_ops.audit.standing import standing

    host, facts, found = result.host, result.known, []
    try:
        found = standing(Seen(host, facts, workspace.selected.roles)) if facts else []
    except HermesError as error:
        result.error = result.error or error
    sides = {side.profile for finding in found for side in finding.sides}
    others = [name for name in sides if name and name not in host.all_profiles]
    there = {host.name: sorted(others)}
    chosen = choose(workspace.whole, there, options, named_only=False) if others else {}
    meant = {None, *(p.name for p in host.profiles), *chosen.get(host.name, ())}
    yield from (one for one in found if {side.profile for side in one.sides} <= meant)


def _narrowed(found: Inventory, limit: str, *, named_only: bool) -> Inventory:
    terms = [term for term in parse(limit) if _counts(term, named_only=named_only)]
    if not found.hosts or all(term.sign for term in terms):
        return replace(found, hosts=())
    try:
        return select(found, ",".join(term.text for term in terms))[0]
    except UsageError:  # its terms were read before: no gateway matches
        return replace(found, hosts=())


def _counts(term: Term, *, named_only: bool) -> bool:
    return bool(term.sign) or term.profiles is not None or not named_only


def _hosts_of(limit: str | None) -> str | None:
    """Return the selection without its profiles: the hosts that must be looked at."""
    if limit is None:
        return None
    terms = [term for term in parse(limit) if not (term.sign == "!" and term.profiles)]
    return ",".join(f"{term.sign}{term.hosts}" for term in terms)
