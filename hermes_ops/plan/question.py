"""What to ask a host to compare it with what is wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hermes_ops.files.layout import OWED, STOPPED, UPGRADE_NOTE, stamp
from hermes_ops.hermes import gateway, platforms
from hermes_ops.hermes.beside.texts import TEXTS
from hermes_ops.hermes.crash.leftovers import FILES, READ
from hermes_ops.hermes.markers import MARKERS
from hermes_ops.hermes.ports import Port, number_of, ports_of
from hermes_ops.hermes.started import FILES as STARTED
from hermes_ops.hermes.started import RECORD
from hermes_ops.hermes.versions import folders
from hermes_ops.look.question import Question
from hermes_ops.plan.lifecycle.exposed import folders_of
from hermes_ops.plan.lifecycle.watching import FOLDERS, WRITTEN, watch_of
from hermes_ops.plan.model import DesiredState
from hermes_ops.plan.resource import (
    EnvFile,
    File,
    KeptAwake,
    Owned,
    PythonProgram,
    Resource,
    Service,
    Whole,
    Wrapper,
    YamlFile,
    paths_of,
)
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS, libraries
from hermes_ops.services import paths as manager_paths
from hermes_ops.services.awake import libraries as awake_libraries
from hermes_ops.services.base import ServiceSpec

Words = tuple[str, ...]
_TEXTS = File | YamlFile | Owned | Wrapper
_LOW = 1024
_Item = TypeVar("_Item", str, int)


def question(
    desired: DesiredState, *, strangers: bool = False, urls: bool = True, health: bool = False
) -> Question:
    """Return everything to ask in one exchange.

    `strangers`: ask about services that are not in the inventory, too. Without `urls` no URL is
    asked, so that the look leaves no trace on the host; nothing is changed after it, so there is
    time to compare the code of Hermes. `health`: ask what a doctor wants to know.
    """
    services = list(desired.services.values())
    resources = _resources(desired)
    homes = _homes(desired)
    both = [*_definitions(desired), *_stamps(), *_notes(desired)]
    read = [*_texts(resources), *_evidence(desired, strangers=strangers, health=health)]
    return Question(
        paths=_unique([*_looked_at(desired), *both]),
        files=_unique([*read, *both]),
        env_files=_unique(str(r.path) for r in resources if isinstance(r, EnvFile)),
        masked=frozenset(_masked(resources)),
        folders=_unique(
            [path for service in services for path in gateway.folder_questions(service.home)]
        ),
        node=(*gateway.USER_FOLDERS, *gateway.HOMEBREW, *gateway.SYSTEM_FOLDERS),
        libraries=libraries(),
        variables=manager_paths(),
        services=tuple(look_words(services)),
        others=tuple(manager.strangers for manager in MANAGERS.values()),
        marked=tuple(_marked(desired)),
        known=_unique((*desired.host.all_profiles, *desired.host.beside, *desired.services)),
        defined=tuple(f"{one.shell_name}_defined" for one in MANAGERS.values()),
        pid_files=_unique(_below(homes, [gateway.PID_FILE])),
        homes=_unique(homes),
        places=_unique(
            str(f) for s in services for m in MANAGERS.values() for f in folders_of(s, m)
        ),
        written=_unique(_below(homes, (*STARTED, *WRITTEN, *FOLDERS, *gateway.DATABASES))),
        databases=_unique(_below(homes, gateway.DATABASES)),
        markers=_unique(_below(homes, MARKERS)),
        urls=_unique(_urls(desired)) if urls else None,
        ports=_unique(filter(None, map(number_of, _urls(desired)))),
        addresses=any(map(_may_be_closed, _ports(desired))),
        hermes_python=desired.host.hermes.python,
        pythons=_needs_python(desired.host.manager) or any(map(_is_beside, resources)),
        owned=_unique(str(r.path) for r in resources if isinstance(r, Owned)),
        whole=_unique(str(r.path) for r in resources if isinstance(r, Whole)),
        strangers=strangers,
        code=strangers or not urls,
        texts=TEXTS,
        awake=awake_libraries() if any(isinstance(r, KeptAwake) for r in resources) else (),
        health=health,
        outside=health and bool(platforms.connecting(desired.host)),
        marks=tuple(
            "*".join(one.marked[:2]) for one in MANAGERS.values() if one.by_root and one.marked
        ),
        may_ask=not desired.host.hermes.user and not desired.host.connection.become_password,
        rights=(desired.host.manager in MANAGERS and MANAGERS[desired.host.manager].by_root)
        or any(isinstance(r, KeptAwake) for r in resources),
    )


# --- files and folders ------------------------------------------------------------------------


def _resources(desired: DesiredState) -> list[Resource]:
    return [wanted.resource for wanted in desired.wanted]


def _homes(desired: DesiredState) -> list[str]:
    """Return the homes of the gateways."""
    return [str(s.home) for s in desired.services.values() if s.text == "hermes"]


def _below(homes: Iterable[str], names: Collection[str]) -> list[str]:
    return [f"{home}/{name}" for home in homes for name in names]


def _definitions(desired: DesiredState) -> Iterable[str]:
    """Yield every path that a service's definition has under any manager."""
    for service in desired.services.values():
        for manager in MANAGERS.values():
            yield from (str(known.path) for known in manager.paths(service))


