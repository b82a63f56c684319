"""`fleet.status --alert`: tell the URLs of `hermes_alerts` what changed, and ping.

Whatever goes wrong here is a warning: the look and its exit code stand.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.alerts import delivery, memory
from hermes_ops.alerts.deadline import within
from hermes_ops.alerts.memory import Memory
from hermes_ops.alerts.news import Conditions, News, Troubles, message, news, standing
from hermes_ops.alerts.ping import TIMEOUT, UNANSWERED, ping, refusal
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, exit_code
from hermes_ops.commands.fleet.monitoring.seen import conditions, hidden, host_of
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.commands.workspace import Workspace, environ_of
from hermes_ops.errors import CommandError, UsageError
from hermes_ops.inventory.model import Host
from hermes_ops.secrets.fingerprint import fingerprint, operator_key
from hermes_ops.secrets.reference import Elsewhere, Reference
from hermes_ops.secrets.secret import Secret

WELL_LOOKED = (0, 2)
"""The exit codes of a look that saw every host: only then the dead man's switch is called."""


@dataclass(frozen=True, slots=True)
class Route:
    """One URL, and the hosts that it is told of."""

    url: Elsewhere
    key: str
    hosts: frozenset[str]


class Alarm:
    """Sends the alerts of one look. Creating it resolves the secrets, so that errors come early.

    Raises:
        UsageError: no selected host has `hermes_alerts`, or Apprise is not installed.
    """

    def __init__(self, workspace: Workspace, options: Options, output: Output) -> None:
        self._began, self._check, self._output = time.time(), options.check, output
        self._warnings: list[str] = []
        hosts = workspace.selected.hosts
        key = operator_key()
        self._urls = _routes(((h, url) for h in hosts for url in h.alerts.urls), key)
        self._pings = _routes(((h, h.alerts.ping) for h in hosts if h.alerts.ping), key)
        if not (self._urls or self._pings):
            hint = "hermes_alerts: {urls: [{env: ALERT_URL}]} in group_vars/all.yml"
            raise UsageError("no selected host has hermes_alerts", hint=hint)
        if self._urls and not options.check:
            delivery.require_apprise()
        self._file = memory.file_of(workspace.paths, options.selection)
        self._values = {} if options.check else self._resolved(workspace, options)

    def tell(self, hosts: Sequence[HostSeen], code: int) -> Mapping[str, Any]:
        """Send what changed since the last look, and ping; return it for the document."""
        del code  # A ping goes by the hosts that name it.
        told, delivered = self._told(conditions(hosts), hosts)
        return {
            "alerts": {
                "told": told,
                "urls": len(self._urls),
                "delivered": delivered,
                "pinged": 0 if self._check else self._pinged(hosts),
                "warnings": self._warnings,
            }
        }

    # --- the secrets --------------------------------------------------------------------------

    def _resolved(self, workspace: Workspace, options: Options) -> Mapping[str, str]:
        """Return the values of the URLs by their keys; one that has none is a warning."""
        routes = [*self._urls, *self._pings]
        references = [route.url for route in routes if isinstance(route.url, Reference)]
        found: Mapping[Any, Any] = {}
        if references:
            from hermes_ops.secrets.resolve import attempt

            found = attempt(
                references, environ_of(workspace.paths), age_key_file=options.age_key_file,
                learn=REDACTOR.learn,
            )  # fmt: skip
        values = {}
        for route in routes:
            value = found.get(route.url, route.url)
            if isinstance(value, Secret):
                values[route.key] = value.reveal().strip()
            else:
                self._warn(f"{value}" + (f" ({value.hint})" if value.hint else ""))
        return values

    def _warn(self, text: str) -> None:
        self._warnings.append(self._output.redact(text))
        self._output.note(f"warning: {text}")

    # --- the messages -------------------------------------------------------------------------

    def _told(self, seen: Conditions, hosts: Sequence[HostSeen]) -> tuple[list[str], int]:
        """Tell what is new; return the sentences, and how many URLs got theirs."""
        with ExitStack() as stack:
            self._hold(stack)
            before = memory.recall(self._file)
            # A time still to come is that of a clock that was wrong: it must silence nothing.
            if self._began < before.looked_at <= time.time():
                self._warn("a later look has told already what it saw")
                return [], 0
            out_of_sight = hidden(hosts, _targets(before))
            wrong = standing(before.wrong, seen, out_of_sight, self._began)
            fresh = {
                route.key: news(
                    before.told.get(route.key, {}), _part(seen, route), out_of_sight, self._began
                )
                for route in self._urls
            }
            failed = {*fresh} if self._check else self._sent(fresh)
            if not self._check:
                self._remember(before, wrong, failed)
        told = list(dict.fromkeys(each.text for found in fresh.values() for each in found))
        for text in told if self._check else ():
            self._output.note(f"--check: would tell {text}")
        return told, sum(bool(found) and key not in failed for key, found in fresh.items())

    def _hold(self, stack: ExitStack) -> None:
        if self._check:
            return
        try:
            stack.enter_context(memory.held(self._file))
        except CommandError as error:
            self._warn(f"{error}; what is told now will be told again")

    def _sent(self, fresh: Mapping[str, Sequence[News]]) -> set[str]:
        """Send; return the keys of the URLs that got nothing, though they had to."""
        failed, sending = set(), []
        for route in self._urls:
            service = self._service(route)
            if service is None:
                failed.add(route.key)
            elif fresh[route.key]:
                sending.append((route, service))
        results = delivery.deliver([(s, message(fresh[route.key])) for route, s in sending])
        for (route, _), why in zip(sending, results, strict=True):
            if why:
                failed.add(route.key)
                self._warn(f"{route.url.place}: the message of hermes_alerts.urls {why}")
        return failed

    def _service(self, route: Route) -> Any:
        """Return the service of a URL; None, after a warning, if there is none."""
        if route.key not in self._values:
            return None
        try:
            return delivery.service_of(self._values[route.key])
        except ValueError as error:
            self._warn(f"{route.url.place}: a URL of hermes_alerts.urls {error}")
            return None

    def _remember(self, before: Memory, wrong: Troubles, failed: set[str]) -> None:
        told = {
            route.key: before.told.get(route.key, {})
            if route.key in failed
            else _part(wrong, route)
            for route in self._urls
        }
        try:
            memory.remember(
                self._file, replace(before, looked_at=self._began, wrong=wrong, told=told)
            )
        except CommandError as error:
            self._warn(f"{error}; what was told now will be told again")

    # --- the dead man's switch ----------------------------------------------------------------

    def _pinged(self, hosts: Sequence[HostSeen]) -> int:
        """Call each ping URL whose hosts were all seen; return how many were called."""
        due = [route for route in self._pings if _is_due(route, hosts) and self._may_call(route)]
        jobs = [lambda url=self._values[route.key]: ping(url) for route in due]
        results = within(TIMEOUT, jobs, UNANSWERED)
        for route, why in zip(due, results, strict=True):
            if why:
                self._warn(f"{route.url.place}: hermes_alerts.ping: {why}")
        return sum(not why for why in results)

    def _may_call(self, route: Route) -> bool:
        if route.key not in self._values:
            return False
        if why := refusal(self._values[route.key]):
            self._warn(f"{route.url.place}: hermes_alerts.ping {why}")
        return not why


def _routes(pairs: Iterable[tuple[Host, Elsewhere | None]], key: bytes) -> list[Route]:
    """Return each URL once, with all hosts that name it."""
    found: dict[str, Route] = {}
    for host, url in pairs:
        if url is None:
            continue
        name = fingerprint(key, repr(url.origin) if isinstance(url, Reference) else url)
        known = found.get(name, Route(url, name, frozenset()))
        found[name] = replace(known, hosts=known.hosts | {host.name})
    return list(found.values())


def _part(targets: Mapping[str, Any], route: Route) -> dict[str, Any]:
    return {name: each for name, each in targets.items() if host_of(name) in route.hosts}


def _targets(before: Memory) -> Iterable[str]:
    yield from before.wrong
    for told in before.told.values():
        yield from told


def _is_due(route: Route, hosts: Sequence[HostSeen]) -> bool:
    own = [host for host in hosts if host.host.enabled and host.host.name in route.hosts]
    return bool(own) and exit_code(code for host in own for code in host.codes) in WELL_LOOKED
