"""The options that tasks share, as checked values: a wrong one is a usage error, exit 64."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from hermes_ops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default shows its kind (False: a flag, (): can be repeated, else a text)."""

    name: str
    help: str
    default: Any = None
    short: str = ""
    choices: tuple[str, ...] = ()
    """The values that it takes, if they are few: the hint of a word that lacks its option."""


COMMON = (
    Option(
        "inventory",
        "inventory file or folder, repeatable (else $HERMES_OPS_INVENTORY, else inventory/ here or"
        " above)", (), "i",
    ),
    Option(
        "limit",
        "which hosts and profiles, repeatable: minis, mini-*, a,b, minis:&prod, all:!x,"
        " minis/coder, @file, ~regex", (), "l",
    ),
    Option(
        "role_path",
        "folder of roles that you trust, repeatable (else $HERMES_OPS_ROLE_PATH)", (),
    ),
    Option("vault_password_file", "file with the password for values that ansible-vault encrypted"),
    Option("forks", "how many hosts at once (32)"),
    Option("serial", "hosts in a batch, as a number or a share (20%); the next batch waits for it"),
    Option("max_fail", "begin no further host once more than this number or share has failed"),
    Option("timeout", "the deadline of the run, in seconds"),
    Option("lock_timeout", "how long to wait for another run's lock, in seconds (60)"),
    Option("check", "look and plan; write nothing anywhere on a host", False),
    Option("diff", "show what differs in each file; secrets only as names", False),
    Option("json", "print one JSON document on stdout and nothing else there", False),
    Option("why", "a reason, kept in the lock and in the journal"),
    Option(
        "age_key_file",
        "file with the key for age secrets (else $HERMES_OPS_AGE_KEY_FILE, else that of"
        " secrets.keygen)",
    ),
    Option(
        "all_rows",
        "show every row of the table after fleet.up, healthy ones too, and every check that did"
        " not pass", False,
    ),
    Option("ask_become_pass", "ask once for the password of sudo on the hosts", False),
    Option("yes", "answer every question with yes", False, "y"),
    Option("verbose", "show what is exchanged with the hosts, on stderr", False, "v"),
)  # fmt: skip


def only(*names: str) -> tuple[Option, ...]:
    """Return the common options of these names."""
    return tuple(option for option in COMMON if option.name in names)


def here(options: Iterable[Option] = COMMON) -> tuple[Option, ...]:
    """Return the options for a task that writes files on this machine: those of the inventory."""
    check = "show what would be written into the inventory's files, and write nothing"
    return tuple(replace(o, help=check) if o.name == "check" else o for o in options)


RESTARTING = (
    *COMMON,
    Option("drain", "how long a restart waits for turns that run, in seconds (60)"),
    Option("now", "restart without waiting for turns that run", False),
)
"""For a task that may restart gateways."""

_OF_WRITES = (
    "serial",
    "max_fail",
    "lock_timeout",
    "check",
    "diff",
    "why",
    "all_rows",
)

ASK = tuple(option for option in COMMON if option.name not in _OF_WRITES)
"""For a task that only looks at hosts."""

READ = tuple(option for option in ASK if option.name != "ask_become_pass")
"""For a task that reads the inventory and asks no host."""

LOOK = ASK + tuple(
    replace(option, help="no effect here: this task only looks") for option in only(*_OF_WRITES)
)
"""For a task that only looks at profiles: scripts may give it every common option."""

