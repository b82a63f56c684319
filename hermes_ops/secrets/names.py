"""Names that promise a secret: of variables, options, and keys in settings."""

from __future__ import annotations

import re

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")


_CREDENTIAL = re.compile(r"(.*_)?(TOKEN|KEY|SECRET|PASS|PASSWORD|PASSPHRASE|CREDENTIALS?)")


_SETTING = re.compile(
    r"(.*(api|app|private|secret|access|auth|encrypt)[_-]?key"
    r"|(.*[_-])?(token|secret|password|passphrase)|.*[a-z](Token|Secret|Password|ApiKey))"
)


def is_credential(name: str) -> bool:
    """Say whether a name, of a variable or of a key in config.yaml, promises a credential."""
    return bool((_CREDENTIAL if VARIABLE.fullmatch(name) else _SETTING).fullmatch(name))


_PROMISES = re.compile(r"(TOKEN|KEY|SECRET|PASS|PASSWORD|PASSPHRASE|CREDENTIALS?|AUTH)$", re.I)


def promises_secret(name: str) -> bool:
    """Say whether the name of a variable or an option promises that its value is a secret."""
    return _PROMISES.search(name) is not None
