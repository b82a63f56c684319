"""Archives of profiles: what goes into one on a host, and which files are one here."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from building import roles
from calling import said
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.commands.profile.archive import ask, on_host
from hermes_ops.commands.profile.archive.read import NewArchive, private, read
from hermes_ops.commands.profile.archive.search import BLOCK
from hermes_ops.commands.profile.export import new_file
from hermes_ops.commands.profile.import_ import lacking
from hermes_ops.commands.profile.whose import ProfileOnHost
from hermes_ops.errors import NotUnderstood, UsageError
from hermes_ops.inventory.model import Connection, Host, Profile
from hermes_ops.wire import Record
from hermes_ops.wire.reader import TAKEN

NAME = "scout"


def home(folder: Path) -> Path:
    """Make the home of a profile, and go to that of its user."""
    made = folder / ".hermes" / "profiles" / NAME
    made.mkdir(parents=True)
    os.chdir(folder)
    return made


def packed(largest: int = 1 << 20) -> dict[str, Any]:
    """Return the answer of a host, which is this one, and its folder the working one."""
    where = f".hermes/profiles/{NAME}"
    request = {"home": where, "name": NAME, "largest": largest, "about": {"profile": NAME}}
    parts: list[bytes] = []
    told = on_host.packed(request, parts.append)
    return {**told, "archive": b"".join(parts)} if "digest" in told else told


def files(told: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of an answer's archive, by their path in the profile's home."""
    stream = io.BytesIO(told["archive"])
    with tarfile.open(fileobj=stream, mode="r:gz") as archive:
        found = ((one, archive.extractfile(one)) for one in archive)
        return {one.name.removeprefix(f"{NAME}/"): data.read() for one, data in found if data}


@pytest.fixture
def scout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a profile; the working folder is that of its user."""
    monkeypatch.chdir(tmp_path)
    return home(tmp_path)


# --- on the host ------------------------------------------------------------------------------

SHAPES: list[Callable[[str], bytes]] = [
    lambda value: value.encode(),
    lambda value: json.dumps({"x": value}).encode(),
    lambda value: base64.encodebytes(b"so: " + value.encode()),
    lambda value: value.encode().hex().encode(),
]


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=examples(40), deadline=None)
@given(value=st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=6))
def test_no_value_of_a_credential_gets_in(
    tmp_path_factory: pytest.TempPathFactory, shape: Callable[[str], bytes], value: str
) -> None:
    """Whatever the value, and however it stands in a file: that file is left out, and named."""
    value = f"s{value.strip()}e".replace("\\", "/")
    scout = home(tmp_path_factory.mktemp("user"))
    (scout / ".env").write_text(
        f"A_TOKEN='{value}'\n" if "'" not in value else f"A_TOKEN={value}\n"
    )
    (scout / "chat.txt").write_bytes(b"before " + shape(value) + b" after")
    (scout / "harmless.txt").write_bytes(b"nothing")
    told = packed()
    assert "harmless.txt" in files(told)
    assert "chat.txt" not in files(told)
    assert ("chat.txt", "it contains A_TOKEN") in told["left"]
    assert told["env"] == ["A_TOKEN"]


def test_settings_stay_and_their_credentials_go(scout: Path) -> None:
    """In config.yaml the value alone is replaced; if it cannot be, the file is left out."""
    text = "model: a/b  # mine\nproviders:\n  x: {api_key: 'key-0123456789'}\nother: ${A_TOKEN}\n"
    (scout / "config.yaml").write_text(text)
    told = packed()
    assert files(told)["config.yaml"].decode() == text.replace("key-0123456789", "changeme")
    assert told["masked"] == ["config.providers.x.api_key"]
    (scout / "config.yaml").write_text('a: {api_key: "key-01\\x32345"}\n')
    told = packed()
    assert "config.yaml" not in files(told)
    assert ("config.yaml", "a credential in it cannot be taken out") in told["left"]


def test_a_database_is_copied_as_it_was_last_committed(scout: Path) -> None:
    """With a log that nobody has written back, and no process that has it open."""
    writer = sqlite3.connect(scout / "state.db", isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE t (x TEXT)")
    writer.execute("INSERT INTO t VALUES ('committed')")
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES ('not yet')")
    held = files(packed())
    writer.close()
    assert {name for name in held if name.startswith("state.db")} == {"state.db"}
    (scout.parent / "copy.db").write_bytes(held["state.db"])
    with closing(sqlite3.connect(scout.parent / "copy.db")) as copy:
        assert copy.execute("SELECT x FROM t").fetchall() == [("committed",)]


def test_a_large_home_is_told_with_its_largest_files(scout: Path) -> None:
    """No more than the bound is packed."""
    (scout / "small").write_bytes(b"x")
    (scout / "noise").write_bytes(os.urandom(5000))
    assert packed(4000)["large"][0] == [5000, "noise"]
    (scout / "noise").write_bytes(b"x" * 500_000)
    assert packed(4000)["large"][0] == [500_000, "noise"]  # it is not even read


@pytest.mark.slow
@pytest.mark.parametrize("at", [BLOCK - 20, 0, BLOCK - 1, BLOCK, 2 * BLOCK - 7])
def test_a_large_file_is_searched_in_blocks(scout: Path, at: int) -> None:
    """A credential on both sides of a block's end is found; without one all of it is there."""
    token = "3fXk9-w0rd-tH4t-nob0dy-knows"
    (scout / ".env").write_text(f"A_TOKEN={token}\n")
    noise = b"\0" * (2 * BLOCK + 5)
    (scout / "noise").write_bytes(noise)
    assert files(packed(1 << 30))["noise"] == noise
    (scout / "noise").write_bytes(noise[:at] + token.encode() + noise[at + len(token) :])
    told = packed(1 << 30)
    assert "noise" not in files(told)
    assert ("noise", "it contains A_TOKEN") in told["left"]