LOGS = (
    Option("follow", "show new lines as they come, until Ctrl-C", False, "f"),
    Option("lines", "how many lines of all logs together (100; with --since: all)", None, "n"),
    Option("since", "only lines from then on: 30m, 2h, 1d, 2026-11-27T10:00"),
    Option("grep", "only lines in which this regular expression is found"),
    Option("level", "only lines of this level or above: DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    Option("logger", "only lines of this logger and those below it: gateway.platforms"),
    Option("file", "gateway, errors, agent or journal, repeatable (gateway)", ()),
)
"""For a task that shows logs."""

ANSWER = only("json", "verbose")
"""For a task that reads no inventory and asks no host."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of hosts, or a share of them in percent."""

    number: int
    percent: bool = False

    def of(self, total: int) -> int:
        """Return how many of `total` hosts this is; a share is at least one."""
        return max(1, total * self.number // 100) if self.percent else self.number


@dataclass(frozen=True, slots=True)
class Options:
    """The common options of one call, checked. Times are in seconds."""

    inventory: tuple[str, ...] = ()
    limit: str | None = None
    within: str | None = None
    """The selection of the command line, if a runbook gave `limit`: both must match."""
    role_path: tuple[str, ...] = ()
    vault_password_file: str | None = None
    forks: int = 32
    serial: Amount | None = None
    max_fail: Amount | None = None
    timeout: float | None = None
    lock_timeout: int = 60
    drain: int = 60
    now: bool = False
    check: bool = False
    diff: bool = False
    json: bool = False
    why: str = ""
    age_key_file: str | None = None
    all_rows: bool = False
    ask_become_pass: bool = False
    yes: bool = False
    verbose: bool = False

    @property
    def selection(self) -> str | None:
        """Return the selection as a text for the journal."""
        return f"{self.limit} within {self.within}" if self.within else self.limit

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """Return the options from what Invoke parsed; raises `UsageError`."""
        own = {field.name for field in fields(cls)}
        values = {key: value for key, value in given.items() if key in own and value is not None}
        for key, reader in _READERS.items():
            if key in values:
                values[key] = reader(key, values[key])
        for key in {"limit", "within"} & values.keys():
            values[key] = united(values[key])
        if values.get("now") and values.get("drain"):
            hint = "leave out one of the two"
            raise UsageError(
                f"--now waits for no turn, and --drain {values['drain']} does", hint=hint
            )
        if "" in values.get("inventory", ()):
            raise UsageError("--inventory needs a value", hint="is a shell variable empty?")
        lists = {key: tuple(values.get(key, ())) for key in ("inventory", "role_path")}
        return cls(**values | lists)


def united(limit: str | Sequence[str]) -> str | None:
    """Return the selection of all `-l` together as one text, which the selector reads again."""
    if isinstance(limit, str) or len(limit) < 2:
        return limit if isinstance(limit, str) else next(iter(limit), None)
    if "" in limit:
        raise UsageError("--limit needs a value", hint="is a shell variable empty?")
    return " -l ".join(limit)


MOST = 999_999_999
"""The greatest number of an option that has no limit of its own."""


def whole(name: str, text: str, *, least: int = 1, most: int = MOST) -> int:
    """Return a whole number of at least `least` and at most `most`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        end = "up" if most == MOST and not re.fullmatch(r"[0-9]{10,}", text) else f"to {most}"
        raise UsageError(
            f"--{name.replace('_', '-')} takes a whole number from {least} {end}, not {text!r}"
        )
    return int(text)


def seconds(name: str, text: str) -> float:
    """Return a number of seconds above 0."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or float(text) <= 0:
        raise UsageError(f"--{name.replace('_', '-')} takes seconds above 0, not {text!r}")
    return float(text)


def amount(name: str, text: str) -> Amount:
    """Return a number of hosts or a share of 1 to 100 percent."""
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text)
    number = int(match[1]) if match else 0
    least = 0 if name == "max_fail" else 1
    if match is None or number < least or (match[2] and number > 100):
        option = name.replace("_", "-")
        raise UsageError(f"--{option} takes a number of hosts or a share like 20%, not {text!r}")
    return Amount(number, bool(match[2]))


_READERS: Mapping[str, Any] = {
    "forks": whole,
    "serial": amount,
    "max_fail": amount,
    "timeout": seconds,
    "lock_timeout": lambda name, text: whole(name, text, least=0),
    "drain": lambda name, text: whole(name, text, least=0),
}
