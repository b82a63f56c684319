"""Changes of files: guarded, staged, put on the disk, renamed; folders, links, notes and debts."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from shell_kit import Host, every_host, library, one_host

host, dash = every_host, one_host


def mode(path: Path) -> int:
    """Return the permissions of what is at a path."""
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    """Return the names of everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- telling ----------------------------------------------------------------------------------


def test_that_nobody_listens_is_noticed(host: Host) -> None:
    """What cannot be told any more is no error of the change, but it is remembered."""
    answer = host.run('tell one; echo "[$gone]" >&2; exec 1>&-; tell two; echo "[$gone]" >&2')
    assert answer.told == ["one"]
    assert answer.errors == "[]\n[1]\n"


def test_what_breaks_is_its_profiles(host: Host) -> None:
    """Not that of one whose name begins or ends alike; what breaks of the host is everyone's."""
    host.define('ask() { for profile; do is_broken && echo "$profile"; done; profile=$1; }')
    body = (
        "ask demo; profile=demo; breaks; ask demo dem emo demo2 '*'; profile=-; breaks; ask any -"
    )
    assert host.run(body).out == "demo\nany\n-\n"


def test_a_failure_is_told_and_remembered(dash: Host) -> None:
    """Later steps of that profile are skipped, each by its own number."""
    body = "profile=demo; failed 3 'exit 1'; is_broken && skipped 4 5"
    assert dash.run(body).told == ["change 3 failed exit 1", "change 4 skipped", "change 5 skipped"]


# --- a command --------------------------------------------------------------------------------


def test_a_command_is_run_once_with_its_words(host: Host) -> None:
    """It has no input, what it prints is its own affair, and it is told when it is done."""
    host.program("thing", f"cat >'{host.home}/input'; echo chatter; echo noise >&2")
    answer = host.run("profile=demo; echo secret | run 7 thing 'a b' ''")
    assert answer.out == "0123456789abcdef change 7 done\n"
    assert (answer.errors, host.calls) == ("", ["thing 'a b' ''"])
    assert (host.home / "input").read_text() == ""


def test_a_command_that_fails_says_why(host: Host) -> None:
    """The last dozen lines of what it said come back, and its code."""
    host.program("thing", "for n in $(seq 20); do echo line $n; done >&2; exit 3")
    answer = host.run("profile=demo; run 7 thing; is_broken && run 8 thing")
    assert answer.told == ["output 7", "change 7 failed exit 3", "change 8 skipped"]
    assert answer.block("output") == "\n".join(f"line {n}" for n in range(9, 21))
    assert host.calls == ["thing"]


def test_a_command_of_nobody_goes_on(host: Host) -> None:
    """Where nobody listens, a failure is kept from the screen, and noticed."""
    host.program("thing", "echo line; exit 3")
    answer = host.run('exec 1>&-; profile=demo; run 7 thing; echo "[$gone]" >&2')
    assert answer.errors == "[1]\n"


def test_what_may_fail_breaks_nothing(host: Host) -> None:
    """It is told as a failure; what was broken before is so still, and nothing else is."""
    host.program("thing", "exit 3")
    body = "profile=old; breaks; profile=demo; try_run 7 thing; is_broken || echo whole"
    answer = host.run(f"{body}; profile=old; is_broken && try_run 8 thing")
    assert answer.told == ["output 7", "change 7 failed exit 3", "change 8 skipped"]
    assert "whole\n" in answer.out


# --- moved ------------------------------------------------------------------------------------

DIGEST = hashlib.sha256(b"text").hexdigest()


