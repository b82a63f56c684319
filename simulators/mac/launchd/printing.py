"""What `print` and its like show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from launchd import errors
from launchd.definition import STANDARD_PATH
from launchd.domain import Domain
from launchd.job import Job

COALITION = (
    "resource coalition = {",
    "\ttype = resource",
    "\tstate = active",
    "\tactive count = 1",
    "}",
    "",
)
TYPES = {"Background": "background (5)", "Interactive": "interactive (4)"}


def job(shown: Job) -> str:
    """Return the block of a job."""
    lines = [*_state(shown), "", *_program(shown), "", *_environment(shown), "", *_life(shown)]
    return f"{shown.domain.name}/{shown.label} = {{\n{_indented(lines)}}}\n"


def _state(shown: Job) -> Iterator[str]:
    kind = "LaunchDaemon" if shown.domain.kind == "system" else "LaunchAgent"
    yield f"active count = {1 if shown.pid else 0}"
    yield f"path = {shown.definition.path}"
    yield f"type = {kind}"
    yield f"state = {shown.state}"


def _program(shown: Job) -> Iterator[str]:
    definition = shown.definition
    yield f"program = {definition.program}"
    # Raw: what an argument contains may look like a line of ours.
    yield "arguments = {\n" + "".join(f"\t\t{word}\n" for word in definition.arguments) + "\t}"
    yield ""
    keys = {
        "working directory": "WorkingDirectory",
        "stdout path": "StandardOutPath",
        "stderr path": "StandardErrorPath",
        "username": "UserName",
        "group": "GroupName",
    }
    for name, key in keys.items():
        if definition.get(key):
            yield f"{name} = {definition.get(key)}"


def _environment(shown: Job) -> Iterator[str]:
    own = shown.definition.environment | {"XPC_SERVICE_NAME": shown.label}
    inherited = {}
    if shown.domain.kind == "gui":
        inherited["SSH_AUTH_SOCK"] = f"/var/run/com.apple.launchd.{shown.domain.uid:010d}/Listeners"
    yield from _block("inherited environment", inherited)
    yield ""
    yield from _block("default environment", {"PATH": STANDARD_PATH})
    yield ""
    yield from _block("environment", own)


def _block(name: str, values: Mapping[str, str]) -> Iterator[str]:
    yield f"{name} = {{"
    yield from (f"\t{key} => {value}" for key, value in values.items())
    yield "}"


def _life(shown: Job) -> Iterator[str]:
    definition, domain = shown.definition, shown.domain
    yield f"domain = {domain.name}" + (f" [{domain.asid}]" if domain.kind == "gui" else "")
    if domain.kind == "gui":
        yield f"asid = {domain.asid}"
    yield f"minimum runtime = {definition.throttle:g}"
    yield f"exit timeout = {definition.exit_timeout:g}"
    if definition.get("Umask") is not None:
        yield f"umask = {definition.umask:o}"
    yield f"runs = {shown.runs}"
    if shown.pid:
        yield f"pid = {shown.pid}"
        yield f"immediate reason = {shown.reason}"
    yield last_exit(shown)
    yield from _semaphores(shown)
    yield ""
    if shown.pid:
        yield from COALITION
    yield f"spawn type = {TYPES.get(definition.get('ProcessType', ''), 'daemon (3)')}"
    yield f"job state = {shown.job_state}"
    yield ""
    yield f"properties = {' | '.join(_properties(shown))}"


def last_exit(shown: Job) -> str:
    """Return how the previous run ended."""
    if shown.signal_number:
        return f"last terminating signal = {errors.signal_text(shown.signal_number)}"
    if shown.exit_code is None:
        return "last exit code = (never exited)"
    return f"last exit code = {errors.exit_text(shown.exit_code)}"


def _semaphores(shown: Job) -> Iterator[str]:
    keep = shown.definition.keep_alive
    if isinstance(keep, dict):
        names = {"SuccessfulExit": "successful exit", "Crashed": "crashed"}
        said = {names[name]: str(int(bool(keep[name]))) for name in names if name in keep}
        yield ""
        yield from _block("semaphores", said)


def _properties(shown: Job) -> Iterator[str]:
    definition = shown.definition
    if definition.keep_alive is True:
        yield "keepalive"
    if definition.get("RunAtLoad"):
        yield "runatload"
    if not definition.get("Program"):
        yield "inferred program"
    if shown.throttle > definition.throttle:
        yield "exponential throttling"
    if definition.get("AbandonProcessGroup"):
        yield "abandon process group"
    if definition.get("LowPriorityIO"):
        yield "low priority i/o"
    yield "managed LWCR"
    yield "has LWCR"


def domain(shown: Domain, disabled: Mapping[str, bool]) -> str:
    """Return the block of a domain."""
    creator = "loginwindow[201]" if shown.kind == "gui" else "launchd[1]"
    lines = [
        f"type = {'login' if shown.kind == 'gui' else shown.kind}",
        f"handle = {shown.asid if shown.kind == 'gui' else shown.uid}",
        f"active count = {len(shown.jobs)}",
        f"creator = {creator}",
        "creator euid = 0",
        f"session = {shown.session}",
        "",
        "services = {",
        *(f"\t{j.pid:8} {_status(j):>6} \t{j.label}" for j in shown.jobs.values()),
        "}",
        "",
        *disabled_block(disabled),
    ]
    return f"{shown.name} = {{\n{_indented(lines)}}}\n"


def disabled_block(disabled: Mapping[str, bool]) -> Iterator[str]:
    """Return the block of what was disabled and enabled."""
    yield "disabled services = {"
    for label, is_disabled in disabled.items():
        yield f'\t"{label}" => {"disabled" if is_disabled else "enabled"}'
    yield "}"


def _status(shown: Job) -> str:
    if shown.pid:
        return "-"
    return str(-shown.signal_number or shown.exit_code or 0)


def listing(jobs: Iterable[Job]) -> str:
    """Return what `list` prints."""
    rows = [
        f"{job.pid or '-'}\t{-job.signal_number or job.exit_code or 0}\t{job.label}\n"
        for job in jobs
    ]
    return "PID\tStatus\tLabel\n" + "".join(rows)


def dictionary(shown: Job) -> str:
    """Return what `list LABEL` prints: strings are quoted, and nothing in them is escaped."""
    definition = shown.definition
    lines = [
        f'"{key}" = "{definition.get(key)}";'
        for key in ("StandardOutPath", "StandardErrorPath")
        if definition.get(key)
    ]
    lines += [
        f'"LimitLoadToSessionType" = "{shown.domain.session}";',
        f'"Label" = "{shown.label}";',
        f'"OnDemand" = {"false" if definition.keep_alive is True else "true"};',
        f'"LastExitStatus" = {shown.last_status()};',
    ]
    lines += [f'"PID" = {shown.pid};'] if shown.pid else []
    lines += [f'"Program" = "{definition.program}";', '"ProgramArguments" = (']
    lines += [f'\t"{word}";' for word in definition.arguments]
    return "{\n" + _indented([*lines, ");"]) + "};\n"


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"\t{line}\n" if line else "\n" for line in lines)
