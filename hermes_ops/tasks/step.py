"""Two kinds of task: a `Step` is a node of the graph, a verb is any other task of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from invoke.parser.argument import Argument
from invoke.tasks import Task

from hermes_ops.cli.options import COMMON, Option
from hermes_ops.errors import UsageError

if TYPE_CHECKING:
    from hermes_ops.plan.desired import Body


class Verb(Task):  # type: ignore[type-arg]
    """A task whose options are ours; its body is called with `Options` and its own arguments."""

    def __init__(
        self,
        body: Callable[..., Any],
        *,
        operands: Sequence[Option] = (),
        options: Sequence[Option] = (),
        common: Sequence[Option] = COMMON,
        optional: Sequence[str] = (),
        example: str = "",
        pre: Sequence[Task[Any]] = (),
        name: str | None = None,
    ) -> None:
        super().__init__(body, name=name, pre=list(pre), auto_shortflags=False)  # type: ignore[arg-type]
        self.operands, self.own, self.common = tuple(operands), tuple(options), tuple(common)
        self.optional, self.example = tuple(optional), example

    def argspec(self, body: Callable[..., Any]) -> inspect.Signature:
        """Return no parameters: what is parsed comes from `get_arguments`."""
        del body
        return inspect.Signature()

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the operands, the task's own options and the common ones."""
        del ignore_unknown_help
        operands = [
            Argument(name=option.name, positional=True, help=option.help, kind=str)
            for option in self.operands
        ]
        return [*operands, *(parser_argument(option) for option in (*self.own, *self.common))]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to be called inside another task: only `pre` is an edge of the graph."""
        del args, kwargs
        raise UsageError(
            f"{full_name(self)} cannot be called inside a task",
            hint=f"require it: @task(pre=[call({full_name(self)}, …)])",
        )


def full_name(task: Verb) -> str:
    """Return the full name of one of our tasks, as it is typed."""
    if isinstance(task, Step):
        return task.full_name
    noun = task.body.__module__.rpartition(".")[2]
    return task.name if noun == task.name else f"{noun}.{task.name}"


def parser_argument(option: Option) -> Argument:
    """Return an option for Invoke's parser."""
    names = (option.name.replace("_", "-"), *([option.short] if option.short else ()))
    kind: Any = {bool: bool, tuple: list}.get(type(option.default), str)
    default = [] if option.default == () else option.default
    # Invoke makes an alias of `attr_name`; an alias equal to the name would be an endless loop.
    attr_name = option.name if option.name != names[0] else None
    return Argument(names=names, kind=kind, default=default, help=option.help, attr_name=attr_name)


class Step(Verb):
    """A node of the graph. Its body returns the resources of one profile and touches nothing."""

    full_name: str = ""


class Finish(Step):
    """The last node: it returns no resources itself; its body is called with all its steps."""


def verb(
    *,
    operands: Sequence[Option] = (),
    options: Sequence[Option] = (),
    common: Sequence[Option] = COMMON,
    optional: Sequence[str] = (),
    example: str = "",
    name: str | None = None,
) -> Callable[[Callable[..., Any]], Verb]:
    """Make a task of a function `(options, output, **own) -> Result | None`.

    `optional`: names of its options that may also be typed as words, in this order.
    """

    def decorate(body: Callable[..., Any]) -> Verb:
        return Verb(
            body, operands=operands, options=options, common=common, optional=optional,
            example=example, name=name,
        )  # fmt: skip

    return decorate


def step(
    full_name: str,
    pre: Sequence[Step] = (),
    *,
    example: str = "",
    common: Sequence[Option] = COMMON,
) -> Callable[[Body], Step]:
    """Make a node of the graph of a function `(profile, role, host) -> resources`."""

    def decorate(body: Body) -> Step:
        made = Step(body, example=example, pre=pre, common=common)
        made.full_name = full_name
        return made

    return decorate


def finish(
    full_name: str,
    pre: Sequence[Step],
    *,
    options: Sequence[Option] = (),
    example: str = "",
    common: Sequence[Option] = COMMON,
) -> Callable[[Callable[..., Any]], Finish]:
    """Make the last node of a function `(steps, options, output, **own) -> Result`."""

    def decorate(body: Callable[..., Any]) -> Finish:
        made = Finish(body, options=options, example=example, pre=pre, common=common)
        made.full_name = full_name
        return made

    return decorate
