"""Another program as an oracle: one process that answers as long as the tests of a module ask."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from machine import HERMES


class Oracle:
    """A process in a folder of its own that answers each line of JSON with one."""

    def __init__(self, words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            words,
            env={**environ, "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, asked: Any) -> Any:
        """Return the answer to a question."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def hermes_says(script: str) -> Callable[[pytest.TempPathFactory], Iterator[Oracle]]:
    """Return the fixture of the real Hermes, which answers by this script."""

    @pytest.fixture(scope="module")
    def hermes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
        home = tmp_path_factory.mktemp("home")
        environ = {"PATH": os.environ["PATH"], "HERMES_HOME": str(home)}
        environ["HERMES_DISABLE_LAZY_INSTALLS"] = "1"
        oracle = Oracle([os.environ[HERMES], "-c", script], home, environ)
        yield oracle
        oracle.close()

    return hermes
