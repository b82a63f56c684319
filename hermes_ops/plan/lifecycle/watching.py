"""What to watch of a service until it is ready, and what would keep it from starting."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import OF_PROCESS, Conflict, HermesError
from hermes_ops.files import envfile, yamlfile
from hermes_ops.files.layout import joined
from hermes_ops.files.ownership import Tree
from hermes_ops.files.quoting import moving
from hermes_ops.hermes import platforms
from hermes_ops.hermes.beside.enders import enders
from hermes_ops.hermes.beside.opened import barred, emptied, missing
from hermes_ops.hermes.beside.rivals import CRONTAB, crons, own_units, removal
from hermes_ops.hermes.beside.texts import not_json
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.gateway import ACTIVE, DATABASES, EVIDENCE, LOCK, LOGS
from hermes_ops.hermes.orphans import on_port, prune_hint
from hermes_ops.hermes.outside import (
    inherited,
    is_misnamed,
    next_given,
    other_interpreter,
    other_version,
    overlaid,
)
from hermes_ops.hermes.ports import free_hint, number_of
from hermes_ops.hermes.readiness import is_of_process
from hermes_ops.hermes.started import FILES, RECORD
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import kind_at_end, refuse_link
from hermes_ops.look.owners import shut
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import Watch
from hermes_ops.program_name import spoken
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


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


def of_others(
    service: ServiceSpec, evidence: Evidence, manager: ServiceManager, facts: Facts
) -> Iterable[Difference]:
    """Yield the files and units of others that change a service, each with what ends that."""
    for file in evidence.foreign:
        mend = f"on the host: {manager.removal([file], facts)}"
        yield Difference(service.profile, f"{file} changes {manager.id(service)}", mend=mend)
    for unit in evidence.units:
        mend = f"on the host: {removal(unit)}"
        words = f"{unit} is another unit that runs its home"
        yield Difference(service.profile, words, mend=mend)


def beside(profile: str, evidence: Evidence) -> Iterable[Difference]:
    """Yield what else runs the home of a service, or serves its port."""
    for words in evidence.rivals:
        yield Difference(profile, words, mend="end that process on the host")


def settings_now(
    service: ServiceSpec, facts: Facts
) -> tuple[Mapping[str, Any], Mapping[str, str | None]]:
    """Return what the `config.yaml` and the `.env` of a service say on the host."""
    return settings_in(str(service.home), facts)


def settings_in(home: str, facts: Facts) -> tuple[Mapping[str, Any], Mapping[str, str | None]]:
    """Return what these two files say in a home; nothing where they were not read."""
    texts = [facts.contents.get(f"{home}/{name}", "") for name in FILES]
    try:
        config = yamlfile.load(texts[0], file=FILES[0])
    except HermesError:
        config = {}
    return config, envfile.read(texts[1])


WRITTEN = (*EVIDENCE, LOCK, RECORD, *LOGS)
"""Files in a gateway's home that it, or we, write at each start."""
FOLDERS = ("cron", "hooks", "logs", "memories", "pairing", "platforms", "sessions", "state")
"""Folders in a gateway's home that it makes, or writes in, at its start and while it runs."""
LEAST_FREE_KIB = 8 * 1024
"""A gateway that starts writes its state, logs and sessions; on a full disk it does not come up."""


def obstacle(
    service: ServiceSpec, env: Mapping[str, str | None], facts: Facts, *, installs: bool
) -> Conflict | None:
    """Return why this service could not run after a start; None if no reason is known.

    It counts for a service that runs as well: its manager, or the next boot, starts it again.
    `env`: its `.env`. `installs`: the plan installs its program.
    """
    return (
        _led_elsewhere(service, env, facts)
        or _in_the_way(service, facts)
        or _without_program(service, facts, installs=installs)
        or _without_space(facts)
        or _closed(service, facts)
    )


