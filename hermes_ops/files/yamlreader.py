"""PyYAML's safe reader in C, without what takes its time in large files."""

from __future__ import annotations

from typing import Any

import yaml

_TEXT = "tag:yaml.org,2002:str"
_Reader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Reader):  # type: ignore[misc]
    """PyYAML's reader, which asks what a scalar is without building lists: it asks each time."""

    def resolve(self, kind: Any, value: str, implicit: tuple[bool, bool]) -> Any:
        """Return the tag of a node."""
        if kind is not yaml.ScalarNode or self.yaml_path_resolvers:
            return super().resolve(kind, value, implicit)
        if implicit[0]:
            for tag, pattern in self.yaml_implicit_resolvers.get(value[:1], ()):
                if pattern.match(value):
                    return tag
        return _TEXT
