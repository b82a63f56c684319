"""Say whether the tests that were to run did run: `counts.py RESULTS MINIMUM INV`.

RESULTS has slow.xml and hosts.xml, quick and newest in parts (quick-1.xml and so on), as
`dev.test --junit RESULTS` writes them, and stdout with all that pytest printed. MINIMUM names how
many of each suite must pass, INV is ./inv, which says which Pythons are promised. Nothing but the
standard library is used.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

FILES = {"quick": "quick", "newest": "newest", "slow": "slow", "lab": "hosts"}

PYTHON = r'<testsuite name="[\w-]+ Python 3\.(\d+)'


def main(results: Path, minimum: Path, inv: Path) -> None:
    """Print the numbers; end with a line for each complaint if there is one."""
    least = tomllib.loads(minimum.read_text())
    found = {suite: cases(results, suite) for suite in FILES}
    wrong = [*complaints(found, least), *strangers(results, inv)]
    closing = re.findall(r"^.*\d+ passed.* in [0-9.]+s.*$", (results / "stdout").read_text(), re.M)
    if not closing:
        wrong.append("pytest's closing line is not on stdout")
    for line in wrong:
        print(f"ci: {line}")
    if wrong:
        sys.exit("ci: FAILED: see above")
    print(f"ci: passed: {closing[-1].strip('= ')}")


def cases(results: Path, suite: str) -> list[ElementTree.Element]:
    """Return what one suite ran."""
    roots = map(ElementTree.parse, files(results, suite))  # this run wrote them
    return [case for root in roots for case in root.iter("testcase")]


def files(results: Path, suite: str) -> list[Path]:
    """Return the files of a suite: one, or one for each of its parts."""
    return sorted(results.glob(f"{FILES[suite]}*.xml"))


def complaints(found: dict[str, list[ElementTree.Element]], least: dict[str, int]) -> Iterator[str]:
    """Yield what is wrong with the suites: too few tests, and each that did not pass."""
    for suite, ran in found.items():
        passed = [case for case in ran if not {"skipped", "failure", "error"} & tags(case)]
        print(f"ci: {suite}: {len(passed)} tests passed, at least {least[suite]} are wanted")
        if len(passed) < least[suite]:
            yield f"{suite}: too few tests passed"
        for case in ran:
            if case not in passed:
                name = f"{case.get('classname')}::{case.get('name')}"
                yield f"{suite}: did not pass: {name}: {next(iter(case)).get('message')}"


def tags(case: ElementTree.Element) -> set[str]:
    """Return what happened to a test: nothing, where it passed."""
    return {child.tag for child in case}


def strangers(results: Path, inv: Path) -> Iterator[str]:
    """Yield which suite ran under a Python that it should not have run under."""
    promised = re.search(r"^FIRST=3\.(\d+) LAST=3\.(\d+)", inv.read_text(), re.M)
    if not promised:
        yield f"{inv} does not say which Pythons it promises"
        return
    first, last = map(int, promised.groups())
    for suite, fits in (("quick", range(first, first + 1)), ("newest", range(first + 1, last + 1))):
        texts = [file.read_text() for file in files(results, suite)]
        ran = {name for text in texts for name in re.findall(PYTHON, text) or "?"}
        print(f"ci: {suite}: under Python 3.{' and 3.'.join(sorted(ran)) or '?'}")
        if not ran or not ran <= set(map(str, fits)):
            yield f"{suite}: not under a Python that it is for: 3.{min(fits)} to 3.{max(fits)}"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
