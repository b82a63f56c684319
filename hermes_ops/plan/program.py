"""Python programs in their own environments: found on the host, or installed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import stamp
from hermes_ops.hermes.versions import PYTHONS, UNKNOWN, capabilities
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.plan.lifecycle.installed import refuse_other
from hermes_ops.plan.model import Change, Install, Wanted, Wheelhouse
from hermes_ops.plan.resource import PythonProgram, identity
from hermes_ops.services.manager import ServiceManager


def plan_program(step: str, program: PythonProgram, host: Host, facts: Facts) -> Iterable[Change]:
    """Yield the installation of a program that is absent, or that lacks extras it needs.

    Raises:
        Conflict: it may not be installed, or no Python on the host can run it.
    """
    have = _stamped(program.name, facts)
    if program.beside:
        yield from _plan_beside(step, program, have or {}, host, facts)
        return
    found = facts.hermes if program.name == "hermes" else None
    if found is not None and have is None:
        return
    missing = sorted(set(program.extras) - set((have or {}).get("extras", ())))
    if have is not None and not missing:
        return
    if program.install == "present":
        raise Conflict(
            f"{program.package} is not on this host, and hermes_install is 'present'",
            hint="install it there, or set hermes_install: auto",
        )
    if program.name == "hermes" and facts.launcher and have is None and program.install == "auto":
        raise Conflict(
            f"what {facts.launcher} runs could not be found, and no second Hermes is installed"
            " beside it",
            hint="name its Python in hermes_python, or set hermes_install: index for a second one",
        )
    extras = sorted(set(program.extras) | set((have or {}).get("extras", ())))
    if facts.noexec:
        raise _no_programs(program, facts)
    version = str((have or {}).get("version") or program.version)
    reason = f"lacks {', '.join(missing)}" if have else "absent"
    operation = _install(program, version, extras, host, facts, anew=have is None)
    action = "update" if have else "install"
    yield Change(step, None, identity(program), action, reason, operation)


def _plan_beside(
    step: str, program: PythonProgram, have: Mapping[str, Any], host: Host, facts: Facts
) -> Iterable[Change]:
    """Yield the installation of a version that nothing uses yet, with the extras that are in use.

    An environment of that version without a stamp is incomplete, and is recreated.

    Raises:
        Conflict: the one in use was not installed by us.
    """
    refuse_other(host, facts, program.version)
    made = str(stamp(program.name, program.version))
    if made in facts.paths:
        return
    extras = sorted(set(program.extras) | set(have.get("extras", ())))
    operation = _install(program, program.version, extras, host, facts, anew=True)
    resource, reason = f"{identity(program)}-{program.version}", "absent; nothing stops for it"
    yield Change(step, None, resource, "install", reason, replace(operation, beside=True))


def plan_manager(
    manager: ServiceManager, definitions: Iterable[Wanted], host: Host, facts: Facts
) -> Iterable[Change]:
    """Yield the installation of a manager that needs one, for the services to define."""
    # A service that is only removed does not need a manager that is missing.
    each = [w for w in definitions if not getattr(w.resource, "only_disable", False)]
    if (needed := manager.program) is None or not each:
        return ()
    program = PythonProgram(needed.name, needed.package, needed.version)
    return plan_program(each[0].step, program, host, facts)


def _no_programs(program: PythonProgram, facts: Facts) -> Conflict:
    """Return the error of an installation where no library of it could be loaded."""
    elsewhere = ", or install Hermes elsewhere and name its Python in hermes_python"
    return Conflict(
        f"{program.package} cannot be installed in {facts.home}: {facts.noexec} is mounted noexec",
        hint=f"on the host: sudo mount -o remount,exec {shlex.quote(facts.noexec)}"
        + (elsewhere if program.name == "hermes" else ""),
    )


def _stamped(name: str, facts: Facts) -> dict[str, Any] | None:
    try:
        value = json.loads(facts.contents.get(str(stamp(name)), "null"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _install(
    program: PythonProgram, version: str, extras: list[str], host: Host, facts: Facts, *, anew: bool
) -> Install:
    brackets = f"[{','.join(extras)}]" if extras else ""
    return Install(
        program.name,
        version,
        _python(program, facts) if anew else "",
        (f"{program.package}{brackets}=={version}", *program.requires),
        json.dumps({"version": version, "extras": extras}),
        wheelhouse=_needs_wheelhouse(program, host, facts),
    )


def _python(program: PythonProgram, facts: Facts) -> str:
    if program.python:
        return program.python
    known = capabilities(program.version) if program.name == "hermes" else UNKNOWN
    usable = [path for version, path in facts.pythons if known.runs_on(version)]
    if not usable:
        *others, last = known.pythons or PYTHONS
        wanted = " or ".join(filter(None, (", ".join(others), last)))
        raise Conflict(
            f"{program.package} needs Python {wanted}, and none is on this host",
            hint="install one (Debian: apt-get install python3; macOS: brew install python@3.13),"
            " or name it in hermes_python",
        )
    return usable[0]


def _needs_wheelhouse(program: PythonProgram, host: Host, facts: Facts) -> bool:
    if program.install == "auto":
        # A host without internet access cannot use an index, so this machine resolves for it.
        return host.connection.kind == "ssh" and not facts.has_route
    return program.install == "wheelhouse"


def wheelhouses_of(changes: Iterable[Change], facts: Facts) -> Iterable[Wheelhouse]:
    """Yield which wheels the operator's machine must gather for this host."""
    for change in changes:
        install = change.operation
        if isinstance(install, Install) and install.wheelhouse:
            version = next((v for v, path in facts.pythons if path == install.python), "")
            system = f"{facts.system} musl" if "musl" in facts.traits else facts.system
            yield Wheelhouse(install.requirements, facts.machine, system, version)
