"""The host's lock: one at a time, the dead are succeeded once, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host
LOCK = ".local/state/hermes-ops/lock"
OWNER = '{"operator": "ann"}'
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
TAKE = f"boot={BOOT}; take_lock 60 mine"
HELD = f"[ -d {LOCK} ]"


def started(pid: int) -> str:
    """Return when a process of this machine began, as the kernel says it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def alive() -> str:
    """Return the first line of an owner that lives: this very process."""
    return f"{BOOT} {os.getpid()} {started(os.getpid())}"


DEAD = f"{BOOT} 999999999 1"


def locked(host: Host, owner: str | None) -> Path:
    """Lay a lock with this owner in the way; None: its file is not yet written."""
    folder = host.home / LOCK
    folder.mkdir(parents=True)
    if owner is not None:
        (folder / "owner").write_text(f"{owner}\n{OWNER}\n")
    return folder


# --- who lives --------------------------------------------------------------------------------


def lives(host: Host, owner: str, *, boot: str = BOOT) -> bool:
    """Say whether the owner with this first line counts as alive."""
    locked(host, owner)
    return host.run(f"boot={boot}; owner_lives; echo $?").out == "0\n"


def test_an_owner_is_its_boot_its_pid_and_its_start(host: Host) -> None:
    """The process that took the lock lives; so long as it does, the lock is its."""
    assert lives(host, alive())


@pytest.mark.parametrize(
    "owner",
    [
        f"another-boot {os.getpid()} {started(os.getpid())}",
        f"{BOOT} {os.getpid()} 1",
        DEAD,
        f"{BOOT} 999999999",
        f"- {os.getpid()} {started(os.getpid())}",
    ],
    ids=["another boot", "another start", "no process", "start never known", "no boot"],
)
def test_a_dead_owner(dash: Host, owner: str) -> None:
    """After a reboot, or when its number is another's or nobody's, an owner is dead."""
    assert not lives(dash, owner)


def test_where_no_boot_is_known_the_process_alone_counts(dash: Host) -> None:
    """A host that does not tell its boot still knows who owns the lock."""
    assert lives(dash, f"- {os.getpid()} {started(os.getpid())}", boot="")


@pytest.mark.parametrize("owner", [None, "", BOOT], ids=["no file", "an empty one", "half a line"])
def test_an_owner_that_is_not_yet_written_may_live(dash: Host, owner: str | None) -> None:
    """Between making the lock and writing its owner nobody may call it dead."""
    folder = locked(dash, None)
    if owner is not None:
        (folder / "owner").write_text(owner)
    assert dash.run(f"boot={BOOT}; owner_lives && echo alive").out == "alive\n"


def test_a_start_is_read_behind_the_name(host: Host) -> None:
    """A process may have blanks and brackets in its name; its start is the 22nd field."""
    host.rooted("/proc/")
    fields = " ".join(map(str, range(4, 30)))
    host.part("/proc/7/stat", f"7 (a ) b) S {fields}\n")
    assert host.run("started_at 7").out == "22"


def test_on_a_mac_the_owner_of_a_lock_is_known(host: Host) -> None:
    """By its boot and its birth, though both are told with blanks; a successor needs it dead."""
    host.rooted("/proc/")
    host.stand("sleep")
    host.stand("sysctl", "[ $2 = kern.boottime ] && echo '{ sec = 7, usec = 1 } Thu Nov  5'")
    host.stand("ps", '[ "$4" = $$ ] && echo "Thu Nov  5 10:00:00 2026    "')
    answer = host.run("boot_id; take_lock 1 x; (take_lock 1 y); release_lock; take_lock 1 z")
    assert answer.told == ["lock-taken 0", "lock-held", "lock-refused", "lock-taken 0"]
    locked(host, "7 999999999 Thu_Nov_5_10:00:00_2026_")
    assert host.run("boot_id; take_lock 1 x").told == ["lock-taken-over", "lock-taken 0"]


def test_a_start_without_proc_is_one_word(dash: Host) -> None:
    """Where there is no /proc, `ps` is asked: one word, the same in each login's time zone."""
    dash.rooted("/proc/")
    dash.stand("ps", 'echo "Thu Nov  5 10:00:00 2026  $TZ"')
    answer = dash.run("started_at 7", environ={"TZ": "Asia/Tokyo"})
    assert answer.out == "Thu_Nov_5_10:00:00_2026_UTC0\n"
    assert dash.calls == ["ps -o lstart= -p 7"]


# --- taking it --------------------------------------------------------------------------------


