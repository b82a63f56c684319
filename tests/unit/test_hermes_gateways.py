"""The wrapper `hermes-gateways` that a host gets: what a person types, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from building import NEW, NOW, desired, put
from shell_kit import SHELLS, Answer, Host, every_host, text_of, words_of

from hermes_ops.files.layout import STOPPED, WRAPPER, environment
from hermes_ops.hermes.markers import hand_stop
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Write

host = every_host
CASE = {"host": {"gateways": ["default", "demo", "held"]}, "desired": {"default": {}}}
UNITS = """
units={home}/units
case $2 in
  show)
    for unit; do :; done
    [ -e "$units/$unit" ] || {{ echo LoadState=not-found; echo ActiveState=inactive; exit; }}
    echo LoadState=loaded
    echo "ActiveState=$(cat "$units/$unit")"
    ;;
  start | restart) echo active >"$units/$4" ;;
  stop) [ "$4" != hermes-gateway-demo.service ] || [ ! -e "$units/sticks" ] || exit 1
    echo failed >"$units/$4" ;;
  reset-failed) [ "$(cat "$units/$4")" != failed ] || echo inactive >"$units/$4" ;;
esac
"""


def wrapper(place: Host, uid: int | None = None) -> None:
    """Write the wrapper of a host on which systemd runs, into its home."""
    me = os.getuid() if uid is None else uid
    facts = replace(NEW, home=str(place.home), account_home=str(place.home), uid=me)
    plan = make_plan(desired(CASE), facts)
    (write,) = (c.operation for c in plan.changes if getattr(c.operation, "path", "") == WRAPPER)
    assert isinstance(write, Write)
    assert write.mode == 0o755
    place.file(str(WRAPPER), str(write.content), 0o755)


@pytest.fixture
def there(host: Host) -> Iterator[Host]:
    """A host with two gateways that run; the third is in the inventory alone."""
    wrapper(host)
    host.program("systemctl", UNITS.format(home=host.home))
    host.program("logname", "exit 1")
    for name in ("", "-demo"):
        host.file(f"units/hermes-gateway{name}.service", "active\n")
    yield host


def call(place: Host, *words: str, **environ: str) -> Answer:
    """Type a command of the wrapper."""
    done = subprocess.run(
        [*words_of(place.shell), str(place.home / WRAPPER), *words],
        capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=30,
        env={"HOME": "/nowhere", "PATH": f"{place.bin}:/usr/bin:/bin", **environ},
    )  # fmt: skip
    return Answer(done.returncode, text_of(done.stdout), text_of(done.stderr))


def mark(place: Host, name: str = "demo") -> dict[str, object]:
    """Return what the wrapper has noted of a stop."""
    found: dict[str, object] = json.loads(
        (place.home / STOPPED / f"hermes-gateway-{name}").read_text()
    )
    return found


def test_all_shells_are_tried() -> None:
    """Those of Debian, of a Mac, and of a small system."""
    assert {"dash", "bash", "busybox"} <= SHELLS.keys()


def test_status_and_list(there: Host) -> None:
    """Each gateway with its state; 2 as one of them does not run; how Hermes is called for it."""
    shown = call(there, "status")
    rows = [line.split(None, 1) for line in shown.out.splitlines()]
    assert rows == [["default", "running"], ["demo", "running"], ["held", "absent"]]
    assert (shown.code, call(there, "status", "demo").code) == (2, 0)
    listed = [line.split(None, 2) for line in call(there, "list").out.splitlines()]
    assert listed[0] == ["default", "hermes-gateway.service", "hermes -p default"]
    assert listed[1] == ["demo", "hermes-gateway-demo.service", "hermes -p demo"]
    ours = f"{there.home}/{environment('hermes')}/bin/hermes"
    there.file(ours.removeprefix(f"{there.home}/"), "", 0o755)
    assert call(there, "list", "demo").out.endswith(f" {ours} -p demo\n")
    there.program("hermes", "exit 1")
    assert call(there, "list", "demo").out.endswith(" hermes -p demo\n")


@pytest.mark.slow
def test_a_stop_says_who_and_since_when(there: Host) -> None:
    """Behind sudo, too; a start ends it."""
    stopped = call(there, "stop", "demo", SUDO_USER="ann")
    assert (stopped.code, stopped.out) == (0, "demo stopped\n"), stopped.errors
    found = mark(there)
    assert (found["by"], found["hold"]) == ("ann", False)
    shown = call(there, "status", "demo")
    assert re.fullmatch(r"demo +stopped by ann, since 2\S+Z\n", shown.out), shown.out
    assert shown.code == 2
    assert not any(word in call for call in there.calls for word in ("disable", "default"))
    started = call(there, "start", "demo")
    assert (started.code, started.out) == (0, "demo started\n")
    assert not list((there.home / STOPPED).iterdir())
    assert call(there, "start", "demo").out == "demo runs already\n"


@pytest.mark.slow
@pytest.mark.parametrize("word", ["hold", "--hold"])
def test_a_hold_outlives_the_boot(there: Host, word: str) -> None:
    """So it is not started by itself either; the next start ends both."""
    assert call(there, "stop", "demo", word, SUDO_USER="ann").out == "demo stopped, and held\n"
    assert mark(there)["hold"] is True
    assert "systemctl --user --quiet disable -- hermes-gateway-demo.service" in there.calls
    assert " held by ann, since " in call(there, "status", "demo").out
    # A stop without that word ends no hold, and with it none begins anew.
    assert call(there, "stop", "demo").code == 0
    assert call(there, "stop", "demo", word, SUDO_USER="bob").code == 0
    assert (mark(there)["hold"], mark(there)["by"]) == (True, "ann")
    assert call(there, "start", "demo").out == "demo started\n"
    assert "systemctl --user --quiet enable -- hermes-gateway-demo.service" in there.calls
    assert call(there, "status", "demo").code == 0


def test_what_is_stopped_already_can_be_held(there: Host) -> None:
    """Without a second stop; a stop alone changes nothing then."""
    there.file("units/hermes-gateway-demo.service", "inactive\n")
    assert call(there, "stop", "demo").code == 0
    assert not (there.home / STOPPED).exists()
    assert call(there, "stop", "hold", "demo").code == 0
    assert mark(there)["hold"] is True
    assert not any(" stop " in call for call in there.calls)


def test_a_stop_that_fails_leaves_no_mark(there: Host) -> None:
    """It is told, the others are stopped all the same, and the code is 1."""
    there.file("units/sticks")
    stopped = call(there, "stop", "default", "demo")
    assert stopped.code == 1
    assert set(stopped.out.splitlines()) == {"default stopped", "demo could not be stopped"}
    assert [file.name for file in (there.home / STOPPED).iterdir()] == ["hermes-gateway"]


@pytest.mark.slow
def test_restart_and_what_is_not_installed(there: Host) -> None:
    """What was stopped is started; what only the inventory has is told."""
    call(there, "stop", "demo")
    done = call(there, "restart")
    assert done.code == 1
    assert set(done.out.splitlines()) == {
        "default restarted", "demo started", "held is not installed: fleet.up does that",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", [[], ["halt"], ["start", "dem"], ["start", ".*"], ["start", "hold"], ["stop", "de mo"]]
)
def test_what_is_mistyped_touches_nothing(there: Host, words: list[str]) -> None:
    """64, with what there is."""
    done = call(there, *words)
    assert done.code == 64
    assert "usage:" in done.errors or "but these: default demo held\n" in done.errors
    assert not there.calls


def test_another_user_is_told_how(host: Host) -> None:
    """Root has other services, and a home in which ours are not."""
    wrapper(host, uid=os.getuid() + 1)
    done = call(host, "stop")
    assert (done.code, done.out) == (64, "")
    assert "sudo -iu hermes hermes-gateways" in done.errors


# --- what a look makes of it ------------------------------------------------------------------

SERVICE, HOME = "hermes-gateway-demo", PurePosixPath(".hermes/profiles/demo")
AT = "2026-11-22T08:59:00Z"


def seen(text: str, beat: str = "") -> str:
    """Return what a stop of this text counts as, in words."""
    facts = put(replace(NEW, boot="b"), f"{STOPPED}/{SERVICE}", text)
    if beat:
        facts = put(facts, f"{HOME}/state/gateway.heartbeat", json.dumps({"updated_at": beat}))
    return str(hand_stop(SERVICE, HOME, facts) or "")


STOP, HOLD = f"stopped on the host by ann, since {AT}", f"held on the host by ann, since {AT}"
ANN = f'{{"by": "ann", "since": "{AT}"'
BROKEN = ("", "[]", "{", "{}", '{"since": 1e300}', '{"since": "soon"}')


@pytest.mark.parametrize(
    ("text", "beat", "told"),
    [
        (f"{ANN}}}", "", STOP),
        (f'{ANN}, "boot": "b"}}', "", STOP),
        (f'{ANN}, "boot": "c"}}', "", ""),
        (f'{ANN}, "boot": "c", "hold": true}}', "", HOLD),
        # Its last heartbeat came before the stop was noted, or one much later: it ran again.
        (f"{ANN}}}", "2026-11-22T08:58:59+00:00", STOP),
        (f"{ANN}}}", "2026-11-22T08:59:03+00:00", ""),
        (f'{ANN}, "by": "\\u001b[31m"}}', "", STOP.replace("ann", "31m")),
        (f'{ANN}, "by": ""}}', "", STOP.replace("ann", "somebody")),
        *((text, "", "") for text in BROKEN),
    ],
)
def test_a_stop_by_hand_is_read(text: str, beat: str, told: str) -> None:
    """Who and since when; nothing of it is believed that cannot be so."""
    assert NOW == 1795338000.0
    assert seen(text, beat) == told
