"""A daemon of Signal, as far as a gateway asks it before it counts as connected.

`signal_daemon.py PORT`: the check answers, and the stream of events stays open without any.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Daemon(BaseHTTPRequestHandler):
    """Answers a check, a call, and a wish for events."""

    def do_GET(self) -> None:
        """Answer at once, or begin a stream that says only that it lives."""
        self.send_response(200)
        stream = "events" in self.path
        self.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        self.end_headers()
        while stream:
            self.wfile.write(b": alive\n\n")
            self.wfile.flush()
            time.sleep(5)

    def do_POST(self) -> None:
        """Answer a call with nothing."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"jsonrpc": "2.0", "result": {}, "id": "1"}')


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Daemon).serve_forever()
