"""The one rule for "this name holds a credential": for variables, options and settings.

This file is sent to hosts as text, so it uses only the standard library.
"""

from __future__ import annotations

import re


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ALWAYS = _listed(
    "secret secrets password passwords passwd passphrase passphrases passcode credential"
    " credentials authorization bearer jwt cookie psk"
)
_UNLESS = {
    "token": _listed("bos eos pad unk sep cls mask stop start end special max min per"),
    "pass": _listed("first second next single multi one two dry"),
}
"""Words that name a credential, except after one of these: there they mean a piece of text."""

_GRANTS = _listed(
    "access admin api app auth authentication bot client consumer deploy encrypt encryption hmac"
    " license master personal private refresh secret service shared signing ssh user"
)
"""Words before `key` or `token` that make it a credential."""

_PUBLIC = _listed("public primary foreign host partition sort")
_PLAIN = _PUBLIC | _listed(
    "bind binding cache chat column config cycle dedup dict enter escape event exit field group"
    " header hot idempotency index interrupt item json label leader lookup map message metric"
    " modifier object order prefix quit record routing row send session setting shortcut state"
    " submit talk thread toggle translation trigger"
)
"""Words that make a `key` harmless: in any name, and in the name of a setting."""

_JOINED = (
    *("password", "passwd", "passphrase", "secret", "token", "credential", "credentials"),
    *(f"{kind}key{end}" for kind in sorted(_GRANTS) for end in ("", "s")),
)
"""Endings of compound words: `apikey`, `PGPASSWORD`."""

_SWITCHES = _listed("disable enable has hide mask redact require requires show")
_EDITIONS = _listed(
    "b64 backup base64 current dev hex new old pem previous prod staging test value"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def holds_credential(name: str) -> bool:
    """Return whether a variable, an option or a setting of this name holds a credential.

    In a dotted path the last part counts; numbers are positions in a list. An entry of a mapping
    of keys or tokens, such as `api_keys.openai`, is a credential whatever its name.
    """
    parts = [part for part in name.split(".") if part and not part.isdigit()]
    return bool(parts) and (_names_one(parts[-1]) or any(map(_names_many, parts[:-1])))


def _names_one(part: str) -> bool:
    *before, last = _words(part) or [""]
    kind, shouts = before[-1] if before else "", part.isupper() or part.startswith("-")
    if before and before[0] in _SWITCHES:
        return False
    if last in _UNLESS:
        return kind not in _UNLESS[last]
    if last == "key":
        # A variable X_KEY is always a credential; a setting may be any kind of key.
        return kind not in (_PUBLIC if shouts else _PLAIN) if kind else shouts
    if last in ("auth", "pat", "pwd"):
        # Alone these words are a mode of a setting, a pattern, and the shell's working folder.
        return bool(kind) or (last == "auth" and shouts)
    return last in _ALWAYS or last.endswith(_JOINED) or _names_many(part)


def _names_many(part: str) -> bool:
    """Return whether this names keys or tokens, and not their number."""
    kind, last = ("", "", *_words(part))[-2:]
    return last in ("keys", "tokens") and kind in _GRANTS


def _words(part: str) -> list[str]:
    """Return the words of a name in any style, without suffixes such as `old` or `base64`."""
    spaced = _HUMP.sub(" ", part.replace("OAuth", "Oauth"))
    words = [word for word in re.split(r"[\W_]+", spaced.lower()) if word]
    while len(words) > 1 and (words[-1] in _EDITIONS or words[-1].isdigit()):
        words.pop()
    return [*words[:-1], words[-1].rstrip("0123456789")] if words else []
