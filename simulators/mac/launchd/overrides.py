"""The store of what is enabled and disabled: one a user, and it outlives the property lists."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import TYPE_CHECKING

from launchd.definition import Definition

if TYPE_CHECKING:
    from launchd.domain import Domain

FOLDER = Path("/var/db/com.apple.xpc.launchd")


class Overrides:
    """What was enabled or disabled by hand, by label; True is disabled, as in Apple's file."""

    def of(self, domain: Domain) -> dict[str, bool]:
        """Return what is said in a domain; a user's two domains share it."""
        file = self._file(domain)
        return dict(plistlib.loads(file.read_bytes())) if file.exists() else {}

    def set(self, domain: Domain, label: str, *, disabled: bool) -> None:
        """Say it of one label; there is no way to take that back."""
        said = self.of(domain) | {label: disabled}
        FOLDER.mkdir(parents=True, exist_ok=True)
        self._file(domain).write_bytes(plistlib.dumps(said))

    def is_disabled(self, domain: Domain, definition: Definition) -> bool:
        """Whether a job may not be loaded; the key Disabled counts only where nothing is said."""
        said = self.of(domain).get(definition.label)
        return bool(definition.get("Disabled", False)) if said is None else said

    def clear(self) -> None:
        """Forget everything, which a Mac cannot."""
        for file in FOLDER.glob("disabled*.plist"):
            file.unlink()

    def _file(self, domain: Domain) -> Path:
        name = "disabled" if domain.kind == "system" else f"disabled.{domain.uid}"
        return FOLDER / f"{name}.plist"
