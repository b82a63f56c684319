"""Tasks in the order of the graph: `pre` is the edge, and the selection goes down along it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from invoke.exceptions import Exit, UnexpectedExit
from invoke.executor import Executor
from invoke.tasks import Call, Task

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code
from hermes_ops.errors import HermesError, Interrupted, UsageError
from hermes_ops.graph import ordered
from hermes_ops.plan.desired import StepPlan
from hermes_ops.tasks.step import Finish, Step, Verb


class GraphExecutor(Executor):
    """Invoke's executor, with a real graph: each node once, circles named, steps folded."""

    def execute(self, *tasks: Any) -> Any:
        """Run the calls in order; leave with the exit code that says most."""
        codes: list[int] = []
        for work, options, json in self._work(tasks):
            output = Output(json=json)
            try:
                result = work(options, output)
                codes.append(result.exit if isinstance(result, Result) else 0)
                if isinstance(result, Result):
                    output.document(result.document)
                output.end()
            except HermesError as error:
                output.error(error)
                codes.append(error.exit_code)
            except (Exit, UnexpectedExit):
                raise  # a runbook's own way to leave
            except Exception as mistake:
                output.note(traceback.format_exc())
                output.error(_own_mistake(mistake))
                codes.append(1)
            except KeyboardInterrupt:
                output.error(Interrupted("interrupted"))
                codes.append(130)
            if codes[-1]:
                break
        if (code := exit_code(codes)) != 0:
            raise Exit(code=code)

    def _work(self, tasks: Iterable[Any]) -> list[tuple[Callable[..., Any], dict[str, Any], bool]]:
        try:
            calls = self.expand_calls(self.normalize(tuple(tasks)))
        except HermesError as error:
            Output(json=False).error(error)
            raise Exit(code=error.exit_code) from None
        return [self._job(call) for call in calls]

    def _job(self, call: Any) -> tuple[Callable[..., Any], dict[str, Any], bool]:
        kwargs = dict(call.kwargs)
        if not isinstance(call.task, Verb):
            context = call.make_context(self.config)
            return (lambda _options, _output: call.task(context, *call.args, **kwargs)), {}, False
        return (
            (lambda options, output: _perform(call, Options.read(options), output)),
            kwargs,
            bool(kwargs.get("json")),
        )

    def expand_calls(self, calls: Sequence[Any]) -> list[Any]:
        """Return the calls in order: steps folded into the task that requires them.

        A task of somebody's runbook may require ours with `pre`; those run first, as they stand.
        """
        expanded: list[Any] = []
        for given in calls:
            call = given if isinstance(given, Call) else Call(given)
            if not isinstance(call.task, Verb):
                reachable(call.task)  # names a circle, if there is one
                expanded += self.expand_calls(call.pre)
            expanded.append(self._folded(call))
        return [call for i, call in enumerate(expanded) if call not in expanded[:i]]

    def _folded(self, call: Any) -> Any:
        if call.post:
            raise UsageError(
                f"{call.task.name}: `post` is no edge of the graph",
                hint="write a later task with `pre`",
            )
        call.steps = step_plans(call.task)
        return call


def _own_mistake(mistake: Exception) -> HermesError:
    return HermesError(
        f"this is a mistake in hermes-ops itself: {type(mistake).__name__}: {mistake}",
        hint="run it again: what was begun converges; please report the lines above",
    )


def _perform(call: Any, options: Options, output: Output) -> Any:
    task = call.task
    # Called from a runbook, a task has only the arguments that were written there.
    own = {o.name: call.kwargs.get(o.name, o.default) for o in (*task.operands, *task.own)}
    if isinstance(task, Finish):
        return task.body(call.steps, options, output, **own)
    if isinstance(task, Step):
        from hermes_ops.commands.converge import run_steps

        return run_steps(task.full_name, call.steps, options, output)
    return task.body(options, output, **own)


def reachable(task: Task[Any]) -> list[Task[Any]]:
    """Return the tasks that `task` requires and itself, in the order in which they must run.

    Raises:
        UsageError: the tasks require each other in a circle, which is named.
    """
    tasks: dict[str, Task[Any]] = {}
    edges: dict[str, list[str]] = {}

    def visit(node: Task[Any]) -> None:
        key = step_key(node)
        if key in tasks:
            return
        tasks[key] = node
        before = required(node)
        edges[key] = [step_key(other) for other in before]
        for other in before:
            visit(other)

    visit(task)
    return [tasks[key] for key in ordered(edges)]


def step_key(task: Task[Any]) -> str:
    """Return the full name of a node."""
    return task.full_name if isinstance(task, Step) else task.name


def step_plans(task: Task[Any]) -> list[StepPlan]:
    """Return the steps of a task as data, in order: name, what each requires, body."""
    return [
        StepPlan(step_key(node), tuple(step_key(other) for other in required(node)), node.body)
        for node in (reachable(task) if isinstance(task, Step) else ())
        if isinstance(node, Step) and not isinstance(node, Finish)
    ]


def required(task: Task[Any]) -> list[Task[Any]]:
    """Return the tasks of `pre`."""
    before: Iterable[Any] = task.pre
    return [pre.task if isinstance(pre, Call) else pre for pre in before]
