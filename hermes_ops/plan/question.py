"""What to ask a host to compare it with what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from hermes_ops.files.layout import OWED, STOPPED, UPGRADE_NOTE, stamp
from hermes_ops.hermes import gateway
from hermes_ops.hermes.crash.leftovers import FILES, READ
from hermes_ops.hermes.markers import MARKERS
from hermes_ops.hermes.ports import number_of
from hermes_ops.hermes.started import RECORD
from hermes_ops.look.question import Question
from hermes_ops.plan.lifecycle.exposed import folders_of
from hermes_ops.plan.lifecycle.watching import WRITTEN, watch_of
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
_Item = TypeVar("_Item", str, int)


def question(
    desired: DesiredState, *, strangers: bool = False, urls: bool = True, health: bool = False
) -> Question:
    """Return everything to ask in one exchange.

    `strangers`: ask about services that are not in the inventory, too. Without `urls` no URL is
    asked, so that the look leaves no trace on the host. `health`: ask what a doctor wants to know.
    """
    services = list(desired.services.values())
    definitions = [
        str(known.path)
        for service in services
        for manager in MANAGERS.values()
        for known in manager.paths(service)
    ]
    # What the links of units lead to lies in these, and nobody else may write there.
    managers = MANAGERS.values()
    folders = [str(f) for s in services for manager in managers for f in folders_of(s, manager)]
    resources = [wanted.resource for wanted in desired.wanted]
    # When it looks for strangers, the shell sends evidence of every profile under `.hermes` anyway.
    homes = [str(s.home) for s in services if s.text == "hermes"]
    asked = [home for home in homes if not (strangers and home.startswith(".hermes"))]
    evidence = [f"{home}/{name}" for home in asked for name in gateway.EVIDENCE]
    marks = [f"{home}/{name}" for home in homes for name in MARKERS]
    hands = [f"{STOPPED}/{s.name}" for s in services if s.text == "hermes"]
    programs = [manager.program.name for manager in MANAGERS.values() if manager.program]
    stamps = [str(stamp(name)) for name in ("hermes", *programs)] + [str(UPGRADE_NOTE)]
    env_files = [str(r.path) for r in resources if isinstance(r, EnvFile)]
    texts = [str(r.path) for r in resources if isinstance(r, _TEXTS)]
    texts += [gateway.ACTIVE] if any(isinstance(r, Whole) for r in resources) else []
    texts += [f"{r.path}/{name}" for r in resources if isinstance(r, Whole) for name in r.reads]
    notes = [str(r.kept) for r in resources if isinstance(r, EnvFile) and r.kept]
    records = [f"{home}/{RECORD}" for home in homes]
    records += [gateway.ACTIVE] if health else []
    repairs = any(isinstance(r, Service) and r.order == "repair" for r in resources)
    left = [f"{home}/{name}" for home in homes for name in FILES] if repairs else []
    records += [gateway.ACTIVE, *(f"{h}/{n}" for h in homes for n in READ)] if repairs else []
    written = [f"{home}/{name}" for home in homes for name in WRITTEN]
    return Question(
        paths=_unique(
            [
                *(str(path) for r in resources for path in paths_of(r)),
                *definitions,
                *folders,
                *stamps,
                gateway.ACTIVE,
                *marks,
                *hands,
                *notes,
                *left,
                *(f"{OWED}/{service.name}" for service in services),
                *written,
            ]
        ),
        files=_unique([*texts, *definitions, *evidence, *marks, *hands, *stamps, *notes, *records]),
        env_files=_unique(env_files),
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
        defined=tuple(f"{one.shell_name}_defined" for one in managers),
        pid_files=_unique([f"{home}/{gateway.PID_FILE}" for home in homes]),
        homes=_unique(homes),
        databases=_unique([f"{home}/{name}" for home in homes for name in gateway.DATABASES]),
        markers=_unique(marks),
        urls=_unique(_urls(desired)) if urls else None,
        ports=_unique(filter(None, map(number_of, _urls(desired)))),
        hermes_python=desired.host.hermes.python,
        pythons=_needs_python(desired.host.manager) or any(map(_is_beside, resources)),
        owned=_unique(str(r.path) for r in resources if isinstance(r, Owned)),
        whole=_unique(str(r.path) for r in resources if isinstance(r, Whole)),
        strangers=strangers,
        awake=awake_libraries() if any(isinstance(r, KeptAwake) for r in resources) else (),
        health=health,
        may_ask=not desired.host.hermes.user and not desired.host.connection.become_password,
        rights=desired.host.manager in MANAGERS and MANAGERS[desired.host.manager].by_root,
    )


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
    for name, service in desired.services.items():
        own = [w.resource for w in desired.wanted if w.profile.name == name]
        config = next((r.values for r in own if isinstance(r, YamlFile)), {})
        env = next((r.values for r in own if isinstance(r, EnvFile)), {})
        known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in env.items()}
        yield from watch_of(service, config, known).urls


def _unique(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
