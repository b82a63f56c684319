"""Values as YAML text: in lines or in braces, with the marks that keep their meaning."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hermes_ops.loader.edit.nodes import TAG
from hermes_ops.loader.located import Literal

_NO_BLOCK = re.compile(r"[^ -~\n\xa0-\u2027]|[ ]\n|[ ]\Z|(?:\A|\n)\n\Z")
"""Text that a `|` block cannot hold, or holds only with invisible blank lines at its end."""


class TextDumper(yaml.SafeDumper):
    """Writes a text that is never an expression with the mark that says so."""


TextDumper.add_representer(
    Literal, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text))
)


class _Dumper(TextDumper):
    """Writes multi-line texts as `|` blocks where possible, and never writes an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = '"' if _NO_BLOCK.search(text) else "|"
    return dumper.represent_scalar(f"{TAG}str", text, style=lines if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def block(value: Any, column: int) -> str:
    """Return a value in lines, indented to a column."""
    written = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31,
        default_flow_style=False,
    )  # fmt: skip
    lines = written.rstrip("\n").split("\n")
    return "\n".join(" " * column + line if line else "" for line in lines)


def flow(value: dict[str, Any]) -> str:
    """Return a mapping in braces; on its own, a word such as `:a` would not be quoted."""
    written = yaml.dump(
        value, Dumper=TextDumper, sort_keys=False, allow_unicode=True, width=2**31,
        default_flow_style=True,
    )  # fmt: skip
    return str(written).removesuffix("\n")
