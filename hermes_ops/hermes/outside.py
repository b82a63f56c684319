"""What a gateway runs with that comes from neither the inventory nor the profile's own files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hermes_ops.errors import Conflict, HermesError
from hermes_ops.files import yamlfile
from hermes_ops.files.layout import OVERLAY
from hermes_ops.files.ownership import Tree, at, check, dotted, leaves
from hermes_ops.hermes import platforms, variables
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.ports import EVERY
from hermes_ops.hermes.readiness import is_of_process, named_platforms
from hermes_ops.hermes.versions import is_same
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import SUPERVISED, ServiceSpec

_OF_CODE = {
    "HOME", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHOME", "PYTHONPATH",
    "PYTHONPLATLIBDIR", "PYTHONUSERBASE",
}  # fmt: skip
"""Variables that change which code runs as Hermes, or what it takes for its files."""


def overlaid(keys: Mapping[str, Tree], facts: Facts) -> Iterator[Conflict]:
    """Yield what an administrator's files set over settings of the inventory.

    `keys`: the managed settings, by file. The values of that `.env` stay on the host: a name counts
    whatever its value is.
    """
    tree = keys.get("config.yaml", {})
    names = [dotted(path) for path, kept in leaves(tree) if _is_other(path, kept, facts)]
    yield from _over("config.yaml", names)
    yield from _over(".env", sorted(facts.overlaid & keys.get(".env", {}).keys()))


def _over(file: str, names: list[str]) -> Iterator[Conflict]:
    if names:
        listed, path = ", ".join(names), f"{OVERLAY}/{file}"
        words = f"{path} sets {listed} over the values of the inventory"
        yield Conflict(words, hint=f"as root on the host, take {listed} out of {path}")


def _is_other(path: tuple[object, ...], kept: object, facts: Facts) -> bool:
    is_set, value = at(_overlay(facts), path)
    return is_set and check(path, value) != kept


def _overlay(facts: Facts) -> Mapping[object, object]:
    try:
        return yamlfile.load(facts.overlay, file=f"{OVERLAY}/config.yaml")
    except HermesError:
        # Hermes passes over a file that it cannot parse.
        return {}


def inherited(
    service: ServiceSpec, env: Mapping[str, str | None], evidence: Evidence, facts: Facts
) -> tuple[str, ...]:
    """Return the variables that decide what a gateway does, and that its manager alone gave it.

    What its `.env` sets counts more. `environ.d`, `systemctl set-environment` or a profile of the
    shell may be where they come from.
    """
    if service.text != "hermes" or not evidence.supervised or evidence.foreign:
        return ()
    given = facts.variables.get(evidence.pid or 0, frozenset())
    known = {"HERMES_HOME", SUPERVISED, *service.environment, *env}
    return tuple(sorted(name for name in given - known if _decides(name)))


def next_given(
    service: ServiceSpec, env: Mapping[str, str | None], evidence: Evidence, facts: Facts
) -> tuple[str, ...]:
    """Return the variables of this kind that its process does not have, and its next start will."""
    if service.text != "hermes" or not evidence.supervised:
        return ()
    has = facts.variables.get(evidence.pid or 0, frozenset())
    known = {"HERMES_HOME", SUPERVISED, *service.environment, *env}
    return tuple(sorted(name for name in facts.given.keys() - known - has if _decides(name)))


def other_interpreter(evidence: Evidence, facts: Facts) -> str:
    """Return in words that a process runs another Python than Hermes has by now; else nothing."""
    hermes, program = facts.hermes, facts.interpreters.get(evidence.pid or 0, "")
    if not program or not evidence.supervised or not hermes or not hermes.works:
        return ""
    before = program.removesuffix(" (deleted)")
    if before != program:
        return f"its process runs {before}, which was replaced or removed since it began"
    return f"its process runs {program}, but {hermes.python} is another program now"


def left_on(service: ServiceSpec, evidence: Evidence, facts: Facts) -> tuple[str, ...]:
    """Return the platforms that a process has, and that its files do not switch on (any more)."""
    if service.text != "hermes" or not evidence.supervised:
        return ()
    given = facts.variables.get(evidence.pid or 0, frozenset())
    elsewhere = platforms.expected(
        {}, dict.fromkeys({*given, *service.environment, *facts.overlaid})
    )
    entries = (evidence.state or {}).get("platforms", {})
    names = named_platforms(evidence) & platforms.rules().keys()
    on = {name for name in names if entries[name].get("state") == "connected"}
    return tuple(sorted(on - evidence.expected - elsewhere)) if not facts.overlay else ()


def wide_open(
    listeners: Iterable[tuple[str, str, int]], pid: int | None, facts: Facts
) -> list[str]:
    """Return the addresses on which a process listens for every network, and should for one."""
    wanted = {port for _, host, port in listeners if host not in EVERY}
    mine = (one for one in facts.servers or () if pid and one.pid == pid)
    return [f"{one.host}:{one.port}" for one in mine if one.host in EVERY and one.port in wanted]


def other_version(evidence: Evidence, facts: Facts) -> str:
    """Return the version that a process runs, if another one is installed by now; else nothing."""
    said = (answer.body for answer in evidence.answers.values() if answer and answer.status == 200)
    found = (re.search(r'"version": ?"([^"]{1,40})"', body) for body in said)
    runs = next((one[1] for one in found if one), "")
    return runs if runs and facts.hermes and not is_same(runs, facts.hermes.version) else ""


def is_misnamed(evidence: Evidence) -> bool:
    """Whether the pid file names another process than the one that wrote the state, or is gone."""
    state = evidence.state or {}
    wrote = state.get("gateway_state") == "running" and is_of_process(state, evidence)
    return bool(evidence.supervised and wrote and evidence.recorded != evidence.pid)


def _decides(name: str) -> bool:
    """Whether a variable is about the gateway, or its code; keys of model providers are not."""
    about = name in _OF_CODE or name.startswith(("HERMES_", "GATEWAY_", "API_SERVER_", "WEBHOOK_"))
    return about or variables.is_known(name) or platforms.switches_on(name)
