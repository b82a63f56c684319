"""`config.edit`: open an editor at the line that sets a value, and check the result."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.printable import printable
from hermes_ops.commands.config.set import setting_path, shown_lines
from hermes_ops.commands.editor import editor_words
from hermes_ops.commands.next_step import say_next
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import Workspace, gathered, loaded
from hermes_ops.errors import Interrupted, InventoryError, Place, UsageError
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.loader.edit.edits import Edit, refuse_encrypted, replace_file, text_of
from hermes_ops.loader.keypath import begins, spelled
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.sources.text import shown

_WITH_LINE = {"vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "kak", "joe",
              "sensible-editor"}  # fmt: skip
_WITH_COLON = {"hx", "helix", "subl", "zed"}


def edit(options: Options, output: Output, target: str, key: str | None) -> Result:
    """Open the editor; if the inventory does not load afterwards, ask what to do with the edit."""
    workspace, host, profile = open_target(options, output, target)
    place = _deciding(workspace, host, profile, key)
    file = Path(place.file)
    before = text_of(file) or ""
    refuse_encrypted(file, before)
    error = _edited(workspace, place)
    while error is not None:
        if not _again(output, error, file, options):
            raise InventoryError(error.message, hint=_kept(file, before), where=error.where)
        error = _edited(workspace, place)
    lines = shown_lines(Edit(file, (), before, text_of(file) or ""), workspace)
    for line in lines:
        output.text(line)
    if lines:
        say_next(output, workspace.whole, loaded(workspace.paths, workspace.vault))
    return items(
        [{"host": host.name, "profile": profile.name, "key": key, "file": shown(file),
          "line": place.line, "changed": bool(lines), "diff": lines}]
    )  # fmt: skip


def _deciding(workspace: Workspace, host: Host, profile: Profile, key: str | None) -> Place:
    """Return the place that sets `key`; without a key, where the profile is described."""
    from hermes_ops.loader.explain.provenance import leaves

    found = leaves(gathered(workspace), host.name, profile.name)
    if key is None:
        described = [leaf.winner.place for leaf in found if leaf.winner.layer == "catalogue"]
        place = described[0] if described else profile.place
        if place is None:
            raise UsageError(f"no file describes {profile.name}")
        return Place(place.file, 1) if described else place
    path = setting_path(key)
    places = [leaf.winner.place for leaf in found if begins(leaf.path, map(str, path))]
    if not places:
        hint = suggestion(spelled(path), [leaf.key for leaf in found])
        raise UsageError(f"no layer sets {spelled(path)!r}: use config.set", hint=hint)
    return places[0]


def _edited(workspace: Workspace, place: Place) -> InventoryError | None:
    """Run the editor; return what is wrong with the inventory afterwards."""
    words = _editor(place)
    try:
        code = subprocess.run(words, check=False).returncode
    except OSError as error:
        hint = "set $VISUAL or $EDITOR"
        raise UsageError(f"{words[0]} cannot be run: {error.strerror}", hint=hint) from None
    try:
        loaded(workspace.paths, workspace.vault)
    except InventoryError as error:
        return error
    if code != 0:
        raise UsageError(f"{words[0]} ended with {code}")
    return None


def _editor(place: Place) -> list[str]:
    words = editor_words(instead="config.set")
    name = Path(words[0]).name
    if place.line and name in _WITH_LINE:
        return [*words, f"+{place.line}", place.file]
    return [*words, f"{place.file}:{place.line}" if name in _WITH_COLON else place.file]


def _again(output: Output, error: InventoryError, file: Path, options: Options) -> bool:
    """Ask what to do if the inventory does not load: edit again, restore the file, or keep it."""
    output.note(f"error: {error}")
    if options.yes or not sys.stdin.isatty():
        return False
    name = printable(shown(file))
    sys.stderr.write(f"Edit {name} again? [Y: edit / n: restore the file / k: keep] ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer in ("k", "keep"):
        raise Interrupted("your text is kept, but the inventory does not load")
    return answer in ("", "y", "yes")


def _kept(file: Path, before: str) -> str:
    """Restore the file; return a sentence that names where the refused text was saved."""
    handle, name = tempfile.mkstemp(prefix="hermes-ops-", suffix=file.suffix)
    with os.fdopen(handle, "wb") as stream:
        stream.write(file.read_bytes())
    replace_file(file, before)
    return f"{shown(file)} was restored; your text is in {name}"