def _led_elsewhere(
    service: ServiceSpec, env: Mapping[str, str | None], facts: Facts
) -> Conflict | None:
    """Return what would make Hermes run another home, whatever its unit sets."""
    if service.text != "hermes":
        return None
    if service.profile == "default" and ACTIVE in facts.paths:
        return Conflict(
            f"~/{ACTIVE} names another profile, which would run in its place",
            hint=f"on the host: rm ~/{ACTIVE}",
        )
    home, file = env.get("HERMES_HOME"), f"~/{service.home}/.env"
    if not home or home.rstrip("/") == f"{facts.home}/{service.home}":
        return None
    edit = "sed -i ''" if facts.system == "Darwin" else "sed -i"
    return Conflict(
        f"HERMES_HOME in {file} makes Hermes run {home} in its place",
        hint=f"on the host: {edit} /HERMES_HOME=/d {file}",
    )


def _in_the_way(service: ServiceSpec, facts: Facts) -> Conflict | None:
    """Return what stands where a gateway writes a file, or makes a folder, at its start."""
    if service.text != "hermes":
        return None
    try:  # Hermes replaces a link by its file, and we write what it leads to.
        refuse_link(service.home / RECORD, facts)
    except Conflict as conflict:
        return conflict
    for names, wanted in ((WRITTEN, "file"), (FOLDERS, "folder")):
        for path in (joined(service.home, name) for name in names):
            found = facts.paths.get(str(path))
            kind = found and kind_at_end(found)
            if found and kind != wanted and (kind or wanted == "folder"):
                leads = "leads to" if found.kind == "link" else "is"
                what = f"a {kind}, not a {wanted}" if kind else "nothing"
                return Conflict(f"~/{path} {leads} {what}", hint=moving(path))
    return None


def _without_program(service: ServiceSpec, facts: Facts, *, installs: bool) -> Conflict | None:
    hermes = facts.hermes
    if service.text != "hermes" or installs or hermes is None:
        return None
    if hermes.runs and hermes.works and not hermes.gone and not facts.damaged:
        return None
    hint = hermes.again
    lost = f"Python of Hermes, {hermes.python}"
    if hermes.runs and not hermes.works:
        return Conflict(f"the {lost}, does not run, or does not find the code", hint=hint)
    if hermes.runs and not hermes.gone:
        first, *others = facts.damaged
        more = f", and {len(others)} more like it" if others else ""
        return Conflict(f"the code of Hermes is damaged: {first}{more}", hint=hint)
    lost = lost if not hermes.runs else f"code of Hermes, {hermes.gone}"
    return Conflict(f"the {lost}, is gone", hint=hint)


def _without_space(facts: Facts) -> Conflict | None:
    free = facts.free_kib
    if free is None or free >= LEAST_FREE_KIB:
        return None
    full = f"the disk of {facts.free_at or facts.home} is full ({free} KiB are left)"
    return Conflict(full, hint="make room there")


def _closed(service: ServiceSpec, facts: Facts) -> Conflict | None:
    if str(service.home) in facts.closed:
        words = f"nothing can be written in ~/{service.home}: its disk may be mounted read-only"
        return Conflict(words, hint=f"on the host, this shows it: findmnt -T ~/{service.home}")
    closed = sorted(path for path in map(PurePosixPath, facts.closed) if _is_in(path, service))
    return next(filter(None, (shut(path, facts) for path in closed)), None)


def _is_in(path: PurePosixPath, service: ServiceSpec) -> bool:
    return path.is_relative_to(service.home) and service.home / "profiles" not in path.parents


