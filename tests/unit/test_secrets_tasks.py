"""`secrets.*`: kept in the inventory for their readers alone, shown by name and fingerprint."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from calling import python_is_here
from folders import fill

from hermes_ops.cli import output as sink
from hermes_ops.secrets import age
from hermes_ops.secrets.secret import Redactor
from hermes_ops.tasks.program import Program

ROOT = Path(__file__).parents[2]
TOKEN = "7012345678:AAFx0Zk3vQm9_rT4uLw8"
FILES = {
    "hosts.yml": "all:\n  hosts:\n    mini-1: {hermes_profiles: [coder, scout]}\n"
    "    mini-2: {hermes_profiles: [coder]}\n",
    "profiles/coder.yml": "# writes\nenv:\n  PLAIN: a-plain-value   # kept\n"
    "  MADE: {generate: 32}\n  ASKED: {env: ASKED}\n",
    "profiles/scout.yml": "env: {SAME: a-plain-value}\n",
}


@dataclass(frozen=True, slots=True)
class Site:
    """An inventory, its operator's home, and the program called in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, given: str | None = None) -> tuple[int, str, str]:
        """Return exit code, output and errors."""
        if given is not None:
            self.monkeypatch.setattr("sys.stdin", open_pipe(given))
        with pytest.raises(SystemExit) as leaving:
            Program().run(["inv", *words])
            raise SystemExit(0)
        code = leaving.value.code
        said = self.capsys.readouterr()
        return (code if isinstance(code, int) else 0), said.out, said.err

    def items(self, *words: str, given: str | None = None) -> list[dict[str, Any]]:
        """Return the items of the document."""
        rows: list[dict[str, Any]] = json.loads(self(*words, "--json", given=given)[1])["items"]
        return rows

    def text(self, name: str) -> str:
        """Return a file of the inventory."""
        return (self.folder / "inventory" / name).read_text()


def open_pipe(text: str) -> Any:
    """Return a stream that a person who pipes would give."""
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return os.fdopen(reader)


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    """Return an inventory with an age key that opens nothing yet."""
    fill(tmp_path / "inventory", FILES)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HERMES_OPS_INVENTORY", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASKED", "asked-of-the-environment")
    monkeypatch.setattr(sink, "REDACTOR", Redactor())
    monkeypatch.setattr("hermes_ops.commands.secrets.set.REDACTOR", sink.REDACTOR)
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path, capsys, monkeypatch)
    assert made("secrets.keygen")[0] == 0
    yield made


def opened(site: Site, profile: str, name: str) -> str:
    """Return the value of a name, as the program itself would resolve it."""
    rows = {(r["host"], r["profile"], r["name"]): r for r in site.items("secrets.show")}
    row = rows[("mini-1", profile, name)]
    text = site.text("profiles/coder.yml") + site.text("hosts.yml")
    for name_ in ("host_vars/mini-1.yml",):
        if (site.folder / "inventory" / name_).exists():
            text += site.text(name_)
    assert row["kind"] == "age", row
    lines = [line.strip() for line in text.splitlines()]
    begin, end = lines.index(age.BEGIN), lines.index(age.END)
    keys = age.identities([site.folder / "home/.config/hermes-ops/age/keys.txt"])
    return age.decrypt("\n".join(lines[begin : end + 1]).encode() + b"\n", keys).decode()


def test_a_key_is_made_once(site: Site) -> None:
    """Again, it stays, and is named once among the recipients; --check makes nothing."""
    before = site.text(".age-recipients")
    code, out, _ = site("secrets.keygen")
    assert (code, site.text(".age-recipients")) == (0, before)
    assert "exists already" in out
    (item,) = site.items("secrets.keygen", "--check", "--age-key-file", "other.txt")
    assert not Path("other.txt").exists()
    assert item["public"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "where"),
    [
        ("catalogue", "inventory/profiles/coder.yml:3"),
        ("profile", "inventory/hosts.yml:7"),
        ("host", "inventory/host_vars/mini-1.yml:3"),
    ],
)
def test_a_value_is_set(layer: str, where: str, site: Site) -> None:
    """From standard input, into the layer; neither the old value nor the new one is shown."""
    words = ("secrets.set", "mini-1/coder", "PLAIN", "--layer", layer)
    code, out, err = site(*words, given=f"{TOKEN}\n")
    assert code == 0, err
    assert f"{where}: PLAIN is encrypted to 1 recipient" in out
    assert "a-plain-value" not in out + err
    assert TOKEN not in out + err
    assert opened(site, "coder", "PLAIN") == TOKEN
    assert "# kept" in site.text("profiles/coder.yml")


