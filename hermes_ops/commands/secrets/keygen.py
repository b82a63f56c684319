"""`secrets.keygen`, and the recipients: the keys that open the secrets of an inventory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.workspace import Workspace, chosen_inventory, operator
from hermes_ops.loader.sources.files import folder_of
from hermes_ops.loader.sources.text import shown
from hermes_ops.secrets import age


def keygen(options: Options, output: Output) -> Result:
    """Make a key unless there is one, and add its public half to the recipients."""
    paths = chosen_inventory(options, output)
    file = _own_key_file(options)
    made = not file.exists()
    if made and not options.check:
        age.make_identity(file)
    keys = age.public_keys(file) if file.exists() else []
    book = _recipients_file(paths)
    added = [key for key in keys if not options.check and age.add_recipient(book, key, operator())]
    output.text(f"{file}: {'made' if made else 'exists already'}")
    for key in keys:
        output.text(f"{shown(book)}: {key}{'' if key in added else ' (listed already)'}")
    if added and not made:
        output.note(
            "older secrets stay closed to this key until one of their readers runs secrets.rekey"
        )
    row = {"key_file": str(file), "made": made, "public": keys, "recipients": shown(book)}
    return items([row], exit=2 if options.check and made else 0)


def _own_key_file(options: Options) -> Path:
    named = options.age_key_file or os.environ.get(age.VARIABLE)
    return Path(named).expanduser() if named else age.default_key_file()


def readers_of(workspace: Workspace) -> list[Any]:
    """Return the recipients to whom the secrets of an inventory are encrypted."""
    book = _recipients_file(workspace.paths)
    return age.recipients(book, shown(book))


def _recipients_file(paths: Sequence[Path]) -> Path:
    """Return the path of the strongest inventory's list of recipients; it may not exist."""
    files = [folder_of(path) / age.RECIPIENTS for path in reversed(paths)]
    return next((file for file in files if file.exists()), files[0])
