"""The words of a command line of a runbook. No shell reads it: what only one can do is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from hermes_ops.errors import Place, UsageError

_PARTS = re.compile(
    r"""\\.?                        # one escaped letter; a lone backslash continues the line
    | '[^']*'                       # nothing in it means anything
    | "(?P<double>(?:\\.|[^"\\])*)" # only $ and ` mean something in it
    | (?<!\S)\#.*                   # a comment
    | (?P<expands>`|\$[\w({'"*@?$!#-])
    | (?P<joins>[|;&<>()])""",
    re.VERBOSE | re.DOTALL,
)
_EXPANDS = re.compile(r"(?<!\\)(?:\\\\)*(`|\$[\w({*@?$!#-])")


def words_of(line: str, place: Place) -> tuple[str, ...]:
    """Return the words of a command line, quoted as in a shell; a comment is no part of it.

    Raises:
        UsageError: it has something that only a shell could do, or a quote without its end.
    """
    if not line.replace("\t", " ").isprintable():
        said = "it has characters that cannot be shown: what is run would not be what is read"
        raise UsageError(said, where=place)
    if found := _shell_syntax(line):
        raise UsageError(
            f"{found!r} is for a shell, and no shell reads the commands of a runbook",
            hint="quote it if it is a part of a word; else write the line into a block of its own,"
            " such as ```sh: that is shown to be done by hand",
            where=place,
        )
    comment = next((part.start() for part in _PARTS.finditer(line) if part[0][0] == "#"), None)
    try:
        # Not `comments=True`, for which a word ends at a # inside it.
        return tuple(shlex.split(line[:comment]))
    except ValueError as error:
        said = str(error).rstrip(".")
        raise UsageError(f"{said[:1].lower()}{said[1:]}", where=place) from None


def _shell_syntax(line: str) -> str:
    """Return what a shell would do more than split into words; nothing if there is none."""
    for part in _PARTS.finditer(line):
        if part[0] == "\\":
            return "\\"
        if found := part["expands"] or part["joins"]:
            return found
        if part["double"] and (inner := _EXPANDS.search(part["double"])):
            return inner[1]
    return ""


def substituted(
    words: tuple[str, ...], values: Mapping[str, str], place: Place | None = None
) -> tuple[str, ...]:
    """Return as many words, with the value of each name in the place of the name.

    Raises:
        UsageError: a value is more than a plain word, and would be a part of a text that a shell on
            a host reads; or it is more than one name, and would be a part of a longer word.
    """
    return tuple(_filled(word, values, place) for word in words)


def _filled(word: str, values: Mapping[str, str], place: Place | None) -> str:
    is_script = bool(re.search(r"[\s;|&<>()$`\\\"']", word))

    def value(match: re.Match[str]) -> str:
        found = values.get(match[0], match[0])
        # In HOST/PROFILE, `a,b` would be all of a and one profile of b.
        is_more = shlex.quote(found) != found if is_script else bool(re.search(r"[\s,:&!]", found))
        if is_more and word != match[0]:
            raise UsageError(
                f"{match[0]} cannot be {found!r}: it becomes a part of {word!r}",
                hint="give one name, without blanks, quotes, commas and colons",
                where=place,
            )
        return found

    return _NAME.sub(value, word)


_NAME = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]+(?![A-Za-z0-9_])")


def spelled(text: str, values: Mapping[str, str]) -> str:
    """Return a text for people, with each value quoted as a shell wants it."""
    return _NAME.sub(lambda m: shlex.quote(values[m[0]]) if m[0] in values else m[0], text)