def test_what_holds_no_secret_is_shown(site: Site) -> None:
    """Where a list of profiles becomes a mapping, its names are read in the diff as they are."""
    assert "hermes_profiles: [coder, scout]" in site.text("hosts.yml")
    _, out, _ = site("secrets.set", "mini-1/coder", "NEW", "--check", given=TOKEN)
    assert "hermes_profiles: [coder, scout]" in out
    assert "hermes_profiles: ***" not in out


def test_check_says_what_it_writes(site: Site) -> None:
    """No file of a host is at stake where the inventory is written."""
    for task in ("secrets.set", "secrets.rekey", "config.set", "config.pull", "hosts.trust"):
        words = " ".join(site("--help", task)[1].split())
        assert "show what would be written into the inventory's files, and write nothing" in words


@pytest.mark.slow
def test_who_is_concerned_is_told(site: Site) -> None:
    """Everybody who has the value now, and what is stronger where it does not count."""
    (row,) = site.items("secrets.set", "mini-1/coder", "NEW", "--layer", "catalogue", given=TOKEN)
    assert row["used_by"] == ["mini-1/coder", "mini-2/coder"]
    assert row["overlaid_by"] is None
    site("secrets.set", "mini-1/coder", "NEW", given=TOKEN)
    code, out, err = site("secrets.set", "mini-1/coder", "NEW", "--layer", "host", given=TOKEN)
    assert code == 0
    assert "used by mini-1/scout\n" in out
    assert "is stronger, so this profile still gets that value" in err


@pytest.mark.parametrize("asks", [True, False])
def test_only_a_terminal_without_a_source_is_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, asks: bool
) -> None:
    """`--from stdin` reads it, whoever sits there."""
    prompts: list[str] = []

    def asked(text: str) -> str:
        prompts.append(text)
        return TOKEN

    monkeypatch.setattr("hermes_ops.commands.secrets.set.getpass", asked)
    typed = open_pipe(TOKEN)
    typed.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", typed)
    words = ("secrets.set", "mini-1/coder", "NEW", "--layer", "catalogue", "--check")
    assert site(*words, *(() if asks else ("--from", "stdin")))[0] == 2
    assert prompts == (["NEW: ", "NEW, again: "] if asks else [])


def test_check_writes_nothing(site: Site) -> None:
    """It says what would be, and exits 2."""
    before = site.text("profiles/coder.yml")
    words = ("secrets.set", "mini-1/coder", "PLAIN", "--layer", "catalogue", "--check")
    assert site(*words, given=TOKEN)[0] == 2
    assert site.text("profiles/coder.yml") == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("env:ASKED", "asked-of-the-environment"),
        ("file:token.txt", "of the file"),
        ("command:printf '%s %s' one two", "one two"),
        ("stdin", "piped"),
    ],
)
def test_values_come_from_elsewhere(source: str, value: str, site: Site) -> None:
    """A file, a variable or a command gives it, and it is encrypted like any other."""
    Path("token.txt").write_text("of the file\n")
    code, _, err = site("secrets.set", "mini-1/coder", "NEW", "--from", source, given="piped")
    assert (code, err) == (0, f"inventory: {site.folder}/inventory\n")
    assert opened(site, "coder", "NEW") == value


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("mini-1/code", "A"), "x", "the inventory has no profile 'mini-1/code'"),
        (("mini-1", "A"), "x", "the inventory has no profile 'mini-1'"),
        (("mini-1/coder", "A-B"), "x", "'A-B' cannot be the name"),
        (("mini-1/coder", "A"), "", "there is no value for A"),
        (("mini-1/coder", "A"), "a\nb", "A cannot be kept in .env: its value has a line break"),
        (("mini-1/coder", "A_TOKEN"), "ä" * 9, "A_TOKEN cannot be kept in .env: its value is not"),
        (("mini-1/coder", "A", "--from", "argv:x"), "", "--from cannot be 'argv:x'"),
        (("mini-1/coder", "A", "--from", "env:NONE"), "", "--from: the environment has no NONE"),
        (("mini-1/coder", "A", "--from", "command:echo 'x"), "", "is not closed"),
        (("mini-1/coder", "A", "--from", "keyring:x"), "", "'keyring' must be SERVICE/USER"),
        (("mini-1/coder", "A", "--layer", "top"), "x", "there is no layer 'top'"),
    ],
)
def test_what_cannot_be_set(words: tuple[str, ...], given: str, said: str, site: Site) -> None:
    """One sentence, exit 64, nothing written."""
    before = {p: p.read_bytes() for p in (site.folder / "inventory").rglob("*") if p.is_file()}
    code, _, err = site("secrets.set", *words, given=given)
    assert code == 64
    assert said in err
    after = {p: p.read_bytes() for p in (site.folder / "inventory").rglob("*") if p.is_file()}
    assert after == before


