"""What keeps a machine awake, on the host: the looks, the loop, and what pmset had before."""

from __future__ import annotations

import json

import pytest
from shell_kit import Host, every_host, one_host

from hermes_ops.services.awake.keeper import following

host, dash = every_host, one_host
BEFORE = ".local/state/hermes-ops/pmset-before"
ALLOWED = "(bba{ss}) true false 0"


def test_without_logind_and_without_a_mac_nothing_is_told(host: Host) -> None:
    """A host that has none of it is asked nothing."""
    for path in ("/run/systemd/system", "/bin/launchctl"):
        host.rooted(path)
    answer = host.run("inhibit_look; caffeinate_look")
    assert (answer.told, answer.errors, host.calls) == ([], "", [])


def test_what_logind_and_polkit_say(host: Host) -> None:
    """Whether polkit allows each lock, who holds what, and the units of both scopes."""
    host.part("/run/systemd/system/.x", "")
    host.rooted("/run/systemd/system")
    host.rooted("/proc/acpi/button/lid")
    host.has_only("systemd-inhibit", "busctl")
    host.stand("limited", _LIMITED)
    host.stand("systemctl", "echo ActiveState=active")
    host.stand("user_bus", "true")
    host.file(".config/systemd/user/hermes-awake.service", "a\nb")
    answer = host.run("uid=1000; inhibit_look")
    assert answer.errors == ""
    assert answer.told == [
        "awake holders", "awake logind yes", "awake may-idle yes", "awake user-unit",
        "awake user-text", "awake system-unit",
    ]  # fmt: skip
    texts = {record.rest: record.text for record in answer.reply.of("awake")}
    assert texts["user-text"] == "a\nb"
    assert texts["holders"] == "[]"


@pytest.mark.parametrize(
    ("says", "sleeps"), [("suspend", True), ("", True), ("ignore", False), ("lock", False)]
)
def test_a_laptop_that_sleeps_when_it_is_closed(dash: Host, says: str, sleeps: bool) -> None:
    """By what logind does then; a machine without a lid has none to close."""
    dash.rooted("/proc/acpi/button/lid")
    dash.stand("limited", f"echo 's \"{says}\"'")
    assert dash.run("sleeps_by_lid && echo sleeps").out == ""
    dash.part("/proc/acpi/button/lid/LID0/state", "open")
    assert dash.run("sleeps_by_lid && echo sleeps").out == ("sleeps\n" if sleeps else "")


_LIMITED = f"""\
shift
case "$*" in
  systemd-inhibit*) ;; # as newer ones do if nobody holds anything
  *inhibit-block-idle*) echo '{ALLOWED}' ;;
  *) return 1 ;;
esac"""


def test_the_loop_holds_while_the_gateway_runs(host: Host) -> None:
    """It reads the pid that Hermes wrote, asks whether that is a gateway, and holds for it."""
    record = {"pid": 4242, "kind": "hermes-gateway", "argv": ["a", "pid: 7"], "start_time": 5}
    file = host.file("gateway.pid", json.dumps(record))
    host.stand("sleep", "exit 3")
    script = following(str(file), '[ "$pid" = 4242 ]', 'echo "held $pid"')
    answer = host.run(script)
    assert (answer.out, answer.code) == ("held 4242\n", 3)
    script = following(str(file), "false", "echo held")
    assert (host.run(script).out, host.run(script).errors) == ("", "")
    script = following(f"{file}.gone", "true", "echo held")
    assert (host.run(script).out, host.run(script).errors) == ("", "")


def test_what_pmset_had_before_is_noted_once_and_given_back(host: Host) -> None:
    """A second value does not replace the first one's note; nothing is left when all is back."""
    host.stand("by_root")
    host.run("root_part=7; pmset_set '-b sleep 15' '-c sleep 1'; pmset_set '-c sleep 0'")
    host.run("root_part=8; pmset_set '-c womp 0'")
    assert (host.home / BEFORE).read_text() == "-b sleep 15\n-c sleep 1\n-c womp 0\n"
    assert host.calls == ["by_root 7", "by_root 7", "by_root 8"]
    host.run("root_part=9; pmset_back sleep")
    assert (host.home / BEFORE).read_text() == "-c womp 0\n"
    host.run("root_part=9; pmset_back womp")
    assert not (host.home / BEFORE).exists()


def test_what_root_refuses_is_not_forgotten(host: Host) -> None:
    """The note stays, and so does the code."""
    host.file(BEFORE, "-c sleep 1\n")
    host.stand("by_root", "printf 'pmset does not take it'; return 1")
    answer = host.run("root_part=9; pmset_back sleep")
    assert (answer.code, answer.out) == (1, "pmset does not take it")
    assert (host.home / BEFORE).read_text() == "-c sleep 1\n"
