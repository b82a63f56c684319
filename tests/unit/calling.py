"""The program, called in this process as an operator calls it."""

from __future__ import annotations

import pytest

from hermes_ops.tasks.program import Program


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Call the program; return exit code, output and errors."""
    code = 0
    try:
        Program().run(["inv", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out, err
