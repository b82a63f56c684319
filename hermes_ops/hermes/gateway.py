"""The folders, settings and files of Hermes that decide how a gateway runs.

Rules are those of hermes-agent 0.19.0 (`hermes_cli/gateway.py`, `gateway/status.py`), checked
against the real package in `tests/lab`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import LAUNCH_DAEMONS, environment
from hermes_ops.files.ownership import at, check, with_leaf, without
from hermes_ops.hermes.versions import UNKNOWN, capabilities
from hermes_ops.look.facts import Facts, Hermes
from hermes_ops.look.links import kind_at_end
from hermes_ops.services.base import ServiceSpec
from hermes_ops.templates import render

USER_FOLDERS = (".local/bin", ".cargo/bin", "go/bin", ".npm-global/bin")
SYSTEM_FOLDERS = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
)
HOMEBREW = ("/opt/homebrew/bin", "/opt/homebrew/sbin")
STATE_FILE = "gateway_state.json"
HEARTBEAT = "state/gateway.heartbeat"
LOGS = ("logs/gateway.log", "logs/errors.log", "logs/agent.log")
"""What a gateway opens at its start, to append to it."""
PID_FILE = "gateway.pid"
LOCK = "gateway.lock"
ACTIVE = ".hermes/active_profile"
"""The sticky profile of `hermes profile use`: every call without `-p` uses it."""
DATABASES = ("state.db", "response_store.db")
"""What a gateway cannot answer without: sessions, and the conversations of its API."""
JOBS_DATABASE = "cron/executions.db"
"""In which it notes what it did at its times."""
EVIDENCE = (STATE_FILE, HEARTBEAT, PID_FILE)
DEFINITIONS = (
    "/etc/systemd/system/hermes-gateway*.service",
    "/etc/systemd/system/hermes-gateway*.service.d/*.conf",
    ".config/environment.d/*.conf",
    f"{LAUNCH_DAEMONS}/ai.hermes.gateway*.plist",
)
"""Files by which Hermes' own commands or a person start a gateway, besides ours."""


_STATES = ("starting", "running", "degraded", "draining", "stopped", "startup_failed")
_SHAPE: Mapping[str, tuple[type, ...]] = {"pid": (int,), "platforms": (dict,)}


def damage_of(service: ServiceSpec, facts: Facts) -> str:
    """Return why the state file of a gateway says nothing, in words; empty if it is absent.

    Hermes replaces it as a whole: a part of it is never there.
    """
    path = f"{service.home}/{STATE_FILE}"
    found, text = facts.paths.get(path), facts.contents.get(path)
    if service.text != "hermes" or (text is None and found is None):
        return ""
    if text is None:
        kind = kind_at_end(found) if found else None
        return f"~/{path} " + ("cannot be read" if kind == "file" else f"is a {kind}, not a file")
    try:
        why = _oddity(json.loads(text))
    except (ValueError, RecursionError):
        why = "is no JSON"
    return f"~/{path} {why}" if why else ""


def _oddity(state: Any) -> str:
    """Return what of a state Hermes would not write."""
    if not isinstance(state, dict):
        return "is no JSON object"
    for key, kinds in _SHAPE.items():
        if type(state.get(key, {})) not in kinds:
            return f"has no {key} as Hermes writes it"
    if any(not isinstance(entry, dict) for entry in state.get("platforms", {}).values()):
        return "has no platforms as Hermes writes them"
    if state.get("gateway_state") not in _STATES:
        return "has no gateway_state that Hermes writes"
    return ""


def deletion(name: str) -> tuple[str, ...]:
    """Return the words with which Hermes deletes a profile, behind its Python; it asks nothing."""
    return ("-m", "hermes_cli.main", "-p", "default", "profile", "delete", name, "-y")


def installed_by_us(facts: Facts, version: str) -> Hermes:
    """Return the Hermes on the host after our installation."""
    venv = f"{facts.home}/{environment('hermes')}"
    return Hermes(python=f"{venv}/bin/python", version=version, venv=venv, project=f"{venv}/lib")


