"""`-v`: our own lines of a script and every record, and no content of any file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from faking import FakeTransport

from hermes_ops.transport.trace import Traced
from hermes_ops.wire import Record, assemble, libraries_end

ANSWER = """\
@ hello  world
@ begin files
Y29udGVudA==
@ end
@ begin env .env
KEY=content
@ end
@ begin log demo
first line

last line
@ end
@ done
"""


def test_what_is_exchanged_is_told() -> None:
    """Lines that go there, records that come back; of files and `.env`, that they came."""
    lines: list[str] = []
    heard: list[Record] = []
    inner = FakeTransport([ANSWER])
    traced = Traced(inner, lines.append)
    script = assemble(("wire/common",), "say hello\nsend_env .env")
    reply = traced.exchange(script, heard.append, timeout=7)
    sent = [line.removeprefix("→ ") for line in lines if line.startswith("→")]
    assert sent[:4] == ["work() {", "say hello", "send_env .env", "}"]
    assert sent == script.text[libraries_end(script) :].splitlines()
    assert lines[len(sent) :] == [
        "← hello  world", "← files", "← env .env",
        "← log demo", "    first line", "    ", "    last line",
    ]  # fmt: skip
    assert not any("content" in line or "Y29u" in line for line in lines)
    assert (tuple(heard), traced.exchanges, inner.timeouts) == (reply.records, 1, [7])


def test_a_listener_is_not_needed() -> None:
    """A look has none."""
    lines: list[str] = []
    reply = Traced(FakeTransport(["@ hello\n@ done\n"]), lines.append).exchange(assemble((), ":"))
    assert reply.complete
    assert lines[-1] == "← hello"


def test_the_rest_goes_through() -> None:
    """A file is told by its name and its place; shells and the end are the transport's."""
    lines: list[str] = []
    inner = FakeTransport([], sessions=["a shell"])  # type: ignore[list-item]
    traced = Traced(inner, lines.append)
    traced.put(Path("/somewhere/pip.whl"), PurePosixPath(".cache/pip.whl"))
    assert lines == ["→ pip.whl to ~/.cache/pip.whl"]
    assert inner.copied == [("pip.whl", ".cache/pip.whl")]
    assert traced.session() == "a shell"  # type: ignore[comparison-overlap]
    traced.close()
    assert inner.is_closed
