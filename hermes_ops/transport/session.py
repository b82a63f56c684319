"""A long-lived shell: it runs one command after another and returns output and exit code of each.

Output and errors arrive on two streams, as the command wrote them: nothing is encoded, kept in a
shell variable or written to a file. A frame begins and ends with a random mark that no command can
print by chance; text between two frames, such as a login shell's, is dropped.
A background process of a command may still write into a later frame.
"""

from __future__ import annotations

import math
import secrets
import shlex
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from hermes_ops.errors import NotUnderstood, Unknown, belongs_to
from hermes_ops.transport.streams import Arrived
from hermes_ops.wire.reader import LARGEST, last_words

GRACE = 5.0
"""Seconds that a host has to report that it ended a command which was too slow."""

EARLY = 0.1
"""Seconds by which the clock of a host may be ahead when its `timeout` ends a command."""

_PRELUDE = """\
exec 3>&2 2>/dev/null
umask 022
LC_ALL=C PATH="$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
[ ! -d "/run/user/$(id -u)" ] || XDG_RUNTIME_DIR=/run/user/$(id -u)
export LC_ALL PATH XDG_RUNTIME_DIR
unset -v CDPATH ENV BASH_ENV
cd
guard=
if timeout -k 2 2 true; then
  limited() (exec timeout -k 2 "$@" 2>&3 3>&- </dev/null)
  apart=setsid
  setsid true || apart=
  begin() { (exec $apart timeout -k 2 "$@" 2>&3 3>&- 4<&- </dev/null) & job=$!; }
else
  guard() {
    before=$!
    trap '[ "$!" = "$before" ] || kill -KILL "$!"; exit' TERM
    for signal in TERM KILL; do
      sleep "$1" &
      wait "$!"
      kill -"$signal" "$2"
      set -- 2 "$2"
    done
  }
  limited() {
    seconds=$1
    shift
    (exec "$@" 2>&3 3>&- </dev/null) & job=$!
    guard "$seconds" "$job" >/dev/null 3>&- & guard=$!
    wait "$job"
    code=$?
    kill "$guard"
    return "$code"
  }
  begin() {
    seconds=$1
    shift
    set -m
    (exec "$@" 2>&3 3>&- 4<&- </dev/null) & job=$!
    set +m
    guard "$seconds" "-$job" >/dev/null 3>&- 4<&- & guard=$!
  }
fi
ends() { kill "-$1" "-$job" || kill "-$1" "$job"; }
alone() {
  exec 4<&0
  begin "$@"
  (cat <&4; ends TERM; sleep 2; ends KILL) >/dev/null 3>&- & watch=$!
  wait "$job"
  code=$?
  kill "$watch" $guard
  return "$code"
}
"""
# The shell's own standard error goes to /dev/null: it reports killed children there, which is not
# output of the command. `exec` is in a subshell: dash would redirect its own standard error, too.
# The trap of `guard` asks for `$!`: it may come right after the fork, before any assignment; and it
# kills, as a child that is no sleep yet would catch a TERM with its parent's trap, and lose it.
# `alone` reads the input of the shell to its end: when we are gone, it ends the command.

UNDER_WAY = 32 << 10
"""How many bytes of commands may be sent before their answers: a pipe of Linux takes 64 KiB."""

Ended = tuple[int, bytes, bytes]
"""A command's exit code, standard output and standard error."""

_KILLED = (124, 137, 143)
"""Exit codes of `timeout` after it has killed the command; the last one is busybox's."""


class Streams(Protocol):
    """The streams to and from a `/bin/sh`."""

    def send(self, data: bytes) -> None:
        """Send all the data."""

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        """Return the output and the errors that arrived; both are empty at the end.

        Raises:
            TimeoutError: nothing arrived within the given seconds.
        """

    def code(self) -> int:
        """Return the exit code of a shell whose output has ended; -1 if there is none."""

    def close(self) -> None:
        """End the shell."""


Refuse = Callable[[str, int, bytes], None]
"""Raises for a shell that ended before any command: its last line, exit code and errors."""


