"""What keeps a machine awake, on the host: the looks, the loop, and what pmset had before."""

from __future__ import annotations

import json

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
    host.stand("as_root")
    set_twice = "pmset_set sleep 0 '-b sleep 15' '-c sleep 1'; pmset_set sleep 5 '-c sleep 0'"
    host.run(f"{set_twice}; pmset_set womp 1 '-c womp 0'")
    assert (host.home / BEFORE).read_text() == "-b sleep 15\n-c sleep 1\n-c womp 0\n"
    calls = [call for call in host.calls if "pmset" in call]
    assert calls[0].endswith("pmset -a sleep 0")
    host.run("pmset_back sleep")
    assert (host.home / BEFORE).read_text() == "-c womp 0\n"
    back = [call.partition("pmset ")[2] for call in host.calls if "pmset -" in call][len(calls) :]
    assert back == ["-b sleep 15", "-c sleep 1"]
    host.run("pmset_back womp")
    assert not (host.home / BEFORE).exists()


def test_without_sudo_pmset_is_not_touched(host: Host) -> None:
    """Nothing is noted, and the code is that of a missing right."""
    host.stand("as_root", "return 1")
    answer = host.run("pmset_set sleep 0 '-c sleep 1'")
    assert answer.code == 77
    assert answer.out.startswith("sudo does not let this user set pmset")
    assert not (host.home / BEFORE).exists()
