"""The tools of `dev.check`: independent programs, run at the same time, shown one by one."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.errors import CommandError

QUICK = "not lab and not slow"
SLOW = "slow and not lab"
UNIT = "tests/unit"
SECONDS = ".pytest_cache/v/seconds"
"""Where the plugin `lasting` keeps how long each file of quick tests took the last time."""
UNREAD = (".whl", ".lock")
"""Suffixes of tracked files that are not written by hand."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of the environment, its arguments, and the files that follow them."""

    name: str
    words: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        files = f"({len(self.files)} files)" if self.files else ""
        return " ".join([self.name, *self.words, files]).rstrip()

    @property
    def command(self) -> list[str]:
        """The command to execute."""
        return [str(Path(sys.prefix) / "bin" / self.name), *self.words, *self.files]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool."""

    tool: Tool
    code: int
    said: str
    seconds: float


def tools() -> tuple[Tool, ...]:
    """Return the tools that check the code without running it."""
    tracked = _tracked(CLONE)
    return (
        Tool("ruff", ("format", "--check", ".")),
        Tool("ruff", ("check", ".")),
        Tool("mypy"),
        Tool("lint-imports"),
        Tool("shellcheck", files=tuple(name for name in tracked if is_shell(CLONE / name))),
        Tool("codespell", files=tuple(name for name in tracked if not name.endswith(UNREAD))),
    )


def quick_tests(results: str | None) -> tuple[Tool, ...]:
    """Return the quick tests in parts; with a folder for `results` they write quick-N.xml there.

    Each part is a pytest of its own with its own files. pytest-xdist would collect all files in
    each of its processes and hand over every result: a fifth of the work for thousands of tests.
    """
    files = sorted(str(path.relative_to(CLONE)) for path in (CLONE / UNIT).glob("test_*.py"))
    sizes = {file: (CLONE / file).stat().st_size for file in files}
    # To capture by file descriptors empties two files three times a test: a tenth of the work.
    words = ("-q", "-p", "lasting", "--capture=sys", "-m", QUICK)
    return tuple(
        Tool("pytest", (*words, *junit(results, "quick", number)), part)
        for number, part in enumerate(
            parts(weights(sizes, _seconds(files)), (os.cpu_count() or 1) + 1), 1
        )
    )


def weights(sizes: Mapping[str, int], seconds: Mapping[str, float]) -> dict[str, float]:
    """Return how long each file will take: as the last time, else by its size as the others do."""
    known = {file: seconds[file] for file in sizes if file in seconds}
    rate = sum(known.values()) / max(1, sum(sizes[file] for file in known)) or 1
    return {file: known.get(file, size * rate) for file, size in sizes.items()}


def parts(weights: Mapping[str, float], count: int) -> list[tuple[str, ...]]:
    """Return files in at most `count` parts of about the same weight; each file is in one."""
    heaps: list[list[str]] = [[] for _ in range(count)]
    for file in sorted(weights, key=lambda file: -weights[file]):
        min(heaps, key=lambda heap: sum(weights[name] for name in heap)).append(file)
    return [tuple(sorted(heap)) for heap in heaps if heap]


def slow_tests(results: str | None) -> Tool:
    """Return the slow tests that need no lab; with a folder for `results` they write slow.xml."""
    words = ("-q", "-n", "auto", "--dist", "loadgroup", "-m", SLOW, *junit(results, "slow"))
    return Tool("pytest", (*words, "tests"))


def junit(results: str | None, suite: str, part: int = 0) -> tuple[str, ...]:
    """Return pytest's options for SUITE.xml in a folder, or for SUITE-PART.xml.

    The name of the suite says which Python ran.
    """
    file = f"{suite}-{part}" if part else suite
    name = f"junit_suite_name={suite} Python {platform.python_version()}"
    return (f"--junit-xml={Path(results) / file}.xml", "-o", name) if results else ()


def run(tools: Sequence[Tool], output: Output) -> None:
    """Run all at the same time; show the output of each as soon as it ends.

    Raises:
        CommandError: at least one failed; it names them all.
    """
    failed = []
    output.note(f"running {', '.join(dict.fromkeys(tool.name for tool in tools))} at once…")
    with ThreadPoolExecutor(len(tools)) as pool:
        for done in as_completed([pool.submit(_run, tool) for tool in tools]):
            ended = done.result()
            output.note(f"$ {ended.tool}  # {ended.seconds:.1f} s")
            output.raw(ended.said)
            if ended.code:
                failed.append(f"{ended.tool.name} failed with exit code {ended.code}")
    if failed:
        raise CommandError("; ".join(failed))


def is_shell(file: Path) -> bool:
    """Whether a file is a shell script, not a template of one."""
    try:
        text = file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return False
    first = text.partition("\n")[0].split()
    named = first[:1] != [] and first[0].startswith("#!") and first[-1].endswith("sh")
    return (named or file.suffix == ".sh") and "{%" not in text


def _seconds(files: Sequence[str]) -> dict[str, float]:
    """Return what the cache of an earlier run knows; a number that cannot be read is none."""
    found = {}
    for file in files:
        with suppress(OSError, ValueError):
            found[file] = float((CLONE / SECONDS / Path(file).name).read_text(encoding="utf-8"))
    return found


def _tracked(folder: Path) -> list[str]:
    """Return the files that git tracks or would add."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"git does not list the files of {folder}: {done.stderr.strip()}")
    return [name for name in done.stdout.split("\0") if (folder / name).is_file()]


def _run(tool: Tool) -> ToolResult:
    # pytest keeps its rewritten tests; without that, each worker rewrites all of them: 2 s.
    env = {name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.monotonic()
    done = subprocess.run(
        tool.command, cwd=CLONE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    return ToolResult(tool, done.returncode, done.stdout, time.monotonic() - begin)