def test_without_recipients_there_is_nobody_to_encrypt_to(site: Site) -> None:
    """The file is named, and the task that begins it."""
    (site.folder / "inventory/.age-recipients").unlink()
    code, _, err = site("secrets.set", "mini-1/coder", "A", given="x")
    assert code == 64
    assert "inventory/.age-recipients: it names no recipient" in err
    assert "secrets.keygen" in err


@pytest.fixture
def editor(site: Site) -> Callable[[str], Path]:
    """Return what makes a program of Python the editor; it notes where the file was."""

    def use(code: str) -> Path:
        script = site.folder / "editor.py"
        script.write_text(
            "import os, pathlib, sys\nfile = pathlib.Path(sys.argv[1])\n"
            f"pathlib.Path({str(site.folder / 'seen')!r}).write_text(\n"
            "    f'{file} {file.stat().st_mode & 511:o} {file.parent.stat().st_mode & 511:o}')\n"
            f"(file.parent / 'backup~').write_text(file.read_text())\n{code}\n"
        )
        site.monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
        return site.folder / "seen"

    site("secrets.set", "mini-1/coder", "EDITED", "--layer", "catalogue", given=TOKEN)
    return use


def seen_and_gone(note: Path) -> None:
    """Check that the file was its owner's alone, in memory, and that nothing is left of it."""
    path, mode, folder = note.read_text().split()
    assert (mode, folder) == ("600", "700")
    assert not Path(path).parent.exists()


@pytest.mark.slow
def test_an_edit_is_encrypted_to_where_it_stood(site: Site, editor: Callable[[str], Path]) -> None:
    """What the editor leaves is the new value; of the file nothing is left."""
    note = editor("file.write_text(file.read_text().replace('rT4', 'rT5'))")
    code, out, err = site("secrets.edit", "mini-2/coder", "EDITED")
    assert (code, err) == (0, f"inventory: {site.folder}/inventory\n")
    assert "inventory/profiles/coder.yml:7: EDITED is encrypted to 1 recipient" in out
    assert opened(site, "coder", "EDITED") == TOKEN.replace("rT4", "rT5")
    seen_and_gone(note)


@pytest.mark.slow
def test_an_unchanged_edit_changes_nothing(site: Site, editor: Callable[[str], Path]) -> None:
    """Not even the encryption, which would differ."""
    before = site.text("profiles/coder.yml")
    note = editor("")
    assert site("secrets.edit", "mini-1/coder", "EDITED")[:2] == (0, "nothing was changed\n")
    assert site.text("profiles/coder.yml") == before
    seen_and_gone(note)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "exit", "said"),
    [
        ("sys.exit(3)", 1, "the editor ended with exit 3"),
        ("file.write_text('')", 64, "EDITED is empty now"),
        ("file.write_bytes(bytes([255]))", 64, "the editor left no text"),
        ("file.unlink()", 64, "the editor left no text"),
        ("file.write_text('a${b}')", 64, "EDITED cannot be kept in .env"),
        ("os.kill(os.getppid(), 15)\nimport time; time.sleep(5)", 130, "ended by SIGTERM"),
    ],
)
def test_an_edit_that_fails_leaves_nothing(
    code: str, exit: int, said: str, site: Site, editor: Callable[[str], Path]
) -> None:
    """Neither in the inventory nor in memory."""
    before = site.text("profiles/coder.yml")
    note = editor(code)
    ended, _, err = site("secrets.edit", "mini-1/coder", "EDITED")
    assert (ended, site.text("profiles/coder.yml")) == (exit, before)
    assert said in err
    assert TOKEN not in err
    seen_and_gone(note)


