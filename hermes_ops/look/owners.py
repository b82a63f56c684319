"""Files in a gateway's home that its user cannot write, such as those left by `sudo hermes`."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict, few
from hermes_ops.look.facts import Facts, PathState

_SHOWN = 3


def refuse_unwritable(
    home: PurePosixPath, facts: Facts, but: Collection[PurePosixPath] = ()
) -> None:
    """Refuse a home with paths of other users, or paths that the user has closed to itself.

    `but`: paths whose mode is mended anyway.

    Raises:
        Conflict: names some of the paths, and the command that mends them.
    """
    found = {path: facts.unwritable[str(path)] for path in _below(home, facts)}
    of_others = {path: state for path, state in found.items() if state.uid != facts.uid}
    whole = shlex.quote(f"{facts.home}/{home}")
    if of_others:
        raise Conflict(
            f"{_listed(list(of_others), home)} {_belong(of_others, whole=home in of_others)},"
            f" and the gateway runs as {facts.user}",
            hint=f"on the host: sudo chown -R {facts.user}: {whole}",
        )
    if closed := [path for path in found if path not in but]:
        raise Conflict(
            f"{_listed(closed, home)} cannot be written by {facts.user}",
            hint=f"on the host: chmod -R u+rwX {whole}",
        )


def shut(path: PurePosixPath, facts: Facts) -> Conflict | None:
    """Return that nobody can write a path although its mode and owner allow it; None if one can."""
    by_mode = any(str(one) in facts.unwritable for one in (path, *path.parents))
    if by_mode or str(path) not in facts.closed:
        return None
    words = f"~/{path} cannot be written, whatever its mode: mounted read-only, or immutable"
    shows = f"findmnt -T ~/{path}; lsattr -d ~/{path}"
    return Conflict(words, hint=f"on the host, this shows it: {shows}")


def _below(home: PurePosixPath, facts: Facts) -> list[PurePosixPath]:
    """Return the paths of a home, without the homes of other profiles inside it."""
    others = home / "profiles"
    paths = map(PurePosixPath, facts.unwritable)
    return [p for p in paths if p.is_relative_to(home) and others not in p.parents]


def _listed(paths: list[PurePosixPath], home: PurePosixPath) -> str:
    if home in paths:
        return f"~/{home}"
    names = [str(path.relative_to(home)) for path in sorted(paths)]
    return f"{few(names, _SHOWN)} in ~/{home}"


def _belong(states: dict[PurePosixPath, PathState], *, whole: bool) -> str:
    uids = sorted({state.uid for state in states.values()})
    names = ["root" if uid == 0 else f"uid {uid}" for uid in uids]
    verb = "belongs" if len(states) == 1 or whole else "belong"
    return f"{verb} to {' and '.join(names)}"