@pytest.mark.parametrize(
    ("seen", "moved"),
    [
        ("file -", True),
        ("file +", False),
        (f"file {DIGEST}", False),
        (f"file {'0' * 64}", True),
        ("gone -", False),
        ("'a gone one' -", False),
        ("'a b' -", True),
        ("'a b' +", False),
        ("gone +", True),
        (f"gone {DIGEST}", True),
        ("dangling -", True),
        ("dangling +", True),
        (f"link {DIGEST}", False),
        ("file + gone -", False),
        ("file + gone +", True),
        ("file - gone -", True),
        ("", False),
    ],
)
def test_what_is_not_as_it_was_seen_has_moved(dash: Host, seen: str, moved: bool) -> None:
    """Of several paths, one that moved is enough; a path that vanished, or came, has moved."""
    dash.file("file", "text")
    dash.file("a b", "text")
    (dash.home / "link").symlink_to("file")
    (dash.home / "dangling").symlink_to("nowhere")
    answer = dash.run(f"moved {seen} && echo moved")
    assert (answer.out, answer.errors) == ("moved\n" if moved else "", "")


def test_moved_under_every_shell(host: Host) -> None:
    """A name may begin with a dash and have blanks."""
    host.file("-a b", "text")
    assert host.run(f"moved '-a b' {DIGEST} || echo held").out == "held\n"


# --- staging ----------------------------------------------------------------------------------


def write(number: int, octal: str, path: str, text: str) -> str:
    """Return the lines that stage a file, as a script has them."""
    return f"""
    if begin_stage {number} {octal} {path}; then
      {{ printf %s '{text}'; }} 2>/dev/null >"$staged"
      ls -l "$staged" | cut -c1-10
      end_stage $? {number} {octal} {path}; fi"""


def staged_and_renamed(*paths: str) -> str:
    """Return the lines that put files on the disk and rename them."""
    renames = "\n".join(f"rename_staged {number} {path}" for number, path in enumerate(paths))
    return f"sync_staged {' '.join(paths)}\n{renames}"


@pytest.mark.parametrize(
    ("octal", "at_first"), [("600", "rw-------"), ("640", "rw-------"), ("644", "rw-r--r--")]
)
def test_a_file_is_never_more_open_than_it_will_be(host: Host, octal: str, at_first: str) -> None:
    """From its first byte on; and what is made after it has the usual mode again."""
    body = f"profile=demo; {write(0, octal, 'file', 'text')}; {staged_and_renamed('file')}; : >next"
    answer = host.run(body)
    assert answer.out.splitlines()[0] == f"-{at_first}"
    assert answer.told == ["change 0 done"]
    assert (host.home / "file").read_text() == "text"
    assert mode(host.home / "file") == int(octal, 8)
    assert mode(host.home / "next") == 0o644


def test_files_are_on_the_disk_before_the_first_is_renamed(host: Host) -> None:
    """A crash leaves all of them old or each of them whole: never an empty one."""
    host.stand("sync", f'ls "$@" >/dev/null || exit; cat "$@" >>{host.home}/synced')
    host.stand("mv", 'command mv "$@"')
    paths = ("one", "two/three")
    writes = "\n".join(write(n, "600", path, path) for n, path in enumerate(paths))
    host.run(f"profile=demo; {writes}; {staged_and_renamed(*paths)}; echo $$ >pid")
    pid = (host.home / "pid").read_text().strip()
    one, three = f"./.one.hermes-ops.{pid}", f"two/.three.hermes-ops.{pid}"
    assert host.calls == [f"sync {one} {three}", f"mv -f {one} ./one", f"mv -f {three} two/three"]
    assert (host.home / "synced").read_text() == "onetwo/three"


def test_a_sync_that_knows_no_files_writes_all(dash: Host) -> None:
    """As busybox without that option; where nothing was staged nothing is asked."""
    dash.stand("sync", "[ $# -eq 0 ]")
    dash.run(f"profile=demo; {write(0, '600', 'one', 'x')}; sync_staged one; echo $$ >pid")
    pid = (dash.home / "pid").read_text().strip()
    assert dash.calls == [f"sync ./.one.hermes-ops.{pid}", "sync"]
    assert dash.run("sync_staged two").errors == ""
    assert len(dash.calls) == 2


