"""The forms of a secret value in a text: quoted, escaped, encoded, in part."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Shorter values are not searched for: ordinary words would be masked."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_FRAME = re.compile(r"\s*-{3,}.*-{3,}\s*")
_WRAPPED = (76, 64)
_MANY_LINES = 100
"""Keys have fewer lines; of longer values no single line is expected to be encoded."""
_URI = ";,/?:@&=+$#!'()*"


def disguises(value: str) -> set[str]:
    """Return every form of a value to search for, of at least `SHORTEST` characters."""
    lines = _lines(value)
    parts = [value, value.strip(), *(lines if len(lines) <= _MANY_LINES else ())]
    found = {shape for part in parts for shape in _shapes(part)}
    found.update(_wrapped(value), lines)
    return {shape for shape in found if len(shape) >= SHORTEST}


def _lines(value: str) -> list[str]:
    """Return the lines of a multi-line value: one of them may be shown alone."""
    lines = value.splitlines()
    if len(lines) < 2:
        return []
    return ["\r\n".join(lines), *(line.strip() for line in lines if not _FRAME.fullmatch(line))]


def _shapes(value: str) -> Iterator[str]:
    if len(value) < SHORTEST:
        return
    yield value
    yield from _encoded(value.encode("utf-8", "surrogatepass"))
    if not _PLAIN.fullmatch(value):
        yield from _escaped(value)


def _encoded(content: bytes) -> Iterator[str]:
    """Yield the value in hexadecimal, and in base64 at any offset in a longer content."""
    yield content.hex()
    yield content.hex().upper()
    for before in range(3):
        # Digits that depend on neighbouring bytes too are left out.
        begin, end = -(-before * 8 // 6), (before + len(content)) * 8 // 6
        digits = base64.b64encode(bytes(before) + content)[begin:end].decode()
        yield digits
        yield digits.replace("+", "-").replace("/", "_")


def _wrapped(value: str) -> Iterator[str]:
    """Yield the lines of a long value in base64, as programs wrap it."""
    for text in {value, value + "\n"}:
        digits = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
        for width in _WRAPPED if len(digits) > min(_WRAPPED) else ():
            yield from (digits[i : i + width].rstrip("=") for i in range(0, len(digits), width))


def _escaped(value: str) -> Iterator[str]:
    yield from _in_json(value)
    yield from _in_shell(value)
    yield from _in_urls(value)
    yield repr(value)[1:-1]
    yield from _in_xml(value)


def _in_xml(value: str) -> Iterator[str]:
    """Yield the value as different writers escape it in XML text and attributes."""
    text = html.escape(value, quote=False)
    for written in (text, html.escape(value), text.replace('"', "&quot;")):
        yield written
        yield re.sub(r"[\r\n\t]", lambda letter: f"&#{ord(letter[0])};", written)
        yield re.sub(r"[\r\n\t]", lambda letter: f"&#{ord(letter[0]):02};", written)


def _in_json(value: str) -> Iterator[str]:
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("/", "\\/")
        yield re.sub(r"\\u[0-9a-f]{4}", lambda code: f"\\u{code[0][2:].upper()}", text)
        yield json.dumps(text)[1:-1]
        yield re.sub(r"[^\x00-~]", _in_yaml, text)


def _in_yaml(letter: re.Match[str]) -> str:
    code = ord(letter[0])
    return (
        f"\\x{code:02X}"
        if code < 0x100
        else f"\\u{code:04X}"
        if code < 0x10000
        else f"\\U{code:08X}"
    )


def _in_shell(value: str) -> Iterator[str]:
    """Yield the value as escaped in each kind of quotes, and with backslashes outside of quotes."""
    yield shlex.quote(value).removeprefix("'").removesuffix("'")
    yield value.replace("'", "'\\''")
    yield value.replace("'", "''")
    yield re.sub(r'([\\"])', r"\\\1", value)
    yield re.sub(r'([\\"$`])', r"\\\1", value)
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value, flags=re.ASCII)
    yield re.sub(r"([\s'\"`$\\!&<>?*\[\](){}|;^,])", r"\\\1", value)
    yield from _in_dollar_quotes(value)


_NAMED = {"\a": "\\a", "\b": "\\b", "\x1b": "\\E", "\f": "\\f", "\n": "\\n", "\r": "\\r",
          "\t": "\\t", "\v": "\\v", "\\": "\\\\", "'": "\\'"}  # fmt: skip


def _in_dollar_quotes(value: str) -> Iterator[str]:
    """Yield the value as written in `$'…'`, in locales with and without its letters."""
    yield "".join(_NAMED.get(c) or (c if c.isprintable() else _octal(c)) for c in value)
    yield "".join(_NAMED.get(c) or (c if " " <= c <= "~" else _octal(c)) for c in value)


def _octal(letter: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in letter.encode("utf-8", "surrogatepass"))


def _in_urls(value: str) -> Iterable[str]:
    content = value.encode("utf-8", "surrogatepass")
    texts = [quote_plus(content), *(quote(content, safe=safe) for safe in ("", "/", "!'()*", _URI))]
    lower = [re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), text) for text in texts]
    return {*texts, *lower}
