"""A runbook as data: what it needs, and its steps. Markdown is parsed by markdown-it-py.

A step is the text up to an act, and that act: a command of ours in a fenced `console` block, or
something that is done by hand, which is every other fenced block and every other `$` line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import PurePath
from typing import TYPE_CHECKING

from hermes_ops.commands.runbook.words import words_of
from hermes_ops.errors import Place, UsageError
from hermes_ops.secrets.names import holds_credential

if TYPE_CHECKING:
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Need:
    """A word in capitals that stands for a value: whoever runs the runbook gives it."""

    name: str
    about: str


@dataclass(frozen=True, slots=True)
class ToRun:
    """A command of this program: the words behind its name, and the exit codes that are well."""

    place: Place
    words: tuple[str, ...]
    expected: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the operator does: the lines of a block."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Text, and what is to be done then; None if nothing follows the text."""

    heading: str
    text: str
    act: ToRun | ByHand | None


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook: the first heading, the values that it asks for, and its steps in order."""

    title: str
    needs: tuple[Need, ...]
    steps: tuple[Stage, ...]

    @property
    def commands(self) -> tuple[ToRun, ...]:
        """Return the commands in order."""
        return tuple(step.act for step in self.steps if isinstance(step.act, ToRun))


_COMMAND = re.compile(r"(?:\$\s+)?(?:hermes-ops|\./inv)(?:\s+(.*))?")
_PROMPT = re.compile(r"[$#]\s")
_NAME = r"[`*_]*[A-Z][A-Z0-9_]+[`*_]*"
_NAMES = re.compile(rf"{_NAME}(?:(?:\s*[,/]\s*|\s+and\s+){_NAME})*")
_DASHES = ":-\N{EN DASH}\N{EM DASH}"
"""What stands between a name and what it means."""
_NEEDS = "you need"


def parsed(text: str, file: str) -> Runbook:
    """Return the runbook that a text is; errors name `file` and the line.

    Raises:
        UsageError: a command has syntax of a shell, or a block or a need cannot be understood.
    """
    from markdown_it import MarkdownIt

    # Only blocks are of interest: what stands in a line is shown as it is written.
    tokens = MarkdownIt("commonmark").disable(["inline", "text_join"]).parse(text)
    headings = [(_line(t), tokens[at + 1].content) for at, t in enumerate(tokens) if _opens(t)]
    title = next((words for _, words in headings), PurePath(file).stem)
    needs = tuple(_needs(tokens, file))
    steps = tuple(_steps(text, tokens, headings, file))
    return Runbook(title, needs, steps)


def _opens(token: Token) -> bool:
    return token.type == "heading_open"


def _line(token: Token) -> int:
    """Return the line of a block, from 1."""
    return token.map[0] + 1 if token.map else 0


# --- what it needs ------------------------------------------------------------------------------


def _needs(tokens: Sequence[Token], file: str) -> Iterator[Need]:
    """Yield the names with which entries of the lists under "You need" begin."""
    seen: set[str] = set()
    for token in _entries(tokens):
        for need in _named(token.content):
            if need.name in seen:
                raise UsageError(f"{need.name} is needed twice", where=Place(file, _line(token)))
            if holds_credential(need.name):
                raise UsageError(
                    f"{need.name} would be a credential among the words of a command,"
                    " where every user of this machine can read it",
                    hint="let the runbook call secrets.set or secrets.edit, which ask for it",
                    where=Place(file, _line(token)),
                )
            seen.add(need.name)
            yield need


def _entries(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the first line of text of each entry of a list under the heading "You need"."""
    inside = False
    for at, token in enumerate(tokens):
        if _opens(token):
            inside = tokens[at + 1].content.strip(" :.?").casefold() == _NEEDS
        elif inside and token.type == "inline" and tokens[at - 2].type == "list_item_open":
            yield token


def _named(entry: str) -> list[Need]:
    """Return what an entry such as "`HOST`: the name of the host" asks for."""
    match = _NAMES.match(entry)
    if match is None:
        return []
    rest = entry[match.end() :].lstrip()
    # "SSH access to the host" asks for no value.
    if not (rest[:1] in ("", *_DASHES, "(") or re.search(r"[`*]", match[0])):
        return []
    about = " ".join(rest.lstrip(f"{_DASHES} ").split())
    return [Need(name, about) for name in re.findall(r"[A-Z][A-Z0-9_]+", match[0])]


# --- steps --------------------------------------------------------------------------------------


def _steps(
    text: str, tokens: Sequence[Token], headings: Sequence[tuple[int, str]], file: str
) -> Iterator[Stage]:
    """Yield the steps: the text before each act, and what is left behind the last one."""
    # Only what Markdown takes for the end of a line: the lines of its blocks are counted so.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = 0
    for fence in (token for token in tokens if token.type == "fence" and token.map):
        begins, ends = fence.map or (0, 0)
        before, shown = lines[shown:begins], ends
        above = bisect_right(headings, begins, key=itemgetter(0))
        heading = headings[above - 1][1] if above else ""
        for step in _acts(fence, file):
            yield replace(step, heading=heading, text=_joined([*before, step.text]))
            before = []
    if rest := _joined(lines[shown:]):
        yield Stage(headings[-1][1] if headings else "", rest, None)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip("\n")


def _acts(fence: Token, file: str) -> Iterator[Stage]:
    """Yield what is done in a fenced block; each step's text is what the block itself shows."""
    language, expected = _information(fence, file)
    if language != "console":
        yield Stage("", "", ByHand(Place(file, _line(fence)), fence.content.rstrip("\n")))
        return
    told: list[str] = []
    for number, line in enumerate(fence.content.rstrip("\n").split("\n"), _line(fence) + 1):
        place = Place(file, number)
        if match := _COMMAND.fullmatch(line.strip()):
            words = words_of(match[1] or "", place)
            yield Stage("", _joined(told), ToRun(place, words, expected))
        elif _PROMPT.match(line):
            yield Stage("", _joined(told), ByHand(place, line))
        else:
            told.append(f"    {line}".rstrip())
            continue
        told = []
    if told:
        yield Stage("", _joined(told), None)


def _information(fence: Token, file: str) -> tuple[str, tuple[int, ...]]:
    """Return the language of a fenced block, and the exit codes that its commands may have."""
    language, *rest = fence.info.split() or [""]
    if language != "console" or not rest:
        return language, (0,)
    if rest[0] == "exits" and all(re.fullmatch(r"\d{1,3}", word) for word in rest[1:]) and rest[1:]:
        return language, tuple(map(int, rest[1:]))
    said = f"{' '.join(rest)!r} is not understood behind console"
    hint = "exit codes other than 0 are written so: console exits 0 2"
    raise UsageError(said, hint=hint, where=Place(file, _line(fence)))
