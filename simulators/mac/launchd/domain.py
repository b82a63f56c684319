"""A domain: the jobs of the system, of a user, or of a GUI login."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from launchd.definition import Definition, check_user, read
from launchd.errors import Refused
from launchd.job import Job
from launchd.loop import in_turn
from launchd.spawn import Identity, identity

if TYPE_CHECKING:
    from launchd.machine import Machine

SESSIONS = {"system": "System", "user": "Background", "gui": "Aqua"}


class Domain:
    """A name space of jobs; `namespace` is the descriptor of what they see."""

    def __init__(self, machine: Machine, kind: str, uid: int, namespace: int, asid: int) -> None:
        self.machine = machine
        self.kind = kind
        self.uid = uid
        self.namespace = namespace
        self.asid = asid
        self.jobs: dict[str, Job] = {}
        self.leaving: list[Callable[[], object]] = []

    @property
    def name(self) -> str:
        """How it is called in a target: system, user/501, gui/501."""
        return self.kind if self.kind == "system" else f"{self.kind}/{self.uid}"

    @property
    def phrase(self) -> str:
        """How it is called in an error."""
        return phrase(self.kind, self.uid)

    @property
    def session(self) -> str:
        """The type of session that it is."""
        return SESSIONS[self.kind]

    def load(self, path: Path) -> Job:
        """Load a property list; raise Refused with the code that root gets."""
        owners = (0,) if self.kind == "system" else (0, self.uid)
        definition = read(path, owners)
        self._check(definition)
        job = Job(definition, self)
        self.jobs[job.label] = job
        self.machine.log_unknown_keys(definition)
        job.loaded()
        return job

    def _check(self, definition: Definition) -> None:
        if self.kind == "system":
            check_user(definition)
        elif self.session not in definition.sessions:
            raise Refused(134, str(definition.path))
        if self.machine.overrides.is_disabled(self, definition):
            raise Refused(119, str(definition.path))
        if self.leaving:
            raise Refused(124)
        if loaded := self.jobs.get(definition.label):
            knob = self.machine.knobs.number("already_loaded_code_root")
            raise Refused(5 if loaded.killed else knob)

    def remove(self, job: Job, then: Callable[[], object] = lambda: None) -> None:
        """Stop a job, and forget it when it has ended."""
        job.stop(in_turn(lambda: self.drop(job), then))

    def drop(self, job: Job) -> None:
        """Forget a job."""
        if self.jobs.get(job.label) is job:
            del self.jobs[job.label]
        if self.leaving and not self.jobs:
            leaving, self.leaving = self.leaving, []
            for call in leaving:
                call()

    def empty(self, then: Callable[[], object]) -> None:
        """Stop all jobs; do `then` when none is left."""
        self.leaving.append(then)
        for job in list(self.jobs.values()):
            self.remove(job)
        if not self.jobs and self.leaving:
            self.leaving.remove(then)
            then()

    def load_folder(self, folder: Path, *, owner: int) -> None:
        """Load what a login or a boot finds in a folder; what is refused stands in the log."""
        for path in sorted(folder.glob("*.plist")):
            # A link is not followed here, though it can be loaded by hand.
            if path.is_symlink() or path.lstat().st_uid not in (0, owner):
                continue
            try:
                self.load(path)
            except Refused as refused:
                self.machine.log(f"{path}: {refused.code}, not loaded in {self.name}")

    def identity(self, definition: Definition) -> Identity:
        """Return as whom a job runs: only the system's may be of another user."""
        uid, gid = self.uid, None
        if self.kind == "system":
            uid = pwd.getpwnam(definition.get("UserName", "root")).pw_uid
            group = definition.get("GroupName")
            gid = grp.getgrnam(group).gr_gid if group else None
        return identity(uid, self.machine.namespace_of(self, definition), gid)


def phrase(kind: str, uid: int) -> str:
    """Return how an error calls a domain."""
    return {"gui": f"user gui: {uid}", "user": f"uid: {uid}"}.get(kind, kind)
