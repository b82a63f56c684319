"""`dev.trials`: run the scripts of a folder, each on fresh hosts of the lab."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hermes_ops import lab
from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import CommandError, UsageError
from hermes_ops.reporting.report import table

SCRIPT = "try.sh"
LIMIT = 600.0
"""How long one script may take, in seconds."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The output of a script, and how it ended: `right` (0), `wrong` (1), else `broken`."""

    trial: str
    outcome: str
    seconds: float
    said: str


def run(output: Output, folder: Path, only: str) -> Result:
    """Run each NAME/try.sh of a folder, or only that of one name; exit 1 unless all are right.

    A script gets these variables: INV, our program; ADDRESS and SECOND, two hosts with the users
    root and hermes, who may use sudo; KEY, the private key for both users; KNOWN, a known_hosts
    file with the hosts; HOME, an empty folder. It exits with 0 for right and 1 for wrong.

    Raises:
        UsageError: the folder has no such script.
        CommandError: the lab cannot run here.
    """
    scripts = sorted(folder.resolve().glob(f"{only or '*'}/{SCRIPT}"))
    if not scripts:
        raise UsageError(f"no {only or '*'}/{SCRIPT} here", where=str(folder))
    lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"the lab cannot run here: {reason}")
    trials = []
    for trial in _trials(scripts):
        output.note(f"{trial.trial}  {trial.outcome} after {trial.seconds:.0f} s")
        trials.append(trial)
    rows = [asdict(trial) for trial in trials]
    if not output.json:
        table(output, ["trial", "outcome", "seconds", "said"], rows)
    return items(rows, exit=int(any(trial.outcome != "right" for trial in trials)))


def _trials(scripts: list[Path]) -> Iterator[Trial]:
    for script in scripts:
        with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="hermes-ops-trial-") as made:
            root = Path(made)
            hosts = lab.up(root / "lab", {"linux": 2}, lambda _: None)
            try:
                yield _try(script, root, [host.address for host in hosts])
            finally:
                lab.down(root / "lab", lambda _: None)


def _try(script: Path, root: Path, addresses: list[str]) -> Trial:
    (root / "home").mkdir(mode=0o700)
    begin = time.monotonic()
    try:
        done = subprocess.run(
            ["bash", str(script)], env=_environ(root, addresses), cwd=root, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            errors="replace", timeout=LIMIT,
        )  # fmt: skip
        outcome, said = {0: "right", 1: "wrong"}.get(done.returncode, "broken"), done.stdout
    except subprocess.TimeoutExpired:
        outcome, said = "broken", f"it did not end within {LIMIT:.0f} s"
    return Trial(script.parent.name, outcome, round(time.monotonic() - begin, 1), said.strip())


def _environ(root: Path, addresses: list[str]) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(root / "home"),
        "INV": str(CLONE / "inv"),
        "KEY": str(root / "lab" / "ssh" / "id_ed25519"),
        "KNOWN": str(root / "lab" / "inventory" / "known_hosts"),
        "ADDRESS": addresses[0],
        "SECOND": addresses[1],
    }