def test_a_free_lock_is_taken_at_once(host: Host) -> None:
    """Its owner is this boot, this process and its start, then what a person reads."""
    answer = host.run(f"{TAKE}; echo $$ $(started_at $$); cat $lock/owner")
    told, own, first, second = answer.out.splitlines()
    assert told.endswith(" lock-taken 0")
    assert first == f"{BOOT} {own}"
    assert second == "mine"
    assert not (host.home / LOCK).exists()


def test_an_owner_of_an_unknown_boot_says_so(dash: Host) -> None:
    """A dash keeps the place of a boot that nobody knows."""
    assert dash.run("boot=; take_lock 1 x; cat $lock/owner").out.splitlines()[1].startswith("- ")


def test_a_live_owner_is_waited_for(host: Host) -> None:
    """Second by second, and who holds it is told at once and every five seconds."""
    locked(host, alive())
    host.stand("sleep")
    answer = host.run(f"boot={BOOT}; take_lock 12 mine; echo never")
    assert answer.told == ["lock-held"] * 3 + ["lock-refused"]
    assert [record.text for record in answer.reply.of("lock-held")] == [f"{OWNER}\n"] * 3
    assert host.calls == ["sleep 1"] * 12
    assert (answer.code, "never" in answer.out) == (0, False)
    assert (host.home / LOCK / "owner").read_text().startswith(BOOT)


def test_a_lock_that_becomes_free_is_taken(dash: Host) -> None:
    """How long that took is told with it, for the plan is that much older."""
    locked(dash, alive())
    dash.stand("sleep", f"n=$((${{n:-0}} + 1)); [ $n -lt 3 ] || rm -rf {LOCK}")
    assert dash.run(f"{TAKE}; {HELD} && echo held").out.splitlines()[-2:] == [
        "0123456789abcdef lock-taken 3", "held",
    ]  # fmt: skip


def test_without_an_operator_nobody_waits(dash: Host) -> None:
    """Who is gone does not take the lock when it becomes free."""
    locked(dash, alive())
    dash.stand("sleep")
    answer = dash.run(f"gone=1; boot={BOOT}; take_lock 60 mine; echo never")
    assert "never" not in answer.out
    assert dash.calls == []


def test_an_operator_who_left_while_we_wait_is_noticed(host: Host) -> None:
    """When nobody reads our words any more, we do not wait to change something unseen."""
    locked(host, alive())
    host.stand("sleep", "exec 1>&-; trap '' PIPE")
    answer = host.run(f"boot={BOOT}; take_lock 60 mine")
    assert (answer.code, answer.errors) == (0, "")
    assert host.calls == ["sleep 1"] * 5


@pytest.mark.parametrize("blocked", [".local/state/hermes-ops", LOCK])
def test_a_lock_that_cannot_be_made(dash: Host, blocked: str) -> None:
    """It is said which, and nothing else happens."""
    dash.file(blocked)
    answer = dash.run("take_lock 1 mine; echo never")
    assert answer.code == 0
    assert answer.told[0].startswith(f"fatal {dash.home}/{blocked} cannot be created")
    assert "never" not in answer.out


def test_an_owner_that_cannot_be_written(dash: Host) -> None:
    """A full disk is told, and the lock does not stay."""
    dash.stand("mkdir", 'command mkdir "$@" && case $1 in */lock) command mkdir $1/owner ;; esac')
    answer = dash.run("take_lock 1 mine; echo never")
    assert [line.split()[0] for line in answer.told] == ["fatal"]
    assert "full" in answer.told[0]
    assert not (dash.home / LOCK).exists()


def test_who_makes_room_needs_no_owner(dash: Host) -> None:
    """On a full disk it has the lock all the same, and gives it back."""
    dash.stand("mkdir", 'command mkdir "$@" && case $1 in */lock) command mkdir $1/owner ;; esac')
    answer = dash.run(f"take_lock 1 mine frees; {HELD} && echo held; release_lock; trap - EXIT")
    assert (answer.told, "\nheld\n" in answer.out) == (["lock-taken 0"], True)
    assert not (dash.home / LOCK).exists()


# --- giving it back ---------------------------------------------------------------------------


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT reach what is started, also where these tests run without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("how", ["exit 3", "kill -TERM $$; sleep 600", "kill -INT $$; sleep 600"])
def test_however_it_ends_the_lock_is_given_back(host: Host, how: str) -> None:
    """At its end, or when it is asked to end: lock, paid debts and requests are gone."""
    host.file("owed/demo")
    host.file("request")
    host.file("kept")
    host.run(f"take_lock 1 mine; paid=' owed/demo'; drains=' request'; {how}")
    left = sorted(str(file.relative_to(host.home)) for file in host.home.rglob("*"))
    assert left == [".local", ".local/state", ".local/state/hermes-ops", "kept", "owed"]