def test_a_file_that_grows_meanwhile_is_as_it_was_seen(tmp_path: Path) -> None:
    """What is appended after its size was read is not searched, and so not packed."""
    path = tmp_path / "log"
    path.write_bytes(b"before, after")
    with on_host.stable(path, 6) as stream:
        assert stream.read() == b"before"


@pytest.mark.parametrize("text", ["no base64!", "YWJj\x01", "YWJ"])
def test_a_part_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """And nothing of the archive is left."""
    with (
        NewArchive(tmp_path / "a.tar.gz") as draft,
        pytest.raises(NotUnderstood, match="no archive"),
    ):
        assert ask._into(draft)(Record("part", "", "YWJj")) is TAKEN
        assert draft.size == 3
        assert ask._into(draft)(Record("user", "hermes")) is None
        ask._into(draft)(Record("part", "", text))
    assert list(tmp_path.iterdir()) == []


def test_no_folder_and_a_link_are_no_profile(scout: Path) -> None:
    """Both are told as absent."""
    scout.rmdir()
    assert packed() == {"absent": True}
    scout.symlink_to("/etc")
    assert packed() == {"absent": True}


# --- here -------------------------------------------------------------------------------------


def made(path: Path, *members: tuple[str, bytes | None, bytes]) -> Path:
    """Write an archive of these members: name, content (None: none) and type."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = len(content or b"")
            archive.addfile(member, io.BytesIO(content or b""))
    return path


TOP = (NAME, None, tarfile.DIRTYPE)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (("../x", b"", tarfile.REGTYPE), "'../x' in it leads out of the archive"),
        (("scout/../../x", b"", tarfile.REGTYPE), "leads out of the archive"),
        (("/etc/cron.d/x", b"", tarfile.REGTYPE), "leads out of the archive"),
        (("scout\\..\\x", b"", tarfile.REGTYPE), "leads out of the archive"),
        (("scout/link", None, tarfile.SYMTYPE), "is a link: only files are unpacked"),
        (("scout/hard", None, tarfile.LNKTYPE), "is a link: only files are unpacked"),
        (("scout/sda", None, tarfile.BLKTYPE), "is a device or a pipe"),
        (("scout/pipe", None, tarfile.FIFOTYPE), "is a device or a pipe"),
        (("scout/a\x1bb", b"", tarfile.REGTYPE), "is no name of a file"),
        (("loose", b"", tarfile.REGTYPE), "'loose' in it lies in no folder"),
        (("ranger/x", b"", tarfile.REGTYPE), "exactly one folder"),
    ],
)
def test_members_that_lead_out_are_refused(
    tmp_path: Path, member: tuple[str, bytes | None, bytes], words: str
) -> None:
    """One sentence with the member, and nothing is unpacked."""
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        read(made(tmp_path / "a.tar.gz", TOP, member))


def test_an_archive_that_was_cut_is_refused(tmp_path: Path) -> None:
    """Wherever it was cut: it is no whole archive, and never a traceback."""
    whole = made(
        tmp_path / "a.tar.gz", TOP, (f"{NAME}/a", os.urandom(20_000), tarfile.REGTYPE)
    ).read_bytes()
    assert read(tmp_path / "a.tar.gz").top == NAME
    for size in (0, 1, 9, 10, 11, 300, 511, 600, 5000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        with pytest.raises(UsageError, match="no whole archive"):
            read(tmp_path / "cut")


def test_what_lies_behind_the_end_is_refused(tmp_path: Path) -> None:
    """A lone block of zeros is the end for one tar, and for another one it is not."""
    more = made(tmp_path / "b", TOP, (f"{NAME}/more", b"x", tarfile.REGTYPE))
    with gzip.open(made(tmp_path / "a", TOP)) as first, gzip.open(more) as second:
        tops, rest = first.read()[:512], second.read()
    for zeros in (512, 1024, 10240):
        (tmp_path / "c").write_bytes(gzip.compress(tops + bytes(zeros) + rest))
        with pytest.raises(UsageError, match="no whole archive"):
            read(tmp_path / "c")
        (tmp_path / "c").write_bytes(gzip.compress(tops + bytes(zeros)))
        assert read(tmp_path / "c").top == NAME


@pytest.mark.slow
def test_a_header_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    """A few bytes, which would be a gigabyte in memory."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    path = tmp_path / "a"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header.tobuf() + bytes(64 << 20))
    with pytest.raises(UsageError, match="no whole archive"):
        read(path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would be for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(UsageError, match="no file"):
            read(path)


@settings(max_examples=examples(100), deadline=None)
@given(noise=st.binary(max_size=300), at=st.integers(0, 2000))
def test_damage_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    """An archive with other bytes in it is read, or refused; nothing else is raised."""
    path = made(tmp_path_factory.mktemp("x") / "a", TOP, (f"{NAME}/a", b"x" * 999, tarfile.REGTYPE))
    content = path.read_bytes()
    path.write_bytes(content[:at] + noise + content[at + len(noise) :])
    with suppress(UsageError):
        assert read(path).top


def keep(path: Path, *parts: bytes) -> None:
    """Write a new archive."""
    with NewArchive(path) as draft:
        for part in parts:
            draft.write(part)
        draft.keep()


def test_what_is_kept_is_private_and_new(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask; a file that exists stays as it is."""
    path = tmp_path / "new" / "a.tar.gz"
    before = os.umask(0)
    try:
        assert stat.S_IMODE(private(path.parent).stat().st_mode) == 0o700
        keep(path, b"o", b"ne")
    finally:
        os.umask(before)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"one")
    with pytest.raises(UsageError, match="exists already"):
        keep(path, b"two")
    assert [one.name for one in path.parent.iterdir()] == ["a.tar.gz"]
    assert path.read_bytes() == b"one"
    with pytest.raises(UsageError, match="cannot be written"):
        private(path)


def test_each_new_archive_has_a_name_of_its_own(tmp_path: Path) -> None:
    """Also those of one second: who was killed and begins again is not refused."""
    names = []
    for _ in range(4):
        path = new_file(tmp_path, "box/scout")
        keep(path, b"")
        names.append(path.name)
    assert len(set(names)) == len(names)
    assert all(name.startswith("box-scout-2") and name.endswith(".tar.gz") for name in names)


def test_an_archive_of_a_stranger_says_only_names(tmp_path: Path) -> None:
    """What is no name of a variable, or not printable, is not repeated."""
    about = {"env": ["A_TOKEN", "x; rm", 5, "B\x1b"], "masked": ["a.b", "\x1b[2J"]}
    path = made(
        tmp_path / "a", TOP,
        (f"{NAME}/{on_host.MANIFEST}", json.dumps(about).encode(), tarfile.REGTYPE),
    )  # fmt: skip
    target = ProfileOnHost(None, None, Profile("x"))  # type: ignore[arg-type]
    lacks = lacking(target, read(path))
    assert (lacks.missing, lacks.masked) == (("A_TOKEN",), ("a.b",))
    assert not lacking(target, read(made(tmp_path / "b", TOP))).known


def test_an_archive_says_whose_it_is(scout: Path) -> None:
    """Profile, host and time are noted in it, beside what the host adds."""
    role = SimpleNamespace(roles={"gateway": roles()["gateway"]})
    where = Host("mini", Connection())
    target = ProfileOnHost(SimpleNamespace(whole=role), where, Profile(NAME))  # type: ignore[arg-type]
    request = ask.request_of(target)
    assert (request["name"], request["home"]) == (NAME, f".hermes/profiles/{NAME}")
    (scout / "x.txt").write_text("x")
    parts: list[bytes] = []
    on_host.packed(request, parts.append)
    noted = json.loads(files({"archive": b"".join(parts)})[on_host.MANIFEST])
    assert (noted["profile"], noted["host"], noted["format"]) == (NAME, "mini", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", noted["taken_at"])


@pytest.mark.slow
def test_bad_words_are_refused_before_any_host_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No target, no such file, a name that Hermes refuses: 64."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "hosts.yml").write_text("all: {hosts: {one: {}}}\n")
    sound = str(made(tmp_path / "a.tar.gz", TOP))
    for words, hint in [
        (("profile.import", sound), "--to is missing"),
        (("profile.import", sound, "--to", "one"), "is not a target"),
        (("profile.import", sound, "--to", "one/Root"), "cannot be the name of a profile"),
        (("profile.import", sound, "--to", "one/tmp"), "Hermes keeps it for itself"),
        (("profile.import", sound, "--to", "one/default"), "Hermes' own folder"),
        (("profile.import", "gone.tar.gz", "--to", "one/x"), "No such file"),
        (("profile.export", "one/default"), "cannot be exported"),
        (("profile.export", "two/x"), "no host 'two'"),
        (("profile.export", "one/x", "--to", sound), "exists already"),
        (("profile.export", "one/x", "--to", f"{tmp_path}/no/a"), f"no folder {tmp_path}/no"),
        (("profile.export", "one/x", "--to", f"{tmp_path}/no/"), f"no folder {tmp_path}/no"),
    ]:
        code, _, err = said(capsys, *words)
        assert (code, hint in err) == (64, True), (words, err)
