"""What root does of a plan: a text of its own, whose parts a user's script asks for by number."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby

from hermes_ops.apply.lines import call, content_of
from hermes_ops.files import layout
from hermes_ops.plan import model
from hermes_ops.plan.lifecycle.rights import needs_root, root_manager
from hermes_ops.plan.model import Change, Control, Operation, Plan, Write
from hermes_ops.services import MANAGERS, paths
from hermes_ops.services.awake import libraries as awake_libraries
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.wire import library


def root_part(plan: Plan, nonce: str) -> str | None:
    """Return the text of what root does at the request of a script; None if that is nothing."""
    parts = dict(_parts(plan.changes))
    if not parts or plan.user is None:
        return None
    uid, user = plan.user
    names = ("wire/common", *_libraries(plan.changes), "apply/as_root")
    functions = [f"do_{name}() {{\n{text}\n}}\n" for name, text in parts.items()]
    return "".join(
        (
            f"nonce={nonce}\n",
            layout.shell(paths()),
            *map(library, names),
            *(map(library, awake_libraries()) if any(map(_is_awake, plan.changes)) else ()),
            f"uid={uid} units= may_root= patience=90\n",
            *functions,
            f"{call('serve', user, *parts)}\n",
        )
    )


def _libraries(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the shell files of the managers that root orders, and of their families."""
    ordered = filter(None, (root_manager(change.operation) for change in changes))
    families = {one.family or one.name for one in ordered}
    its = [one for one in MANAGERS.values() if (one.family or one.name) in families]
    yield from (f"services/{one.name}" for one in its)
    yield from (one.orders for one in its if one.orders)


def _is_awake(change: Change) -> bool:
    return isinstance(change.operation, AwakeOrder)


def _parts(changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """Yield each part with its name: the staging of files together, then one for each change."""
    # Files of a profile are staged together, as `lines.profile_lines` asks for them.
    together = groupby(enumerate(changes), lambda n: (n[1].profile, type(n[1].operation)))
    for (_, kind), group in together:
        run = [(n, c.operation) for n, c in group if needs_root(c.operation)]
        writes = [operation for _, operation in run if isinstance(operation, Write)]
        if run and kind is Write:
            yield f"stage_{run[0][0]}", "\n".join(_staged(writes))
        yield from ((str(n), _text(operation)) for n, operation in run)


def _staged(writes: Sequence[Write]) -> Iterator[str]:
    paths = shlex.join(str(write.path) for write in writes)
    for write in writes:
        yield f"{{ {content_of(write)}\n}} | {call('stage', write.path)} || return"
    for words in dict.fromkeys(write.proof for write in writes if write.proof):
        yield f"{call(*words)} 2>/dev/null || {{ unstage {paths}; return 1; }}"
    yield f"settle {paths}"


def _text(operation: Operation) -> str:
    match operation:
        case Write(path=path, mode=mode):
            return call("put", path, f"{mode:o}")
        case model.SetMode(path, mode):
            return call("chmod", f"{mode:o}", path)
        case model.MakeLink(path, target):
            return call("lead", target, path)
        case model.Remove(path):
            return call("rm", "-f", path)
        case Control(words=words):
            return f"patience={operation.patience}\n{call(*words)}"
        case model.Reload(words) | model.Switch(words=words) | AwakeOrder(root=words):
            return call(*words)
    raise TypeError(f"root does nothing for {operation}")


def asks(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the line that opens the way to root, before anything is changed."""
    numbers = [n for n, change in enumerate(changes)]
    first = [n for n in numbers if needs_root(changes[n].operation)]
    # Nothing depends on what keeps the machine awake: it fails by itself.
    if first and all(_is_awake(changes[n]) for n in first):
        yield "open_root || :"
    elif first:
        rest = [n for n in numbers if n != first[0]]
        ends = f"{call('without_root', first[0], *rest)}; release_lock; trap - EXIT; return"
        yield f"open_root || {{ {ends}; }}"