def _stamps() -> Iterable[str]:
    """Yield the files that say what we have installed."""
    programs = [manager.program.name for manager in MANAGERS.values() if manager.program]
    yield from (str(stamp(name)) for name in ("hermes", *programs))
    yield str(UPGRADE_NOTE)


def _notes(desired: DesiredState) -> Iterable[str]:
    """Yield what says why something is as it is: marks in homes, stops by hand, our memory."""
    yield from _below(_homes(desired), MARKERS)
    yield from (f"{STOPPED}/{s.name}" for s in desired.services.values() if s.text == "hermes")
    resources = _resources(desired)
    yield from (str(r.kept) for r in resources if isinstance(r, EnvFile) and r.kept)


def _looked_at(desired: DesiredState) -> Iterable[str]:
    """Yield the paths of which only kind, owner, mode and time are asked."""
    homes, services = _homes(desired), desired.services.values()
    yield from (str(path) for r in _resources(desired) for path in paths_of(r))
    # What the links of units lead to lies in these, and nobody else may write there.
    yield from (str(f) for s in services for m in MANAGERS.values() for f in folders_of(s, m))
    yield gateway.ACTIVE
    yield from _below(homes, FILES) if _repairs(desired) else ()
    yield from (f"{OWED}/{service.name}" for service in services)
    yield from _below(homes, (*WRITTEN, *FOLDERS, *folders()))
    # What others lock is told by the inodes: SQLite has its locks in either file.
    kept = (*gateway.DATABASES, gateway.JOBS_DATABASE)
    yield from _below(homes, [f"{name}{end}" for name in kept for end in ("", "-shm")])


def _texts(resources: Sequence[Resource]) -> Iterable[str]:
    """Yield the files whose text is compared with a wanted one."""
    yield from (str(r.path) for r in resources if isinstance(r, _TEXTS))
    for whole in [r for r in resources if isinstance(r, Whole)]:
        yield gateway.ACTIVE
        yield from (f"{whole.path}/{name}" for name in whole.reads)


def _evidence(desired: DesiredState, *, strangers: bool, health: bool) -> Iterable[str]:
    """Yield the files that tell how the gateways are."""
    homes = _homes(desired)
    # When it looks for strangers, the shell sends evidence of every profile under `.hermes` anyway.
    asked = [home for home in homes if not (strangers and home.startswith(".hermes"))]
    yield from _below(asked, gateway.EVIDENCE)
    yield from _below(homes, [RECORD])
    if health or _repairs(desired):
        yield gateway.ACTIVE
    yield from _below(homes, READ) if _repairs(desired) else ()


def _repairs(desired: DesiredState) -> bool:
    return any(isinstance(r, Service) and r.order == "repair" for r in _resources(desired))


# --- everything else --------------------------------------------------------------------------


def _marked(desired: DesiredState) -> Iterable[Words]:
    """Yield for each manager the words that find services of ours outside the inventory."""
    known = _unique((*desired.host.services, *(s.name for s in desired.services.values())))
    for name, manager in MANAGERS.items():
        yield (name, *manager.marked, *known) if manager.marked else ()


def look_words(services: Sequence[ServiceSpec]) -> Iterable[Words]:
    """Yield for each manager the words that show these services."""
    for manager in MANAGERS.values():
        ids = [manager.id(service) for service in services]
        yield (f"{manager.shell_name}_look", *_unique(ids))


def _needs_python(manager: str) -> bool:
    """Return whether the manager named in the inventory is a Python program."""
    return manager in MANAGERS and MANAGERS[manager].program is not None


def _is_beside(resource: Resource) -> bool:
    return isinstance(resource, PythonProgram) and resource.beside


def _masked(resources: Iterable[Resource]) -> Iterable[str]:
    """Yield each value of a `.env` that stays on the host, as `path=NAME`."""
    for resource in resources:
        if isinstance(resource, EnvFile):
            made = (k for k, v in resource.values.items() if isinstance(v, Generate))
            yield from (f"{resource.path}={name}" for name in made)


def _urls(desired: DesiredState) -> Iterable[str]:
    """Yield the URLs expected from what is wanted; a watch asks those found on the host."""
    for service, config, env in _settings(desired):
        yield from watch_of(service, config, env).urls


def _may_be_closed(port: Port) -> bool:
    """Whether a host may forbid to listen there: on an address of another, or as only root may."""
    return port.number < _LOW or not port.is_on(())


def _ports(desired: DesiredState) -> Iterable[Port]:
    for service, config, env in _settings(desired):
        yield from ports_of(service, config, env)


def _settings(
    desired: DesiredState,
) -> Iterable[tuple[ServiceSpec, Mapping[str, Any], Mapping[str, str | None]]]:
    """Yield the services with their wanted settings; a value that is not known yet is None."""
    for name, service in desired.services.items():
        own = [w.resource for w in desired.wanted if w.profile.name == name]
        config = next((r.values for r in own if isinstance(r, YamlFile)), {})
        env = next((r.values for r in own if isinstance(r, EnvFile)), {})
        known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in env.items()}
        yield service, config, known


def _unique(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
