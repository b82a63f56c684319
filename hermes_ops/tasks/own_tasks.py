"""An operator's own `tasks.py`: its tasks are listed beside ours and may require them.

It is a program, so it is read only from a folder that no other user can write to.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from invoke.collection import Collection
from invoke.config import Config

import hermes_ops
from hermes_ops.assets import CLONE
from hermes_ops.errors import HermesError, Place, UsageError
from hermes_ops.inventory.find import beside_inventory, refuse_untrusted
from hermes_ops.tasks import MODULES, namespace
from hermes_ops.tasks.step import Verb


def inventories(words: Sequence[str]) -> list[str]:
    """Return the values of -i in a command line that is not parsed yet."""
    found = []
    for word, following in pairwise([*words, ""]):
        if word in ("-i", "--inventory"):
            found.append(following)
        elif word.startswith("--inventory="):
            found.append(word.partition("=")[2])
        elif re.match("-i.", word):
            found.append(word[2:].removeprefix("="))
    return [path for path in found if path]


def find(
    folder: str | None, name: str | None, given: Sequence[str], environ: Mapping[str, str]
) -> Path | None:
    """Return the path of the runbook, None if there is none.

    It is `name`.py, `tasks.py` by default: in `folder` if that is named, else beside the inventory
    that is `given` or found from the working folder.

    Raises:
        UsageError: it is named but missing, or another user could have written it.
    """
    wanted = f"{name or 'tasks'}.py"
    folders = [Path(folder).expanduser()] if folder else beside_inventory(given, environ)
    file = next((each / wanted for each in folders if (each / wanted).is_file()), None)
    if file is None:
        if folder or name:
            where = str(folders[0]) if folders else os.curdir
            hint = "-r names the folder of a runbook, -c its name without .py"
            raise UsageError(f"there is no {wanted} here", hint=hint, where=where)
        return None
    if (CLONE / "tasks.py").is_file() and file.samefile(CLONE / "tasks.py"):
        return None  # for stock Invoke: it contains only our own tasks
    for path in (file.parent, file):
        refuse_untrusted(path, "name another runbook with -r FOLDER")
    return file.absolute()


def tasks_of(file: Path, config: Config) -> Collection:
    """Return the tasks of a runbook and ours; raises `UsageError` for an error in the runbook."""
    configure(config, file)
    return joined(load(file), file, dashes=config.tasks.auto_dash_names)


def configure(config: Config, file: Path) -> None:
    """Load Invoke's own settings from beside a runbook, such as `invoke.yaml`."""
    try:
        config.set_project_location(str(file.parent))
        config.load_project()
    except Exception as error:
        where = str(file.with_name("invoke.*"))
        raise UsageError(f"cannot be read: {error}", where=where) from error


def load(file: Path) -> ModuleType:
    """Run a runbook, and return its module; it can import the files beside it.

    Raises:
        UsageError: it ended with an error; the message names the line.
    """
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None  # noqa: S101 - it ends in .py
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    # Last on the path: a file secrets.py beside it must not replace Python's `secrets`.
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        with _tasks_for_nouns():
            spec.loader.exec_module(module)
    except HermesError:
        raise
    except Exception as error:
        raise _mistake(file, error) from error
    return module


@contextmanager
def _tasks_for_nouns() -> Iterator[None]:
    """Let `from hermes_ops import secrets` import the tasks while a runbook is read.

    Three of our packages have the name of a noun; everywhere else the name means the package.
    """
    rooms = {name: vars(hermes_ops)[name] for name in MODULES if name in vars(hermes_ops)}
    for name in MODULES:
        setattr(hermes_ops, name, import_module(f"hermes_ops.tasks.{name}"))
    try:
        yield
    finally:
        for name in MODULES:
            delattr(hermes_ops, name)
        for name, room in rooms.items():
            setattr(hermes_ops, name, room)


def _mistake(file: Path, error: Exception) -> UsageError:
    """Return an error in a runbook as a sentence with its place."""
    told = f"{type(error).__name__}: {error}"
    hint = "mend the runbook, or name another with -r FOLDER"
    if isinstance(error, SyntaxError):
        place = Place(error.filename or str(file), error.lineno or 0)
        return UsageError(f"{type(error).__name__}: {error.msg}", hint=hint, where=place)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == file.parent]
    place = Place(own[-1].filename, own[-1].lineno or 0) if own else Place(str(file))
    return UsageError(told, hint=hint, where=place)


def joined(module: ModuleType, file: Path, *, dashes: bool) -> Collection:
    """Return the tasks of a runbook and ours.

    Raises:
        UsageError: one of its tasks has the name of one of ours.
    """
    own = Collection.from_module(module, loaded_from=str(file.parent), auto_dash_names=dashes)
    ours = namespace()
    for name, collection in ours.collections.items():
        same = own.collections.get(name)
        if name in own.tasks or not all(isinstance(task, Verb) for task in _tasks(same)):
            raise _taken(name, file)
        own.collections[name] = collection
    for name, task in ours.tasks.items():
        if name in own.collections or own.tasks.get(name, task) != task:
            raise _taken(name, file)
        own.tasks[name] = task
    return own


def _tasks(collection: Collection | None) -> Iterable[object]:
    return (collection[name] for name in collection.task_names) if collection else ()


def _taken(name: str, file: Path) -> UsageError:
    return UsageError(
        f"hermes-ops itself uses the name {name!r}", hint="choose another name", where=str(file)
    )
