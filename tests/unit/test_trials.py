"""`dev.trials`: what a script is given, and how its end is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import said

from hermes_ops.commands.dev import trials


def script(folder: Path, text: str) -> Path:
    """Write a trial."""
    file = folder / "some-trial" / "try.sh"
    file.parent.mkdir()
    file.write_text(text)
    return file


def tried(folder: Path, text: str) -> trials.Trial:
    """Run a trial as if against two hosts."""
    root = folder / "root"
    root.mkdir()
    return trials._try(script(folder, text), root, ["10.0.0.1", "10.0.0.2"])


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "right"), (1, "wrong"), (2, "broken"), (64, "broken")]
)
def test_the_exit_code_is_the_verdict(tmp_path: Path, code: int, outcome: str) -> None:
    """A script that could not even try has not found a fault."""
    trial = tried(tmp_path, f"echo so; exit {code}\n")
    assert (trial.trial, trial.outcome, trial.said) == ("some-trial", outcome, "so")


def test_a_script_is_told_its_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else of whoever runs it."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/an/agent")
    trial = tried(
        tmp_path,
        'echo "$ADDRESS $SECOND"; test -x "$INV" && echo ${KEY##*/} ${KNOWN##*/} ${SSH_AUTH_SOCK-};'
        'ls -A "$HOME"',
    )
    assert trial.said == "10.0.0.1 10.0.0.2\nid_ed25519 known_hosts"


def test_a_script_without_end_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left behind at the limit, and the others follow."""
    monkeypatch.setattr(trials, "LIMIT", 0.05)
    trial = tried(tmp_path, "exec sleep 9\n")
    assert (trial.outcome, trial.said) == ("broken", "it did not end within 0 s")


def test_a_folder_without_scripts_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty table would look like success."""
    code, _, err = said(capsys, "dev.trials", str(tmp_path))
    assert code == 64
    assert "no */try.sh here" in err