def test_what_a_link_leads_to_is_replaced(host: Host) -> None:
    """The link stays, its target is written beside itself and renamed there."""
    host.file("store/real", "old")
    host.home.joinpath("link").symlink_to("store/real")
    host.stand("mv", 'command mv "$@"')
    host.run(f"profile=demo; {write(0, '600', 'link', 'new')}; {staged_and_renamed('link')}")
    assert (host.home / "link").is_symlink()
    assert (host.home / "store/real").read_text() == "new"
    assert host.calls[0].startswith("mv -f store/.real.hermes-ops.")


@pytest.mark.parametrize(
    ("links", "leads_to"),
    [
        ({}, "dir/link"),
        ({"dir/link": "real"}, "dir/real"),
        ({"dir/link": "/else/real"}, "/else/real"),
        ({"dir/link": "../a: b/real"}, "dir/../a: b/real"),
        ({"dir/link": "two", "dir/two": "../three", "three": "real"}, "dir/../real"),
        ({"dir/link": "gone"}, "dir/gone"),
        ({"dir/link": "link"}, "dir/link"),
        ({"dir/link": "two", "dir/two": "link"}, "dir/link"),
    ],
)
def test_a_link_is_followed_step_by_step(host: Host, links: dict[str, str], leads_to: str) -> None:
    """To its end, though not every readlink can do that; one in a circle leads nowhere else."""
    (host.home / "dir").mkdir()
    for path, target in links.items():
        (host.home / path).symlink_to(target)
    host.stand("readlink", 'case $1 in -*) return 1 ;; esac; command readlink "$@"')
    answer = host.run('real_path dir/link; echo "$path"; real_path three; echo "$path"')
    three = links.get("three", "three")
    assert (answer.out, answer.errors) == (f"{leads_to}\n{three}\n", "")


def test_what_an_earlier_run_left_is_swept(host: Host) -> None:
    """Halves of this file, and nothing else."""
    host.file("a/.file.hermes-ops.1", "half")
    kept = [host.file(f"a/{name}") for name in (".other.hermes-ops.1", "file.hermes-ops.1", "x")]
    host.run(f"profile=demo; {write(0, '600', 'a/file', 'x')}; {staged_and_renamed('a/file')}")
    assert not (host.home / "a/.file.hermes-ops.1").exists()
    assert all(path.exists() for path in kept)


def test_a_broken_profile_writes_nothing(host: Host) -> None:
    """What is not staged is told as skipped, once; what was staged goes away unused."""
    host.file("two", "old")
    body = f"""profile=demo; {write(1, "600", "two", "new")}; breaks
    {write(0, "600", "one", "new")}; {staged_and_renamed("one", "two")}"""
    answer = host.run(body)
    assert answer.told == ["change 0 skipped", "change 1 skipped"]
    assert names(host.home) == ["two"]
    assert (host.home / "two").read_text() == "old"


def test_a_file_that_cannot_be_staged(host: Host) -> None:
    """A folder that cannot be made is that file's failure, and its profile's end."""
    host.file("blocked", "a file")
    answer = host.run(f"profile=demo; {write(0, '600', 'blocked/one', 'x')}; is_broken && echo so")
    assert answer.told == ["change 0 failed blocked/one cannot be written: blocked is no folder"]
    assert answer.out.endswith("so\n")


def test_what_is_in_the_way_of_a_file_is_told(host: Host) -> None:
    """The first of its folders that is no folder, and where a link to nothing leads."""
    (host.home / "a b").mkdir()
    (host.home / "a b/link").symlink_to("/nowhere")
    host.file("a b/file")
    (host.home / "a b/loop").symlink_to("loop")
    folders = '"a b/link/x/y" "a b/file/x" "a b/loop" "a b" new'
    body = f'for f in {folders}; do why_unwritten "$f"; echo; done'
    assert host.run(body).out.splitlines() == [
        "a b/link is a link to /nowhere, which does not exist",
        "a b/file is no folder",
        "a b/loop is a link to loop, which does not exist",
        "is the disk full?",
        "is the disk full?",
    ]


