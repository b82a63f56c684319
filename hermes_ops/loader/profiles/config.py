"""Settings of `config.yaml` that Hermes would pass over, or take for others."""

from __future__ import annotations

from hermes_ops.hermes.variables import setting_expected
from hermes_ops.loader.located import SEALED, Located, kind, plain


def refuse_ignored(config: Located | None, path: tuple[str, ...] = ()) -> None:
    """Raise if Hermes would take a setting that it knows for another, or for none."""
    for name, entry in config.entries.items() if config else ():
        at = (*path, str(name))
        value = entry.data if entry.data is SEALED else plain(entry)
        if value is not SEALED and (wanted := setting_expected(at, value)):
            words = (
                f"{'.'.join(at)} is {kind(entry)}, which Hermes would ignore or take for another"
            )
            raise entry.error(words, f"it must be {wanted}")
        refuse_ignored(entry, at)
