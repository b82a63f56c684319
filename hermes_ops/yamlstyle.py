"""How our values are written into a YAML file: in its own indentation, for PyYAML to read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml


class Style(NamedTuple):
    """The indentation of a file: of nested mappings, and whether lists have any."""

    step: int = 2
    indents_lists: bool = True

    @classmethod
    def of(cls, text: str) -> Style:
        """Return the style of the first nested mapping and of the lists in `text`."""
        nested = re.search(rf"{_PARENT}( {{2,8}})[^\s#-]", text, re.M)
        flat = re.search(rf"{_PARENT}- ", text, re.M)
        return cls(len(nested[2]) if nested else 2, not flat)

    def entries(self, values: Mapping[Any, Any]) -> str:
        """Return the lines of a block mapping, at the left edge."""
        return self._dump(values, flow=False)

    def flow(self, values: Mapping[Any, Any]) -> str:
        """Return a mapping in braces, on one line."""
        return self._dump(values, flow=True).strip()

    def _dump(self, values: Mapping[Any, Any], *, flow: bool) -> str:
        return yaml.dump(
            values,
            Dumper=_Indented if self.indents_lists else _Dumper,
            default_flow_style=flow,
            indent=self.step,
            width=2**31,
            allow_unicode=True,
            sort_keys=False,
        )


_PARENT = r"^( *)[^\s#-][^\n]*:[ \t]*\r?\n\1"
"""A key without a value on its line, and the indentation of the line below."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class names it
        return True


class _Indented(_Dumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


_BLOCK = re.compile(r"(?![ \n])([ -~\xa1-\u2027]*(?<! )\n)+[ -~\xa1-\u2027]*(?<! )(?<!\n\n)")
"""Text of several lines that a `|` block gives back exactly."""

_ODD = re.compile(r"[^ -~\xa0-\u2027\u2030-\ud7ff]")
"""Characters that only escapes bring through; PyYAML would leave some of them bare."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    odd = '"' if _ODD.search(value) else None
    style = "|" if _BLOCK.fullmatch(value) else odd
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_representer(MappingProxyType, yaml.SafeDumper.represent_dict)
