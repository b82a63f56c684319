"""What is about the host, not about a profile: linger, its service manager, its Hermes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict
from hermes_ops.files.ownership import at, with_leaf
from hermes_ops.hermes import gateway
from hermes_ops.hermes.versions import (
    capabilities,
    is_newer,
    standalone_setting,
    standalone_settings,
)
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts, Hermes
from hermes_ops.plan.model import (
    Change,
    DesiredState,
    EnableLinger,
    Refuse,
    Reload,
    Remove,
    Wanted,
)
from hermes_ops.plan.resource import (
    AtPath,
    EnvFile,
    KeptAwake,
    Linger,
    Service,
    ServiceDefinition,
    YamlFile,
)
from hermes_ops.plan.services import is_defined
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.services.awake import RESOURCES, keeper_of
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


def plan_outliving(
    desired: DesiredState, manager: ServiceManager, facts: Facts, refused: Collection[str]
) -> Iterable[Change]:
    """Yield what lets services outlive the last session, and a reboot.

    Nothing of that is needed for those that are `refused` and not there by now.
    """
    services = desired.services
    there = [
        one for one in desired.wanted
        if one.profile.name not in refused or is_defined(services[one.profile.name], manager, facts)
    ]  # fmt: skip
    yield from plan_linger(there, manager, facts)
    yield from plan_boot(replace(desired, wanted=tuple(there)), manager, facts)


def plan_linger(each: Sequence[Wanted], manager: ServiceManager, facts: Facts) -> Iterable[Change]:
    """Yield the change that enables linger, or starts the user's manager where it does not run.

    That comes before anything is stopped: without it nothing could be started again.
    """
    begins = any(one.profile.state == "started" for one in each)
    # Every profile wants it, for the same user.
    for wanted in [w for w in each if isinstance(w.resource, Linger)][:1]:
        policy = wanted.resource.policy  # type: ignore[union-attr]
        if manager.lingers and policy != "off" and not (facts.linger and facts.bus):
            needed = policy == "required" or (begins and not facts.bus)
            why = "its systemd does not run" if facts.linger else "off"
            yield Change(wanted.step, None, "linger", "enable", why, EnableLinger(required=needed))


def plan_boot(desired: DesiredState, manager: ServiceManager, facts: Facts) -> Iterable[Change]:
    """Yield the change that lets the host start the service manager itself when it boots.

    It is taken back with the manager's last service.
    """
    resource = f"boot:{manager.name}"
    for wanted in desired.wanted:
        if isinstance(wanted.resource, Linger) and wanted.profile.state == "started":
            if words := manager.at_boot(facts):
                reason = "nothing starts it at boot"
                yield Change(wanted.step, None, resource, "enable", reason, Reload(words))
            return
    gone = {
        manager.id(desired.services[wanted.profile.name]): wanted.step
        for wanted in desired.wanted
        if isinstance(wanted.resource, ServiceDefinition) and wanted.profile.state == "absent"
    }
    if gone and (words := manager.never_at_boot(facts, gone)):
        step, reason = next(iter(gone.values())), "it has no service any more"
        yield Change(step, None, resource, "disable", reason, Reload(words))


def plan_slices(
    desired: DesiredState, manager: ServiceManager, facts: Facts, changes: Iterable[Change]
) -> Iterable[Change]:
    """Yield the removal of the ceiling of all services, once it is no service's any more."""
    each = [w for w in desired.wanted if isinstance(w.resource, ServiceDefinition)]
    changed = {op.path: op for change in changes if isinstance(op := change.operation, AtPath)}
    for path, owner in dict(_slices(desired)).items():
        needs = owner is manager and any(_has_ceiling(w, desired) for w in each)
        ours = facts.contents.get(str(path), "").startswith(_OURS)
        may = facts.may_root or not path.is_absolute()
        if each and ours and may and not needs and not _members(path, facts) - {*map(str, changed)}:
            seen = ((path, facts.digest(path)),)
            reason = "no service is in it any more"
            yield Change(each[0].step, None, f"file:{path}", "remove", reason, Remove(path), seen)


_OURS = "# Written by hermes-ops"
_MEMBER = "Slice=hermes.slice"


def _slices(desired: DesiredState) -> Iterable[tuple[PurePosixPath, ServiceManager]]:
    for service in desired.services.values():
        for manager in MANAGERS.values():
            known = (one for one in manager.paths(service) if one.kind == "slice")
            yield from ((one.path, manager) for one in known)


def _has_ceiling(wanted: Wanted, desired: DesiredState) -> bool:
    service = desired.services[wanted.profile.name]
    return wanted.profile.state != "absent" and bool(service.settings.ceiling)


def _members(path: PurePosixPath, facts: Facts) -> set[str]:
    """Return the drop-ins of the slice's folder that put a service below it."""
    lines = facts.unit_lines.items()
    return {one for one, said in lines if _MEMBER in said and one.startswith(f"{path.parent}/")}


def plan_reload(
    desired: DesiredState, manager: ServiceManager, facts: Facts, changes: Iterable[Change]
) -> Iterable[Change]:
    """Yield the reload, if these changes or somebody else changed units."""
    services = desired.services.values()
    own = {p.path for s in services for p in manager.paths(s) if p.kind != "shared"}
    operations = [change.operation for change in changes]
    touched = own & {op.path for op in operations if isinstance(op, AtPath)}
    words = manager.reload(*(op.path for op in operations if isinstance(op, Remove)))
    starts = [wanted for wanted in desired.wanted if isinstance(wanted.resource, Service)]
    if words and starts and (touched or manager.is_stale(facts)):
        step, reason = starts[0].step, "definitions changed"
        yield Change(step, None, f"manager:{manager.name}", "reload", reason, Reload(words))


