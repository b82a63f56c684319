"""A host of a test's own: its clock moves when a script sleeps, and what it shows changes on cue.

A real shell runs the whole script; functions stand for the commands that look at a host.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hermes_ops.hermes.gateway import PID_FILE, STATE_FILE
from hermes_ops.plan import Plan
from hermes_ops.wire import OnRecord, Reader, Reply, Script, libraries_end

SHELLS = {
    name: [found, *words]
    for name, words in {"dash": [], "bash": ["--posix"], "busybox": ["sh"]}.items()
    if (found := shutil.which(name))
}
BEGIN = 500_058
"""When each wait begins, in ticks; half a second later the fraction is 08, no octal number."""
GONE = 69
"""A process that wrote its state and is no more."""
WORLD = r"""
become() { TURN= AT=; cp -R "$WORLD/later/." "$WORLD"; echo >"$WORLD/became"; }
step() {
  read -r steps <"$WORLD/steps"
  echo $((steps + 1)) >"$WORLD/steps"
  [ "$steps" != "$TURN" ] || become
}
sleep() {
  read -r ticks <"$WORLD/ticks"
  ticks=$((ticks + 50))
  echo $ticks >"$WORLD/ticks"
  printf '%d.%02d 0.00\n' $((ticks / 100)) $((ticks % 100)) >"$WORLD/proc/uptime"
  [ -z "$AT" ] || [ $ticks -lt "$AT" ] || become
  step
}
date() { read -r ticks <"$WORLD/ticks"; echo $((1795338000 + ticks / 100)); }
kill() { [ -d "$WORLD/proc/$2" ]; }
tar() { step; command tar "$@"; }
tr() { step; command tr "$@"; }
user_bus() { return 0; }
limited() { shift; "$@"; }
systemctl() { step; cat "$WORLD/units"; }
supervisor_alive() { supervisor_pid=9; }
supervisorctl() { step; cat "$WORLD/programs"; }
ask_bash() { step; for url; do echo "$url $(cat "$WORLD/answer")"; done; }
"""
"""What stands for the commands of a host; each call of one that shows something is a step."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a host shows of its one service; `born` is when its process began, in ticks."""

    activity: str = "active"
    pid: int = 70
    born: int = BEGIN - 4000
    code: int = 0
    process: str = "S"
    word: str = "running"
    owner: int = 70
    """The process that the state file names; `reused` if its number is another's by now."""
    reused: bool = False
    platforms: Mapping[str, str] = field(default_factory=dict)
    answers: bool = True

    def write(self, folder: Path, plan: Plan) -> None:
        """Lay this out as a host shows it; the service failed long ago under the other manager."""
        (watch,) = plan.watches
        home = folder / "home" / watch.service.home
        home.mkdir(parents=True)
        (home / STATE_FILE).write_text(self._state())
        (home / PID_FILE).write_text(json.dumps({"pid": self.owner}))
        (folder / "answer").write_text("hermes-agent 200" if self.answers else "")
        nobody = Shown("failed", pid=0, code=78)
        by_systemd, by_other = (self, nobody) if plan.manager == "systemd" else (nobody, self)
        (folder / "units").write_text(by_systemd._units(f"{watch.service.name}.service"))
        (folder / "programs").write_text(by_other._programs(watch.service.name))
        for pid in {self.pid, self.owner} - {0, GONE}:
            process = folder / "proc" / str(pid)
            process.mkdir(parents=True)
            fields = [self.process, *["0"] * 18, str(self.born), "0", "24000"]
            (process / "stat").write_text(f"{pid} (a (b) {' '.join(fields)}\n")
            (process / "cgroup").write_text("0::/user.slice\n")

    def _state(self) -> str:
        own = {"pid": self.owner, "kind": "hermes-gateway", "start_time": self.born - self.reused}
        entries = {name: {"state": word} for name, word in self.platforms.items()}
        # As Hermes writes it: in one line, without blanks.
        state = {**own, "gateway_state": self.word, "platforms": entries}
        return json.dumps(state, separators=(",", ":"))

    def _units(self, name: str) -> str:
        blocks = (
            f"MainPID={pid}\nExecMainStatus={code}\nId={unit}\nLoadState=loaded\nActiveState={word}"
            for unit, word, pid, code in (
                (f"x-{name}", "active", 8, 0),
                (name, self.activity, self.pid, self.code),
                (f"{name}x", "inactive", 0, 1),
            )
        )
        return "\n\n".join(blocks)

    def _programs(self, name: str) -> str:
        words = {"active": "RUNNING", "activating": "BACKOFF", "deactivating": "STOPPING"}
        word = {**words, "failed": "FATAL", "inactive": "STOPPED"}[self.activity]
        said = f"pid {self.pid}, uptime 0:00:01" if self.pid else "Exited too quickly"
        return f"x-{name}  RUNNING  pid 8, uptime 0:16:40\n{name}  {word}   {said}\n{name}x  FATAL"


@dataclass(slots=True)
class World:
    """A host whose clock and processes are this test's; as a transport it runs what it is sent."""

    folder: Path
    shell: str
    turn: int | None = None
    at: int | None = None
    has_proc: bool = True
    exchanges: int = 0

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Run a script here; it says nothing beside its answer."""
        self.exchanges += 1
        proc = f"{self.folder}/proc/" if self.has_proc else "/nowhere/"
        there = replace(script, text=script.text.replace("/proc/", proc))
        cut = libraries_end(there)
        text = there.text[:cut] + WORLD + there.text[cut:]
        text = re.sub(r"head -c \d+", "cat", text, count=1)  # its length is another one now
        environ = {"HOME": str(self.folder / "home"), "PATH": "/usr/bin:/bin"}
        environ |= {
            "WORLD": str(self.folder),
            "TURN": str(self.turn or ""),
            "AT": str(self.at or ""),
        }
        done = subprocess.run(
            SHELLS[self.shell],
            input=text.encode(),
            env=environ,
            capture_output=True,
            timeout=30,
            check=True,
        )
        assert done.stderr == b""
        reader = Reader(script.nonce, on_record)
        reader.feed(done.stdout)
        assert reader.complete
        return reader.reply()

    @property
    def passed(self) -> int:
        """Return the ticks since the wait began."""
        return int((self.folder / "ticks").read_text()) - BEGIN

    @property
    def became(self) -> bool:
        """Say whether what the host shows has changed."""
        return (self.folder / "became").exists()


def world(folder: Path, plan: Plan, shown: Shown, later: Shown | None = None, **more: Any) -> World:
    """Return a host that shows one thing and later another."""
    shown.write(folder, plan)
    (later or shown).write(folder / "later", plan)
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "uptime").write_text(f"{BEGIN / 100:.2f} 0.00\n")
    (folder / "ticks").write_text(f"{BEGIN}\n")
    (folder / "steps").write_text("1\n")
    for name in (".config/hermes-ops/supervisord.conf", SUPERVISORCTL):
        (folder / "home" / name).parent.mkdir(parents=True)
        (folder / "home" / name).touch(0o755)
    return World(folder, **{"shell": "dash", **more})


SUPERVISORCTL = ".local/share/hermes-ops/supervisor/current/venv/bin/supervisorctl"
