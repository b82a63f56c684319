"""Run the quick tests with the Python of another Debian, in a chroot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from hermes_ops import lab
from hermes_ops.assets import CLONE
from hermes_ops.cli.output import Output
from hermes_ops.commands.dev import debians
from hermes_ops.errors import CommandError, UsageError


def elsewhere(python: str, results: str | None, output: Output) -> None:
    """Run the quick tests with this Python, or the newest; the results are in newest-N.xml.

    Raises:
        CommandError: it is not available here, or a test failed.
        UsageError: no known Debian has this Python.
    """
    if python not in (*debians.SUITES, "newest"):
        raise UsageError(f"--python {python}: known are {', '.join(debians.SUITES)}, newest")
    if os.geteuid() == 0:
        lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"another Debian cannot run here: {reason}")
    say = output.note
    found = debians.newest(say) if python == "newest" else (python, debians.image(python, say))
    say(f"the quick tests under Python {found[0]}")
    with TemporaryDirectory() as folder:
        script = 'sh "$PWD/inv" dev.test --quick --junit results'
        code = debians.run_beside(CLONE, script, found[1], Path(folder))
        for part in Path(folder).glob("quick-*.xml"):
            if results:
                Path(results).mkdir(parents=True, exist_ok=True)
                shutil.copy(part, Path(results) / part.name.replace("quick", "newest"))
    if code:
        raise CommandError(f"under Python {found[0]} they failed with exit code {code}")
