"""A provider whose model answers after so many seconds: `slow.py PORT SECONDS`."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
WORDS = {"role": "assistant", "content": "done"}


class Model(BaseHTTPRequestHandler):
    """Answers every question with `done`, as OpenAI's API does."""

    def do_GET(self) -> None:
        """List the only model."""
        self._send("application/json", json.dumps({"data": [{"id": "slow"}]}))

    def do_POST(self) -> None:
        """Answer, in one piece or as a stream of one."""
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        Path("asked").touch()
        time.sleep(SECONDS)
        if asked.get("stream"):
            self._send("text/event-stream", f"data: {_said('delta', '.chunk')}\n\ndata: [DONE]\n\n")
        else:
            self._send("application/json", _said("message", ""))

    def _send(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _said(key: str, kind: str) -> str:
    choice = {"index": 0, "finish_reason": "stop", key: WORDS}
    head = {"id": "x", "object": f"chat.completion{kind}", "created": 1, "model": "slow"}
    return json.dumps({**head, "choices": [choice]})


ThreadingHTTPServer(("127.0.0.1", PORT), Model).serve_forever()
