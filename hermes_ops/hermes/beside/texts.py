"""The files of a home that should be JSON, and are none: Hermes goes on without what is in them."""

from __future__ import annotations

from collections.abc import Iterator

from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec

TEXTS = ("auth.json", "cron/jobs.json", "pairing/")
"""Its accounts of models, its jobs, and who may speak to it; a folder ends in a slash.

What cannot be read counts as empty: `hermes_cli/auth.py`, `cron/jobs.py` and `gateway/pairing.py`
of 0.19.
"""


def not_json(service: ServiceSpec, facts: Facts) -> Iterator[str]:
    """Yield their paths below the home, sorted."""
    home = f"{service.home}/"
    for path in sorted(facts.garbled):
        name = path.removeprefix(home)
        # The home of the default profile has those of all others below it.
        if path.startswith(home) and (name in TEXTS or f"{name.partition('/')[0]}/" in TEXTS):
            yield name