def test_what_is_not_encrypted_is_not_edited(site: Site) -> None:
    """The place is named, and what to do instead."""
    code, _, err = site("secrets.edit", "mini-1/coder", "PLAIN")
    assert code == 64
    assert "inventory/profiles/coder.yml:3:3: PLAIN is not an age secret" in err
    assert "secrets.set mini-1/coder PLAIN" in err
    assert "did you mean 'PLAIN'?" in site("secrets.edit", "mini-1/coder", "PLIAN")[2]


@pytest.mark.slow
def test_a_file_of_its_own_is_edited_too(site: Site, editor: Callable[[str], Path]) -> None:
    """`{age: PATH}`: the file changes, the inventory does not."""
    keys = age.recipients(site.folder / "inventory/.age-recipients", "r")
    from hermes_ops.secrets.secret import Secret

    (site.folder / "inventory/x.age").write_text(age.encrypt(Secret("before-edit"), keys))
    (site.folder / "inventory/profiles/scout.yml").write_text("env: {FILED: {age: ../x.age}}\n")
    editor("file.write_text('after-edit')")
    code, out, _ = site("secrets.edit", "mini-1/scout", "FILED")
    assert code == 0
    assert "used by mini-1/scout" in out
    assert "after-edit" not in site.text("x.age")
    mine = age.identities([site.folder / "home/.config/hermes-ops/age/keys.txt"])
    content = (site.folder / "inventory/x.age").read_bytes()
    assert age.decrypt(content, mine) == b"after-edit"
    rows = {row["name"]: row for row in site.items("secrets.show", "-l", "mini-1/scout")}
    assert rows["FILED"]["error"] is None


@pytest.mark.slow
def test_another_reader_reads_what_is_encrypted_anew(site: Site) -> None:
    """After `secrets.rekey` the new key opens every age text; before, none."""
    site("secrets.set", "mini-1/coder", "ONE", "--layer", "catalogue", given="value-one")
    site("secrets.set", "mini-1/coder", "TWO", "--layer", "catalogue", given="value-two")
    site("secrets.set", "mini-1/scout", "ONE", given="value-three")
    assert site("secrets.keygen", "--age-key-file", "other.txt")[0] == 0
    code, _, err = site("secrets.show", "--age-key-file", "other.txt")
    assert code == 64
    assert "your age key does not open it" in err
    assert site("secrets.rekey", "--check")[0] == 2
    assert site("secrets.show", "--age-key-file", "other.txt")[0] == 64
    before = site.items("secrets.show")
    code, out, _ = site("secrets.rekey")
    assert (code, out.count("2 recipients, used by")) == (0, 3)
    after = site.items("secrets.show", "--age-key-file", "other.txt")
    assert [row["fingerprint"] for row in after] == [row["fingerprint"] for row in before]
    assert site.text("profiles/coder.yml").count("\n") > FILES["profiles/coder.yml"].count("\n")


@pytest.mark.slow
@pytest.mark.parametrize("style", ["block", "flow"])
def test_alerts_are_encrypted_anew_too(site: Site, style: str) -> None:
    """In a list of URLs and outside of one; the rest of the file stays as it was."""
    from hermes_ops.secrets.secret import Secret

    keys = age.recipients(site.folder / "inventory/.age-recipients", "r")
    told = ["json://127.0.0.1:9/one", "json://127.0.0.1:9/two", "http://127.0.0.1:9/ping"]
    one, two, ping = (age.encrypt(Secret(url), keys) for url in told)
    file = site.folder / "inventory/group_vars/all.yml"
    file.parent.mkdir(exist_ok=True)
    lines = [f"      {line}" for line in (*two.splitlines(),)]
    first = f"{{age: {json.dumps(one)}}}" if style == "flow" else "\n".join(
        ["age: |", *(f"      {line}" for line in one.splitlines())]
    )  # fmt: skip
    file.write_text(
        f"hermes_alerts:  # whom to tell\n  urls:\n  - {first}\n  - age: |\n"
        + "\n".join(lines)
        + f"\n  ping: {{age: {json.dumps(ping)}}}\nx: 1\n"
    )
    before = site.items("secrets.show")
    assert site("secrets.keygen", "--age-key-file", "other.txt")[0] == 0
    code, out, err = site("secrets.rekey")
    assert (code, out.count("2 recipients, used by")) == (0, 3), err
    assert "hermes_alerts.urls[1]" in out
    after = site.items("secrets.show", "--age-key-file", "other.txt")
    assert [row["fingerprint"] for row in after] == [row["fingerprint"] for row in before]
    kept = file.read_text()
    assert kept.startswith("hermes_alerts:  # whom to tell\n  urls:\n  - ")
    assert kept.endswith("\nx: 1\n")
    assert not any(text.splitlines()[3] in kept for text in (one, two, ping))


