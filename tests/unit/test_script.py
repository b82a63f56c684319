"""The scripts, run by real shells in a home of their own: whole, cut, raced, and listened to."""

from __future__ import annotations

import hashlib
import os
import random
import re
import select
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import NEW, desired, facts, profile
from case_file import read_case
from shell_kit import inner_programs, shells, words_of

from hermes_ops.apply import ChangeOutcome, Terms, compile_plan, compile_watch, outcomes
from hermes_ops.files import envfile, ownership
from hermes_ops.files.ownership import GENERATED, Ownership, render
from hermes_ops.inventory.model import Host
from hermes_ops.look.answers import parse
from hermes_ops.look.question import Question, probe
from hermes_ops.plan import Change, Plan, make_plan
from hermes_ops.plan.model import (
    Control,
    MakeFolder,
    MakeLink,
    Operation,
    Refuse,
    Remove,
    RunCommand,
    SetMode,
    Write,
)
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import libraries, paths
from hermes_ops.wire import Reader, Reply, Script, assemble, libraries_end

SYSTEM = "/usr/bin:/bin"
"""Without the folders in which a developer's Pythons are: to ask each of them takes seconds."""
PLAN_CASES = sorted((Path(__file__).parents[1] / "cases" / "plan").glob("*.yml"))
TOKEN = "s3cr3t-$HOME-`id`-'quoted'"
CONFIG = "a: 'it''s'\nb: $HOME `id` \\n %s é\n"
every_shell = pytest.mark.parametrize("shell", shells("dash", "posix", "busybox"))


# --- running ----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a few files in it."""
    place = tmp_path / "home"
    (place / "old").mkdir(parents=True)
    (place / "old" / "config").write_text("a: 1\n")
    (place / "old" / ".env").write_text("# mine\nKEY=from-the-host\nA=1\n")
    (place / "old" / ".env").chmod(0o644)
    (place / "old" / "gone").write_text("x")
    return place


