"""Variables as they may be shown: each credential in them is a `Secret`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.loader.hosts.connection import is_login
from hermes_ops.loader.layers.late import Late
from hermes_ops.loader.located import SEALED, Located, Variables, plain
from hermes_ops.secrets.secret import Secret


def shown_variables(found: Variables) -> Mapping[str, Any]:
    """Return variables as plain values; each credential becomes a `Secret`."""
    return Late(found, guarded)


def guarded(name: str, value: Located) -> Any:
    """Return the value of a variable as plain data; each credential in it becomes a `Secret`."""
    if is_login(name) and value.data is not None:
        return Secret(value.text or str(plain(value)))
    if value.entries or value.items:
        return _guarded_structure(name, value)
    return _veiled(value)


def _guarded_structure(name: str, value: Located) -> Any:
    if value.items and value.text:
        return value.text  # words of an INI file, as Ansible has them
    if name == "hermes_alerts":
        return {key: _guarded_deep(entry) for key, entry in value.entries.items()}
    if name == "hermes_profile_defaults":
        return _guarded_env(value)
    if name == "hermes_profiles" and value.entries:
        return {profile: _guarded_env(override) for profile, override in value.entries.items()}
    return _veiled(value)


def _veiled(value: Located) -> Any:
    """Return the value as plain data; a value from a vault becomes a `Secret`."""
    if isinstance(value.data, dict):
        return {key: _veiled(entry) for key, entry in value.data.items()}
    if isinstance(value.data, tuple):
        return [_veiled(item) for item in value.data]
    return Secret(value.text) if value.secret or value.data is SEALED else value.data


def _guarded_env(profile: Located) -> Any:
    values = _veiled(profile)
    env = profile.entries.get("env")
    if env is not None and env.entries:
        values["env"] = {name: _guarded_value(value) for name, value in env.entries.items()}
    return values


def _guarded_value(value: Located) -> Any:
    return _veiled(value) if value.entries else Secret(value.text or str(value.data))


def _guarded_deep(value: Located) -> Any:
    if value.items:
        return [_guarded_value(item) for item in value.items]
    return None if value.data is None else _guarded_value(value)
