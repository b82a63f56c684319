"""`checks:` of a role: each must be a function of its `checks/`."""

from __future__ import annotations

import re
from pathlib import Path

from hermes_ops.loader.located import Located
from hermes_ops.loader.schema import near
from hermes_ops.loader.sources.text import exact_bytes_of, shown

_FUNCTION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(test\w*)", re.MULTILINE)
_COMMENT = re.compile(r"#.*")


def refuse_unknown_checks(named: Located, folder: Path) -> None:
    """Raise if a named check is nowhere in the files of `checks/`.

    The files are only read: they may be programs of strangers. A check may be imported there, so
    its name alone is looked for.
    """
    if not named.items:
        return
    files = [*folder.rglob("test_*.py"), *folder.rglob("*_test.py")]
    texts = [exact_bytes_of(file).decode("utf-8", "replace") for file in sorted(files)]
    known = {name for text in texts for name in _FUNCTION.findall(text)}
    for item in named.items:
        if item.data in known or any(_names(text, item.data) for text in texts):
            continue
        hint = near(item.data, sorted(known)) or f"define it there: {shown(folder)}/test_….py"
        raise item.error(f"there is no check {item.data!r} in {shown(folder)}", hint)


def _names(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", _COMMENT.sub("", text)) is not None