URLS = [f"json://127.0.0.1:9/a1b2c3d4{number}" for number in range(3)]
PING = "https://hc.example.org/0f9e8d7c"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["yml", "json"])
def test_whom_alerts_tell_is_set(site: Site, ending: str) -> None:
    """One more URL, another value for one of them, and the ping; what else is there stays."""
    if ending == "json":
        fill(site.folder / "inventory", {"group_vars/all.json": '{"x": 1}\n'})
    alerts = "hermes_alerts.urls"
    (row,) = site.items("secrets.set", "mini-1", alerts, given=URLS[0])
    assert (row["profile"], row["name"]) == (None, f"{alerts}[0]")
    assert row["used_by"] == ["mini-1", "mini-2"]
    (row,) = site.items("secrets.set", "mini-2", alerts, given="json://127.0.0.1:9/old")
    assert row["name"] == f"{alerts}[1]"
    assert site("secrets.set", "mini-2", "hermes_alerts.ping", given=PING)[0] == 0
    words = ("secrets.set", "mini-1", f"{alerts}[1]", "--layer", "group:all")
    assert site(*words, given=URLS[1])[0] == 0
    assert site("secrets.set", "mini-1", f"{alerts}[2]", given=URLS[2])[0] == 0
    text = site.text(f"group_vars/all.{ending}")
    assert text.count("BEGIN AGE") == 4
    assert not any(url in text for url in (*URLS, PING))
    rows = [row for row in site.items("secrets.show") if row["profile"] is None]
    names = [*(f"{alerts}[{number}]" for number in range(3)), "hermes_alerts.ping"]
    assert [row["name"] for row in rows] == names
    assert not any(row["error"] for row in rows)


@pytest.mark.slow
def test_an_alert_is_edited_where_it_stood(site: Site, editor: Callable[[str], Path]) -> None:
    """As any other age text; what would have no effect is not taken."""
    assert site("secrets.set", "mini-1", "hermes_alerts.ping", given=PING)[0] == 0
    editor(f"file.write_text({PING + '9'!r})")
    code, out, _ = site("secrets.edit", "mini-2", "hermes_alerts.ping")
    assert (code, "used by mini-1, mini-2" in out) == (0, True)
    editor("file.write_text('http://hc.example.org/x')")
    code, _, err = site("secrets.edit", "mini-2", "hermes_alerts.ping")
    assert (code, "must begin with https://" in err) == (64, True)


@pytest.mark.slow
def test_a_stronger_layer_takes_no_alert_from_a_host(site: Site) -> None:
    """The variable counts as a whole: with one URL of its own, a host would lose the group's."""
    site("secrets.set", "mini-1", "hermes_alerts.urls", given=URLS[0])
    words = ("secrets.set", "mini-2", "hermes_alerts.ping", "--layer", "host")
    code, _, err = site(*words, given=PING)
    assert code == 64
    assert "replaces all of inventory/group_vars/all.yml:3" in err
    assert "mini-2 would lose hermes_alerts.urls[0]" in err
    assert not (site.folder / "inventory/host_vars").exists()


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (("mini-1/coder", "hermes_alerts.ping"), PING, "the target is mini-1"),
        (("mini-9", "hermes_alerts.ping"), PING, "did you mean 'mini-2' or 'mini-1'"),
        (("mini-1", "TOKEN"), PING, "the inventory has no profile 'mini-1'"),
        (("mini-1", "hermes_alerts.pong"), PING, "there is no 'hermes_alerts.pong'"),
        (("mini-1", "hermes_alerts.urls[1]"), URLS[0], "the next is hermes_alerts.urls[0]"),
        (("mini-1", "hermes_alerts.ping"), "http://hc.example.org/x", "must begin with https://"),
        (("mini-1", "hermes_alerts.ping", "--layer", "catalogue"), PING, "no layer 'catalogue'"),
    ],
)
def test_alerts_that_cannot_be_set(
    words: tuple[str, ...], given: str, said: str, site: Site
) -> None:
    """Each says why, and nothing is written."""
    code, out, err = site("secrets.set", *words, given=given)
    assert (code, out) == (64, "")
    assert said in err
    assert not (site.folder / "inventory/group_vars").exists()