def test_a_folder_that_may_not_be_written_is_told() -> None:
    """To a user who is not root, for root may write everywhere."""
    text = f"{library()}\nuser=ann; why_unwritten /usr/bin"
    nobody = 65534 if os.geteuid() == 0 else None
    ended = subprocess.run(
        ["sh"], input=text, text=True, capture_output=True, user=nobody, check=True
    )
    assert ended.stdout == "ann may not write in /usr/bin"


@pytest.mark.parametrize("octal", ["600", "644", "755"])
def test_half_a_file_is_not_left(host: Host, octal: str) -> None:
    """A content that could not be written whole is removed, told, and breaks its profile."""
    host.file("one", "old")
    body = f"""profile=demo; begin_stage 0 {octal} one; echo half >"$staged"
    end_stage 1 0 {octal} one; : >next; {staged_and_renamed("one")}; is_broken && echo so"""
    answer = host.run(body)
    assert answer.told == ["change 0 failed one cannot be written: is the disk full?"]
    assert names(host.home) == ["next", "one"]
    assert (host.home / "one").read_text() == "old"
    assert mode(host.home / "next") == 0o644
    assert answer.out.endswith("so\n")


def test_a_mode_that_cannot_be_set(dash: Host) -> None:
    """The file does not come with another mode than was said."""
    dash.stand("chmod", "return 1")
    answer = dash.run(f"profile=demo; {write(0, '755', 'one', 'x')}; {staged_and_renamed('one')}")
    assert [line.split()[2] for line in answer.told] == ["failed"]
    assert dash.calls[0].startswith("chmod 755 ./.one.hermes-ops.")
    assert names(dash.home) == []


def test_a_file_that_cannot_be_replaced(dash: Host) -> None:
    """It stays as it was, its new text goes away, and it is told."""
    dash.file("one", "old")
    dash.stand("mv", "return 1")
    body = f"profile=demo; {write(0, '600', 'one', 'x')}; {staged_and_renamed('one')}"
    answer = dash.run(f"{body}; is_broken && echo so")
    assert answer.told == ["change 0 failed one cannot be replaced"]
    assert names(dash.home) == ["one"]
    assert answer.out.endswith("so\n")


def test_parents_are_made_at_once(dash: Host) -> None:
    """One process for all that are missing, none where none is."""
    dash.file("there/x")
    dash.stand("mkdir", 'command mkdir "$@"')
    dash.run("make_parents there/y plain; make_parents a/b/c there/z 'd e/f' plain")
    assert dash.calls == ["mkdir -p a/b 'd e'"]
    assert names(dash.home) == ["a", "a/b", "d e", "there", "there/x"]


def test_parents_that_cannot_be_made_are_told_by_their_files(host: Host) -> None:
    """Here nothing is said of them."""
    host.file("blocked")
    answer = host.run("make_parents blocked/one")
    assert (answer.out, answer.errors) == ("", "")


# --- notes and debts --------------------------------------------------------------------------


def test_a_note_is_private_and_whole(host: Host) -> None:
    """It is written beside itself and renamed, in a folder that is made for it."""
    host.stand("mv", f'ls -l "$2" | cut -c1-10 >>{host.home}/mode; command mv "$@"')
    host.run("keep_note notes/one 'a b%s'; : >next")
    assert (host.home / "notes/one").read_text() == "a b%s"
    assert mode(host.home / "notes/one") == 0o600
    assert mode(host.home / "next") == 0o644
    assert host.calls == ["mv -f notes/one.new notes/one"]


def test_a_note_that_cannot_be_kept_is_no_failure(dash: Host) -> None:
    """Without it nobody knows, and that is all."""
    dash.file("notes", "a file")
    assert dash.run("keep_note notes/one x 2>/dev/null; echo $?").out == "0\n"


STATE = ".local/state/hermes-ops"


