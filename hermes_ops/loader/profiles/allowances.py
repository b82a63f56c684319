"""`allow:`, the accepted findings; and where each setting of a profile was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hermes_ops.errors import Place
from hermes_ops.inventory.model import Allowance
from hermes_ops.loader.located import Located
from hermes_ops.loader.schema import WORD, Each, Fields, Kind, suggestion


def _is_kind(value: Any) -> bool:
    from hermes_ops.audit.finding import kinds  # imported only when a profile has `allow:`

    return value in kinds()


NAME = Kind("a name or a port", lambda value: isinstance(value, str | int) and value != "")
ALLOW = Each(
    Fields({"finding": Kind("a finding of secrets.lint", _is_kind), "name": NAME, "reason": WORD})
)
"""The keys of an entry in `allow:` of a profile."""


def allowances(entry: Located) -> tuple[Allowance, ...]:
    """Return the exceptions of a profile; an exception without a reason is an error."""
    return tuple(map(_allowance, entry.items))


def _allowance(item: Located) -> Allowance:
    texts = {key: str(value.data) for key, value in item.entries.items() if value.data is not None}
    for key in ("finding", "reason"):
        if key not in texts:
            from hermes_ops.audit.finding import kinds

            hint = "say why the finding is accepted" if key == "reason" else suggestion("", kinds())
            raise item.error(f"an exception needs a {key!r}", hint)
    return Allowance(texts["finding"], texts["reason"], texts.get("name", ""), item.place)


def places_of(profile: Mapping[str, Located]) -> dict[str, Place]:
    """Return where each setting of a profile was written, by its dotted path."""
    sections = {key: profile[key] for key in ("env", "config", "service") if key in profile}
    return dict(_places(sections, ""))


def _places(entries: Mapping[Any, Located], before: str) -> Iterator[tuple[str, Place]]:
    for key, entry in entries.items():
        path = f"{before}{key}"
        yield path, entry.place
        if not path.startswith("env."):  # a reference is one value
            yield from _places(entry.entries, f"{path}.")
