"""Ask the system's keyring for entries: a separate program, as a locked keyring may block.

It reads `[[service, user], …]` as JSON and writes, in that order, `[{"value": …}, …]`, with
`"error"` instead if there is none. Nothing of this package is imported: it runs isolated.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec


def main() -> None:
    """Answer."""
    entries = json.load(sys.stdin)
    json.dump([_answer(service, user) for service, user in entries], sys.stdout)


def _answer(service: str, user: str) -> dict[str, str]:
    if not find_spec("keyring"):
        return {"error": "absent"}
    import keyring
    from keyring import errors

    try:
        value = keyring.get_password(service, user)
    except errors.NoKeyringError:
        return {"error": "backend"}
    except errors.KeyringLocked:
        return {"error": "locked"}
    except Exception as error:
        # A backend may raise anything with any text, so only the kind is reported.
        return {"error": f"failed: {type(error).__name__}"}
    return {"error": "missing"} if value is None else {"value": value}


if __name__ == "__main__":
    main()
