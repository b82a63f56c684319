"""Write the outcomes of the checks as JUnit XML, including checks that never ran."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as xml

from hermes_ops.errors import CommandError, UsageError
from hermes_ops.verify.outcome import FAILED, PASSED, SKIPPED, CheckOutcome

_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain, even escaped."""


def check_path(path: str) -> None:
    """Refuse a path that cannot be written, before any work begins."""
    folder = Path(path).absolute().parent
    if not folder.is_dir() or Path(path).is_dir():
        raise UsageError(
            f"--junit {path}: {'it is a folder' if Path(path).is_dir() else 'no such folder'}",
            hint="name a file in a folder that exists",
        )


def write(path: str, outcomes: Iterable[CheckOutcome]) -> None:
    """Write the file; the caller has removed secrets from the messages."""
    suite = xml.Element("testsuite", name="hermes-ops")
    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for outcome in outcomes:
        counts["tests"] += 1
        if outcome.outcome != PASSED:
            counts[_plural(outcome)] += 1
        _add(suite, outcome)
    suite.attrib |= {name: str(number) for name, number in counts.items()}
    root = xml.Element("testsuites")
    root.append(suite)
    try:
        Path(path).write_bytes(xml.tostring(root, encoding="utf-8", xml_declaration=True))
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error


def _add(suite: xml.Element, outcome: CheckOutcome) -> None:
    check = outcome.check
    case = xml.SubElement(
        suite, "testcase",
        classname=check.target, name=check.name, time=f"{outcome.seconds:.3f}",
    )  # fmt: skip
    if outcome.outcome != PASSED:
        kind = {"failures": "failure", "errors": "error"}.get(_plural(outcome), "skipped")
        said = _IMPOSSIBLE.sub("?", outcome.message or outcome.outcome)
        xml.SubElement(case, kind, message=said).text = _IMPOSSIBLE.sub("?", outcome.sentence)


def _plural(outcome: CheckOutcome) -> str:
    return {FAILED: "failures", SKIPPED: "skipped"}.get(outcome.outcome, "errors")