def test_every_secret_is_shown_by_name(site: Site) -> None:
    """Kind, source, place, a fingerprint, and who has the same; no value."""
    rows = site.items("secrets.show")
    shown = {(r["host"], r["profile"], r["name"]): r for r in rows}
    assert len(rows) == 7
    plain = shown["mini-1", "coder", "PLAIN"]
    assert (plain["kind"], plain["where"]) == ("plain", "inventory/profiles/coder.yml:3:3")
    assert plain["used_by"] == ["mini-1/scout SAME", "mini-2/coder PLAIN"]
    made = shown["mini-2", "coder", "MADE"]
    assert (made["source"], made["fingerprint"]) == ("made on the host", None)
    asked = shown["mini-2", "coder", "ASKED"]
    assert (asked["kind"], asked["source"]) == ("env", "ASKED")
    assert asked["used_by"] == ["mini-1/coder ASKED"]
    assert "a-plain-value" not in json.dumps(rows)


def test_those_outside_of_the_selection_are_named_too(site: Site) -> None:
    """A limit says what is shown, not who shares it."""
    (row,) = site.items("secrets.show", "-l", "mini-1/scout")
    assert row["used_by"] == ["mini-1/coder PLAIN", "mini-2/coder PLAIN"]


def test_a_reference_that_leads_nowhere_has_its_row(site: Site) -> None:
    """The others are shown all the same; the exit code is 64."""
    site.monkeypatch.delenv("ASKED")
    code, out, err = site("secrets.show")
    assert code == 64
    assert len(out.splitlines()) == 8
    assert "error: inventory/profiles/coder.yml:5:11: the environment has no ASKED" in err


def test_values_are_not_revealed_to_a_pipe(site: Site) -> None:
    """Nor into a document."""
    for words in ([], ["--json"]):
        code, out, err = site("secrets.show", "--reveal", *words)
        assert code == 64
        assert "on a terminal only" in err
        assert "a-plain-value" not in out + err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mini-1/coder", "PLAN"], "the inventory sets no PLAN for mini-1/coder"),
        (["mini-1/coder", "PLAN"], "it has PLAIN"),
        (["mini-1"], "'mini-1' is not a target"),
        (["mini-1/code", "PLAIN"], "did you mean 'coder'?"),
        (["mini-1/coder", "PLAIN", "-l", "mini-1"], "-l and a target both select"),
        (["--key", "PLAIN"], "--key needs a target"),
        (["mini-1/coder", "PLAIN", "MORE"], "MORE"),
        (["mini-1/coder", "PLAIN", "--reveal", "-v"], "leave out -v"),
    ],
)
def test_what_names_no_single_value(site: Site, words: list[str], told: str) -> None:
    """One sentence, 64, and no value."""
    code, out, err = site("secrets.show", *words)
    assert (code, out) == (64, "")
    assert told in err


def test_a_target_and_a_key_select_one_row(site: Site) -> None:
    """As words or as options, before or behind other options."""
    for words in (
        ["mini-1/coder", "PLAIN", "--json"],
        ["--json", "mini-1/coder", "PLAIN"],
        ["--target", "mini-1/coder", "--json", "--key=PLAIN"],
    ):
        code, out, _ = site("secrets.show", *words)
        items = json.loads(out)["items"]
        assert (code, [(i["host"], i["name"]) for i in items]) == (0, [("mini-1", "PLAIN")])


ALERTS = """\
hermes_alerts:
  urls: [{env: ASKED}, "json://127.0.0.1/plain-url"]
  ping: {env: NOBODY_SETS}
"""


def alerted(site: Site) -> None:
    """Give every host the same alerts."""
    folder = site.folder / "inventory" / "group_vars"
    folder.mkdir(exist_ok=True)
    (folder / "all.yml").write_text(ALERTS)


def test_secrets_of_alerts_are_shown(site: Site) -> None:
    """One row for a line of the inventory, whoever inherits it; no profile; no value."""
    alerted(site)
    code, out, _ = site("secrets.show", "--json")
    assert code == 64
    rows = {r["name"]: r for r in json.loads(out)["items"] if r["profile"] is None}
    assert list(rows) == ["hermes_alerts.urls[0]", "hermes_alerts.urls[1]", "hermes_alerts.ping"]
    assert [r["kind"] for r in rows.values()] == ["env", "plain", "env"]
    assert "mini-1/coder ASKED" in rows["hermes_alerts.urls[0]"]["used_by"]
    assert rows["hermes_alerts.ping"]["error"]["message"] == "the environment has no NOBODY_SETS"
    assert "asked-of" not in out and "plain-url" not in out
    _, out, _ = site("secrets.show", "mini-1/coder", "--json")
    assert all(row["profile"] for row in json.loads(out)["items"])