def folder_questions(home: PurePosixPath) -> tuple[str, ...]:
    """Return the folders, relative to the user's home, that a unit's PATH may have."""
    return (*USER_FOLDERS, f"{home}/node/bin", f"{home}/node_modules/.bin")


def served_by(state: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the profiles that a gateway serves beside its own, as its state file says."""
    names = (state or {}).get("served_profiles")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def path_folders(service: ServiceSpec, facts: Facts, hermes: Hermes) -> list[str]:
    """Return the PATH of a gateway's unit: `_build_service_path_dirs` and the system's folders."""
    folders = []
    if "venv/bin" in hermes.folders:
        folders.append(f"{hermes.project}/venv/bin")
    elif hermes.venv:
        folders.append(f"{hermes.venv}/bin")
    if "node_modules/.bin" in hermes.folders:
        folders.append(f"{hermes.project}/node_modules/.bin")
    there = [f"{facts.home}/{path}" for path in folder_questions(service.home)]
    own = [path for path in there[len(USER_FOLDERS) :] if _is_there(facts, path)]
    users = [path for path in there[: len(USER_FOLDERS)] if _is_there(facts, path)]
    folders += own
    # The profile's own node comes first, and is in the list already.
    if facts.node and not own:
        node = facts.node if facts.node.startswith("/") else f"{facts.home}/{facts.node}"
        folders += [node] if node not in folders else []
    folders += [path for path in users if path not in folders]
    brewed = HOMEBREW if facts.system == "Darwin" else ()
    return list(dict.fromkeys((*folders, *brewed, *SYSTEM_FOLDERS)))


def _is_there(facts: Facts, path: str) -> bool:
    return path.removeprefix(f"{facts.home}/") in facts.folders


def stop_timeout(config: Mapping[str, Any], env: Mapping[str, str]) -> int:
    """Return TimeoutStopSec in seconds: `max(60, drain + 30)`."""
    return max(60, int(drain(config, env)) + 30)


def drain(config: Mapping[str, Any], env: Mapping[str, str]) -> float:
    """Return how long a stopping gateway lets its turns end, in seconds."""
    agent = config.get("agent")
    raw = env.get("HERMES_RESTART_DRAIN_TIMEOUT", "").strip() or (
        agent.get("restart_drain_timeout", 0) if isinstance(agent, Mapping) else 0
    )
    try:
        return max(0.0, float(raw or 0))
    except (TypeError, ValueError):
        return 0.0


WATCHDOG = ("gateway", "systemd_watchdog_seconds")


def watchdog(config: Mapping[str, Any]) -> int:
    """Return the watchdog's seconds, 0 for none: only whole numbers of at least 1 count."""
    value = watchdog_named(config)
    return value if type(value) is int and 0 < value < 2**31 else 0


def watchdog_named(config: Mapping[str, Any]) -> Any:
    """Return what the settings say of a watchdog, None if nothing."""
    gateway, name = config.get("gateway"), WATCHDOG[1]
    value = gateway.get(name) if isinstance(gateway, Mapping) else None
    return config.get(name) if value is None else value


def values_for(
    service: ServiceSpec,
    facts: Facts,
    hermes: Hermes | None,
    config: Mapping[str, Any],
    env: Mapping[str, str],
    text_known: str = "unit_text_known",
) -> dict[str, Any]:
    """Return the values for the templates of a service; `text_known` is that of its manager.

    Raises:
        Conflict: a path has a character that Hermes' own unit cannot hold.
    """
    python = hermes.python if hermes else "python3"
    known = capabilities(hermes.version) if hermes else UNKNOWN
    is_own = service.text == "hermes"
    home = facts.real_home(service.home) if is_own else f"{facts.home}/{service.home}"
    values: dict[str, Any] = {
        "profile": service.profile,
        "description": service.description,
        "settings": service.settings.settings,
        "home": str(service.home),
        "home_dir": facts.home,
        "service_home": home,
        "unit": service.name,
        "python": python,
        "watchdog": watchdog(config),
        "stop_timeout": stop_timeout(config, env),
        "fatal_exit": service.fatal_exit,
        "program_version": hermes.version if hermes else "",
        "unit_text_known": unit_text_known(service, hermes, text_known),
        "unit_runs_python": known.unit_runs_python,
        "quiet_install": known.quiet_install,
        "unit_type": "" if known.watchdog_setting or known.standing != "proven" else "simple\n",
    }
    if is_own and hermes:
        values |= {
            "path": ":".join(path_folders(service, facts, hermes)),
            "virtual_env": hermes.venv or str(PurePosixPath(hermes.project) / "venv"),
        }
    _refuse_blanks(python, home)
    where = f"{service.role.folder}/role.yml"
    lists = {"command": service.command, "write": service.write}
    return values | {
        name: [render(word, values, name=where) for word in words] for name, words in lists.items()
    }


def for_commands(hermes: Hermes | None) -> dict[str, Any]:
    """Return what a role's `create.command` may ask of Hermes."""
    if hermes is None:
        return {"python": "python3", "describes": True}
    known = capabilities(hermes.version)
    return {"python": hermes.python, "describes": known.describes is not False}


def initial(given: Mapping[str, Any], hermes: Hermes | None) -> Mapping[str, Any]:
    """Return the first settings of a new `config.yaml`, with the schema that this Hermes has.

    A number above its own would let the next one skip its migrations: one that is only reported
    does not count.
    """
    known = capabilities(hermes.version) if hermes else UNKNOWN
    if known.standing != "proven" or "_config_version" not in given:
        return given
    return {**given, "_config_version": known.config_schema}


RENAMED: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("provider",): ("model", "provider"),
    ("base_url",): ("model", "base_url"),
    ("api_base",): ("model", "base_url"),
    ("context_length",): ("model", "context_length"),
    ("model", "api_base"): ("model", "base_url"),
    ("model", "model"): ("model", "default"),
    ("model", "name"): ("model", "default"),
    ("max_turns",): ("agent", "max_turns"),
}
"""Keys that Hermes reads but renames when it saves the file."""


