"""Settings of `config.yaml` that Hermes would pass over, or take for others."""

from __future__ import annotations

import re

from hermes_ops.hermes.variables import setting_expected
from hermes_ops.loader.located import SEALED, Located, kind, plain

_REFERENCE = re.compile(r"[A-Z_][A-Z0-9_]*$|-----BEGIN AGE")


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
        if _is_reference(entry):
            words = f"{'.'.join(at)} is a reference, which Hermes would get as it stands here"
            hint = (
                "give the secret a name under env:, and write ${NAME} here: Hermes reads its .env"
            )
            raise entry.error(words, hint)
        refuse_ignored(entry, at)


def _is_reference(entry: Located) -> bool:
    """Whether a setting is written as a secret of `env:` may be: `{env: NAME}`, or an age text."""
    if [str(name) for name in entry.entries] not in (["env"], ["age"]):
        return False
    (inner,) = entry.entries.values()
    return isinstance(inner.data, str) and bool(_REFERENCE.match(inner.data))