def around(
    service: ServiceSpec, settings: tuple[Mapping[str, str | None], Mapping[str, Tree]],
    evidence: Evidence, facts: Facts, manager: ServiceManager, host: str,
) -> Iterable[Conflict]:  # fmt: skip
    """Yield what is not as wanted around a gateway, each with what ends it.

    `settings`: its `.env`, and the managed settings of all its files.
    """
    if service.text != "hermes":
        return
    env, keys = settings
    if names := inherited(service, env, evidence, facts):
        words = f"its process was started with {', '.join(names)} from outside its unit and .env"
        yield Conflict(words, hint=manager.without(names, service, facts))
    if names := next_given(service, env, evidence, facts):
        words = f"its next start would get {', '.join(names)} from outside its unit and .env"
        yield Conflict(words, hint=manager.without(names, service, facts))
    if words := other_interpreter(evidence, facts):
        yield Conflict(words, hint=restart_hint(host, service), kind=OF_PROCESS)
    if (version := other_version(evidence, facts)) and facts.hermes:
        words = f"its process runs Hermes {version}, and {facts.hermes.version} is installed"
        yield Conflict(words, hint=restart_hint(host, service), kind=OF_PROCESS)
    if is_misnamed(evidence):
        words = f"its gateway.pid does not name its process {evidence.pid}"
        hint = restart_hint(host, service)
        yield Conflict(
            f"{words}: Hermes' own commands take it for stopped", hint=hint, kind=OF_PROCESS
        )
    yield from _of_files(service, evidence, facts, host)
    for path in sorted(facts.shadows):
        if _is_in(PurePosixPath(path), service):
            words = f"its next start would load ~/{path} in place of the module of that name"
            yield Conflict(words, hint=moving(PurePosixPath(path)))
    for file in crons(f"{facts.home}/{service.home}", facts):
        edit = "crontab -e" if file == CRONTAB else f"sudo -e {file}"
        words = f"{file} starts a gateway of this home, too"
        yield Conflict(words, hint=f"on the host, take that line out: {edit}")
    own = set(own_units(service, manager, facts))
    yield from enders(service, manager.id(service), own, facts)
    yield from overlaid(keys, facts)


def _of_files(
    service: ServiceSpec, evidence: Evidence, facts: Facts, host: str
) -> Iterable[Conflict]:
    """Yield which of its files a gateway has no more, has elsewhere, or cannot write."""
    if evidence.deleted:
        words = f"its process still has {', '.join(evidence.deleted)}, which somebody deleted"
        yield Conflict(
            f"{words}: what it writes there is lost",
            hint=restart_hint(host, service),
            kind=OF_PROCESS,
        )
    if evidence.astray:
        words = f"{evidence.astray}: what it writes there is not seen"
        yield Conflict(words, hint=restart_hint(host, service), kind=OF_PROCESS)
    if is_of_process(evidence.state or {}, evidence) and (gone := missing(service, facts)):
        are = "folder {} is" if len(gone) == 1 else "folders {} are"
        words = f"its {are.format(' and '.join(gone))} gone since it began"
        empty = f"; an empty one is made by {restart_hint(host, service)}"
        yield Conflict(
            words, hint=f"bring it back into ~/{service.home} on the host{empty}", kind=OF_PROCESS
        )
    for pid, name in barred(service, facts):
        words = f"process {pid} has locked its {name}: it can keep nothing there until that ends"
        yield Conflict(words, hint=f"on the host, see whose that is, and end it: ps -fp {pid}")
    if cleared := emptied(service, facts):
        words = f"somebody has emptied {' and '.join(cleared)}: what it kept there is lost"
        new = f"a new one is made by {restart_hint(host, service)}"
        yield Conflict(words, hint=f"put a copy back while it is stopped; {new}", kind=OF_PROCESS)
    if bad := [name for name in DATABASES if f"{service.home}/{name}" in facts.garbled]:
        words = f"what it has as {' and '.join(bad)} is no SQLite database"
        yield Conflict(f"{words}: it can keep nothing there", hint=_repair_hint(host, service))
    for name in not_json(service, facts):
        words = f"its {name} is no JSON: it goes on without what is in it"
        hint = f"on the host, mend ~/{service.home}/{name}, or put a copy back"
        yield Conflict(words, hint=hint)


def _repair_hint(host: str, service: ServiceSpec) -> str:
    return spoken(f"./inv gateway.repair {shlex.quote(f'{host}/{service.profile}')}")


def restart_hint(host: str, service: ServiceSpec) -> str:
    """Return the command that restarts a service."""
    return spoken(f"./inv fleet.restart -l {shlex.quote(f'{host}/{service.profile}')}")


def answered(urls: Iterable[str], facts: Facts, host: str) -> Conflict | None:
    """Return who answers at one of these URLs, at which nothing may answer before a start."""
    for url in urls if facts.servers is None else ():
        answer = facts.answers.get(url)
        if answer is not None and answer.status is not None:
            number = number_of(url)
            if orphan := on_port(number, facts):
                hint = prune_hint(host, orphan)
                return Conflict(f"the orphan {orphan} answers at {url}", hint=hint)
            hint = free_hint(number or 0, None, facts)
            return Conflict(f"another process already answers at {url}", hint=hint)
    return None