def plan_awake(
    desired: DesiredState, facts: Facts, note: Callable[[str], None]
) -> Iterable[Change]:
    """Yield what keeps the machine awake, or takes that away: its failure is no profile's."""
    # Every profile wants it, of the same machine.
    wanted = next((w for w in desired.wanted if isinstance(w.resource, KeptAwake)), None)
    if wanted is None:
        return
    assert isinstance(wanted.resource, KeptAwake)  # noqa: S101 - chosen above
    awake, lingers = wanted.resource.awake, desired.host.linger != "off"
    try:
        keeper = keeper_of(facts)
        for text in keeper.notes(awake, facts):
            note(text)
        orders = keeper.orders(awake, facts, begins=wanted.resource.begins, lingers=lingers)
        for one in orders:
            yield Change(wanted.step, None, one.resource, one.action, one.reason, one, one.seen)
    except Conflict as conflict:
        refuse = Refuse(str(conflict), conflict.kind, conflict.hint)
        yield Change(wanted.step, None, "awake", "refuse", "cannot be", refuse)


def is_apart(change: Change) -> bool:
    """Whether it is about the host, and no profile depends on it."""
    return change.profile is None and change.resource.startswith(RESOURCES)


def limits_of(wanted: Wanted, manager: ServiceManager, facts: Facts) -> str:
    """Return a sentence about limits that have no effect here, empty if there are none."""
    settings = wanted.profile.service
    limits = sorted(manager.powerless(settings, facts))
    if not limits and settings.hardening and not (facts.user_namespaces or manager.by_root):
        name = wanted.profile.name
        return f"{name}: no /tmp of its own: this kernel lets no user make namespaces"
    if not limits:
        return ""
    names = " and no ".join("hermes_memory_max" if n == "ceiling" else n for n in limits)
    why = f" ({manager.unenforced_because})" if manager.unenforced_because else ""
    return f"{wanted.profile.name}: {manager.name} enforces no {names}{why}"


def fit(
    file: YamlFile, wanted: Wanted, service: ServiceSpec, manager: ServiceManager,
    hermes: Hermes | None, facts: Facts,
) -> YamlFile:  # fmt: skip
    """Return a `config.yaml` with what this host's Hermes and service manager add to it."""
    file = with_watchdog(with_schema(file, hermes), service, manager, hermes, facts)
    return with_key(file, wanted, service, manager, hermes)


def with_watchdog(
    file: YamlFile, service: ServiceSpec, manager: ServiceManager, hermes: Hermes | None,
    facts: Facts,
) -> YamlFile:  # fmt: skip
    """Return a `config.yaml` that has the role's watchdog if it is new and names none itself.

    One that exists is left as it is: to turn a watchdog on restarts its gateway.
    """
    seconds = service.role.service.watchdog
    has_one = str(file.path) in facts.paths or gateway.watchdog_named(file.values) is not None
    known = hermes is not None and capabilities(hermes.version).watchdog_setting
    if not seconds or has_one or not known or "watchdog" in manager.unenforced:
        return file
    return replace(file, initial=with_leaf(file.initial, gateway.WATCHDOG, seconds))


def with_key(
    file: YamlFile, wanted: Wanted, service: ServiceSpec, manager: ServiceManager,
    hermes: Hermes | None,
) -> YamlFile:  # fmt: skip
    """Return a `config.yaml` with the key that lets a profile run without a unit of Hermes' own."""
    if hermes is None or service.text != "hermes":
        return file
    own = [path for path in sorted(standalone_settings()) if not at(wanted.profile.config, path)[0]]
    needed = standalone_setting(hermes.version)
    if needed in own and manager.key_needed and service.profile != "default":
        file = replace(file, values=with_leaf(file.values, needed, True))
    return replace(file, fitted=tuple(own))


def with_environment(
    file: EnvFile, wanted: Wanted, desired: DesiredState, manager: ServiceManager
) -> EnvFile:
    """Return a `.env` that also has our variables, where the definition cannot hold them."""
    service = desired.services.get(wanted.profile.name)
    if service is None or service.text != "hermes" or manager.gives_environment:
        return file
    given = {k: v for k, v in service.environment.items() if k not in file.unresolved}
    return replace(file, values={**{k: Secret(v) for k, v in given.items()}, **file.values})


def with_schema(file: YamlFile, hermes: Hermes | None) -> YamlFile:
    """Return a file that begins with the schema of this Hermes' settings."""
    return replace(file, initial=gateway.initial(file.initial, hermes))


def without_hermes(host: Host) -> Conflict:
    """Return the error of a gateway on a host that has no Hermes."""
    hint = f"./inv fleet.up -l {shlex.quote(host.name)}   # it installs Hermes"
    return Conflict("Hermes is not on this host", hint=hint)


def about_version(service: ServiceSpec, hermes: Hermes | None, manager: ServiceManager) -> str:
    """Return one sentence about a Hermes of which we do not know all; empty if we do."""
    if hermes is None or service.text != "hermes":
        return ""
    known, name = capabilities(hermes.version), f"Hermes {hermes.version}"
    if is_newer(hermes.version):
        name += " is newer than what this hermes-ops knows (docs/versions.md), and"
    elif known.standing == "reported":
        name += " is known from reports alone (docs/versions.md), and"
    if not gateway.unit_text_known(service, hermes, manager.text_known):
        return f"{name} writes its units itself: only their main lines are checked"
    return "" if known.standing == "proven" else f"{name} may do some things in another way"
