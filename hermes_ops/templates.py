"""Render templates with Jinja: unknown names are errors; imported only if needed.

Our own templates are rendered here; others may be a stranger's, and have limits (`worker`).
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from hermes_ops.assets import ROLES, TEMPLATES
from hermes_ops.errors import InventoryError, Place
from hermes_ops.secrets.secret import Secret

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_EXPRESSION = re.compile(r"\{[{%#]")
_END = re.compile(r"[%}]\}")
_QUOTED = re.compile(r"'(\w+)'")
_WORD = re.compile(r"\w+")
_DEFINED = "names that are defined here: "
_SIMPLE = (str, int, bool, type(None))
"""Types of values by which a rendered text is found again."""
_NAME = re.compile(r"(?<!\{)\{\{ *(\w+) *\}\}(?!\})")


@cache
def _environment() -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Sandboxed: an inventory must not run code on the operator's machine.
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
        finalize=_no_secret,
    )


def prepare() -> None:
    """Load what rendering needs; to be called while there is nothing else to do."""
    _environment()


class _Hidden:
    """Stands for a secret where templates of others are rendered."""

    def __str__(self) -> str:
        return "***"


def _no_secret(value: Any) -> Any:
    """Return a value for output; refuse a secret, which would become `***` in a file on a host."""
    if isinstance(value, Secret | _Hidden):
        hint = "secrets belong into env, which becomes a file of mode 0600"
        raise InventoryError("a template cannot write a secret", hint=hint)
    return value


@cache
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def is_plain(source: str) -> bool:
    """Return whether a text has nothing to render."""
    return not _EXPRESSION.search(source)


@cache
def _names(source: str) -> frozenset[str]:
    """Return the names in a source with nothing else to render; otherwise `""`, never a name."""
    simple = is_plain(_NAME.sub("", source)) and "\r" not in source  # Jinja writes "\n" for it
    return frozenset(_NAME.findall(source)) if simple else frozenset({""})


def render(source: str, values: Mapping[str, Any], *, name: str = "template") -> str:
    """Return `source` with its expressions rendered; a mistake in it is an InventoryError."""
    if is_plain(source):
        return source
    try:
        return _rendered(source, values, name)
    except InventoryError as error:
        raise InventoryError(error.message, hint=error.hint, where=error.where or name) from None


def _rendered(source: str, values: Mapping[str, Any], name: str) -> str:
    if _names(source) <= values.keys():
        # Most texts of a role are of this kind; Jinja would need a millisecond to compile one.
        return _NAME.sub(lambda found: str(_no_secret(values[found[1]])), source)
    if not _is_ours(source):
        return _limited(source, values, name)
    given = {name: values[name] for name in _used(source) if name in values}
    if not all(type(value) in _SIMPLE for value in given.values()):
        return rendered_here(source, values, name)
    try:
        return _known(source, tuple(given.items()), tuple(map(type, given.values())))
    except InventoryError:
        return rendered_here(source, values, name)  # again, for it tells all names that there are


@lru_cache(2048)
def _known(source: str, given: tuple[tuple[str, Any], ...], _: tuple[type, ...]) -> str:
    """Return a text of ours for these values; a fleet asks for the same ones on every host.

    The types are a part of what is kept, as `True == 1`.
    """
    return rendered_here(source, dict(given), "")


@cache
def _used(source: str) -> frozenset[str]:
    """Return the words of a source: among them are the names that it uses."""
    return frozenset(_WORD.findall(source))


@cache
def _ours() -> tuple[str, ...]:
    files = [file for top in (TEMPLATES, ROLES) for file in top.glob("*/*")]
    kinds = (".j2", ".yml")
    return tuple(file.read_text(encoding="utf-8") for file in files if file.suffix in kinds)


@cache
def _is_ours(source: str) -> bool:
    """Whether a source is a text, or a part of one, that came with this program."""
    return any(source in text for text in _ours())


def _limited(source: str, values: Mapping[str, Any], name: str) -> str:
    """Render a template of others, with limits of time, memory and size."""
    from hermes_ops.worker import WORKER, ExpressionError

    try:
        used = {key: _plain(values[key]) for key in _used(source) if key in values}
        answer = WORKER.rendered(source, used, name)
    except ExpressionError as error:
        raise _not_rendered(source, name, str(error)) from None
    if isinstance(answer, str):
        return answer
    message, hint, where = answer
    if hint.startswith(_DEFINED):  # the other process was given only the names that are used
        hint = _DEFINED + ", ".join(sorted(values))
    raise InventoryError(message, hint=hint, where=where or name)


def _not_rendered(source: str, name: str, why: str) -> InventoryError:
    """Return the error for a template as a whole: its place is the first line that has a block."""
    return InventoryError(
        f"the template cannot be rendered: {why}", where=_place(name, source, 1, "")
    )


def refuse_endless(source: str, values: Mapping[str, Any], name: str) -> None:
    """Raise if a template takes too much; any other mistake in it is not told here."""
    if is_plain(source) or _names(source) != {""} or _is_ours(source):
        return
    from hermes_ops.worker import WORKER, ExpressionError

    try:
        WORKER.rendered(source, {key: _plain(value) for key, value in values.items()}, name)
    except ExpressionError as error:
        raise _not_rendered(source, name, str(error)) from None


def _plain(value: Any) -> Any:
    """Return a value that another process can be given; it is not given secrets."""
    if isinstance(value, Secret):
        return _Hidden()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def rendered_here(source: str, values: Mapping[str, Any], name: str) -> str:
    """Return the rendered template, in this process; a mistake in it is an InventoryError."""
    from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError

    try:
        return _compiled(source).render(values)
    except InventoryError:
        raise
    except UndefinedError as error:
        hint = _DEFINED + ", ".join(sorted(values))
        message = str(error.message or error)
        where = _place(name, source, _line(error), message)
        raise InventoryError(message, where=where, hint=hint) from None
    except TemplateSyntaxError as error:
        where = _place(name, source, error.lineno, str(error.message))
        raise InventoryError(str(error.message), where=where) from None
    except TemplateError as error:
        where = _place(name, source, _line(error), str(error))
        raise InventoryError(str(error), where=where) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The text of other errors may quote a value.
        told = error if isinstance(error, ArithmeticError | TypeError) else type(error).__name__
        message = f"the expression cannot be evaluated: {told}"
        raise InventoryError(message, where=_place(name, source, _line(error), "")) from None


def _line(error: Exception) -> int:
    """Return the line of the template in which an error was raised, 0 if it is unknown."""
    frames = traceback.walk_tb(error.__traceback__)
    return max(
        (line for frame, line in frames if frame.f_code.co_filename == "<template>"), default=0
    )


def _place(name: str, source: str, line: int, message: str) -> Place:
    """Return where an error is: at the word that its message quotes, or else at its expression.

    Jinja knows only lines, and of an expression over several lines only the first.
    """
    above = "".join(source.splitlines(keepends=True)[: max(line, 1) - 1])
    rest = source[len(above) :]
    expression = _EXPRESSION.search(rest)
    end = _END.search(rest, rest.find("\n") + 1)
    reach = rest[: end.end()] if end else rest
    quoted = (re.search(rf"\b{word}\b", reach) for word in _QUOTED.findall(message))
    found = next(filter(None, quoted), expression)
    before = above + rest[: found.start() if found else 0]
    return Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))


def undefined_names(source: str, known: Iterable[str], *, name: str = "template") -> set[str]:
    """Return the names in `source` that are not in `known`, without rendering it."""
    if is_plain(source):
        return set()
    if _is_ours(source):
        return names_in(source) - set(known)
    from hermes_ops.worker import WORKER, ExpressionError

    try:
        return set(WORKER.undeclared(source)) - set(known)
    except ExpressionError as error:
        raise _not_rendered(source, name, str(error)) from None


def names_in(source: str) -> set[str]:
    """Return the names that a source uses, in this process: Jinja evaluates what is constant."""
    from jinja2 import meta

    return meta.find_undeclared_variables(_environment().parse(source))
