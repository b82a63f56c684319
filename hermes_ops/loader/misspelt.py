"""Variables that are not read, with names one typing error away from a variable that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hermes_ops.errors import Place
from hermes_ops.loader.groups import PRIORITY
from hermes_ops.loader.hosts.connection import READ
from hermes_ops.loader.hosts.host import VARIABLES
from hermes_ops.loader.layers.variables import Layer
from hermes_ops.loader.typos import meant

KNOWN = frozenset({*READ, *VARIABLES, PRIORITY})
"""Every variable that is read here."""

_BEGINNINGS = tuple({name[:5] for name in KNOWN})
_ENDS = tuple({name[-5:] for name in KNOWN})


def misspelt(name: str) -> str:
    """Return the variable that was probably meant, '' if the name may be anyone's own."""
    # One typing error leaves the beginning or the end of so long a name as it is.
    if name in KNOWN or not (name.startswith(_BEGINNINGS) or name.endswith(_ENDS)):
        return ""
    return meant(name, KNOWN)


def misspelt_warnings(layers: Iterable[Layer]) -> Iterator[str]:
    """Yield one warning for each misspelt name, with the first of its places."""
    places: dict[str, list[Place]] = {}
    for layer in layers:
        for name, entry in layer.variables.items():
            if name not in KNOWN:
                places.setdefault(name, []).append(entry.place)
    for name, found in places.items():
        if other := misspelt(name):
            more = len(set(found)) - 1
            also = f" (and {more} more place{'s' * (more > 1)})" if more else ""
            yield f"{found[0]}: {name!r} is not read; did you mean {other!r}?{also}"