def test_a_debt_stays_until_its_restart_was_seen(host: Host) -> None:
    """It is paid with the lock, all at once: a crash before that ends in a restart."""
    body = f"""owe_restart one; owe_restart two; ls {STATE}/restart
    take_lock 1 x >/dev/null; paid_restart one; paid_restart never; ls {STATE}/restart
    release_lock; echo; ls {STATE}/restart"""
    assert host.run(body).out == "one\ntwo\none\ntwo\n\ntwo\n"


# --- folders, links, units --------------------------------------------------------------------


@pytest.mark.parametrize(("octal", "new", "old"), [("700", 0o700, 0o700), ("-", 0o755, 0o750)])
def test_a_folder_has_its_mode(dash: Host, octal: str, new: int, old: int) -> None:
    """One that is there gets it as well, unless none is wanted."""
    (dash.home / "old").mkdir(mode=0o750)
    dash.run(f"make_folder {octal} old; make_folder {octal} 'new one/deep down'")
    assert (mode(dash.home / "old"), mode(dash.home / "new one/deep down")) == (old, new)


def test_a_folder_that_cannot_be_made_is_a_failure(dash: Host) -> None:
    """With a mode and without one."""
    dash.file("file")
    body = "make_folder 700 file/x 2>/dev/null; echo $?; make_folder - file/x 2>/dev/null; echo $?"
    assert dash.run(body).out == "1\n1\n"


def archived(host: Host) -> None:
    """Write an archive of a folder with our notes in it, and none of a .env."""
    ours = (".hermes-ops.yml", ".hermes-ops.export.json")
    of_a_run = ("gateway.pid", ".gateway-planned-stop.json", ".drain_request.json", "gateway.lock")
    for name in ("top/a/b", *(f"top/{name}" for name in ours + of_a_run)):
        host.file(name, "x", 0o666)
    host.run("tar -c -z -f sent.tar.gz top && rm -r top")


def test_a_folder_is_unpacked_as_a_whole(host: Host) -> None:
    """It is private and has a .env; what is about its old host is not there, nor the archive."""
    archived(host)
    answer = host.run("unpack sent.tar.gz top 'new one/deep'; echo $?")
    assert (answer.out, answer.errors) == ("0\n", "")
    made = host.home / "new one/deep"
    assert sorted(one.name for one in made.iterdir()) == [".env", "a"]
    assert (mode(made), mode(made / ".env")) == (0o700, 0o600)
    assert mode(made / "a/b") & 0o077 == 0
    assert not (host.home / "sent.tar.gz").exists()
    assert list((host.home / ".local/state/hermes-ops").iterdir()) == []


@pytest.mark.parametrize("there", ["folder", "link", "cut", "other"])
def test_what_cannot_be_unpacked_leaves_nothing(dash: Host, there: str) -> None:
    """Where something is, even a dead link; of an archive that is cut; without that folder."""
    archived(dash)
    target = dash.home / "in/new"
    target.parent.mkdir()
    if there == "folder":
        target.mkdir()
    elif there == "link":
        target.symlink_to("nowhere")
    elif there == "cut":
        sent = dash.home / "sent.tar.gz"
        sent.write_bytes(sent.read_bytes()[:60])
    answer = dash.run(f"unpack sent.tar.gz {'no' if there == 'other' else 'top'} in/new; echo $?")
    assert answer.out.strip() != "0"
    assert {one.name for one in dash.home.iterdir()} == {".local", "in"}
    assert len(list(target.parent.iterdir())) == (there in ("folder", "link"))
    assert list((dash.home / ".local/state/hermes-ops").iterdir()) == []
    assert not target.is_dir() or list(target.iterdir()) == []


