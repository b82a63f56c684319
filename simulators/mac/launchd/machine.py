"""The Mac: its domains, who sits at its console, how it boots and goes down."""

from __future__ import annotations

import ctypes
import os
import plistlib
import pwd
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launchd import view
from launchd.definition import KNOWN, Definition
from launchd.domain import Domain
from launchd.knobs import Knobs
from launchd.loop import Loop, in_turn
from launchd.overrides import Overrides

LOG = Path("/var/log/com.apple.xpc.launchd/launchd.log")
SUDOERS = Path("/etc/sudoers.d/hermes")
VERSION = Path("/System/Library/CoreServices/SystemVersion.plist")
LOGIN_WINDOW = Path("/Library/Preferences/com.apple.loginwindow.plist")
PASSWORD = Path("/etc/kcpassword")
PRODUCT = Path("/run/product")  # version, build and release of Darwin, for `uname`
BUILD = "25F80"
SSHD = "com.openssh.sshd"
GRACE = 10
"""Seconds that all processes have, when the Mac goes down."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the user, and the type and uid of the session that they are in."""

    uid: int
    session: str
    session_uid: int


class Machine:
    """All of a Mac that launchd knows of."""

    def __init__(self) -> None:
        self.knobs = Knobs.load()
        self.loop = Loop(lambda: self.knobs.scale)
        self.overrides = Overrides()
        self.children: dict[int, Callable[[int], object]] = {}
        self.console: int | None = None
        self._asids = 100000
        self.logins = view.session("login")
        self.system = Domain(self, "system", 0, view.session("system"), 0)
        self.domains: dict[str, Domain] = {"system": self.system}

    # --- domains ------------------------------------------------------------------------------

    def user(self, uid: int) -> Domain:
        """Return a user's background domain, which a login or a call of theirs creates."""
        name = f"user/{uid}"
        if name not in self.domains:
            self.domains[name] = Domain(self, "user", uid, self.logins, self._asid())
        return self.domains[name]

    def log_in(self, name: str) -> None:
        """Let a user log in at the console: a new session, with their agents in it."""
        user = pwd.getpwnam(name)
        if f"gui/{user.pw_uid}" in self.domains:
            return
        self.console = user.pw_uid
        self._give_console(user.pw_uid)
        self.user(user.pw_uid)
        namespace = view.session(f"gui/{user.pw_uid}")
        domain = Domain(self, "gui", user.pw_uid, namespace, self._asid())
        self.domains[domain.name] = domain
        domain.load_folder(Path("/Library/LaunchAgents"), owner=0)
        domain.load_folder(Path(user.pw_dir, "Library/LaunchAgents"), owner=user.pw_uid)

    def log_out(self, uid: int, then: Callable[[], object] = lambda: None) -> None:
        """End a user's session at the console, with all jobs in it."""
        domain = self.domains.get(f"gui/{uid}")
        if domain is None:
            then()
        else:
            domain.empty(in_turn(lambda: self._left(domain), then))

    def _left(self, domain: Domain) -> None:
        del self.domains[domain.name]
        view.forget(domain.name, domain.namespace)
        self.console = None
        self._give_console(0)

    def _give_console(self, uid: int) -> None:
        """Let a user own /dev/console, which may be a link."""
        for follows in (True, False):
            os.chown("/dev/console", uid, -1, follow_symlinks=follows)

    def _asid(self) -> int:
        self._asids += 1
        return self._asids

    def caller(self, pid: int, uid: int) -> Caller:
        """Return who a process is; a user that calls has a background domain from then on."""
        if uid:
            self.user(uid)
        seen = view.number(f"/proc/{pid}/ns/mnt")
        for domain in self.domains.values():
            if domain.kind == "gui" and view.number(domain.namespace) == seen:
                return Caller(uid, "Aqua", domain.uid)
        if seen == view.number(self.logins):
            return Caller(uid, "Background", uid)
        return Caller(uid, "System", 0)

    def namespace_of(self, domain: Domain, definition: Definition) -> int:
        """Return what a job sees: the logins that sshd makes are in the session of logins."""
        return self.logins if definition.label.startswith(SSHD) else domain.namespace

    @property
    def denied(self) -> set[str]:
        """The labels that somebody switched off among the Login Items."""
        return set(filter(None, self.knobs["btm_denied"].split(",")))

    # --- up and down --------------------------------------------------------------------------

    def boot(self) -> None:
        """Start what starts without anybody, and log in whoever is logged in without asking."""
        self.log("boots")
        self.apply_knobs()
        self.loop.on_signal(signal.SIGCHLD, self._reap)
        self.loop.on_signal(signal.SIGRTMIN + 3, lambda: self.go_down(reboot=False))
        locked = self.knobs["filevault"] == "on"
        folder = "locked" if locked else "unlocked"
        self.system.load_folder(view.HERE / folder, owner=0)
        if not locked:
            self.system.load_folder(Path("/Library/LaunchDaemons"), owner=0)
            if name := self.knobs["autologin"]:
                self.log_in(name)

    def unlock(self) -> None:
        """Let somebody give the password that opens the volume."""
        sshd = self.system.jobs.get(f"{SSHD}.locked")
        if sshd:
            self.system.remove(sshd, self._unlocked)

    def _unlocked(self) -> None:
        self.system.load_folder(view.HERE / "unlocked", owner=0)
        self.system.load_folder(Path("/Library/LaunchDaemons"), owner=0)

    def go_down(self, *, reboot: bool) -> None:
        """Stop all jobs, then all processes, and end."""
        self.log("goes down")
        left = list(self.domains.values())
        self.loop.later(GRACE * self.knobs.scale, lambda: self._off(reboot))
        for domain in reversed(left):
            domain.empty(lambda domain=domain: self._one_down(domain, reboot))  # type: ignore[misc]

    def _one_down(self, domain: Domain, reboot: bool) -> None:
        self.domains.pop(domain.name, None)
        if not self.domains:
            self._off(reboot)

    def _off(self, reboot: bool) -> None:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGTERM)
        time.sleep(0.05)
        os.sync()
        # In a namespace of processes this ends them all, and tells why.
        ctypes.CDLL(None).reboot(0x01234567 if reboot else 0x4321FEDC)
        os._exit(0)

    def apply_knobs(self) -> None:
        """Write what other programs read of the knobs."""
        SUDOERS.unlink(missing_ok=True)
        if self.knobs["sudo"] == "yes":
            SUDOERS.write_text("%admin ALL=(ALL) NOPASSWD: ALL\n")
            SUDOERS.chmod(0o440)
        name = self.knobs["autologin"]
        LOGIN_WINDOW.parent.mkdir(parents=True, exist_ok=True)
        LOGIN_WINDOW.write_bytes(plistlib.dumps({"autoLoginUser": name} if name else {}))
        PASSWORD.unlink(missing_ok=True)
        if name:
            PASSWORD.touch(0o600)
        version = self.knobs["os_version"]
        PRODUCT.write_text(f"{version} {BUILD} {darwin(version)}\n")
        product = {"ProductName": "macOS", "ProductVersion": version}
        VERSION.parent.mkdir(parents=True, exist_ok=True)
        VERSION.write_bytes(plistlib.dumps(product | {"ProductBuildVersion": BUILD}))

    def reset(self, then: Callable[[], object]) -> None:
        """Be as after the first boot: no jobs, nothing disabled, all knobs untouched."""
        self.knobs.reset()
        self.overrides.clear()
        self.apply_knobs()
        jobs = [job for domain in self.domains.values() for job in domain.jobs.values()]
        left = [job for job in jobs if not job.label.startswith(SSHD)]
        for job in left:
            job.stop(lambda job=job: job.domain.drop(job), hard=True)  # type: ignore[misc]
        uid = self.console or 0
        self.log_out(uid, in_turn(lambda: self.log_in(self.knobs["autologin"]), then))

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid in self.children:
                    self.children.pop(pid)(status)

    def log(self, message: str) -> None:
        """Write a line to launchd's log."""
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("a") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} launchd[1]: {message}\n")

    def log_unknown_keys(self, definition: Definition) -> None:
        """Name the keys that have no effect here."""
        if unknown := sorted(set(definition.raw) - KNOWN):
            self.log(f"{definition.label}: without effect here: {', '.join(unknown)}")


def darwin(version: str) -> str:
    """Return the release of Darwin that is in a version of macOS: 25.5.0 in 26.5."""
    major, minor = [*map(int, version.split(".")), 0][:2]
    return f"{major - 1 if major > 15 else major + 9}.{minor}.0"
