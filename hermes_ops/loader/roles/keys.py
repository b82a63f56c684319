"""The keys of `role.yml`: the tables that check it and that `docs/roles.md` shows."""

from __future__ import annotations

from typing import Any

from hermes_ops.inventory.role import READINESS
from hermes_ops.loader.profiles.service import LIMIT_KEYS, SETTING_KINDS
from hermes_ops.loader.schema import (
    BOOLEAN,
    MAPPING,
    MODE,
    TEXT,
    VERSION,
    WATCHDOG,
    WORD,
    Each,
    Fields,
    Key,
    Kind,
    matching,
    one_of,
)


def _is_path(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value != ""
        and not value.startswith(("/", "~"))
        and ".." not in value.split("/")
    )


def _is_exit_code(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 256


PATH = Kind("a path below the user's home", _is_path)
FILE_NAME = Kind("the name of a file in templates/", _is_path)
EXIT_CODE = Kind("an exit code from 1 to 255", _is_exit_code)
CHECK = matching("the name of a check such as 'test_page'", r"test\w*")
PACKAGE = matching("the name of a package", r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
DIRECTIVE = matching("a directive such as 'PrivateTmp=yes'", r"[A-Z][A-Za-z]+=[ -~]*")
WORDS = Each(TEXT, may_be_empty=False)

CREATE = Fields(
    {
        "command": Key(WORDS, "the words that make `home` where it is absent"),
        "except": Key(Each(WORD), "profiles that get the folder alone"),
    },
    required=("command",),
)
FOLDER = Fields(
    {
        "path": Key(PATH, "a folder of each profile"),
        "mode": Key(MODE, "its mode", "0755"),
    },
    required=("path",),
)
FILE = Fields(
    {
        "yaml": Key(PATH, "a YAML file: `config` of the profile is merged into it"),
        "env": Key(PATH, "a `.env` file: `env` of the profile is merged into it"),
        "file": Key(PATH, "a file that is written whole, from `template` or `from: soul`"),
        "template": Key(FILE_NAME, "with `file`: its content, a file of `templates/`"),
        "from": Key(
            one_of("config", "env", "soul"),
            "the part of the profile that it holds; `soul`: no file where there is none",
            otherwise="`config` with `yaml`, `env` with `env`",
        ),
        "initial": Key(MAPPING, "with `yaml`: values that are written only when the file is made"),
        "mode": Key(MODE, "its mode", otherwise="0600, with `file` 0644"),
        "restart": Key(
            BOOLEAN, "a change of it restarts the service", otherwise="true with `env`, else false"
        ),
    }
)
FORMS = {
    "yaml": frozenset({"from", "initial", "mode", "restart"}),
    "env": frozenset({"from", "mode", "restart"}),
    "file": frozenset({"template", "from", "mode", "restart"}),
}
"""Exactly one of these gives the kind of a file; the keys that it may have besides."""

SOURCES = {"yaml": "config", "env": "env", "file": "soul"}
"""The value of `from` for each kind of file."""

LIMITS = Fields(LIMIT_KEYS)
SERVICE = Fields(
    {
        "name": Key(WORD, "its name under the service manager"),
        "label": Key(
            WORD, "the label that launchd shows; no other manager uses it", otherwise="`name`"
        ),
        "command": Key(WORDS, "the words that run it"),
        "environment": Key(MAPPING, "variables of its environment, not secret"),
        "text": Key(
            WORD,
            "its unit: `service`, `hermes` (Hermes' own), or NAME of `templates/NAME.service.j2`",
            "service",
        ),
        "write": Key(WORDS, "with `text: hermes`: the words by which Hermes writes its own unit"),
        "planned_stop": Key(
            BOOLEAN, "announce a stop to Hermes, which would otherwise count as a crash", False
        ),
        "fatal_exit": Key(Each(EXIT_CODE), "exit codes after which it is not started again"),
        "watchdog": Key(WATCHDOG, "with `text: hermes`: seconds, for new profiles that name none"),
        "hardening": Key(
            Each(DIRECTIVE), "systemd's directives for profiles with `hardening: true`"
        ),
        "limits": Key(LIMITS, "limits and budgets where a profile's `service` has none"),
    },
    required=("name", "command"),
)
READY = Fields(
    {
        "kind": Key(
            one_of(*READINESS),
            "what shows it: its `process`, `http` (200 from `url`), or what `hermes` writes",
            "process",
        ),
        "url": Key(WORD, "with `kind: http`: what must answer with 200"),
    }
)
ROLE = Fields(
    {
        "description": Key(TEXT, "what it is for, in a line"),
        "program": Key(WORD, "the role of the program that it runs: found or installed first"),
        "home": Key(PATH, "the folder of each profile, below the user's home"),
        "create": Key(CREATE, "how `home` is made", otherwise="an empty folder"),
        "directories": Key(Each(FOLDER), "further folders"),
        "files": Key(Each(FILE), "files of each profile: exactly one of `yaml`, `env` and `file`"),
        "service": Key(SERVICE, "what runs"),
        "settings": Key(
            MAPPING,
            f"what a profile may set for it, by name: {', '.join(SETTING_KINDS)}",
            otherwise="anything",
        ),
        "readiness": Key(READY, "when a started service is ready"),
        "checks": Key(Each(CHECK), "the functions of `checks/` that every profile must pass"),
    },
    required=("home", "service"),
)
DEFAULTS = Fields(
    {
        "package": Key(PACKAGE, "the Python package that has the program"),
        "version": Key(VERSION, "the version that is installed; `hermes_version` names another"),
    },
    required=("package", "version"),
)
PROGRAM = Fields(
    {
        "description": Key(TEXT, "what it is for, in a line"),
        "defaults": Key(DEFAULTS, "the package and its version"),
    },
    required=("defaults",),
)
"""The role of a program, which other roles name as `program`; it has no service."""
