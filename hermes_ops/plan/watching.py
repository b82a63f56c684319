"""What to watch of a service until it is ready, and what would keep it from starting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.hermes import platforms
from hermes_ops.hermes.gateway import ACTIVE
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


def obstacle(watch: Watch, facts: Facts) -> str:
    """Return why a start of this service would fail; empty if no reason is known."""
    service = watch.service
    if service.text == "hermes" and service.profile == "default" and ACTIVE in facts.paths:
        # Hermes would run the profile named in the file, whatever home the unit sets.
        return f"~/{ACTIVE} names another profile, which would run in its place: remove that file"
    for url in watch.urls:
        answer = facts.answers.get(url)
        if answer is not None and answer.status is not None:
            return f"another process already answers at {url}: give the profile a port of its own"
    return ""
