"""`files:` of a profile: further files below its home, plain or as templates."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from hermes_ops.files.ownership import NAME
from hermes_ops.inventory.model import ProfileFile
from hermes_ops.loader.located import Located
from hermes_ops.loader.schema import BOOLEAN, MODE, TEXT, WORD, Fields, Key, check, filled
from hermes_ops.loader.sources.named import MEBIBYTE, named_text
from hermes_ops.loader.sources.text import shown

FORMS = ("template", "copy", "content")
FILE = Fields(
    {
        "template": Key(WORD, "a Jinja template beside this file"),
        "copy": Key(WORD, "a text beside this file, as it is"),
        "content": Key(TEXT, "the text itself"),
        "mode": Key(MODE, "its mode", "0644"),
        "restart": Key(BOOLEAN, "a change of it restarts the gateway", default=False),
    }
)
"""The keys of one entry in `files:`; exactly one of `FORMS` gives the content."""

_PART = re.compile(r"[A-Za-z0-9_.@+-]([A-Za-z0-9_.@+ -]*[A-Za-z0-9_.@+-])?")
_OTHERS = {
    "config.yaml": "write it under config:",
    ".env": "write it under env:",
    "soul.md": "name it under soul:",
    NAME: "hermes-ops keeps that file itself",
    "profiles": "each profile has its own files:",
}


def profile_files(section: Located) -> dict[str, ProfileFile]:
    """Return the files by their path; an entry that is `null` is left out."""
    wanted = filled(section)
    for path, entry in wanted.items():
        _check_path(path, entry)
    for one, other in pairwise(sorted(wanted)):
        if other.startswith(f"{one}/"):
            raise wanted[other].error(f"{one!r} is a file, and {other!r} would be in it")
    return {path: _file(path, entry) for path, entry in wanted.items()}


def _check_path(path: object, entry: Located) -> None:
    if not isinstance(path, str):
        raise entry.error(f"the path of a file must be a text, {path} is not", "quote it")
    parts = path.split("/")
    if ".." in parts or path.startswith(("/", "~")):
        hint = "it is below the profile's home: skills/notes.md"
        raise entry.error(f"{path!r} leaves the profile's home", hint)
    if not all(part != "." and _PART.fullmatch(part) for part in parts):
        hint = "letters, digits, blanks within and . _ - + @, folders with /"
        raise entry.error(f"{path!r} cannot be the path of a file", hint)
    if hint := _OTHERS.get(path.lower()) or _OTHERS.get(f"{parts[0].lower()}") or "":
        raise entry.error(f"{path!r} is not one of a profile's further files", hint)


def _file(path: str, entry: Located) -> ProfileFile:
    name = f"files: {path}"
    check(_with_texts(entry), FILE, name)
    said = filled(entry)
    forms = [form for form in FORMS if form in said]
    if len(forms) != 1:
        raise entry.error(f"{name!r} wants exactly one of {', '.join(FORMS)}")
    text, source = _content(forms[0], said[forms[0]])
    mode = said["mode"].text or str(said["mode"].data) if "mode" in said else "644"
    return ProfileFile(
        text,
        source,
        is_template=forms[0] == "template",
        mode=int(mode.replace("o", ""), 8),
        restart=bool(said["restart"].data) if "restart" in said else False,
    )


def _with_texts(entry: Located) -> Located:
    """Return the entry with its mode as it was written: 0600 is an octal number to YAML."""
    mode = entry.entries.get("mode")
    if mode is None or not isinstance(mode.data, int):
        return entry
    return Located({**entry.data, "mode": Located(mode.text, mode.place, mode.text)}, entry.place)


def _content(form: str, entry: Located) -> tuple[str, str]:
    """Return the text, and its place as messages show it."""
    if form == "content":
        return _checked(entry.data, entry, "its text"), str(entry.place)
    file = Path(entry.place.file).parent / Path(entry.data).expanduser()
    return _checked(named_text(file, entry), entry, shown(file)), shown(file)


def _checked(text: str, entry: Located, name: str) -> str:
    if "\0" in text:
        raise entry.error(f"{name} has a NUL in it, and is no text")
    if len(text) > MEBIBYTE:
        raise entry.error(f"{name} is larger than 1 MiB")
    return text
