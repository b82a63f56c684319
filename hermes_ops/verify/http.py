"""Ask URLs from the host itself, with curl or Python, whichever the host has."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testinfra.backend.base import CommandResult

from hermes_ops.look.facts import Answer
from hermes_ops.services.manager import CheckedService

# Bare sockets: `http.client` takes the host three times as long to import. All are asked before
# the first answer is read, so that several that do not answer cost no more time than one. We close
# first: on macOS Hermes cannot bind its port again for half a minute after it did.
_PYTHON = """\
import socket, sys, time
mark, *urls = sys.argv[1:]
until = time.monotonic() + 5
def left():
    return max(0.01, until - time.monotonic())
def asked(url):
    address, _, path = url.removeprefix("http://").partition("/")
    name, colon, port = address.rpartition(":")
    try:
        where = (name.strip("[]"), int(port)) if colon else (port, 80)
        peer = socket.create_connection(where, left())
        request = f"GET /{path} HTTP/1.1\\r\\nHost: {address}\\r\\n\\r\\n"
        peer.sendall(request.encode())
        return peer
    except (OSError, ValueError):
        return None
def whole(answer):
    head, found, body = answer.lower().partition(b"\\r\\n\\r\\n")
    size = head.partition(b"\\ncontent-length:")[2].split(b"\\r")[0].strip()
    return found and (len(body) >= int(size) if size.isdigit() else body.endswith(b"0\\r\\n\\r\\n"))
def told(peer):
    answer = b""
    try:
        while not whole(answer):
            peer.settimeout(left())
            part = peer.recv(65536)
            if not part:
                break
            answer += part
            if len(answer) > 1 << 20:
                break
        head, _, body = answer.partition(b"\\r\\n\\r\\n")
        return body.decode("utf-8", "replace") + "\\n" + head.split()[1].decode()
    except (AttributeError, OSError, IndexError):
        return "\\n"
for peer in [asked(url) for url in urls]:
    print(told(peer), mark, sep="\\n")
"""

_ASK = f"""\
mark=$1 python=$2
shift 2
[ -x "$python" ] || python=python3
case $#:$* in 1:* | *https://*) ! command -v curl >/dev/null || python= ;; esac
command -v "$python" >/dev/null || python=
if [ -n "$python" ]; then
  exec "$python" -I -S -c {shlex.quote(_PYTHON)} "$mark" "$@"
fi
command -v curl >/dev/null || exit 1
most=$((25 / $#))
[ "$most" -lt 5 ] || most=5
[ "$most" -gt 0 ] || most=1
for url; do
  curl -s -k -m "$most" --noproxy '*' -w '\\n%{{http_code}}\\n' -- "$url" || :
  echo "$mark"
done
"""


@dataclass(frozen=True, slots=True)
class Urls:
    """The kind of question that URLs are: one program on the host asks all of them."""

    python: str

    def command(self, subjects: Sequence[str]) -> str:
        """Return the command that asks the URLs."""
        mark = secrets.token_hex(8)
        return shlex.join(["sh", "-c", _ASK, "ask", mark, self.python, *subjects])

    def answers(self, subjects: Sequence[str], ended: CommandResult) -> list[Answer]:
        """Return the answers; their status is None if nothing answers."""
        asked = f"neither curl nor Python on the host can ask {', '.join(subjects)}"
        assert ended.rc == 0, asked  # noqa: S101 - fails the checks
        mark = shlex.split(ended.command.decode())[4]
        *texts, _ = ended.stdout.split(f"{mark}\n")
        return [_answer(text) for text in texts]


class Http:
    """Asks URLs on one host."""

    def __init__(self, host: Any, service: CheckedService) -> None:
        self._host, self._kind = host, Urls(service.python)

    def __call__(self, url: str) -> Answer:
        """Return the answer of the URL; its status is None if nothing answers."""
        answer: Answer = self._host.backend.ask(self._kind, url)
        return answer


def _answer(text: str) -> Answer:
    body, _, status = text.rstrip("\n").rpartition("\n")
    return Answer(int(status) if status.isdigit() and int(status) else None, body.strip())
