"""The wanted state of each profile's service, for its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.hermes.markers import lasting_drain
from hermes_ops.inventory.model import Profile
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState
from hermes_ops.plan.files import plan_env, plan_yaml
from hermes_ops.plan.ledger import Ledger, ledger_in
from hermes_ops.plan.lifecycle.watching import watch_of
from hermes_ops.plan.model import Wanted
from hermes_ops.plan.resource import EnvFile, YamlFile
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import choose
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import CheckedService, ServiceManager
from hermes_ops.verify.awake import awake_service


def services_of(desired: DesiredState, facts: Facts) -> list[CheckedService]:
    """Return the services that must run on a host.

    Raises:
        Conflict: the service manager in the inventory cannot run services on the host.
    """
    manager = choose(desired.host, facts)
    return awake_service(desired.host, facts) + [
        _service(desired, facts, manager, profile)
        for profile in desired.host.profiles
        if profile.state == "started"
    ]


def _service(
    desired: DesiredState, facts: Facts, manager: ServiceManager, profile: Profile
) -> CheckedService:
    spec = desired.services[profile.name]
    own = [wanted for wanted in desired.wanted if wanted.profile.name == profile.name]
    watch = watch_of(spec, _config(own, facts), _environment(own, facts, spec))
    drain = lasting_drain(spec.home, facts) if spec.text == "hermes" else None
    env_file = next((w.resource.path for w in own if isinstance(w.resource, EnvFile)), None)
    return CheckedService(
        host=desired.host.name,
        profile=profile.name,
        role=profile.role,
        name=spec.name,
        unit=manager.id(spec),
        manager=manager.name,
        user=facts.user,
        uid=facts.uid,
        user_home=facts.home,
        home=f"{facts.home}/{spec.home}",
        env_file=f"{facts.home}/{env_file}" if env_file else None,
        urls=watch.urls,
        platforms=watch.expected,
        readiness=spec.readiness,
        python=facts.hermes.python if facts.hermes else "python3",
        real_home=facts.real_home(spec.home),
        drained=drain.told if drain else "",
    )


def _config(own: Sequence[Wanted], facts: Facts) -> Mapping[str, Any]:
    """Return the settings that config.yaml will have; if it is broken, only the wanted ones."""
    for wanted in own:
        if isinstance(wanted.resource, YamlFile):
            try:
                return plan_yaml(wanted, wanted.resource, facts, None, ledger_in(own, facts))[1]
            except Conflict:
                return wanted.resource.values
    return {}


def _environment(
    own: Sequence[Wanted], facts: Facts, spec: ServiceSpec
) -> Mapping[str, str | None]:
    """Return the variables that the service will have: the manager's, overridden by `.env`."""
    values: dict[str, str | None] = dict(spec.environment)
    for wanted in own:
        if isinstance(wanted.resource, EnvFile):
            values |= _env_file(wanted, wanted.resource, facts, ledger_in(own, facts))
    return values


def _env_file(
    wanted: Wanted, file: EnvFile, facts: Facts, ledger: Ledger
) -> Mapping[str, str | None]:
    try:
        return plan_env(wanted, file, facts, None, ledger)[1]
    except Conflict:  # for example, somebody else owns the file: its check will report it
        plain = ((k, v.reveal() if isinstance(v, Secret) else None) for k, v in file.values.items())
        return dict(plain)
