"""`init`: a repository for a fleet, with everything that the first `fleet.up` needs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from hermes_ops.assets import TEMPLATES
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import UsageError
from hermes_ops.inventory.find import VARIABLE, refuse_untrusted
from hermes_ops.program_name import spoken

_SKELETON = TEMPLATES / "repository"
_HIDDEN = {"gitignore": ".gitignore"}
"""Files that have no leading dot among the templates, where they would have an effect."""


def init(output: Output, given: str) -> Result:
    """Write the repository into a new or empty folder, and say what comes next."""
    if not given:
        raise UsageError("the folder has no name", hint="is a shell variable empty?")
    folder = Path(given)
    try:
        _refuse_used(folder)
        files = [_write(source, folder) for source in _sources()]
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=given) from None
    for file in files:
        output.text(str(file))
    steps = _next(folder)
    output.text("\n".join(["", "now:", *(f"  {step}" for step in steps)]))
    if os.environ.get(VARIABLE):
        output.note(f"warning: ${VARIABLE} is set, and wins over the inventory of this folder")
    return items([{"folder": given, "files": [str(file) for file in files], "next": steps}])


def _refuse_used(folder: Path) -> None:
    """Refuse a folder that has anything but the `.git` of a repository without files."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("this is not a folder", hint="name a new one", where=str(folder))
    if sorted(path.name for path in folder.iterdir() if path.name != ".git"):
        raise UsageError("this folder has files already", hint="name a new one", where=str(folder))
    refuse_untrusted(folder, "name another")


def _sources() -> Iterator[Path]:
    files = (path for path in sorted(_SKELETON.rglob("*")) if path.is_file())
    # In an installed package, the template of the runbook may have been compiled.
    return (path for path in files if path.parent.name != "__pycache__")


def _write(source: Path, folder: Path) -> Path:
    """Write one file that only its owner may write, whatever the umask: it may be a program."""
    relative = source.relative_to(_SKELETON)
    file = folder / relative.with_name(_HIDDEN.get(relative.name, relative.name))
    for above in reversed(file.parents):
        above.mkdir(mode=0o755, exist_ok=True)
    text = spoken(source.read_text(encoding="utf-8"), elsewhere=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as new:
        new.write(text.encode())
    return file


def _next(folder: Path) -> list[str]:
    """Return three commands to type one after the other."""
    is_here = folder.resolve() == Path.cwd().resolve()
    enter = [] if is_here else [f"cd {shlex.quote(str(folder))}"]
    tasks = ("fleet.plan", "fleet.up", "fleet.ps")
    return [*enter, *(spoken(f"./inv {task}", elsewhere=True) for task in tasks)][:3]
