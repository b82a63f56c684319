"""`./inv` on a Debian just installed: python3 and git, no ensurepip, no pip, an empty HOME."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hermes_ops import lab
from hermes_ops.lab import pipconfig

WHY_NOT = lab.why_not()
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "the lab works here"),
]
ROOT = Path(__file__).parents[2]
CACHE = Path("/var/cache/hermes-ops")
BUILD = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,git", "bookworm"]

# A machine of its own for as long as the script runs: the image read-only, the rest in memory.
# $1 is the image, $2 an archive of the checkout, the others what this machine's pip reads.
ENTER = r"""
set -eu
mount --rbind "$1" "$1"
cd "$1"
mount -o remount,bind,ro "$1"
mount -t proc proc proc
mount --rbind /dev dev
for folder in run tmp home; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
chmod 1777 tmp
cat /etc/resolv.conf > run/resolv.conf
mount --bind run/resolv.conf etc/resolv.conf
mkdir -p 'home/new/my checkout'
tar -x -C 'home/new/my checkout' -f "$2"
shift 2
for path; do
    if [ -d "$path" ]; then mkdir -p "run/pip$path"; else install -D /dev/null "run/pip$path"; fi
    mount --bind -o ro "$path" "run/pip$path"
done
chown -R 1000:1000 home/new
cat > run/script
set -- setpriv --reuid=1000 --regid=1000 --clear-groups
exec chroot . "$@" sh -eu -c 'cd "$HOME/my checkout"; . /run/script'
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A Debian to run a script on; nothing remains of it."""

    image: Path
    checkout: Path

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run `script` in the checkout, as an ordinary user with an empty home."""
        sources = pipconfig.settings()
        paths = pipconfig.local_paths(sources)
        namespace = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return subprocess.run(
            [*namespace, "sh", "-c", ENTER, "sh", self.image, self.checkout, *paths],
            input=script,
            env=self.environ() | pipconfig.moved(sources, "/run/pip"),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def environ(self) -> dict[str, str]:
        """Return the variables of a fresh login, with the proxies of this machine."""
        proxies = {name: os.environ[name] for name in os.environ if name.lower().endswith("_proxy")}
        return {"HOME": "/home/new", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | proxies


@pytest.fixture(scope="module")
def image() -> Path:
    """Debian with python3 and git, made once on this machine."""
    folder = CACHE / f"fresh-{hashlib.sha256(repr(BUILD).encode()).hexdigest()[:12]}"
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (CACHE / "fresh.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            scratch = folder.with_suffix(".new")
            subprocess.run(["rm", "-rf", scratch], check=True)
            subprocess.run([*BUILD, scratch], check=True)
            scratch.rename(folder)
    return folder


@pytest.fixture(scope="module")
def machine(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with a copy of this checkout: what git knows, and what it would add."""
    archive = tmp_path_factory.mktemp("fresh") / "checkout.tar"
    known = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others"]
    listed = subprocess.run(
        [*known, "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    names = [name for name in listed.stdout.split(b"\0") if (ROOT / os.fsdecode(name)).is_file()]
    subprocess.run(
        ["tar", "-c", "-f", archive, "--null", "-T", "-"],
        input=b"\0".join(names),
        cwd=ROOT,
        check=True,
    )
    yield Machine(image, archive)


def test_version_twice(machine: Machine) -> None:
    """The first run makes the environment, the second is silent and adds under 0.1 s."""
    done = machine.run("""
        ! python3 -c 'import ensurepip' 2>/dev/null
        ! python3 -m pip --version 2>/dev/null
        for i in 1 2; do ./inv --version; echo "run $i ended" >&2; done
        python3 - <<'END'
import subprocess, time
def quickest(*argv):
    def once():
        begin = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin
    return min(once() for _ in range(5))
program = (".venv/bin/python", "-I", ".venv/bin/invoke", "--version")
print("adds", quickest("./inv", "--version") - quickest(*program))
END
        ls -A "$HOME"
    """)
    assert done.returncode == 0, done.stderr
    first, second, adds, *home = done.stdout.splitlines()
    assert first == second
    assert re.match(r"\S+ \d+\.\d+", first), first
    made, _, silent = done.stderr.partition("run 1 ended\n")
    assert made.startswith("hermes-ops: making .venv")
    assert silent == "run 2 ended\n"
    assert float(adds.removeprefix("adds ")) < 0.1
    assert set(home) <= {"my checkout", ".cache"}


def test_killed_and_doubled_first_runs(machine: Machine) -> None:
    """Killed in the middle of pip's work, then started twice at once, it ends well for both."""
    done = machine.run("""
        setsid ./inv --version 2>/dev/null & first=$!
        until ls .venv/lib/python3*/site-packages/*.dist-info >/dev/null 2>&1; do sleep 0.02; done
        kill -s KILL -- "-$first"
        wait || true
        test ! -e .venv/hermes-ops/made
        ./inv --version & one=$!
        ./inv --version & two=$!
        wait "$one" && wait "$two" && .venv/bin/invoke --version
    """)
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.splitlines())) == 1
    assert len(done.stdout.splitlines()) == 3


def test_no_python(machine: Machine) -> None:
    """Without Python a sentence says how to get it, and nothing is made."""
    done = machine.run("""
        mkdir /tmp/tools
        ln -s /usr/bin/readlink /tmp/tools/
        code=0
        PATH=/tmp/tools /bin/sh ./inv --version || code=$?
        test "$code" = 64
        test ! -e .venv
    """)
    assert done.returncode == 0, done.stderr
    assert "error: hermes-ops needs Python 3.11" in done.stderr
    assert "hint:  install it: 'apt-get install python3'" in done.stderr