def run(
    shell: str, script: Script | str, home: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Give a text to a shell on its standard input, as a transport does."""
    text = script.text if isinstance(script, Script) else script
    return subprocess.run(
        words_of(shell),
        input=text.encode("utf-8", "surrogateescape"),
        capture_output=True,
        cwd="/",
        env={"HOME": str(home), "PATH": SYSTEM, **(environ or {})},
        timeout=30,
        check=False,
    )


def reply(shell: str, script: Script, home: Path, **environ: str) -> Reply:
    """Run a script and return what it answered; it says nothing beside that."""
    done = run(shell, script, home, environ)
    assert done.stderr == b""
    reader = Reader(script.nonce)
    reader.feed(done.stdout)
    return reader.reply()


def told(answer: Reply) -> list[ChangeOutcome]:
    """Return how the changes ended."""
    return [outcome for record in answer.records for outcome in outcomes(record)]


def tree(home: Path) -> dict[str, tuple[object, ...]]:
    """Return what is in a home: kind, mode, time and content of everything."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(home.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(home))] = (state.st_mode, state.st_mtime_ns, content)
    return found


def plan(*operations: Operation, names: Sequence[str] = (), seen: Iterable[Any] = ()) -> Plan:
    """Return a plan of these operations, all of the profile `demo` or of those that are named."""
    profiles = names or ["demo"] * len(operations)
    changes = tuple(
        Change("step", name, f"thing:{number}", "do", "why", operation, tuple(seen))
        for number, (name, operation) in enumerate(zip(profiles, operations, strict=True))
    )
    return Plan(Host("box", profiles=tuple(profile(name, {}) for name in profiles)), changes)


def digest_of(text: str) -> str:
    """Return what a look would say of a file with this text."""
    return hashlib.sha256(text.encode()).hexdigest()


def path(text: str) -> PurePosixPath:
    """Return a path relative to the home."""
    return PurePosixPath(text)


@every_shell
def test_a_file_of_the_home_itself(shell: str, home: Path) -> None:
    """A path without a folder is a file in the home."""
    own = plan(Write(path("notes"), "x\n", 0o644), Write(path(".secret"), Secret("y\n"), 0o600))
    answer = reply(shell, compile_plan(own, Terms("{}")), home)
    assert told(answer) == [ChangeOutcome(0, "done"), ChangeOutcome(1, "done")]
    assert (home / "notes").read_text() == "x\n"
    assert stat.S_IMODE((home / "notes").stat().st_mode) == 0o644
    assert stat.S_IMODE((home / ".secret").stat().st_mode) == 0o600


ENV = envfile.merge("# mine\nKEY=\x01kept\x01\nA=1\n", {"A": TOKEN}, {"NEW": 16})
FILES = plan(
    MakeFolder(path("new/folder"), 0o700),
    Write(path("new/odd $name's"), CONFIG, 0o640),
    Write(path("old/config"), CONFIG, 0o600),
    Write(path("old/.env"), Secret(ENV), 0o600),
    MakeLink(path("new/link"), "../old/config"),
    SetMode(path("old/config"), 0o604),
    Remove(path("old/gone")),
)


# --- the whole text ---------------------------------------------------------------------------


@every_shell
def test_every_change_is_made(shell: str, home: Path) -> None:
    """Folders, files, links and modes are as planned, and each change is told when it is done."""
    answer = reply(shell, compile_plan(FILES, Terms("{}")), home)
    assert answer.complete
    assert told(answer) == [ChangeOutcome(number, "done") for number in range(7)]
    assert stat.S_IMODE((home / "new/folder").stat().st_mode) == 0o700
    assert (home / "new/odd $name's").read_text() == CONFIG
    assert stat.S_IMODE((home / "new/odd $name's").stat().st_mode) == 0o640
    assert (home / "new/link").readlink() == Path("../old/config")
    assert stat.S_IMODE((home / "old/config").stat().st_mode) == 0o604
    assert not (home / "old/gone").exists()


@every_shell
def test_a_secret_of_the_host_stays_and_a_new_one_is_made_there(shell: str, home: Path) -> None:
    """The value that never left is in the new file again; a new one has its bytes, in hex."""
    reply(shell, compile_plan(FILES, Terms("{}")), home)
    values = envfile.read((home / "old/.env").read_text())
    assert values["KEY"] == "from-the-host"
    assert values["A"] == TOKEN
    assert re.fullmatch("[0-9a-f]{32}", values["NEW"])
    assert stat.S_IMODE((home / "old/.env").stat().st_mode) == 0o600


@every_shell
def test_nothing_is_left_behind(shell: str, home: Path) -> None:
    """No temporary file, no lock; what an earlier run left is swept away."""
    (home / "old" / ".config.hermes-ops.99999").write_text("half")
    reply(shell, compile_plan(FILES, Terms("{}")), home)
    names = {name for name in tree(home) if "hermes-ops." in name or "lock" in name}
    assert names == set()


# --- cut --------------------------------------------------------------------------------------


@every_shell
def test_a_text_that_is_cut_does_nothing(shell: str, home: Path) -> None:
    """A connection that ends anywhere in the text leaves the home as it was, and says nothing."""
    text = compile_plan(FILES, Terms("{}")).text
    before = tree(home)
    # The very last byte is a line end; without it the text is whole.
    chance = random.Random(4711)
    ends = [
        *range(len(text) - 12, len(text) - 1),
        *(chance.randrange(len(text)) for _ in range(89)),
    ]
    for end in ends:
        done = run(shell, text[:end], home)
        assert (done.stdout, tree(home)) == (b"", before), f"cut at {end}"


@every_shell
def test_a_look_that_is_cut_does_nothing(shell: str, home: Path) -> None:
    """Neither does a look."""
    text = probe(Question(paths=("old",), files=("old/config",))).text
    chance = random.Random(4712)
    for end in (chance.randrange(len(text) - 1) for _ in range(20)):
        assert run(shell, text[:end], home).stdout == b""


@every_shell
def test_what_a_script_runs_reads_nothing_of_its_input(shell: str, home: Path) -> None:
    """It would wait for an operator who keeps the connection open, or take text for commands."""
    script = assemble(["wire/common"], "cat; say over")
    environ = {"HOME": str(home), "PATH": SYSTEM}
    with subprocess.Popen(
        words_of(shell), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(script.text.encode())
        process.stdin.flush()
        answers, _, _ = select.select([process.stdout], [], [], 20)
        process.stdin.close()
        assert answers
        assert process.stdout.read().decode() == f"{script.nonce} over\n{script.nonce} done\n"


# --- the language -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "calls"), [("posix", 1), ("bash", 1), ("dash", 0), ("busybox", 0)]
)
def test_bash_takes_a_script_at_once(shell: str, calls: int, tmp_path: Path) -> None:
    """Byte by byte it would take longer than what the script does."""
    head = tmp_path / "head"
    head.write_text(f'#!/bin/sh\necho >>{tmp_path}/calls\nexec /usr/bin/head "$@"\n')
    head.chmod(0o755)
    script = assemble(["wire/common"], 'say é "$may_root"; :')
    words = [*words_of(shell), "-s", "yes"]
    done = subprocess.run(
        words, input=script.text.encode(), capture_output=True, check=True,
        env={"PATH": f"{tmp_path}:{SYSTEM}"},
    )  # fmt: skip
    assert done.stdout.decode() == f"{script.nonce} é yes\n{script.nonce} done\n"
    assert (tmp_path / "calls").exists() is bool(calls)


@pytest.mark.slow
@every_shell
def test_scripts_of_every_plan_are_shell(shell: str) -> None:
    """What is compiled from the plans of the cases is read without complaint."""
    whole = compile_plan(FILES, Terms())
    bodies = "".join(_scripts(case) for case in PLAN_CASES)
    text = f"{whole.text[: libraries_end(whole)]}}}\n{bodies}"
    words = [*words_of(shell), "-n"]
    done = subprocess.run(words, input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def _scripts(case: Path) -> str:
    body = read_case(case)
    if "conflict" in body:
        return ""
    made = make_plan(desired(body), facts(body))
    scripts = (compile_plan(made, Terms()), compile_watch(made, Terms()))
    # Each part behind the library ends the braces that stand before it.
    return "".join("{\n" + script.text[libraries_end(script) :] for script in scripts)


# --- what may be seen -------------------------------------------------------------------------

RECORDER = """\
#!/bin/sh
PATH=$REAL
{ printf '%s\\0' "$0" "$@"; cat "/proc/$$/environ"; } >>"$RECORD"
exec "${0##*/}" "$@"
"""


def recorded(script: Script, shell: str) -> Script:
    """Return the script with functions before the programs that its shell looks for nowhere."""
    at = libraries_end(script)
    functions = "".join(
        f'{name}() {{ {{ printf \'%s\\0\' {name} "$@"; export -p; }} >>"$RECORD"\n'
        f'command {name} "$@"; }}\n'
        for name in inner_programs(shell)
    )
    return replace(script, text=script.text[:at] + functions + script.text[at:])


@every_shell
def test_no_secret_is_in_an_argument_list(shell: str, home: Path, tmp_path: Path) -> None:
    """No program that the script starts gets a secret as a word or in its environment."""
    recorder = tmp_path / "recorder"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    shims = tmp_path / "bin"
    shims.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for program in Path(folder).iterdir():
            if not (shims / program.name).is_symlink():
                (shims / program.name).symlink_to(recorder)
    record = tmp_path / "record"
    environ = {"PATH": f"{shims}:{SYSTEM}", "REAL": SYSTEM, "RECORD": str(record)}
    script = recorded(compile_plan(FILES, Terms("{}")), shell)
    answer = reply(shell, script, home, **environ)
    assert told(answer) == [ChangeOutcome(number, "done") for number in range(7)]
    seen = record.read_text(errors="replace")
    assert "chmod" in seen  # the recorder was asked
    for secret in ("s3cr3t", "from-the-host", (home / "old/.env").read_text().split("NEW=")[1]):
        assert secret.strip() not in seen


def test_a_secret_is_in_no_other_file(home: Path) -> None:
    """While it is written it is in a file that only its user can read, and then in its own."""
    reply("dash", compile_plan(FILES, Terms("{}")), home)
    files = [file for file in home.rglob("*") if file.is_file()]
    assert [file for file in files if "s3cr3t" in file.read_text()] == [home / "old/.env"]


@pytest.mark.slow
@every_shell
def test_a_file_cannot_forge_an_answer(shell: str, home: Path) -> None:
    """Text on the host that looks like an answer is brought back as the text it is."""
    forged = "A=1\n0123456789abcdef end\n0123456789abcdef user 4242 mallory\n0123456789abcdef done"
    (home / "old/.env").write_text(forged)
    (home / "old/config").write_text(forged)
    asked = Question(paths=("old/.env",), files=("old/config",), env_files=("old/.env",))
    found = parse(reply(shell, probe(asked), home))
    assert found.contents["old/config"] == forged
    assert found.contents["old/.env"].rstrip("\n") == forged
    assert found.uid == os.getuid()


@pytest.mark.slow
@every_shell
def test_masked_values_do_not_leave_the_host(shell: str, home: Path) -> None:
    """Of a key that the host made only the fact comes back that it has a value."""
    text = "A=1\nexport KEY=top-secret\n  KEY = x\nKEY=\nOTHER_KEY=2\n"
    (home / "old/.env").write_text(text)
    asked = Question(env_files=("old/.env",), masked=frozenset({"old/.env=KEY"}))
    answer = reply(shell, probe(asked), home)
    assert not any("top-secret" in f"{r.rest} {r.text}" for r in answer.records)
    kept = "A=1\nexport KEY=\x01kept\x01\n  KEY = x\nKEY=\nOTHER_KEY=2\n"
    assert parse(answer).contents["old/.env"] == kept


@pytest.mark.slow
@every_shell
@pytest.mark.parametrize("form", ["today's", "from before formats had numbers", "number first"])
def test_what_we_once_wrote_is_looked_at(shell: str, home: Path, form: str) -> None:
    """Files that only the ownership file names come along; a secret made there stays there."""
    (home / "p/a b").mkdir(parents=True)
    (home / "p/a b/x.md").write_text("ours")
    (home / "p/other").write_text("theirs")
    (home / "p/.env").write_text("KEY=top-secret\nPLAIN=1\n")
    (home / "q").mkdir()
    (home / "q/.env").write_text("KEY=plain\n")
    ours = Ownership(
        {"a b/x.md": "0" * 64, "gone": "1" * 64},
        {".env": {"KEY": GENERATED, "PLAIN": "0000"}, "config.yaml": {"a": "0"}},
        33,
    )
    text = render(ours, numbered=form == "today's")
    text = f"format: 1\n{text}" if form == "number first" else text
    (home / "p/.hermes-ops.yml").write_text(text)
    asked = Question(
        paths=("p/other",),
        files=("p/other", "p/.hermes-ops.yml"),
        env_files=("p/.env", "q/.env"),
        owned=("p/.hermes-ops.yml", "none/.hermes-ops.yml"),
    )
    found = parse(reply(shell, probe(asked), home))
    # What is sent is listed as well.
    assert set(found.paths) == {"p/other", "p/a b/x.md", "p/.hermes-ops.yml"}
    assert found.contents["p/a b/x.md"] == "ours"
    assert ownership.parse(found.contents["p/.hermes-ops.yml"]) == ours
    assert found.contents["p/.env"] == "KEY=\x01kept\x01\nPLAIN=1\n"
    assert found.contents["q/.env"] == "KEY=plain\n"


@pytest.mark.slow
def test_a_look_writes_nothing(home: Path) -> None:
    """Kind, mode, time and content of everything are as before."""
    before = tree(home)
    asked = Question(
        paths=("old", "old/config"),
        files=("old/config",),
        env_files=("old/.env",),
        folders=("old",),
        libraries=libraries(),
        variables=paths(),
        services=(("systemd_look", "hermes-gateway-demo.service"), ("supervisord_look",)),
        pid_files=("old/gateway.pid",),
        strangers=True,
    )
    found = parse(reply("dash", probe(asked), home))
    assert tree(home) == before
    assert found.paths["old/config"].kind == "file"


# --- moved, broken, locked --------------------------------------------------------------------


@every_shell
def test_what_moved_since_the_look_is_not_touched(shell: str, home: Path) -> None:
    """If one path of a profile is not as it was seen, nothing of that profile changes."""
    moved = plan(
        MakeFolder(path("other"), None),
        Write(path("old/config"), "b: 2\n", 0o600),
        seen=[(path("old/config"), digest_of("a: 0\n"))],
    )
    before = tree(home)
    answer = reply(shell, compile_plan(moved, Terms("{}")), home)
    assert told(answer) == [ChangeOutcome(0, "moved"), ChangeOutcome(1, "moved")]
    assert {name: value for name, value in tree(home).items() if name in before} == before
    assert not (home / "other").exists()


@every_shell
@pytest.mark.parametrize(
    ("seen", "holds"), [("-", False), ("+", True), (digest_of("a: 1\n"), True), ("0" * 64, False)]
)
def test_what_was_seen(shell: str, home: Path, seen: str, holds: bool) -> None:
    """A dash is: nothing was there; a plus: something was; else it is the content's digest."""
    change = plan(MakeFolder(path("other"), None), seen=[(path("old/config"), seen)])
    answer = reply(shell, compile_plan(change, Terms("{}")), home)
    assert [outcome.outcome for outcome in told(answer)] == ["done" if holds else "moved"]


@every_shell
def test_a_failure_is_its_profiles_alone(shell: str, home: Path) -> None:
    """What follows in the same profile is skipped, another profile goes on."""
    broken = plan(
        RunCommand(("sh", "-c", "echo no; exit 3"), 5),
        MakeFolder(path("skipped"), None),
        Write(path("skipped/file"), "x", 0o600),
        MakeFolder(path("made"), None),
        names=["bad", "bad", "bad", "good"],
    )
    answer = reply(shell, compile_plan(broken, Terms("{}")), home)
    assert [outcome.outcome for outcome in told(answer)] == ["failed", "skipped", "skipped", "done"]
    (output,) = (record.text for record in answer.of("output"))
    assert output == "no"
    assert not (home / "skipped").exists()


@every_shell
def test_a_refusal_is_a_failure_with_its_words(shell: str, home: Path) -> None:
    """What cannot be here is told by the plan, and the host repeats it."""
    answer = reply(shell, compile_plan(plan(Refuse("it's $impossible")), Terms("{}")), home)
    assert told(answer) == [ChangeOutcome(0, "failed", "conflict: it's $impossible")]


@every_shell
def test_a_command_gets_nothing_of_our_environment(shell: str, home: Path) -> None:
    """Neither what the operator's session has set, nor a list of words that a shell would split."""
    words = ("sh", "-c", 'env >environ; printf "%s|" "$@" >words', "sh", "a b", "$c", "d'e")
    answer = reply(shell, compile_plan(plan(RunCommand(words, 5)), Terms("{}")), home, MINE="1")
    assert told(answer) == [ChangeOutcome(0, "done")]
    names = {line.partition("=")[0] for line in (home / "environ").read_text().splitlines()}
    ours = {"HOME", "USER", "LOGNAME", "PATH", "LANG", "XDG_RUNTIME_DIR"}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == ours
    assert (home / "words").read_text() == "a b|$c|d'e|"


LOCK = ".local/state/hermes-ops/lock"


def lock(home: Path, owner: str) -> None:
    """Lay a lock in the way."""
    (home / LOCK).mkdir(parents=True)
    (home / LOCK / "owner").write_text(f'{owner}\n{{"operator": "ann"}}\n')


@every_shell
def test_a_live_owner_is_waited_for_and_named(shell: str, home: Path) -> None:
    """While another holds the lock nothing is changed; after the time to wait, it is said who."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    started = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    lock(home, f"{boot} {os.getpid()} {started}")
    before = tree(home)
    answer = reply(shell, compile_plan(FILES, Terms("{}", lock_timeout=0)), home)
    assert tree(home) == before
    assert next(answer.of("lock-refused"), None)
    (held,) = (record.text for record in answer.of("lock-held"))
    assert held is not None
    assert '"operator": "ann"' in held


@every_shell
@pytest.mark.parametrize("owner", ["another-boot 1 1", "{boot} 999999999 1", "{boot} {pid} 1"])
def test_a_dead_owner_is_taken_over(shell: str, home: Path, owner: str) -> None:
    """Of another boot, of no process, or of a process that began later: it is dead."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    lock(home, owner.format(boot=boot, pid=os.getpid()))
    answer = reply(shell, compile_plan(plan(MakeFolder(path("made"), None)), Terms("{}")), home)
    assert told(answer) == [ChangeOutcome(0, "done")]
    assert next(answer.of("lock-taken-over"), None)
    assert not (home / LOCK).exists()


@pytest.mark.slow
@every_shell
def test_without_an_operator_the_profile_in_hand_is_finished(shell: str, home: Path) -> None:
    """When nobody hears any more, this profile is made whole and the next is not begun."""
    slow = plan(
        RunCommand(("sh", "-c", "sleep 0.3"), 5),
        MakeFolder(path("first"), None),
        MakeFolder(path("second"), None),
        names=["one", "one", "two"],
    )
    script = compile_plan(slow, Terms("{}"))
    environ = {"HOME": str(home), "PATH": SYSTEM}
    with subprocess.Popen(
        words_of(shell), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environ,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        process.stdin.write(script.text.encode())
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=10)
    assert (home / "first").is_dir()
    assert not (home / "second").exists()
    assert not (home / LOCK).exists()


@pytest.mark.slow
def test_the_facts_of_this_machine(home: Path) -> None:
    """A look at the machine that runs the tests is complete."""
    found = parse(reply("dash", probe(Question(strangers=True)), home))
    assert found.home == str(home)
    assert found.system == NEW.system
    assert found.now > 0


# --- the wait ---------------------------------------------------------------------------------

SUPERVISOR = ".local/share/hermes-ops/supervisor/current/venv/bin"


def supervised(home: Path, status: str) -> subprocess.Popen[bytes]:
    """Lay out what a supervisord leaves in a home; its `supervisorctl status` prints `status`."""
    config, state = home / ".config/hermes-ops", home / ".local/state/hermes-ops"
    for folder in (config, state, home / SUPERVISOR):
        folder.mkdir(parents=True)
    (config / "supervisord.conf").touch()
    (home / "status").write_text(status)
    program = home / SUPERVISOR / "supervisorctl"
    program.write_text('#!/bin/sh\ncat "$HOME/status"\n')
    program.chmod(0o755)
    named = ["sleep-for-supervisord", "30", ".config/hermes-ops/supervisord.conf"]
    words = ["sh", "-c", 'read -r _; : "$@"', *named]
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    (state / "supervisord.pid").write_text(f"{process.pid}\n")
    return process


def waiting(home: Path, *, up: Iterable[str]) -> Plan:
    """Return a plan that only waits for `good` and `bad`; write what those that are up write."""
    case = {"desired": {"good": {}, "bad": {}}, "host": {"manager": "supervisord"}}
    held = make_plan(desired(case), replace(NEW, systemd=False))
    for name in ("good", "bad"):
        folder = home / ".hermes/profiles" / name
        (folder / "logs").mkdir(parents=True)
        (folder / "logs/errors.log").write_text("".join(f"{name} {n}\n" for n in range(20)))
        state = "running" if name in up else "startup_failed"
        text = f'{{"pid": {os.getpid()}, "gateway_state": "{state}"}}'
        (folder / "gateway_state.json").write_text(text)
    return replace(held, changes=())


@pytest.mark.slow
@every_shell
def test_a_wait_ends_when_each_is_up_or_has_failed_for_good(shell: str, home: Path) -> None:
    """Nobody waits for what ended with exit 78; its last lines come back, and no others."""
    status = (
        f"hermes-gateway-bad   EXITED    now\nhermes-gateway-good  RUNNING   pid {os.getpid()}\n"
    )
    with supervised(home, status) as process:
        plan = waiting(home, up=["good"])
        began = time.monotonic()
        answer = reply(shell, compile_watch(plan, Terms(ready_timeout=20, settle=0)), home)
        assert process.stdin
        process.stdin.close()
    assert time.monotonic() - began < 10
    assert [record.rest for record in answer.of("log")] == ["bad"]
    (log,) = (record.text for record in answer.of("log"))
    assert (log or "").splitlines() == [f"bad {n}" for n in range(12, 20)]


@pytest.mark.slow
def test_a_wait_goes_on_for_what_may_still_come_up(home: Path) -> None:
    """It ends at its limit, and says of each that is not up what its log says."""
    status = (
        f"hermes-gateway-bad   BACKOFF   now\nhermes-gateway-good  RUNNING   pid {os.getpid()}\n"
    )
    with supervised(home, status) as process:
        plan = waiting(home, up=["good"])
        answer = reply("dash", compile_watch(plan, Terms(ready_timeout=1, settle=0)), home)
        assert process.stdin
        process.stdin.close()
    assert len(list(answer.of("round"))) > 1
    assert "bad" in [record.rest for record in answer.of("log")]


# --- several services at once -----------------------------------------------------------------

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >>"$RECORD"
case $* in *refused*) echo "Unit is masked"; exit 1 ;; esac
"""


def orders(
    home: Path, verb: str, *services: str, shell: str = "dash"
) -> tuple[str, list[ChangeOutcome]]:
    """Return what a systemctl of this test's own was told, and how the changes ended."""
    manager = home.parent / "bin" / "systemctl"
    manager.parent.mkdir()
    manager.write_text(SYSTEMCTL)
    manager.chmod(0o755)
    record = home.parent / "record"
    specs = {
        name: replace(desired({"desired": {name: {}}}).services[name], text="service")
        for name in services
    }
    controls = [
        Control(spec, ("systemd_do", verb, f"{spec.name}.service"), verb, together="systemd_ahead")
        for spec in specs.values()
    ]
    made = plan(*controls, names=services)
    environ = {"PATH": f"{manager.parent}:{SYSTEM}", "RECORD": str(record)}
    answer = reply(shell, compile_plan(made, Terms("{}")), home, **environ)
    return record.read_text().replace("hermes-gateway-", ""), told(answer)


@every_shell
def test_services_are_started_with_one_call(shell: str, home: Path) -> None:
    """Three starts are two calls of the manager; each is told on its own."""
    calls, outcomes = orders(home, "start", "a", "b", "c", shell=shell)
    assert calls.splitlines() == [
        "--user reset-failed a.service b.service c.service",
        "--user --no-block start a.service b.service c.service",
    ]
    assert outcomes == [ChangeOutcome(number, "done") for number in range(3)]


def test_services_are_stopped_with_one_call(home: Path) -> None:
    """They end side by side; only then is each waited for."""
    calls, _ = orders(home, "stop", "a", "b")
    ended = "--user show -p ActiveState --value {0}\n--user reset-failed {0}"
    assert calls.splitlines() == [
        "--user --no-block stop a.service b.service",
        *ended.format("a.service").splitlines(),
        *ended.format("b.service").splitlines(),
    ]


def test_one_that_is_refused_spoils_no_other(home: Path) -> None:
    """Where the one call fails, each is asked alone and says why."""
    calls, outcomes = orders(home, "start", "a", "refused", "c")
    assert "--user --no-block start c.service" in calls.splitlines()
    assert outcomes == [
        ChangeOutcome(0, "done"),
        ChangeOutcome(1, "failed", "exit 1"),
        ChangeOutcome(2, "done"),
    ]


@every_shell
def test_a_command_finds_no_folder_made_for_it(shell: str, home: Path) -> None:
    """What a command is to make is not there before it runs, though files follow into it."""
    made = plan(
        RunCommand(("/bin/mkdir", "fresh"), 5),
        Write(path("fresh/config"), "a: 1\n", 0o600),
        Write(path("fresh/notes"), "x\n", 0o644),
    )
    answer = reply(shell, compile_plan(made, Terms("{}")), home)
    assert told(answer) == [ChangeOutcome(number, "done") for number in range(3)]