def test_lint_resolves_what_alerts_need(site: Site) -> None:
    """An alert that cannot be sent would be noticed by nobody."""
    alerted(site)
    code, _, err = site("secrets.lint")
    assert code == 64
    assert "all.yml:3:10: the environment has no NOBODY_SETS" in err


def test_what_is_on_no_host_is_not_rotated(site: Site) -> None:
    """It is changed at its source."""
    alerted(site)
    code, _, err = site("secrets.rotate", "hermes_alerts.ping")
    assert code == 64
    assert "hermes_alerts.ping is on no host: there is nothing to deliver" in err
    code, _, err = site("secrets.rotate", "hermes_alerts.pong")
    assert code == 64
    assert "did you mean hermes_alerts.ping" in err


def at_a_terminal(site: Site, words: list[str], typed: bytes = b"") -> str:
    """Run the program with a terminal, type, and return what it shows."""
    main, side = pty.openpty()
    code = "from hermes_ops.tasks.program import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=side, stdout=side, stderr=side,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}, start_new_session=True,
    )  # fmt: skip
    os.close(side)
    shown = b""
    for line in typed.splitlines(keepends=True):
        while not shown.rstrip(b" ").endswith(b":"):
            shown += os.read(main, 4096)
        os.write(main, line)
        shown += b"\n"
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:
            break
        shown += part
        if not part:
            break
    process.wait(10)
    os.close(main)
    return shown.decode()


@pytest.mark.slow
def test_a_terminal_is_shown_the_values(site: Site) -> None:
    """Those that are known here; the table above stays redacted."""
    shown = at_a_terminal(site, ["secrets.show", "--reveal", "-l", "mini-1/coder"])
    assert "mini-1/coder PLAIN  a-plain-value" in shown
    assert "mini-1/coder ASKED  asked-of-the-environment" in shown
    assert shown.count("a-plain-value") == 1
    one = at_a_terminal(site, ["secrets.show", "mini-1/coder", "PLAIN", "--reveal"])
    assert "mini-1/coder PLAIN  a-plain-value" in one
    assert "ASKED" not in one
    code, out, _ = site("runs.show", "last", "--json")
    (names,) = (i["names"] for i in json.loads(out)["items"] if i["event"] == "revealed")
    assert (code, names) == (0, ["mini-1/coder PLAIN"])
    assert "a-plain-value" not in out


@pytest.mark.slow
def test_a_person_types_a_value_twice_and_does_not_see_it(site: Site) -> None:
    """No echo; what was typed is what is encrypted."""
    words = ["secrets.set", "mini-1/coder", "TYPED", "--layer", "catalogue"]
    shown = at_a_terminal(site, words, f"{TOKEN}\n{TOKEN}\n".encode())
    assert "TYPED is encrypted to 1 recipient" in shown
    assert TOKEN not in shown
    assert opened(site, "coder", "TYPED") == TOKEN
    assert "the two values differ" in at_a_terminal(site, words, b"one-value\nanother-one\n")


def test_lint_needs_every_value(site: Site) -> None:
    """What cannot be resolved is an error that names it."""
    site.monkeypatch.delenv("ASKED")
    code, _, err = site("secrets.lint")
    assert code == 64
    assert "error: inventory/profiles/coder.yml:5:11: the environment has no ASKED" in err


@pytest.mark.slow
def test_live_lint_does_without_a_value(site: Site) -> None:
    """What the hosts hold is compared all the same, and what is missing here is told."""
    (site.folder / "inventory/hosts.yml").write_text(
        "all: {hosts: {here: {ansible_connection: local, hermes_profiles: [coder]}}}\n"
    )
    python_is_here(site.folder / "bin", site.monkeypatch)
    site.monkeypatch.delenv("ASKED")
    code, out, err = site("secrets.lint", "--live")
    assert (code, out) == (0, "nothing found in 1 profile of 1 host\n")
    assert "the environment has no ASKED; the values on the hosts are compared nevertheless" in err
