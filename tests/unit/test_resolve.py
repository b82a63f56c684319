"""References become secrets, or a sentence at the place that named them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory import Reference
from hermes_ops.resolve import resolve
from hermes_ops.secret import Secret

PLACE = Place("inventory/profiles/coder.yml", 7, 3)


def reference(kind: str, argument: str | tuple[str, ...], line: int = 7) -> Reference:
    """Return a reference as the loader makes it."""
    return Reference(kind, argument, Place(PLACE.file, line, 3))


def python(code: str, *words: str) -> Reference:
    """Return a reference to a command that runs this code."""
    return reference("command", (sys.executable, "-c", code, *words))


def one(of: Reference, environ: dict[str, str] | None = None, deadline: float = 30) -> str:
    """Resolve one reference."""
    return resolve([of], environ or {}, deadline=deadline)[of].reveal()


def complaint(of: Reference, environ: dict[str, str] | None = None, deadline: float = 30) -> str:
    """Return the sentence that resolving ends with."""
    with pytest.raises(InventoryError) as caught:
        one(of, environ, deadline)
    assert caught.value.where == str(PLACE)
    return f"{caught.value.message} | {caught.value.hint}".removesuffix(" | ")


def test_every_kind(tmp_path: Path) -> None:
    """The environment, a file and a command are read, and one newline at the end is none of it."""
    file = tmp_path / "token"
    file.write_text("from file\n\n")
    assert one(reference("env", "TOKEN"), {"TOKEN": "from env"}) == "from env"
    assert one(reference("file", str(file))) == "from file\n"
    assert one(python("print('from command')")) == "from command"


def test_equal_sources_are_asked_once(tmp_path: Path) -> None:
    """Two places that name one command cost one run of it, and both get the answer."""
    count = tmp_path / "count"
    words = (sys.executable, "-c", f"open({str(count)!r}, 'a').write('x'); print('value')")
    first, second = reference("command", words, 7), reference("command", words, 8)
    secrets = resolve([first, second, first], {})
    assert secrets == {first: Secret("value"), second: Secret("value")}
    assert count.read_text() == "x"


def test_commands_run_side_by_side() -> None:
    """Four commands of half a second take less than two seconds together."""
    commands = [python("import time; time.sleep(0.5); print(1)", str(n)) for n in range(4)]
    before = time.monotonic()
    assert len(resolve(commands, {})) == 4
    assert time.monotonic() - before < 1.9


def test_a_command_has_the_environment_and_no_input() -> None:
    """What `.env` says reaches the command; reading its input ends at once."""
    code = "import os, sys; print(os.environ['A'] + sys.stdin.read())"
    assert one(python(code), {"A": "b"}) == "b"


def test_missing_name() -> None:
    """An unset variable is named, and the likely one too."""
    found = complaint(reference("env", "TOKEN"), {"PATH": "/bin"})
    assert (
        found == "the environment has no TOKEN | export it, or write it into the inventory's .env"
    )
    near = complaint(reference("env", "CODER_TOKEN"), {"CODR_TOKEN": "x"})
    assert near == "the environment has no CODER_TOKEN | did you mean 'CODR_TOKEN'?"


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, and what is no file, are refused."""
    absent = tmp_path / "absent"
    assert complaint(reference("file", str(absent))) == (
        f"{absent} cannot be read: No such file or directory"
    )
    assert complaint(reference("file", str(tmp_path))) == f"{tmp_path} is not a regular file"


def test_failing_command_shows_its_stderr_without_secrets() -> None:
    """The exit code and the end of stderr are shown; what it could know is not."""
    code = "import os, sys; print('first half of it'); sys.exit('no ' + os.environ['API_TOKEN'])"
    found = complaint(python(code), {"API_TOKEN": "s3cret-value"})
    assert found == f"command {sys.executable} failed with exit 1: no ***"


def test_command_that_does_not_exist() -> None:
    """A program that is not there is named."""
    found = complaint(reference("command", ("no-such-program", "read")))
    assert found == "command no-such-program cannot be run: No such file or directory"


def test_command_that_hangs() -> None:
    """At the deadline the command and its children are ended."""
    code = "import subprocess; subprocess.run(['sleep', '30'])"
    before = time.monotonic()
    assert "gave no answer in 0.5 s" in complaint(python(code), {"PATH": "/bin"}, deadline=0.5)
    assert time.monotonic() - before < 5


def test_empty_answer() -> None:
    """A reference that gives nothing is a mistake, not an empty secret."""
    assert complaint(python("")).endswith("gave nothing")
    assert complaint(reference("env", "A"), {"A": ""}) == "env A gave nothing"


def test_answer_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused and not shown."""
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe")
    assert complaint(reference("file", str(file))) == f"file {file} is not UTF-8 text"


def test_unknown_kind() -> None:
    """A kind that is not known is refused with those that are."""
    found = complaint(reference("age", "x"))
    assert found == "'age' is no known kind of reference | known are: env, file, command"


def test_nothing_to_resolve() -> None:
    """No reference, no work."""
    assert resolve([], {}) == {}
