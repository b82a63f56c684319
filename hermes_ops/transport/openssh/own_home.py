"""ssh's files of another HOME: ssh itself reads those of the account's home, whatever HOME says.

Copies of them are made for one call, in which `~` and relative paths lead to HOME. A line stays on
its line, so that what ssh says of one is true of the original, whose name is put back.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Final

from hermes_ops.transport.openssh.settings import SYSTEM_CONFIG

DEEPEST: Final = 16
"""How deep files may include each other; it is ssh's own limit."""
MOST: Final = 1000
"""How many files are copied; a circle of includes is left to ssh, which refuses it."""
_PATHS = re.compile(
    r"\s*(userknownhostsfile|globalknownhostsfile|revokedhostkeys|identityagent)\b", re.IGNORECASE
)
_INCLUDE = re.compile(r"\s*include(?:\s*=\s*|\s+)(.*)", re.IGNORECASE)
_TILDE = re.compile(r"(?<=[\s=\"'])~(?=/)")


class Copies:
    """A folder of copies, and what each is a copy of."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder, self._home = folder, home
        self._names: dict[str, str] = {}

    @property
    def main(self) -> Path:
        """Return the file that ssh is to read."""
        return self._folder / "main"

    def write(self) -> None:
        """Copy the files of HOME; after them come the system's, then the known_hosts of HOME."""
        config, known = self._home / ".ssh/config", f"{self._home}/.ssh/known_hosts"
        user = f"Include {_quoted(self._copy(config, 0))}\n" if config.is_file() else ""
        self.main.write_text(
            f"{user}Include {SYSTEM_CONFIG}\n"
            f"Host *\n  UserKnownHostsFile {_quoted(known)} {_quoted(f'{known}2')}\n"
        )

    def originals(self, said: str) -> str:
        """Return what ssh said with the names of the originals."""
        for copy, original in self._names.items():
            said = re.sub(rf"{re.escape(copy)}(?!\d)", lambda _, name=original: name, said)  # type: ignore[misc]
        return said

    def _copy(self, file: Path, depth: int) -> str:
        copy = str(self._folder / f"copy{len(self._names)}")
        self._names[copy] = str(file)
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        lines = [self._line(line, depth) for line in text.splitlines()]
        Path(copy).write_text("\n".join([*lines, ""]), encoding="utf-8", errors="surrogateescape")
        return copy

    def _line(self, line: str, depth: int) -> str:
        if _PATHS.match(line):
            return _TILDE.sub(lambda _: str(self._home), line)
        included = _INCLUDE.fullmatch(line)
        if included is None or depth >= DEEPEST or len(self._names) >= MOST:
            return line
        try:
            words = shlex.split(included[1], comments=True)
        except ValueError:
            return line
        files = [file for word in words for file in self._found(word)]
        copies = [_quoted(self._copy(Path(file), depth + 1)) for file in files]
        return f"Include {' '.join(copies)}" if copies else "# nothing to include"

    def _found(self, word: str) -> list[str]:
        path = str(self._home) + word[1:] if word.startswith("~/") else word
        found = glob(str(self._home / ".ssh" / path))  # noqa: PTH207 - it may be absolute
        return sorted(file for file in found if Path(file).is_file())


@contextmanager
def copies_for(home: Path) -> Iterator[Copies]:
    """Yield copies of the files of a home; they are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="hermes-ops-ssh-") as folder:
        copies = Copies(Path(folder), home)
        copies.write()
        yield copies


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
