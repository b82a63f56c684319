"""Amounts of memory as systemd reads them: `512M`, `2G`, `75%`, `infinity`."""

from __future__ import annotations

import re
from math import inf

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)")


def bytes_of(amount: str) -> float:
    """Return an amount such as `512M` in bytes; a share of what is not known here has no end."""
    found = _AMOUNT.fullmatch(amount)
    return float(found[1]) * 1024.0 ** " KMGT".index(found[2] or " ") if found else inf


def is_more(amount: str | None, than: str | None) -> bool:
    """Return whether an amount is above another.

    A part of the machine and a number of bytes cannot be compared without that machine; what is no
    amount, such as `infinity`, is not compared either.
    """
    if amount and than and amount.endswith("%") and than.endswith("%"):
        return float(amount[:-1]) > float(than[:-1])
    sizes = [bytes_of(one) for one in (amount, than) if one and _AMOUNT.fullmatch(one)]
    return len(sizes) == 2 and sizes[0] > sizes[1]
