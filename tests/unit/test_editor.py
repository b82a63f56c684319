"""The editor of whoever sits there: which one it is, and a secret in it that leaves no trace."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
from calling import said
from folders import standing_in
from terminal import typing

from hermes_ops.commands.editor import edited, editor_words
from hermes_ops.errors import CommandError, Interrupted, UsageError

FILES = {
    "hosts.yml": "all:\n  hosts:\n    m1: {hermes_profiles: [coder]}\n",
    "profiles/coder.yml": "config:\n  a: 1\n",
}


inventory = standing_in(FILES)


def use(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Path:
    """Let a shell script be the editor; `$1` is the file. Return where it may leave a note."""
    (folder / "my editor").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "my editor").chmod(0o755)
    monkeypatch.setenv("EDITOR", f"'{folder}/my editor' --wait")
    monkeypatch.setenv("NOTE", str(folder / "note"))
    return folder / "note"


# --- which one ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visual", "editor", "words"),
    [
        ("", "vi", ["vi"]),
        ("code --wait", "vi", ["code", "--wait"]),
        ("   ", "vi", ["vi"]),
        ("", "'/opt/my editor/bin' -x", ["/opt/my editor/bin", "-x"]),
    ],
)
def test_the_editor_is_the_one_named(
    visual: str, editor: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """$VISUAL before $EDITOR, one of blanks is none, and words are those of a shell."""
    monkeypatch.setenv("VISUAL", visual)
    monkeypatch.setenv("EDITOR", editor)
    assert editor_words(instead="x") == words


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR"])
@pytest.mark.parametrize(
    "words", [("config.edit", "m1/coder"), ("secrets.edit", "m1/coder", "TOKEN")]
)
def test_an_open_quote_is_one_sentence(
    words: tuple[str, ...],
    name: str,
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whichever task opens it: exit 64, what is wrong and where to mend it, and no traceback."""
    if words[0] == "secrets.edit":
        assert said(capsys, "secrets.keygen")[0] == 0
        monkeypatch.setenv("GIVEN", "some-secret-value")
        assert said(capsys, "secrets.set", *words[1:], "--from", "env:GIVEN")[0] == 0
    monkeypatch.setenv(name, 'vi "x')
    code, out, err = said(capsys, *words)
    assert (code, out) == (64, "")
    assert err.splitlines() == [
        "error: the editor 'vi \"x' has a quote that is not closed",
        "hint:  see $VISUAL and $EDITOR",
    ]


def test_no_editor_and_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to edit: the task that needs no editor is named."""
    with open(os.devnull) as stream, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr("sys.stdin", stream)
        with pytest.raises(UsageError, match="there is no editor") as caught:
            editor_words(instead="secrets.set")
    assert caught.value.exit_code == 64
    assert "secrets.set" in caught.value.hint


def test_at_a_terminal_one_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first there is of those that a machine has; where there is none, that is said."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with typing(monkeypatch, ""):
        with pytest.raises(UsageError, match="there is no editor"):
            editor_words(instead="x")
        for name in ("vi", "nano"):
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
            assert editor_words(instead="x") == [name]


@pytest.mark.parametrize(
    ("name", "words"),
    [("vim", ["+2", "F"]), ("hx", ["F:2"]), ("ed", ["F"]), ("sensible-editor", ["+2", "F"])],
)
def test_the_editor_is_told_the_line(
    name: str, words: list[str], inventory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In its own way; one that knows none gets the file alone."""
    note, program = tmp_path / "note", tmp_path / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{note}\n')
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))
    from hermes_ops.cli.options import Options
    from hermes_ops.cli.output import Output
    from hermes_ops.commands.config.edit import edit

    edit(Options(), Output(json=True), "m1/coder", "a")
    file = "inventory/profiles/coder.yml"
    assert note.read_text().split() == [word.replace("F", file) for word in words]


# --- a secret in it -----------------------------------------------------------------------------


