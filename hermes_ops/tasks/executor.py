"""Run tasks in the order of the graph: `pre` has the edges, and hands the selection down."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit, UnexpectedExit
from invoke.executor import Executor
from invoke.tasks import Call, Task

from hermes_ops.cli.options import Options, united
from hermes_ops.cli.output import Output, Result, exit_code
from hermes_ops.errors import HermesError, Interrupted, NoSuchGateway, SelectsNothing, UsageError
from hermes_ops.graph import ordered
from hermes_ops.tasks.handed import checked, parted
from hermes_ops.tasks.step import Finish, Step, Verb, full_name

if TYPE_CHECKING:
    from hermes_ops.plan.desired import StepPlan


class GraphExecutor(Executor):
    """Invoke's executor with a real graph: runs each task once, names circles, folds steps."""

    def execute(self, *tasks: Any) -> Any:
        """Run the calls in order, and exit with the code that `exit_code` chooses."""
        codes: list[int] = []
        reached: dict[str, bool] = {}
        for call in self._calls(tasks):
            output = Output(json=bool(call.kwargs.get("json")))
            try:
                result = self._result(call, output, reached)
                codes.append(result.exit if isinstance(result, Result) else 0)
                if isinstance(result, Result):
                    output.document(result.document)
                output.end()
            except HermesError as error:
                output.error(error)
                codes.append(error.exit_code)
            except (Exit, UnexpectedExit):
                raise  # a runbook may exit in its own way
            except Exception as mistake:
                output.note(traceback.format_exc())
                output.error(_mistake(call.task, mistake))
                codes.append(1)
            except KeyboardInterrupt:
                output.error(Interrupted("interrupted"))
                codes.append(Interrupted.exit_code)
            if codes[-1]:
                break
        if (code := exit_code(codes)) != 0:
            raise Exit(code=code)

    def _calls(self, tasks: Iterable[Any]) -> list[Any]:
        try:
            return self.expand_calls(self.normalize(tuple(tasks)))
        except HermesError as error:
            Output(json=False).error(error)
            raise Exit(code=error.exit_code) from None

    def _result(self, call: Any, output: Output, reached: dict[str, bool]) -> Any:
        """Run one call; `reached` notes for each `-l` whether it selected hosts in any task."""
        if not isinstance(call.task, Verb):
            if call.limit and not reached.get(call.limit, True):
                raise SelectsNothing(f"{call.limit!r} selects nothing of {call.task.name}")
            return call.task(call.make_context(self.config), *call.args, **call.kwargs)
        options = Options.read(call.kwargs)
        try:
            result = _perform(call, options, output)
        except SelectsNothing as nothing:
            reached.setdefault(str(options.within), False)
            output.note(f"skipped: {full_name(call.task)}: {nothing}")
            return None
        reached[str(options.within or options.limit)] = True
        return result

    def expand_calls(
        self, calls: Sequence[Any], handed: Mapping[str, Any] = MappingProxyType({})
    ) -> list[Any]:
        """Return the calls in order: steps folded into the task that requires them.

        A task of a runbook may require ours with `pre`. They run first, with the arguments of the
        runbook and with those that are `handed` down from the command line.
        """
        expanded: list[Any] = []
        for given in calls:
            call = given if isinstance(given, Call) else Call(given)
            if isinstance(call.task, Verb):
                expanded.append(self._folded(checked(call, handed)))
                continue
            reachable(call.task)  # raises if there is a circle
            call, more = parted(call)
            expanded += self.expand_calls(call.pre, {**handed, **more})
            call.limit = united(more.get("limit", ()))
            expanded.append(self._folded(call))
        return [call for i, call in enumerate(expanded) if call not in expanded[:i]]

    def _folded(self, call: Any) -> Any:
        if call.post:
            raise UsageError(
                f"{call.task.name}: `post` is not supported",
                hint="write a later task with `pre`",
            )
        call.steps = step_plans(call.task)
        return call


def _mistake(task: Task[Any], mistake: Exception) -> HermesError:
    if not isinstance(task, Verb):
        return HermesError(f"{task.name}: {type(mistake).__name__}: {mistake}")
    return HermesError(
        f"this is a bug in hermes-ops: {type(mistake).__name__}: {mistake}",
        hint="please report the lines above; running it again is safe",
    )


def _perform(call: Any, options: Options, output: Output) -> Any:
    task = call.task
    # A call from a runbook has only the arguments that are written there.
    own = {o.name: call.kwargs.get(o.name, o.default) for o in (*task.operands, *task.own)}
    try:
        return _performed(call, options, output, own)
    except NoSuchGateway as error:
        if own.get("unmanaged") is False:
            error.hint += "; one that is only on the host: add --unmanaged"
        raise


def _performed(call: Any, options: Options, output: Output, own: Mapping[str, Any]) -> Any:
    task = call.task
    if isinstance(task, Finish):
        return task.body(call.steps, options, output, **own)
    if isinstance(task, Step):
        from hermes_ops.commands.converge import run_steps

        return run_steps(task.full_name, call.steps, options, output)
    return task.body(options, output, **own)


def reachable(task: Task[Any]) -> list[Task[Any]]:
    """Return `task` and the tasks that it requires, in the order in which they must run.

    Raises:
        UsageError: the tasks require each other in a circle; the message names it.
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
    """Return the full name of a step."""
    return task.full_name if isinstance(task, Step) else task.name


def step_plans(task: Task[Any]) -> list[StepPlan]:
    """Return the steps of a task as data, in order: name, required steps, body."""
    if not isinstance(task, Step):
        return []
    from hermes_ops.plan.desired import StepPlan

    return [
        StepPlan(step_key(node), tuple(step_key(other) for other in required(node)), node.body)
        for node in reachable(task)
        if isinstance(node, Step) and not isinstance(node, Finish)
    ]


def required(task: Task[Any]) -> list[Task[Any]]:
    """Return the tasks of `pre`."""
    before: Iterable[Any] = task.pre
    return [pre.task if isinstance(pre, Call) else pre for pre in before]
