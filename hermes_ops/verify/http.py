"""Ask a URL from the host itself, with whatever can ask there."""

from __future__ import annotations

import shlex
from typing import Any

from hermes_ops.facts import Answer
from hermes_ops.verify.service import Service

_PYTHON = """\
import http.client, sys
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
try:
    peer = kind(url.hostname, url.port, timeout=5)
    peer.request("GET", (url.path or "/") + (url.query and "?" + url.query))
    answer = peer.getresponse()
    print(answer.read(65536).decode("utf-8", "replace"))
    print(answer.status)
except OSError:
    print()
"""

_ASK = f"""\
url=$1 python=$2
if command -v curl; then
  exec curl -s -k -m 5 --noproxy '*' -w '\\n%{{http_code}}\\n' -- "$url"
elif "$python" -I -S -c 'import http.client' || {{ python=python3; command -v python3; }}; then
  exec "$python" -I -S -c {shlex.quote(_PYTHON)} "$url"
fi >/dev/null
"""


class Http:
    """Asks URLs on one host."""

    def __init__(self, host: Any, service: Service) -> None:
        self._host, self._python = host, service.python

    def __call__(self, url: str) -> Answer:
        """Return what answers there; the status is None when nobody does."""
        ended = self._host.run("sh -c %s ask %s %s", _ASK, url, self._python)
        body, _, status = ended.stdout.rstrip("\n").rpartition("\n")
        return Answer(int(status) if status.isdigit() and int(status) else None, body.strip())
