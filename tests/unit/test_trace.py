"""`-v`: the shape of a script and every record, and no content of anything that is written."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path, PurePosixPath

from faking import FakeTransport
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.apply import Terms, compile_plan
from hermes_ops.inventory.model import Host
from hermes_ops.plan import Change, Plan
from hermes_ops.plan.model import EnableLinger, Operation, Write
from hermes_ops.secrets.secret import Secret
from hermes_ops.transport.trace import Traced
from hermes_ops.wire import Record, assemble

HOST = Host("h1")
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
    assert sent == ["say hello", "send_env .env"]
    assert lines[len(sent) :] == [
        "← hello  world", "← files (12 characters)", "← env .env (11 characters)",
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


TEXTS = (
    "q9Zt!", "471108151234567", "hunter2", "correct'horse\"battery\\staple-42", "a b", "''\"'",
    "two\nlines", "$(id)", "*", "#x",
)  # fmt: skip


def shown_of(plan: Plan) -> str:
    return "\n".join(compile_plan(plan, Terms()).shape)


def change(operation: Operation) -> Change:
    return Change("profile.configure", "demo", "file:x", "update", "differs", operation)


@given(st.sampled_from(TEXTS) | st.text("ab'\"\\ $\n", min_size=3))
def test_a_write_is_shown_by_its_path_mode_and_size(text: str) -> None:
    """However short, plain or oddly quoted the content is, and also the note that is kept of it."""
    path, note = PurePosixPath("some/path"), PurePosixPath("note")
    for content in (Secret(f"K={text}\n"), f"K: {text}\n"):
        same = [
            Plan(HOST, (change(Write(path, what, 0o600, keeps=(note, kept))),))
            for what, kept in ((content, f"told {text}"), (type(content)("x" * 9), "told"))
        ]
        size = len(text) + (3 if isinstance(content, Secret) else 4)
        one, other = (shown_of(plan) for plan in same)
        assert f"{size} bytes for some/path, mode 0600" in one
        assert one.replace(f"{size} bytes", "N bytes") == other.replace("9 bytes", "N bytes")


def test_the_password_of_sudo_is_not_shown() -> None:
    """It is in the script only if linger needs it; a shape has its name."""
    host = replace(HOST, connection=replace(HOST.connection, become_password=Secret("hunter2")))
    plan = Plan(host, (change(EnableLinger(required=True)),))
    assert "sudo_password=hunter2" in compile_plan(plan, Terms()).text
    assert "hunter2" not in shown_of(plan)
    assert "# the password for sudo" in shown_of(plan)


def test_a_quoted_word_is_shown_by_its_length() -> None:
    """The word of a path or a plain word is shown as it is."""
    script = assemble((), [shlex.join(["run", "it's", "a/b", ""]), 'echo "$x"'])
    assert script.shape == ["run '… 4' a/b ''", 'echo "$x"']
