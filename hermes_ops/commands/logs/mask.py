"""What looks like a credential in a line of a log is masked, whether anybody knows it or not."""

from __future__ import annotations

import re

from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.secret import SHOWN

_ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]{1,80})(?P<sign>["']?\s?[=:]\s?["']?)"""
    r"""(?P<scheme>(?:Bearer|Basic|Token)\s)?(?P<value>[^\s"',;&]{4,})"""
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=:-]{8,}", re.I)
_IN_URL = re.compile(r"(?<=://)([^\s/:@]*):([^\s/@]+)(?=@)")
_HINTS = re.compile(
    r"key|token|secret|pass|pwd|auth|cred|cookie|psk|pat\b|jwt|bearer|basic|://[^\s/]*@", re.I
)
"""What any line has that has something to mask; most have none of it."""


def masked(text: str) -> str:
    """Return a line without values that are assigned to a name of a credential."""
    if not _HINTS.search(text):
        return text
    text = _IN_URL.sub(rf"\1:{SHOWN}", text)
    text = _BEARER.sub(rf"\1 {SHOWN}", text)
    return _ASSIGNED.sub(_without_value, text)


def _without_value(match: re.Match[str]) -> str:
    name, sign, value = match["name"], match["sign"], match["value"]
    if not holds_credential(name) or not (_is_assigned(sign) or _is_odd(value)):
        return match[0]
    return f"{name}{sign}{match['scheme'] or ''}{SHOWN}"


def _is_assigned(sign: str) -> bool:
    """Whether this is no prose: `token=`, `"token": "`; in `token: expired` it may be."""
    return "=" in sign or '"' in sign or "'" in sign


def _is_odd(value: str) -> bool:
    return len(value) >= 8 and any(char.isdigit() for char in value)
