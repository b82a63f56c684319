"""What an upgrade does on a host: this runs there, as a text, in the home of its user.

A request in JSON is its last argument, or on standard input. `snapshot` copies the databases while
the gateways write them, and begins the note; `return` notes that a way back begins. `switch` leads
`current` to a version; before that it puts a snapshot back if that is asked. `errors` tells what is
new in the logs since then, `keep` writes down what is seen, and `end` ends the note and lets Hermes
bring its bundled skills to every profile. `there` tells whether a version is on the disk.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hermes_ops.commands.fleet.upgrade.databases import (
    Sentence,
    copy,
    databases,
    size,
)
from hermes_ops.commands.fleet.upgrade.notes import (
    Request,
    keep_room,
    leave_room,
    read_note,
    write_note,
    written,
)
from hermes_ops.commands.fleet.upgrade.way_back import (
    homes_of,
    lost,
    put_away,
    restored,
    sizes_of_copies,
    text_of,
)

SPARE = 64 << 20
"""Bytes that a snapshot leaves free on the disk."""
_LOG = "logs/errors.log"
_EVIDENCE = (_LOG, "logs/gateway.log", "gateway_state.json")
_READ = 1 << 20
_LINE = re.compile(
    r"\d{4}-\d\d-\d\d[ T][\d:.,]+ (?:ERROR|CRITICAL)(?: \[[^\]]*\])? ([\w.\-]+): (.*)"
)
_CHANGES = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"")
_BUNDLED = re.compile(r"^HERMES_BUNDLED_SKILLS=[\"']?([^\"'\n]+)", re.MULTILINE)
_SYNC = (
    "import json; from tools.skills_sync import sync_skills;"
    " print(json.dumps(sync_skills(quiet=True)))"
)

# --- before -----------------------------------------------------------------------------------


def snapshot(request: Request) -> None:
    """Copy every database and `config.yaml`, and begin the note; on a failure nothing is left."""
    folder = Path(request["snapshots"]) / request["run"]
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        sizes = [size(path) for home in homes_of(request) for path in databases(home)]
        _refuse_full(sizes, "copies of the databases")
        kept = _copied(request, part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    begun = {name: request[name] for name in ("run", "from", "to", "services")}
    write_note(
        request, {**begun, "at": time.time(), "phase": "switching", "kept": kept, "logs": {}}
    )
    keep_room(request)
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _refuse_full(sizes: Iterable[int], what: str) -> None:
    needs = sum(sizes) + SPARE
    state = os.statvfs(".")
    left = state.f_bavail * state.f_frsize
    if left < needs:
        mib = f"{needs >> 20} MiB, and {left >> 20} MiB are free"
        raise Sentence(f"the {what} need {mib}; nothing was stopped")


def _copied(request: Request, part: Path) -> dict[str, str]:
    kept: dict[str, str] = {}
    for home in homes_of(request):
        for path in databases(home):
            target = part / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept[str(path)] = copy(path, target)
        settings = home / "config.yaml"
        if settings.is_file():
            target = part / settings
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(settings, target)
            target.chmod(0o600)
    part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return kept


def begin_return(request: Request) -> None:
    """Note that a way back begins, and for which gateways: whatever fails behind their stops, the
    next one starts them. On a failure the note is as before.

    An upgrade that has not ended goes back however full the disk is: it has its room.
    """
    note, services = read_note(request), set(request["services"])
    if request["goes_on"]:
        services |= set(note["services"])
    else:
        _refuse_full(sizes_of_copies(request, note), "databases that go back")
        keep_room(request)
    write_note(request, {**note, "phase": request["phase"], "services": sorted(services)})


# --- between the stops and the starts ---------------------------------------------------------


def switch(request: Request) -> None:
    """Lead `current` to a version; if that is asked, first put back what another one migrated."""
    note = read_note(request)
    if request["restores"]:
        for word, done in (("restored", restored), ("put_away", put_away)):
            note[word] = sorted({*note.get(word, ()), *done(request, note)})
    note["phase"] = request["phase"]
    note["logs"] = {home: _known(Path(home)) for home in request["homes"].values()}
    # First the note: a link that leads elsewhere without it would belong to no upgrade.
    write_note(request, note)
    link = Path(request["link"])
    new = link.with_name(link.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(request["version"])
    new.replace(link)


# --- what is new in the logs ------------------------------------------------------------------


def _known(home: Path) -> dict[str, Any]:
    """Return where a log ends, and which errors were in it before."""
    path = home / _LOG
    if not path.is_file():
        return {"inode": 0, "end": 0, "errors": []}
    state = path.stat()
    text = _from(path, max(0, state.st_size - _READ))
    known = sorted({_kind(*found) for found in _LINE.findall(text)})
    return {"inode": state.st_ino, "end": state.st_size, "errors": known}


def _from(path: Path, at: int) -> str:
    with path.open("rb") as stream:
        stream.seek(at)
        return stream.read(_READ).decode("utf-8", "replace")


def _kind(logger: str, message: str) -> str:
    """Return an error without what is another each time: numbers, ids, quoted words."""
    return f"{logger}: {_CHANGES.sub('#', message)}"[:300]


def errors(request: Request) -> dict[str, Any]:
    """Return the errors of each profile that were in no log before the switch, each once."""
    logs = read_note(request)["logs"]
    return {"errors": {n: _new(Path(h), logs.get(h)) for n, h in request["homes"].items()}}


def _new(home: Path, known: Mapping[str, Any] | None) -> list[str]:
    path = home / _LOG
    if known is None or not path.is_file():
        return []
    state = path.stat()
    is_same = state.st_ino == known["inode"] and state.st_size >= known["end"]
    found: dict[str, str] = {}
    for logger, message in _LINE.findall(_from(path, known["end"] if is_same else 0)):
        if (kind := _kind(logger, message)) not in known["errors"]:
            found.setdefault(kind, f"{logger}: {message}"[:300])
    return list(found.values())[:20]


def keep(request: Request) -> dict[str, Any]:
    """Keep what shows why: the ends of the logs, the state files, and what was seen.

    On a full disk nothing of it stays: the notes of the way back need the room.
    """
    folder = Path(request["evidence"]) / request["run"]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        written(folder / "seen.txt", "\n".join(request["seen"]) + "\n")
        for name, home in request["homes"].items():
            for path in (Path(home, file) for file in _EVIDENCE):
                if path.is_file():
                    text = _from(path, max(0, path.stat().st_size - (_READ >> 2)))
                    written(folder / f"{name}.{path.name}", text)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"folder": str(folder)}


# --- the end ----------------------------------------------------------------------------------


def end(request: Request) -> dict[str, Any]:
    """End the note, and sync the bundled skills into every profile, as `hermes update` does."""
    note = read_note(request)
    skills = {name: _synced(request, home) for name, home in request["homes"].items()}
    write_note(request, {**note, "phase": request["phase"], "ended": time.time()})
    leave_room(request)
    told = {word: note.get(word, []) for word in ("restored", "put_away")}
    return {**told, "skills": skills}


def _synced(request: Request, home: str) -> Any:
    """Return what Hermes' own sync says of one profile; it leaves alone what a user modified."""
    if not Path(home).is_dir():
        return None
    where = str(Path(home).absolute())
    environ = {k: os.environ[k] for k in ("HOME", "USER", "PATH", "LANG") if k in os.environ}
    if found := _BUNDLED.search(text_of(Path(home) / ".env")):
        environ["HERMES_BUNDLED_SKILLS"] = found[1]
    words = [str(Path(request["link"]).absolute() / "venv/bin/python"), "-c", _SYNC]
    try:
        ended = subprocess.run(
            words, env={**environ, "HERMES_HOME": where}, cwd=where, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        said = json.loads(ended.stdout.decode().strip().splitlines()[-1])
        return {k: said.get(k, []) for k in ("copied", "updated", "user_modified")}
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def there(request: Request) -> dict[str, Any]:
    """Tell whether a version is on the disk as a whole, and what can not be put back for it."""
    folder = Path(request["link"]).parent / request["version"]
    return {"there": (folder / "hermes-ops.json").is_file(), "lost": lost(request)}


VERBS: Mapping[str, Callable[[Request], Any]] = {
    "snapshot": snapshot, "return": begin_return, "switch": switch, "errors": errors,
    "keep": keep, "end": end, "there": there,
}  # fmt: skip


def main() -> None:
    """Do what is asked; a failure is one sentence."""
    os.umask(0o077)
    is_asked = not sys.argv[-1].startswith("{")
    request = json.loads(sys.stdin.buffer.read().decode() if is_asked else sys.argv[-1])
    try:
        answer = VERBS[request["verb"]](request)
    except Exception as error:
        if not is_asked:
            sys.exit(_sentence(error))
        answer = {"error": _sentence(error)}
    if is_asked:
        print(json.dumps(answer))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': ~/{error.filename}' if error.filename else ''}"
    return str(error) if isinstance(error, Sentence) else f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