def test_asked_to_end_it_ends_well(host: Host) -> None:
    """A host that goes down is no failure of ours."""
    assert host.run("take_lock 1 mine; kill -TERM $$; sleep 600").code == 0


def test_a_lock_goes_whole(host: Host) -> None:
    """Nobody finds it without its owner; by then its debts are paid. What others left goes too."""
    host.file("owed/demo")
    host.file(f"{LOCK}.gone.1/owner")
    host.stand("mv", f'cat {LOCK}/owner >>seen; ls owed >>seen; command mv "$@"')
    host.stand("rm", f'case $* in *lock*) {HELD} && echo half >>seen ;; esac; command rm "$@"')
    assert host.run("take_lock 1 mine; paid=' owed/demo'; release_lock").errors == ""
    assert (host.home / "seen").read_text().splitlines()[1:] == ["mine"]
    assert list((host.home / LOCK).parent.iterdir()) == []


def test_what_was_given_back_is_not_given_back_twice(dash: Host) -> None:
    """A debt or request that another has made since is theirs."""
    body = """
    take_lock 1 mine; mkdir owed; : >owed/demo; : >request
    paid=' owed/demo' drains=' request'; release_lock
    : >owed/demo; : >request; mkdir -p $lock"""
    dash.run(body)
    assert (dash.home / "owed/demo").exists()
    assert (dash.home / "request").exists()


# --- the dead ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner",
    [DEAD, f"another-boot {os.getpid()} {started(os.getpid())}"],
    ids=["dead", "before a reboot"],
)
def test_a_dead_owner_is_succeeded_at_once(host: Host, owner: str) -> None:
    """Whose lock it was is told, without the line that is for us."""
    locked(host, owner)
    host.stand("sleep")
    answer = host.run(f"{TAKE}; cat $lock/owner; ls {LOCK}/..")
    assert answer.told == ["lock-taken-over", "lock-taken 0"]
    assert answer.block("lock-taken-over") == f"{OWNER}\n"
    assert answer.out.splitlines()[-2:] == ["mine", "lock"]
    assert host.calls == []


def test_a_lock_without_an_owner_is_given_time(host: Host) -> None:
    """Its maker may be about to write it; after five seconds there is none."""
    locked(host, None)
    host.stand("sleep")
    assert host.run(TAKE).told[-2:] == ["lock-taken-over", "lock-taken 5"]
    assert host.calls == ["sleep 1"] * 5


def test_an_owner_that_is_written_late_is_heeded(dash: Host) -> None:
    """Who writes it within that time keeps the lock."""
    folder = locked(dash, None)
    dash.stand(
        "sleep",
        f"n=$((${{n:-0}} + 1)); [ $n -ne 3 ] || echo '{alive()}' >{folder}/owner",
    )
    answer = dash.run(f"boot={BOOT}; take_lock 20 mine")
    assert answer.told[-1] == "lock-refused"
    assert (folder / "owner").exists()


def test_of_two_who_find_it_dead_one_claims_it(host: Host) -> None:
    """The other waits as for any owner, so that its plan counts as older."""
    folder = locked(host, DEAD)
    (folder / "claim").mkdir()
    host.stand("sleep", f"rm -rf {folder}")
    assert host.run(TAKE).told == ["lock-held", "lock-taken 1"]
    assert host.calls == ["sleep 1"]


@pytest.mark.slow
def test_a_claim_of_the_dead_does_not_block_for_ever(host: Host) -> None:
    """Who died over a dead lock a minute ago or more claims it no longer."""
    claim = locked(host, DEAD) / "claim"
    claim.mkdir()
    os.utime(claim, (time.time() - 120,) * 2)
    assert host.run(TAKE).told == ["lock-taken-over", "lock-taken 0"]


@pytest.mark.slow
def test_a_fresh_claim_is_waited_for_to_the_end(dash: Host) -> None:
    """One that does not come to its end is not waited for longer than was said."""
    (locked(dash, DEAD) / "claim").mkdir()
    dash.stand("sleep")
    assert dash.run(f"boot={BOOT}; take_lock 3 mine").told == ["lock-held", "lock-refused"]
    assert dash.calls == ["sleep 1"] * 3


def taken_while_claimed(host: Host) -> None:
    """Let another, who lives, own the lock at the moment in which it is claimed."""
    owned = f'echo "{alive()}" >{LOCK}/owner'
    host.stand("mkdir", f'command mkdir "$@" || return; case $1 in */claim) {owned} ;; esac')