def as_saved(wanted: Mapping[Any, Any], have: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return the settings with the names that Hermes gives them when it saves the file.

    Under its old name a value would be ignored beside the new one, or renamed each time.
    """
    for old, new in RENAMED.items():
        is_wanted, value = at(wanted, old)
        if is_wanted and not at(wanted, new)[0] and not at(have, old)[0] and at(have, new)[0]:
            wanted = with_leaf(without(wanted, [old]), new, value)
    return wanted


def is_default(path: tuple[Any, ...], value: Any) -> bool:
    """Return whether a setting is Hermes' default."""
    return check(path, value) in _default_checks()


@cache
def _default_checks() -> frozenset[str]:
    listed = (files("hermes_ops.hermes") / "data" / "hermes-defaults.txt").read_text("utf-8")
    return frozenset(line.partition(" ")[0] for line in listed.splitlines())


def unit_text_known(
    service: ServiceSpec, hermes: Hermes | None, field: str = "unit_text_known"
) -> bool:
    """Return whether we have the text of the unit; otherwise Hermes writes it.

    `field`: the field of `Capabilities` that says so, `ServiceManager.text_known`; empty: the
    manager's text is ours, whatever Hermes can do.
    """
    if service.text != "hermes" or not field:
        return True
    return hermes is not None and bool(getattr(capabilities(hermes.version), field))


def _refuse_blanks(*paths: str) -> None:
    for path in paths:
        if re.search(r"""[\s"'\\$%]""", path):
            raise Conflict(
                f"the path {path} has a blank, a quote, $, % or \\ in it, and Hermes writes it "
                "unquoted into its unit",
                hint="use a home folder or a Python without such characters",
            )
