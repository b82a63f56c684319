"""What to watch of a service until it is ready, and what would keep it from starting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hermes_ops.files.layout import environment, stamp
from hermes_ops.hermes import platforms
from hermes_ops.hermes.gateway import ACTIVE
from hermes_ops.hermes.orphans import on_port, remedy
from hermes_ops.hermes.ports import number_of
from hermes_ops.look.facts import Facts
from hermes_ops.plan.model import (
    Watch,
)
from hermes_ops.services.base import ServiceSpec


def watch_of(
    service: ServiceSpec,
    config: Mapping[str, Any],
    env: Mapping[str, str | None],
    wave: int = 0,
) -> Watch:
    """Return what to watch of a service with these settings until it is ready."""
    if service.readiness == "hermes":
        endpoint = platforms.api_endpoint(config, env)
        urls = (f"{endpoint.url}/health",) if endpoint else ()
        return Watch(service, urls, platforms.expected(config, env), wave)
    return Watch(service, (service.url,) if service.url else (), wave=wave)


LEAST_FREE_KIB = 8 * 1024
"""A gateway that starts writes its state, logs and sessions; on a full disk it does not come up."""


def obstacle(service: ServiceSpec, urls: Iterable[str], facts: Facts, *, installs: bool) -> str:
    """Return why this service could not run after a start; empty if no reason is known.

    `urls` are those at which nothing may answer before. `installs`: the plan installs its program.
    """
    if service.text == "hermes" and service.profile == "default" and ACTIVE in facts.paths:
        # Hermes would run the profile named in the file, whatever home the unit sets.
        return f"~/{ACTIVE} names another profile, which would run in its place: remove that file"
    return (
        _without_program(service, facts, installs=installs)
        or _without_space(facts)
        or _answered(urls, facts)
    )


def _without_program(service: ServiceSpec, facts: Facts, *, installs: bool) -> str:
    hermes = facts.hermes
    if service.text != "hermes" or installs or hermes is None or hermes.runs:
        return ""
    gone = f"the Python of Hermes, {hermes.python}, is gone"
    if hermes.python.startswith(f"{facts.home}/{environment('hermes')}/"):
        return f"{gone}: rm ~/{stamp('hermes')}   and the next fleet.up installs Hermes again"
    return f"{gone}: install Hermes again, or set hermes_python"


def _without_space(facts: Facts) -> str:
    free = facts.free_kib
    if free is None or free >= LEAST_FREE_KIB:
        return ""
    return f"the disk of {facts.home} is full ({free} KiB are left): make room there"


def _answered(urls: Iterable[str], facts: Facts) -> str:
    for url in urls if facts.servers is None else ():
        answer = facts.answers.get(url)
        if answer is not None and answer.status is not None:
            if orphan := on_port(number_of(url), facts):
                return f"the orphan {orphan} answers at {url}: {remedy()}"
            return f"another process already answers at {url}: give the profile a port of its own"
    return ""
