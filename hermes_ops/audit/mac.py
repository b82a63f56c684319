"""Whether a Mac brings its gateways back after a reboot, and stays awake: findings of a doctor.

They need `Facts.health`, as those of `health` do: a person decides them once, each has its price.
"""

from __future__ import annotations

from collections.abc import Iterable

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.register import Seen, finds
from hermes_ops.services import MANAGERS
from hermes_ops.services.awake import KEEPERS


def _on(seen: Seen) -> tuple[Side, ...]:
    return (Side(seen.host.name, None),)


def _needs_login(seen: Seen) -> bool:
    """Whether its gateways begin with a session: those of the system begin with the Mac."""
    manager = MANAGERS.get(seen.host.manager)
    return "domain" in seen.facts.health and not (manager and manager.by_root)


@finds(
    "filevault",
    says="FileVault is on at {who}",
    ignored="after a reboot nothing runs there, sshd included, until somebody types a password at"
    " the screen; macOS 26 takes one over SSH",
    mend="on the host: sudo fdesetup disable   # or unlock it after each reboot, then run fleet.up",
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
    kept = "autologin-password" in seen.facts.health
    if _needs_login(seen) and (found != user or not kept):
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
    mend="hermes_awake: true, then ./inv fleet.up -l {who}; or, on the host: sudo pmset -a sleep 0",
)
def _goes_to_sleep(seen: Seen) -> Iterable[Finding]:
    health = seen.facts.health
    is_kept = bool(seen.facts.awake) and KEEPERS["Darwin"].is_on(seen.facts)
    if health.get("sleep", "0") != "0" and health.get("SleepDisabled", "0") == "0" and not is_kept:
        yield make("goes-to-sleep", health["sleep"], _on(seen))


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
