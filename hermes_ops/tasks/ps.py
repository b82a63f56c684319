"""`fleet.ps`: every profile of every selected host, as it is."""

from typing import Any


def show_converged(converged: Any, output: Any) -> None:
    """Show."""