def test_a_secret_is_edited_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is the owner's alone, in a folder of the same kind, in the runtime folder."""
    memory = tmp_path / "run"
    memory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    note = use(monkeypatch, tmp_path, 'echo "$2" >"$NOTE"; ls -ld "$2" "${2%/*}" >>"$NOTE"')
    assert edited("TOKEN", "the-value") == "the-value"
    path, folder, file = note.read_text().splitlines()
    assert Path(path).name == "TOKEN"
    assert Path(path).is_relative_to(memory)
    assert (file[:10], folder[:10]) == ("-rw-------", "drwx------")
    assert list(memory.iterdir()) == []


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no memory-backed folder here")
@pytest.mark.parametrize("runtime", [None, "gone"])
def test_without_a_runtime_folder_it_is_in_shared_memory(
    runtime: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime folder that is not there is none; the disk is the last resort."""
    if runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / runtime))
    note = use(monkeypatch, tmp_path, 'echo "$2" >"$NOTE"')
    edited("TOKEN", "the-value")
    assert note.read_text().startswith("/dev/shm/hermes-ops-")
    assert not Path(note.read_text().strip()).parent.exists()


def test_the_editor_gets_a_line_and_gives_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One newline at the end is the editor's; further ones, and blanks, are the value's."""
    use(monkeypatch, tmp_path, 'cp "$2" "$NOTE"; printf " new \\n\\n" >"$2"')
    assert edited("TOKEN", "old") == " new \n"
    assert (tmp_path / "note").read_text() == "old\n"
    use(monkeypatch, tmp_path, 'printf "new\\r\\n" >"$2"')
    assert edited("TOKEN", "old") == "new"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize(
    ("script", "kind", "sentence"),
    [
        ("exit 3", CommandError, "ended with exit 3"),
        (': >"$2"', UsageError, "TOKEN is empty now"),
        ('rm "$2"', UsageError, "left no text"),
        ("kill -TERM $PPID; exec sleep 5", Interrupted, "ended by SIGTERM"),
        ("kill -HUP $PPID; exec sleep 5", Interrupted, "ended by SIGHUP"),
    ],
)
def test_whatever_happens_nothing_is_left(
    script: str,
    kind: type[Exception],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the value nor the editor, and signals mean afterwards what they meant before."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    note = use(monkeypatch, tmp_path, f'echo $$ >"$NOTE"; touch "$2~"\n{script}')
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
    with pytest.raises(kind, match=sentence):
        edited("TOKEN", "the-value")
    assert {path.name for path in tmp_path.iterdir()} == {"my editor", "note"}
    assert not Path(f"/proc/{note.read_text().strip()}").exists()
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)] == before


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_ctrl_c_is_the_editors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many editors mean something by it: it does not end the program around them."""
    use(monkeypatch, tmp_path, 'kill -INT $PPID; sleep 0.05; echo new >"$2"')
    assert edited("TOKEN", "old") == "new"


def test_an_editor_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, with the reason."""
    monkeypatch.setenv("EDITOR", "/no/such/editor -x")
    with pytest.raises(UsageError, match=r"'/no/such/editor' cannot be run: No such file"):
        edited("TOKEN", "old")


# --- config.edit --------------------------------------------------------------------------------


def test_what_was_refused_is_kept_privately(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An inventory that does not load is put back; the text is in a file of the operator's own."""
    use(monkeypatch, inventory.parent, 'echo "wrong: 1" >>"$2"')
    monkeypatch.setattr("tempfile.tempdir", str(inventory.parent))
    code, _, err = said(capsys, "config.edit", "m1/coder")
    assert code == 64
    assert "unknown key 'wrong'" in err
    assert (inventory / "profiles/coder.yml").read_text() == FILES["profiles/coder.yml"]
    kept = Path(err.split()[-1])
    assert kept.read_text() == FILES["profiles/coder.yml"] + "wrong: 1\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.suffix == ".yml"


def test_an_edit_is_told_with_what_to_do_next(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The difference, and the command that brings it to the host; nothing where nothing changed."""
    use(monkeypatch, inventory.parent, 'echo "  b: 2" >>"$2"')
    code, out, _ = said(capsys, "config.edit", "m1/coder")
    assert code == 0
    assert "+  b: 2" in out
    assert "now: ./inv config.push -l m1/coder" in out
    use(monkeypatch, inventory.parent, "true")
    assert said(capsys, "config.edit", "m1/coder")[:2] == (0, "")