class FramedShell:
    """A shell that runs one command after another, each as its own `sh -c` with an empty stdin.

    `opening` is what it is sent before all else.
    """

    def __init__(
        self, streams: Streams, refuse: Refuse | None = None, opening: bytes = b""
    ) -> None:
        self._streams, self._refuse, self._opening = streams, refuse, opening
        self._output, self._errors = Arrived(), Arrived()
        self._failure: Unknown | None = None
        self._begun = False
        self._word = "limited"

    def run(self, command: str, *, timeout: float = 30) -> Ended:
        """Run a command; return its exit code, and its exact output and errors.

        The host ends a command that is too slow, and the shell can be used further. If the host
        does not answer at all, this command and all later ones raise `Unknown`.
        """
        (ended,) = self.run_all([command], timeout=timeout)
        if isinstance(ended, Unknown):
            raise ended
        return ended

    def run_alone(self, command: str, *, timeout: float = 30) -> Ended:
        """Run the only command of this shell: it is ended as soon as the shell's input ends."""
        self._word = "alone"
        return self.run(command, timeout=timeout)

    def run_all(self, commands: Sequence[str], *, timeout: float = 30) -> list[Ended | Unknown]:
        """Run commands one after another, but send them ahead: it costs one round trip.

        Each may take `timeout` seconds. For each its result is returned, or why it has none.
        """
        if any("\0" in command for command in commands):
            raise ValueError("a command cannot contain a NUL")
        seconds = math.ceil(timeout)
        ahead = deque((command, secrets.token_hex(8)) for command in commands)
        running: deque[tuple[str, str, int]] = deque()
        ended: list[Ended | Unknown] = []
        while ahead or running:
            try:
                self._send_some(ahead, running, seconds)
                ended.append(self._one(*running.popleft()[:2], seconds))
            except Unknown as failure:
                self._failure = failure
                break
        return ended + [self._failure or _lost()] * (len(commands) - len(ended))

    def close(self) -> None:
        """End the shell."""
        self._streams.close()

    def _send_some(
        self, ahead: deque[tuple[str, str]], running: deque[tuple[str, str, int]], seconds: int
    ) -> None:
        """Send commands, as long as few enough bytes are under way: the pipes must not be full."""
        if self._failure is not None:
            raise self._failure
        data = b""
        while ahead:
            text = _framed(*ahead[0], seconds, self._word).encode(*_AS_IT_IS)
            if running and sum(size for *_, size in running) + len(text) > UNDER_WAY:
                break
            data += text
            running.append((*ahead.popleft(), len(text)))
        if not data:
            return
        try:
            self._streams.send(data if self._begun else self._opening + _PRELUDE.encode() + data)
        except OSError as error:
            self._hear_the_rest()
            self._refuse_unheard()
            raise _lost() from error
        self._begun = True

    def _one(self, command: str, mark: str, seconds: int) -> Ended | Unknown:
        """Return the result of the command whose answer comes next."""
        began = time.monotonic()
        code, output, errors = self._answer(command, mark, began + seconds + GRACE)
        if code in _KILLED and time.monotonic() - began >= seconds - EARLY:
            return _too_slow(command)
        return code, output, errors

    def _answer(self, command: str, mark: str, deadline: float) -> Ended:
        try:
            for stream in (self._output, self._errors):
                self._until(stream, f"\n{mark}<\n", deadline)
            output = self._until(self._output, f"\n{mark}>", deadline)
            code = self._until(self._output, "\n", deadline)
            errors = self._until(self._errors, f"\n{mark}>\n", deadline)
        except TimeoutError:
            raise _too_slow(command) from None
        except OSError as error:
            raise _lost() from error
        with belongs_to("the host"):
            return int(code), output, errors

    def _until(self, stream: Arrived, end: str, deadline: float) -> bytes:
        """Wait until `end` arrives on `stream`; return what came before it."""
        while (taken := stream.take(end.encode())) is None:
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            output, errors = self._streams.receive(left)
            if not output and not errors:
                self._refuse_unheard()
                raise _lost()
            self._output.add(output)
            self._errors.add(errors)
            if self._output.size > LARGEST or self._errors.size > LARGEST:
                raise NotUnderstood(f"a command printed more than {LARGEST >> 20} MiB")
        self._refuse = None
        return taken

    def _hear_the_rest(self) -> None:
        """Read what a shell still printed after it stopped taking commands."""
        with suppress(OSError):  # it is silent, or gone
            while self._output.size + self._errors.size < LARGEST:
                output, errors = self._streams.receive(GRACE)
                if not output and not errors:
                    return
                self._output.add(output)
                self._errors.add(errors)

    def _refuse_unheard(self) -> None:
        """Raise with what the shell said, if it ended before it read our first command."""
        if self._refuse is not None:
            said, errors = bytes(self._output.rest), bytes(self._errors.rest)
            last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
            self._refuse(last_words(last), self._streams.code(), errors)


_AS_IT_IS = ("utf-8", "surrogateescape")


def _framed(command: str, mark: str, seconds: int, word: str) -> str:
    """Return one line of shell text, which the shell reads completely before it runs anything.

    `word` is the shell function that runs the command.
    """
    return (
        f"printf '\\n{mark}<\\n'; printf '\\n{mark}<\\n' >&3; "
        f"{word} {seconds} sh -c {shlex.quote(command)}; "
        f"printf '\\n{mark}>%s\\n' $?; printf '\\n{mark}>\\n' >&3\n"
    )


def _too_slow(command: str) -> Unknown:
    shown = shlex.join(command.split()[:6])
    return Unknown(f"no answer in time from: {shown}", kind="timeout", hint="run it again")


def _lost() -> Unknown:
    return Unknown("the connection was lost", hint="run it again")
