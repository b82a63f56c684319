"""What of a profile is not as wanted, and stays so after a run."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_ops.program_name import spoken


@dataclass(frozen=True, slots=True)
class Difference:
    """Something of a profile that is not as wanted, and that no run changes."""

    profile: str
    words: str
    state: str = ""
    """The state of its service, if that is what differs: it may become ready by itself."""
    mend: str = ""
    """What ends it."""
    is_settled: bool = False
    """No failing of this run: it accepts it from now on, or leaves it to another task."""

    def __str__(self) -> str:
        end = f"; to end that: {spoken(self.mend)}" if self.mend else ""
        if self.state:
            words = f": {self.words}" if self.words else ""
            return f"{self.profile} is {self.state}{words}{end}"
        return f"{self.profile}: {self.words}{end}"

    @property
    def lasts(self) -> bool:
        """Whether a run that does not wait leaves the profile otherwise than wanted."""
        passes = self.state in ("starting", "draining") and not self.mend
        return not (self.is_settled or passes)