def test_a_move_never_replaces(host: Host) -> None:
    """Folders on the way are made; where something is, even a dead link, it fails."""
    host.file("a/x", "1")
    (host.home / "dead").symlink_to("nowhere")
    body = (
        "move_to a dead; echo $?; move_to a 'b c/d'; echo $?; mkdir a; move_to a 'b c/d'; echo $?"
    )
    assert host.run(body).out == "1\n0\n1\n"
    assert (host.home / "b c/d/x").read_text() == "1"
    assert sorted(one.name for one in host.home.iterdir()) == ["a", "b c", "dead"]


def test_a_command_of_hermes_starts_another_profile(host: Host) -> None:
    """Only its profile changes; it gets its new path, unless something is there."""
    text = """#!/bin/sh\nexec '/a -p demo x/hermes' -p demo "$@"\n"""
    for name in ("demo", "kim", "more"):
        host.file(f"bin/{name}", text, 0o755)
    host.file("bin/there", "theirs")
    host.run("cd bin; retarget demo next demo next; retarget kim kim demo next")
    host.run("cd bin; retarget more there demo next")
    found = {one.name: one.read_text() for one in (host.home / "bin").iterdir()}
    assert sorted(found) == ["kim", "more", "next", "there"]
    assert {found[name].splitlines()[1][-14:] for name in ("kim", "more", "next")} == {
        """es' -p next "$@\""""[-14:]
    }
    assert found["there"] == "theirs"
    assert mode(host.home / "bin/next") == 0o755


def links(host: Host) -> Iterable[str]:
    """Lay in the way of a link what may be there; yield the names."""
    (host.home / "all/folder").mkdir(parents=True)
    (host.home / "all/to-link").symlink_to("elsewhere")
    (host.home / "all/to-folder").symlink_to("folder")
    host.file("all/to-file", "x")
    return ("all/to-link", "all/to-folder", "all/to-file", "new/deep")


def test_a_link_takes_the_place_of_what_was_there(host: Host) -> None:
    """Of an older link, even one to a folder or to nothing, and of a file; its folder is made."""
    paths = list(links(host))
    answer = host.run("\n".join(f"make_link ../target {path} || echo {path}" for path in paths))
    assert (answer.out, answer.errors) == ("", "")
    assert {str((host.home / path).readlink()) for path in paths} == {"../target"}
    assert list((host.home / "all/folder").iterdir()) == []


def test_a_link_that_cannot_be_made_is_a_failure(dash: Host) -> None:
    """As where a file stands for its folder."""
    dash.file("file")
    body = "make_link t file/x 2>/dev/null; echo $?"
    assert dash.run(body).out == "1\n"


def test_what_is_removed_is_gone(host: Host) -> None:
    """A folder with what is in it; of a link only the link."""
    host.file("a folder/deep/x")
    kept = host.file("kept/x")
    (host.home / "link").symlink_to("kept")
    answer = host.run("remove 'a folder'; remove link; remove gone || echo failed")
    assert (answer.out, answer.errors) == ("", "")
    assert names(host.home) == ["kept", "kept/x"]
    assert kept.exists()


@pytest.mark.parametrize("code", [0, 1])
def test_a_unit_is_written_when_it_stands_there(host: Host, code: int) -> None:
    """The program's exit code says nothing of it."""
    host.program("hermes", f"echo said; echo 'ExecStart=x gateway run' >unit; exit {code}")
    answer = host.run("identify; write_unit unit 'gateway run' 60 hermes 'a b'; echo $?")
    assert (answer.out, host.calls) == ("0\n", ["hermes 'a b'"])


def test_a_unit_that_was_not_written_is_a_failure_with_its_words(host: Host) -> None:
    """Neither no file nor another's text will do."""
    host.program("hermes", "echo said; echo why >&2")
    host.file("other", "ExecStart=x gateway stop\n")
    for unit in ("unit", "other"):
        answer = host.run(f"identify; write_unit {unit} 'gateway run' 60 hermes; echo $?")
        assert (answer.out, answer.errors) == ("said\nwhy1\n", "")


