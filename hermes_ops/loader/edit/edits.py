"""Set keys in a file of the inventory; if that fails, the file stays unchanged.

    edit = edit_key(file, ("config", "model"), "x")
    print(edit.diff())
    write(edit, lambda: load(paths, roles, environ))

`spots` finds the file and the keys of a layer.
"""

from __future__ import annotations

import difflib
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.edit.cut import without_key
from hermes_ops.loader.edit.nodes import item_of
from hermes_ops.loader.edit.splice import line_of, put
from hermes_ops.loader.located import Literal
from hermes_ops.loader.sources.text import decoded, shown

_BOM = "\ufeff"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """One key of one file: the text before and after the change."""

    file: Path
    path: tuple[str, ...]
    before: str | None
    """None: there is no such file yet."""
    after: str

    @property
    def place(self) -> Place:
        """Return the position of the key after the change."""
        return Place(shown(self.file), line_of(self.after.removeprefix(_BOM), self.path))

    @property
    def line(self) -> int:
        """Return the line of the key before the change; 0 if it was not there."""
        return line_of((self.before or "").removeprefix(_BOM), self.path)

    @property
    def is_empty(self) -> bool:
        """Whether the file has this value already."""
        return self.before == self.after

    def diff(self, context: int = 3) -> str:
        """Return the change as a unified diff, without a newline at its end."""
        name = shown(self.file)
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.after.splitlines(),
            name if self.before is not None else "/dev/null", name, n=context, lineterm="",
        )  # fmt: skip
        return "\n".join(lines)


def edit_key(file: Path, path: Sequence[Any], value: Any) -> Edit:
    """Return the edit that sets the key at `path` of a file; the file may not exist yet."""
    return edit_keys(file, [(path, value)])


def edit_keys(file: Path, values: Sequence[tuple[Sequence[Any], Any]]) -> Edit:
    """Return the edit that sets several keys by their paths; its place is that of the first key."""
    before = text_of(file)
    refuse_encrypted(file, before or "")
    text = (before or "").removeprefix(_BOM)
    bom = _BOM if before is not None and before.startswith(_BOM) else ""
    change = _put_in_json if file.suffix == ".json" else put
    for path, value in values:
        text = change(text, tuple(map(str, path)), value, file=shown(file))
    return Edit(file, tuple(map(str, values[0][0])), before, bom + text)


def cut_key(file: Path, path: Sequence[Any], *, kept: int) -> Edit | None:
    """Return the edit that removes the key at `path`; None if the file does not have it.

    Mappings that become empty are removed too, except the first `kept` keys of the path.
    """
    before, words = text_of(file), tuple(map(str, path))
    refuse_encrypted(file, before or "")
    text = (before or "").removeprefix(_BOM)
    cut = _cut_from_json if file.suffix == ".json" else without_key
    after = cut(text, words, file=shown(file), kept=kept)
    if after is None or before is None:
        return None
    return Edit(file, words, before, (_BOM if before.startswith(_BOM) else "") + after)


def write(edit: Edit, check: Callable[[], T]) -> T:
    """Write the file, then run `check`, which loads it; if that fails, restore the old file.

    Raises:
        InventoryError: `check` failed, or the file cannot be written, or it was changed meanwhile.
    """
    if text_of(edit.file) != edit.before:
        raise InventoryError("somebody else changed this file just now", where=shown(edit.file))
    made = _missing_folders(edit.file.parent)
    try:
        replace_file(edit.file, edit.after)
        return check()
    except BaseException as failure:
        _put_back(edit, made)
        if isinstance(failure, InventoryError):
            said = f"{failure.message}; so nothing was changed in {shown(edit.file)}"
            raise InventoryError(said, hint=failure.hint, where=failure.where) from None
        raise


# --- reading and writing ----------------------------------------------------------------------


def text_of(file: Path) -> str | None:
    """Return the text of a file with its line ends unchanged; None if the file does not exist."""
    try:
        return decoded(file.read_bytes(), shown(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None


def refuse_encrypted(file: Path, text: str) -> None:
    """Raise if the whole file is encrypted."""
    if text.startswith("$ANSIBLE_VAULT;"):
        hint = f"ansible-vault edit {shown(file)}"
        raise InventoryError(
            "is encrypted as a whole: it is not edited here", hint=hint, where=shown(file)
        )


def _cut_from_json(text: str, path: Sequence[str], *, file: str, kept: int) -> str | None:
    """Return the JSON without the key at `path`; None if it is not there."""
    try:
        found = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        place = Place(file, error.lineno, error.colno)
        raise InventoryError(f"cannot be JSON: {error.msg}", where=place) from None
    above = [found]
    for name in path:
        if not isinstance(above[-1], dict) or name not in above[-1]:
            return None
        above.append(above[-1][name])
    for depth in reversed(range(len(path))):
        del above[depth][path[depth]]
        if above[depth] or depth <= kept:
            break
    return _as_json(found, text)


def _put_in_json(text: str, path: Sequence[str], value: Any, *, file: str) -> str:
    """Return the JSON with `value` at `path`; JSON on one line stays on one line."""
    try:
        return _as_json(_with(json.loads(text or "{}"), path, _marked(value), file), text)
    except json.JSONDecodeError as error:
        place = Place(file, error.lineno, error.colno)
        raise InventoryError(f"cannot be JSON: {error.msg}", where=place) from None
    except (ValueError, TypeError) as error:
        raise InventoryError(f"cannot be JSON: {error}", where=file) from None


def _as_json(value: Any, before: str) -> str:
    """Return a value as JSON in the form of a text: on one line if that was."""
    written = json.dumps(value, indent=2 if "\n" in before.strip() else None, ensure_ascii=False)
    return written + ("\n" if before.endswith("\n") else "")


def _marked(value: Any) -> Any:
    """Return a value as Ansible's JSON has it: a text that is never an expression is marked."""
    if isinstance(value, Mapping):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return {"__ansible_unsafe": str(value)} if isinstance(value, Literal) else value


def _with(have: Any, path: Sequence[str], value: Any, file: str) -> Any:
    if not path:
        return value
    if isinstance(have, list) and (at := item_of([*have, None], path[0])) is not None:
        item = _with(have[at] if at < len(have) else None, path[1:], value, file)
        return [*have[:at], item, *have[at + 1 :]]
    if isinstance(have, list) and all(isinstance(item, str) for item in have):
        have = dict.fromkeys(have)  # `hermes_profiles: [coder]` cannot hold a setting
    if not isinstance(have, dict | None):
        raise InventoryError(f"{path[0]!r} cannot be set: the file is not a mapping", where=file)
    entries = have or {}
    return {**entries, path[0]: _with(entries.get(path[0]), path[1:], value, file)}


def _missing_folders(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def replace_file(file: Path, text: str) -> None:
    """Replace the file atomically and keep its mode; a link stays a link."""
    target = file.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("x", encoding="utf-8", newline="") as stream:
            if target.exists():
                os.fchmod(stream.fileno(), target.stat().st_mode & 0o7777)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None
    finally:
        draft.unlink(missing_ok=True)


def _put_back(edit: Edit, made: Sequence[Path]) -> None:
    if edit.before is not None:
        replace_file(edit.file, edit.before)
        return
    edit.file.unlink(missing_ok=True)
    for folder in made:
        with suppress(OSError):
            folder.rmdir()
