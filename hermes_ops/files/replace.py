"""Write a file of this machine at once: whoever reads it sees the old text or the new one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from hermes_ops.errors import CommandError


def put_file(path: Path, text: str, *, mode: int) -> None:
    """Replace the file by one with this text and mode; a link stays a link.

    Raises:
        CommandError: it cannot be written, and the old one is as it was.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    except OSError as error:
        raise CommandError(f"cannot be written: {error.strerror}", where=str(path)) from None
    finally:
        draft.unlink(missing_ok=True)