def test_a_unit_is_written_within_its_time(dash: Host) -> None:
    """The program is run as every program is: without our environment, and not for ever."""
    dash.stand("scrubbed")
    dash.run("write_unit unit mark 60 hermes x")
    assert dash.calls == ["scrubbed 60 hermes x"]


# --- what the host keeps ----------------------------------------------------------------------


def test_a_kept_line_is_the_last_of_its_name(host: Host) -> None:
    """As it stands there; not one of a name that begins or ends alike, nor of one in a value."""
    text = "KEY=first\nMYKEY=x\n export  KEY='a b' # c\nKEY2=x\nOTHER=KEY=x\n#KEY=x\nKEY =x\n"
    host.file("a b/.env", text)
    assert host.run("kept_line 'a b/.env' KEY").out == " export  KEY='a b' # c\n"


def test_a_kept_line_that_is_gone(dash: Host) -> None:
    """An empty line stands for it; a file that is gone is a failure."""
    dash.file(".env", "A=1\n")
    assert dash.run("kept_line .env KEY; echo $?").out == "\n0\n"
    assert dash.run("kept_line gone KEY 2>/dev/null || echo failed").out == "failed\n"


def test_a_new_key_has_its_bytes(host: Host) -> None:
    """In hex, on one line, and no two are the same."""
    lines = host.run("new_line KEY 40; new_line KEY 40; new_line ONE 1").out.splitlines()
    assert [len(line) for line in lines] == [84, 84, 6]
    assert all(set(line.split("=")[1]) <= set("0123456789abcdef") for line in lines)
    assert lines[0] != lines[1]
    assert lines[0].startswith("KEY=")


@pytest.mark.parametrize("od", ["return 1", ":", "echo 61; return 1"])
def test_a_key_without_random_bytes_is_a_failure(host: Host, od: str) -> None:
    """Never an empty one, nor half a one: the file is not written."""
    host.stand("od", od)
    answer = host.run("new_line KEY 16; echo $?")
    assert answer.out == "1\n"
    assert host.calls == ["od -An -v -tx1 -N 16 /dev/urandom"]


# --- what others wrote --------------------------------------------------------------------------


def test_what_others_wrote_is_kept_once(host: Host) -> None:
    """Only its owner reads it; another content has another name, the same has none more.

    It is on the disk before the file may be replaced.
    """
    host.stand("sync")
    kept = host.home / ".local/state/hermes-ops/kept"
    (host.home / "a b").mkdir()
    (host.home / "a b/file").write_bytes(b"mine\r\n\xff")
    (host.home / "a b/file").chmod(0o755)
    body = "profile=demo; keep_old 1 'a b/file' && echo kept >&2"
    assert host.run(f"{body}; {body}").errors == "kept\nkept\n"
    assert host.calls == ["sync '.local/state/hermes-ops/kept/a b/file.new'"]
    assert names(kept) == ["a b", "a b/file"]
    assert (kept / "a b/file").read_bytes() == b"mine\r\n\xff"
    assert (mode(kept / "a b/file"), mode(kept)) == (0o600, 0o700)
    (host.home / "a b/file").write_text("other")
    host.run(body)
    assert names(kept) == ["a b", "a b/file", "a b/file.2"]


def test_what_cannot_be_kept_is_not_replaced(dash: Host) -> None:
    """The change fails, and with it its profile."""
    (dash.home / "file").write_text("mine")
    (dash.home / ".local").write_text("")
    answer = dash.run(
        "profile=demo; keep_old 3 file 2>/dev/null && echo replaced; is_broken && echo broken"
    )
    assert answer.told == [
        "change 3 failed file cannot be kept as .local/state/hermes-ops/kept/file"
    ]
    assert answer.out.splitlines()[-1] == "broken"


def test_what_is_broken_keeps_nothing(dash: Host) -> None:
    """The change is reported as skipped by what follows."""
    answer = dash.run("profile=demo; breaks; keep_old 3 file && echo on")
    assert (answer.told, names(dash.home)) == ([], [])
    assert answer.out == "on\n"
