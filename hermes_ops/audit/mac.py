"""Whether a Mac brings its gateways back after a reboot, and stays awake: findings of a doctor.

They need `Facts.health`, as those of `health` do: a person decides them once, each has its price.
"""

from __future__ import annotations

from collections.abc import Iterable

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.register import Seen, finds
from hermes_ops.services import MANAGERS
from hermes_ops.services.awake import KEEPERS
from hermes_ops.services.describe import describe


def _on(seen: Seen) -> tuple[Side, ...]:
    return (Side(seen.host.name, None),)


def _needs_login(seen: Seen) -> bool:
    """Whether its gateways begin with a session: those of the system begin with the Mac."""
    manager = MANAGERS.get(seen.host.manager)
    return "domain" in seen.facts.health and not (manager and manager.by_root)


def _logs_in(seen: Seen) -> bool:
    """Whether the user of the gateways is logged in at the screen after a reboot, by itself."""
    health = seen.facts.health
    return health.get("autologin") == seen.facts.user and "autologin-password" in health


@finds(
    "filevault",
    says="FileVault is on at {who}",
    ignored="after a reboot nothing runs there, sshd included, until somebody types a password at"
    " the screen; macOS 26 takes one over SSH",
    mend="on the host: sudo fdesetup disable   # or unlock it after each reboot, then run"
    " ./inv fleet.up -l {who}",
)
def _filevault(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("filevault") == "on":
        yield make("filevault", "FileVault", _on(seen))


@finds(
    "no-autologin",
    says="{what} at {who}",
    ignored="after a reboot its gateways are down until {name} logs in at the screen, or fleet.up"
    " is run",
    mend="hermes_service_manager: launchd-system, then ./inv fleet.up -l {who}; or, on the host:"
    " sudo sysadminctl -autologin set -userName {name} -password -   # over SSH it may do nothing:"
    " then in System Settings > Users & Groups",
)
def _autologin(seen: Seen) -> Iterable[Finding]:
    """Yield that nobody is logged in by itself, or another user, or that it was set in vain."""
    user, found = seen.facts.user, seen.facts.health.get("autologin", "")
    what = "nobody is logged in automatically"
    if found and found != user:
        what = f"{found} is logged in automatically, and not {user},"
    elif found:
        what = "automatic login has no password (/etc/kcpassword)"
    if _needs_login(seen) and not _logs_in(seen):
        yield make("no-autologin", user, _on(seen), what)


@finds(
    "not-at-the-screen",
    says="{what} at the screen of {who}",
    ignored="its gateways run in {path}, which no reboot starts again",
    mend="log in as {name} at the screen, then ./inv fleet.up -l {who}",
)
def _screen(seen: Seen) -> Iterable[Finding]:
    domain, user = seen.facts.health.get("domain", "gui/"), seen.facts.user
    owner = seen.facts.health.get("console", "root")
    what = f"{owner} is logged in, and not {user}," if owner not in ("root", user) else ""
    if _needs_login(seen) and not domain.startswith("gui/"):
        yield make(
            "not-at-the-screen", user, _on(seen), what or "nobody is logged in", path=domain
        )  # fmt: skip


@finds(
    "goes-to-sleep",
    says="{who} goes to sleep when nobody uses it (sleep is {name} in pmset)",
    ignored="its gateways answer nobody while it sleeps",
    mend="{path}./inv fleet.up -l {who}; or, on the host: sudo pmset -a sleep 0",
)
def _goes_to_sleep(seen: Seen) -> Iterable[Finding]:
    """Yield the finding; if the setting that mends it is there already, the remedy is a run."""
    if _would_sleep(seen) and not _is_kept(seen):
        is_set = seen.host.awake is not None and seen.host.awake.is_on
        setting = "" if is_set else "hermes_awake: true, then " if _needs_login(seen) else _LASTS
        yield make("goes-to-sleep", seen.facts.health["sleep"], _on(seen), path=setting)


_LASTS = "hermes_awake: {flags: [idle], pmset: {sleep: 0}}, then "
"""What keeps a Mac awake after a reboot, too, when nobody logs in."""


@finds(
    "awake-until-reboot",
    says="{who} stays awake until its next reboot only (sleep is {name} in pmset)",
    ignored="its daemons come back then and sleep with it: caffeinate is an agent, and waits for a"
    " login",
    mend="{path}./inv fleet.up -l {who}; or, on the host: sudo pmset -a sleep 0",
)
def _until_reboot(seen: Seen) -> Iterable[Finding]:
    """Yield it where gateways need no login; where they do, that is the finding."""
    daemons = "domain" in seen.facts.health and not _needs_login(seen)
    if daemons and not _logs_in(seen) and _would_sleep(seen) and _is_kept(seen):
        name = seen.facts.health["sleep"]
        yield make("awake-until-reboot", name, _on(seen), path=_LASTS)


def _would_sleep(seen: Seen) -> bool:
    health = seen.facts.health
    return health.get("sleep", "0") != "0" and health.get("SleepDisabled", "0") == "0"


def _is_kept(seen: Seen) -> bool:
    return bool(seen.facts.awake) and KEEPERS["Darwin"].is_on(seen.facts)


@finds(
    "stays-off",
    says="{who} stays off after a power failure",
    ignored="somebody has to press its button",
    mend="on the host: sudo pmset -a autorestart 1",
)
def _stays_off(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("autorestart") == "0":
        yield make("stays-off", "autorestart", _on(seen))


@finds(
    "list-is-a-link",
    says="~/{path} of {who} is a link to {what}",
    ignored="launchd runs it now, and may pass it over at the next login: macOS 14 and later do",
    mend="on the host: rm ~/{path}; then ./inv fleet.up -l {who}",
)
def _linked(seen: Seen) -> Iterable[Finding]:
    """Yield the lists that a person has put elsewhere: they can be loaded by hand."""
    agents = _needs_login(seen) and seen.host.manager in ("auto", "launchd")
    for profile in seen.host.profiles if agents else ():
        service = describe(profile, seen.roles[profile.role])
        for known in MANAGERS["launchd"].paths(service):
            found = seen.facts.paths.get(str(known.path))
            if known.kind == "unit" and found and found.kind == "link":
                side = (Side(seen.host.name, profile.name),)
                target = str(found.target)
                yield make("list-is-a-link", profile.name, side, target, path=str(known.path))


@finds(
    "not-loaded",
    severity="error",
    says="launchd has not loaded {name} of {who}, although nothing forbids it",
    ignored="it does not run, and perhaps no login loads it",
    mend="./inv fleet.up -l {who}   # if it is dropped again: allow it at the screen in System"
    " Settings > General > Login Items & Extensions",
)
def _not_loaded(seen: Seen) -> Iterable[Finding]:
    """Yield the jobs that we loaded and launchd has dropped: no command tells of that policy."""
    at_screen = seen.facts.health.get("domain", "").startswith("gui/")
    for name, is_up in {"launchd": at_screen, "launchd-system": True}.items():
        for label, unit in sorted(seen.facts.units.get(name, {}).items()):
            profile = MANAGERS[name].profile_of(label)
            lost = unit["Note"] and not unit["Domains"] and not unit["Disabled"]
            if lost and profile and is_up:
                yield make("not-loaded", label, (Side(seen.host.name, profile),))