def test_who_claims_it_looks_again(host: Host) -> None:
    """By then the lock may be another's who is alive: the claim goes, the lock stays."""
    locked(host, DEAD)
    taken_while_claimed(host)
    answer = host.run(f"boot={BOOT}; nameless=0; take_over; echo $?; ls {LOCK}")
    assert (answer.out, answer.errors) == ("1\nowner\n", "")


def test_who_waited_long_for_an_owner_looks_again_too(dash: Host) -> None:
    """Another may have succeeded the lock without an owner a moment before, and have it now."""
    folder = locked(dash, None)
    taken_while_claimed(dash)
    assert dash.run(f"boot={BOOT}; nameless=6; take_over; echo $?").out == "1\n"
    assert (folder / "owner").exists()


def test_owners_that_were_late_are_not_added_up(dash: Host) -> None:
    """Each lock has its own five seconds; one that had an owner in between begins anew."""
    folder = locked(dash, None)
    other = f"[ $((n % 2)) -eq 0 ] && rm -f {folder}/owner || echo '{alive()}' >{folder}/owner"
    dash.stand("sleep", f"n=$((${{n:-0}} + 1)); {other}")
    assert dash.run(f"boot={BOOT}; take_lock 20 mine").told[-1] == "lock-refused"


def test_a_lock_that_is_given_back_this_moment_is_no_error(host: Host) -> None:
    """Between our try and our look it may go; then it is ours, and the plan is older than that."""
    locked(host, alive())
    host.stand(
        "mkdir",
        f'case $once:$1 in :*/lock) once=1; rm -rf {LOCK}; return 1 ;; esac; command mkdir "$@"',
    )
    assert host.run(TAKE).told == ["lock-taken 1"]


def test_a_lock_may_be_given_back_several_times(dash: Host) -> None:
    """Others may be as fast as we are; only six tries in a row show that it cannot be made."""
    (dash.home / LOCK).parent.mkdir(parents=True)
    dash.stand("mkdir", f'[ $1 != {LOCK} ] || [ $((n += 1)) -gt 5 ] && command mkdir "$@"')
    assert dash.run(TAKE).told == ["lock-taken 5"]
    dash.stand("mkdir", f"[ $1 != {LOCK} ]")
    (told,) = dash.run(TAKE).told
    assert told.startswith(f"fatal {dash.home}/{LOCK} cannot be created")
    assert dash.calls.count(f"mkdir {LOCK}") == 6 + 6


def test_tries_are_counted_in_a_row(dash: Host) -> None:
    """A lock that was seen in between shows that one can be made."""
    (dash.home / LOCK).parent.mkdir(parents=True)
    seen = f"[ -d {LOCK} ] || command mkdir {LOCK}; echo '{alive()}' >{LOCK}/owner"
    gone = f"rm -rf {LOCK}"
    dash.stand(
        "mkdir",
        f"case $1:$((n += 1)) in {LOCK}:4) {seen} ;; {LOCK}:[1-8]) {gone} ;;"
        f' *) {gone}; command mkdir "$@"; return ;; esac; return 1',
    )
    dash.stand("sleep")
    assert dash.run(TAKE).told == ["lock-taken 8"]


def test_a_lock_that_vanished_under_the_claim_is_no_error(dash: Host) -> None:
    """Its owner gave it back meanwhile: it is taken at the next try."""
    locked(dash, DEAD)
    dash.stand("mv", "rm -rf $1; return 1")
    dash.stand("sleep")
    answer = dash.run(TAKE)
    assert answer.told == ["lock-held", "lock-taken 1"]
    assert answer.errors == ""


def test_a_new_lock_is_given_its_own_time(dash: Host) -> None:
    """After one dead lock, the next one without an owner is not dead for that."""
    locked(dash, None)
    dash.stand("rm", f'command rm "$@"; [ -n "$once" ] || mkdir -p {LOCK}; once=1')
    dash.stand("sleep")
    dash.run(TAKE)
    assert [call for call in dash.calls if "sleep" in call] == ["sleep 1"] * 10


@pytest.mark.slow
def test_many_who_race_for_a_dead_lock_have_it_one_by_one(host: Host) -> None:
    """None of them loses it to another while it works, and each comes to its turn."""
    locked(host, DEAD)
    host.file("count", "0\n")
    # A hundred times quicker than seconds, so the time that a nameless lock is given does not run.
    host.stand("sleep", "nameless=0; command sleep 0.02")
    body = f"{TAKE}; read -r n <count; command sleep 0.01; echo $((n + 1)) >count"
    racing = [host.start(body) for _ in range(5)]
    ended = [process.communicate(timeout=20) for process in racing]
    assert (host.home / "count").read_text() == "5\n", ended
    assert [errors for _, errors in ended] == [b""] * 5
    assert not (host.home / LOCK).exists()
