"""Ask a gateway for a turn, as a program does: `ask.py PORT HOME`; prints what it answers."""

import json
import re
import sys
import urllib.request
from pathlib import Path

PORT, HOME = sys.argv[1:]
found = re.search(r"^API_SERVER_KEY=(.*)$", (Path(HOME) / ".env").read_text(), re.MULTILINE)
key = found[1] if found else ""
headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}

asked = {"model": "hermes-agent", "messages": [{"role": "user", "content": "hello"}]}
url = f"http://127.0.0.1:{PORT}/v1/chat/completions"
request = urllib.request.Request(url, json.dumps(asked).encode(), headers)
with urllib.request.urlopen(request, timeout=60) as answer:
    print(json.load(answer)["choices"][0]["message"]["content"])
