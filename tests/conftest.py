"""What every test stands on: an environment that no machine has a say in, and fixed examples."""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from examples import EXPLORE, examples
from hypothesis import settings
from inherited import KEPT

from hermes_ops import program_name

settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=examples(100))
settings.register_profile("thorough", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("thorough" if os.environ.get(EXPLORE) else "fixed")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what is loaded by now to no garbage collection: it stays, and it is most of all."""
    gc.freeze()


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Give homes in which nobody has been: the last one again, if it is still empty.

    Few tests write into it, and a folder for each of thousands is seconds of making and removing.
    """
    folder, numbers = tmp_path_factory.mktemp("homes"), count()
    last: list[str] = []

    def give() -> str:
        if not last or _is_used(last[0]):
            home = folder / str(next(numbers))
            home.mkdir(mode=0o700)
            last[:] = [str(home)]
        return last[0]

    return give


def _is_used(home: str) -> bool:
    """Whether something is in a home, or somebody has changed its mode or removed it."""
    try:
        return bool(os.listdir(home)) or stat.S_IMODE(os.stat(home).st_mode) != 0o700  # noqa: PTH116, PTH208 - quick
    except OSError:
        return True


@pytest.fixture(scope="module", autouse=True)
def clean_environment(request: pytest.FixtureRequest, homes: Callable[[], str]) -> Iterator[None]:
    """Take away what the machine or its user has set: editor, agent, locale, keys, inventories.

    Tests on hosts of the lab have operators of their own, and the lab is kept in the cache of
    whoever runs them.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not _is_of_the_lab(request):
            for name in [name for name in os.environ if not KEPT.fullmatch(name)]:
                patch.delenv(name)
            for name, value in {"LANG": "C.UTF-8", "TERM": "xterm", "HOME": homes()}.items():
                patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True)
def empty_home(request: pytest.FixtureRequest, homes: Callable[[], str]) -> Iterator[None]:
    """Give every test a home of its own, in which nobody has called the program before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_name, "_known", {"started": (), "inventory": ()})
        if not _is_of_the_lab(request):
            patch.setenv("HOME", homes())
        yield


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody pause before a host is tried again."""
    monkeypatch.setattr("hermes_ops.transport.ssh.PAUSES", (0.0, 0.0))


def _is_of_the_lab(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("lab") is not None
