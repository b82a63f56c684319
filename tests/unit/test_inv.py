"""`./inv` makes an environment and becomes our program.

The real script, interpreter, venv and pip are used here; only the packages are tiny, so
that no network is needed. tests/lab/test_inv_fresh.py does it with the real ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from shell_kit import SHELLS, words_of

from hermes_ops.extras import EXTRAS

# It makes a dozen environments: too slow for `dev.check`, and `inv` changes rarely.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WHEEL = next((ROOT / "vendor").glob("pip-*.whl"))
PROGRAM = """
import os, sys

def main() -> None:
    import greeting
    print(greeting.TEXT, sys.argv[1:], os.getcwd(), sys.flags.isolated, sep="|")
    print("PYTHONPATH" in os.environ or "PYTHONHOME" in os.environ)
    if "name" in sys.argv:
        print(os.environ["HERMES_OPS_STARTED_AS"])
    sys.exit(7 if "fail" in sys.argv else 0)
"""


class Checkout:
    """A copy of what `./inv` is made of, with tiny packages and a program that says where it is."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder, self.wheels = folder, wheels
        self.inv, self.made = folder / "inv", folder / ".venv/hermes-ops/made"

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        pip = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
        }
        home = {"HOME": str(self.wheels), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return home | pip | dict(more)

    def run(
        self, *argv: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` (./inv itself when it is empty) to its end."""
        return subprocess.run(
            argv or [self.inv],
            cwd=cwd or self.folder,
            env=self.environ(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self) -> subprocess.Popen[str]:
        """Start ./inv in a process group of its own."""
        return subprocess.Popen(
            [self.inv],
            env=self.environ({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def lock(self, text: str, *, dev: str = "dev") -> None:
        """Have requirements.lock ask for a greeting that says `text`, the other for `dev` too."""
        lines = [pin(self.wheels, "greeting", text), pin(self.wheels, "invoke", "stock")]
        extra = pin(self.wheels, "extra", dev)
        (self.folder / "requirements.lock").write_text("".join(lines))
        (self.folder / "requirements-dev.lock").write_text("".join([*lines, extra]))


def pin(wheels: Path, name: str, text: str) -> str:
    """Write a wheel of the package `name` whose TEXT is `text`; return its line of a lock file."""
    version = f"1.{int.from_bytes(text.encode())}"
    path = wheels / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"TEXT = {text!r}\ndef main(): print('stock')\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}=={version} --hash=sha256:{digest}\n"


def checkout(base: Path) -> Checkout:
    """Return a checkout in a folder with a blank, a quote and a dollar in its name."""
    made = Checkout(base / "it's a $HOME", base / "wheels")
    made.wheels.mkdir()
    (made.folder / "hermes_ops/tasks").mkdir(parents=True)
    (made.folder / "hermes_ops/tasks/program.py").write_text(PROGRAM)
    shutil.copy(ROOT / "hermes_ops/entry.py", made.folder / "hermes_ops")
    (made.folder / "vendor").mkdir()
    (made.folder / "vendor" / WHEEL.name).symlink_to(WHEEL)
    shutil.copy(ROOT / "inv", made.inv)
    made.lock("hello")
    return made


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A checkout in which ./inv never ran."""
    return checkout(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which ./inv ran; with its pip taken away, so that nothing can be installed."""
    it = checkout(tmp_path_factory.mktemp("ready"))
    first = it.run()
    assert first.returncode == 0, first.stderr
    assert "making .venv" in first.stderr
    (it.folder / "vendor" / WHEEL.name).unlink()
    return it


@pytest.mark.parametrize("shell", SHELLS)
def test_second_run_installs_nothing(ready: Checkout, shell: str) -> None:
    """The second run is silent, needs no pip, and keeps words, folder and exit code."""
    run = ready.run(*words_of(shell), ready.inv, "a b", "", "fail", cwd=Path("/"))
    assert (run.returncode, run.stderr) == (7, "")
    assert run.stdout.splitlines()[0] == "hello|['a b', '', 'fail']|/|1"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_program_hears_what_was_typed(ready: Checkout, shell: str) -> None:
    """What it proposes to type begins with the word that ./inv was started by."""
    run = ready.run(*words_of(shell), ready.inv, "name")
    assert run.stdout.splitlines()[-1] == str(ready.inv)


def test_second_run_adds_less_than_a_tenth_of_a_second(ready: Checkout) -> None:
    """The quickest of seven runs of ./inv is within 0.1 s of the quickest of its program alone."""
    python, program = ready.folder / ".venv/bin/python", ready.folder / ".venv/bin/invoke"

    def quickest(*argv: str | Path) -> float:
        def once() -> float:
            begin = time.perf_counter()
            assert ready.run(*argv).returncode == 0
            return time.perf_counter() - begin

        return min(once() for _ in range(7))

    assert quickest(ready.inv) - quickest(python, "-I", program) < 0.1


def test_links_lead_to_the_checkout(ready: Checkout, tmp_path: Path) -> None:
    """A link to a link to ./inv, one of them relative, is ./inv; so is `sh inv` in its folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/absolute").symlink_to(ready.inv)
    (tmp_path / "relative").symlink_to("bin/absolute")
    by_link = ready.run(tmp_path / "relative", cwd=tmp_path)
    by_name = ready.run("sh", "inv")
    assert by_link.stdout.startswith("hello|[]|"), by_link.stderr
    assert by_name.stdout.startswith("hello|[]|"), by_name.stderr


@pytest.mark.parametrize("name", ["invoke", "inv"])
def test_scripts_of_the_environment_are_our_program(ready: Checkout, name: str) -> None:
    """.venv/bin/invoke starts our program, though Invoke's package brings a script of that name."""
    run = ready.run(ready.folder / ".venv/bin" / name, "x y", cwd=Path("/"))
    assert run.stdout.startswith("hello|['x y']|/|1"), run.stderr


def test_ctrl_c_while_packages_are_sought(ready: Checkout) -> None:
    """It ends as any program does, without a word of Python's."""
    (packages,) = ready.folder.glob(".venv/lib/python3.*/site-packages")
    slow = packages / "slow.pth"
    slow.write_text("import sys; print('seeking', flush=True); sys.stdin.readline()\n")
    start = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL)"
    script = f"{start}; os.execv(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", script, str(ready.inv)]
    try:
        with subprocess.Popen(
            words, env=ready.environ({}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == b"seeking\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(b"\n", timeout=60)
    finally:
        slow.unlink()
    assert (process.returncode, err) == (-signal.SIGINT, b"")


def test_python_variables_do_not_reach_the_program(ready: Checkout, tmp_path: Path) -> None:
    """PYTHONPATH and PYTHONHOME change neither what is imported nor what children of it see."""
    (tmp_path / "greeting.py").write_text("TEXT = 'intruder'\n")
    run = ready.run(env={"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path)}, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("hello|")
    assert run.stdout.endswith("False\n")


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python3"])
def test_unusable_python_is_refused(fresh: Checkout, python: str) -> None:
    """An interpreter that does not do is named in a sentence, exit 64, and nothing is made."""
    run = fresh.run(env={"HERMES_OPS_PYTHON": python})
    assert run.returncode == 64
    assert re.match(rf"error: HERMES_OPS_PYTHON is '{python}'.*\nhint:  .+\n$", run.stderr)
    assert not (fresh.folder / ".venv").exists()


def test_old_python_is_passed_over(fresh: Checkout, tmp_path: Path) -> None:
    """A python3 that is too old does not stand in the way of a python3.11 beside it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text("#!/bin/sh\necho Python 3.9.2\nexit 1\n")
    (tools / "python3").chmod(0o755)
    (tools / "python3.11").symlink_to(sys.executable)
    (fresh.folder / "requirements.lock").write_text("absent==1 --hash=sha256:00\n")
    run = fresh.run(env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert "pip could not install requirements.lock" in run.stderr  # so a Python was found


def test_changed_pip_is_refused(fresh: Checkout) -> None:
    """A vendored pip that is not the recorded one is never run."""
    (fresh.folder / "vendor" / WHEEL.name).unlink()
    (fresh.folder / "vendor" / WHEEL.name).write_bytes(WHEEL.read_bytes() + b"\n")
    run = fresh.run()
    assert run.returncode == 1
    assert run.stderr.startswith(f"error: vendor/{WHEEL.name} is not the file")
    assert not fresh.made.exists()


def test_changed_package_is_refused_and_the_next_run_heals(fresh: Checkout) -> None:
    """A package whose hash is another is not installed, nor is the program started; then it is."""
    lock = fresh.folder / "requirements.lock"
    good = lock.read_text()
    lock.write_text(re.sub("sha256:....", "sha256:0000", good))
    refused = fresh.run()
    lock.write_text(good)
    healed = fresh.run()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "hint:  the index served another file" in refused.stderr
    assert healed.stdout.startswith("hello|"), healed.stderr


def test_no_index_is_explained(fresh: Checkout) -> None:
    """Where packages cannot be had, pip's last words and what to check are shown."""
    run = fresh.run(env={"PIP_FIND_LINKS": ""})
    assert (run.returncode, run.stdout) == (1, "")
    assert "No matching distribution" in run.stderr
    assert "check the network, HTTPS_PROXY, PIP_INDEX_URL" in run.stderr


def test_changed_lock_is_installed_once(fresh: Checkout) -> None:
    """Another lock file is followed at the next run; misleading settings of pip are not."""
    stray = {"PIP_USER": "1", "PIP_TARGET": str(fresh.wheels / "t"), "PIP_PREFIX": "/p"}
    fresh.run(env=stray)
    fresh.lock("bye")
    second, third = fresh.run(env=stray), fresh.run(env=stray)
    assert second.stdout.startswith("bye|"), second.stderr
    assert "requirements.lock is new" in second.stderr
    assert (third.stdout, third.stderr) == (second.stdout, "")


def test_dev_tasks_bring_their_tools(fresh: Checkout) -> None:
    """dev.* as the first task installs requirements-dev.lock, which contains the other."""
    fresh.run("./inv", "--echo", "fleet.ps", "dev.check")
    extra = fresh.folder / ".venv/bin/extra"
    before = extra.exists()
    dev = fresh.run("./inv", "--echo", "dev.check")
    after = fresh.run("./inv", "fleet.ps")
    assert (before, extra.exists()) == (False, True)
    assert "requirements-dev.lock is new" in dev.stderr
    assert after.stderr == ""


def kill_when(fresh: Checkout, sign: str) -> None:
    """Start ./inv and kill it, and all that it started, once `sign` exists below .venv."""
    with fresh.start() as process:
        while process.poll() is None and not any((fresh.folder / ".venv").glob(sign)):
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_killed_first_run_heals(fresh: Checkout) -> None:
    """Killed at any moment of the first run, the next one ends as if nothing had been."""
    for sign in (".lock", "pyvenv.cfg", "hermes-ops/next.lock", "lib/python3*/site-packages/*.py"):
        kill_when(fresh, sign)
    run = fresh.run()
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("hello|")


def test_killed_update_heals(fresh: Checkout) -> None:
    """Killed while a newer lock is installed, which may be half there, the next run starts anew."""
    fresh.run()
    fresh.lock("bye")
    kill_when(fresh, "hermes-ops/next.lock")
    run = fresh.run()
    assert run.stdout.startswith("bye|"), run.stderr
    assert "making .venv" in run.stderr


def test_two_first_runs_take_turns(fresh: Checkout) -> None:
    """Of two at once one makes the environment, and both become the program."""
    with fresh.start() as one, fresh.start() as two:
        outputs = [process.communicate(timeout=120) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), outputs
    assert all(out.startswith("hello|") for out, _ in outputs)
    assert "".join(err for _, err in outputs).count("making .venv") == 1


def test_copied_checkout_gets_its_own(ready: Checkout, tmp_path: Path) -> None:
    """In a copy of the folder, whose scripts lead to the original, all is made again."""
    copy = Checkout(tmp_path / "copy", ready.wheels)
    shutil.copytree(ready.folder, copy.folder, symlinks=True)
    (copy.folder / "vendor" / WHEEL.name).symlink_to(WHEEL)
    shutil.rmtree(copy.folder / ".venv/lib")
    run, script = copy.run(), copy.run(copy.folder / ".venv/bin/invoke")
    assert "making .venv" in run.stderr
    assert run.stdout == script.stdout == f"hello|[]|{copy.folder}|1\nFalse\n"


def test_the_environment_of_another_checkout_is_kept(ready: Checkout, fresh: Checkout) -> None:
    """Behind a link it is not made anew for this folder; what to do is said."""
    (fresh.folder / ".venv").symlink_to(ready.folder / ".venv")
    ended = fresh.run()
    assert ended.returncode == 1
    assert f"{fresh.folder}/.venv is a link" in ended.stderr
    assert "hint:  remove the link, then run ./inv again" in ended.stderr
    assert ready.run().stderr == ""


def test_vendored_pip_is_the_recorded_one() -> None:
    """./inv and vendor/README.md name the one wheel that is there, and its hash."""
    digest = hashlib.sha256(WHEEL.read_bytes()).hexdigest()
    inv, readme = (ROOT / "inv").read_text(), (ROOT / "vendor/README.md").read_text()
    assert f"WHEEL=vendor/{WHEEL.name}\nWHEEL_SHA256={digest}\n" in inv
    assert WHEEL.name in readme
    assert digest in readme


def pinned(lock: str) -> set[str]:
    """Return the lines of a lock file of this repository that name a version."""
    return set(re.findall(r"^([a-z0-9-]+==\S+(?: ; [^\\]+)?)", (ROOT / lock).read_text(), re.M))


def test_locks_hold_the_dependencies() -> None:
    """Each has every direct dependency, the second all of the first, and neither an address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, dev = pinned("requirements.lock"), pinned("requirements-dev.lock")
    names = {line.partition("==")[0] for line in base}, {line.partition("==")[0] for line in dev}
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(name for extra in EXTRAS for name in extras[extra])]
    assert set(map(normal, wanted)) <= names[0]
    assert set(map(normal, extras["dev"])) - {"hermes-ops"} <= names[1]
    assert base <= dev
    assert (
        "http"
        not in (ROOT / "requirements.lock").read_text()
        + (ROOT / "requirements-dev.lock").read_text()
    )


def normal(requirement: str) -> str:
    """Return the name in a requirement as lock files write it."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
