"""What Hermes itself notes about a profile, in `profile.yaml` beside its settings."""

from __future__ import annotations

from collections.abc import Iterable

from hermes_ops.commands.profile.whose import ProfileOnHost
from hermes_ops.errors import HermesError
from hermes_ops.files import yamlfile
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Path, Resource, Whole
from hermes_ops.services.base import home_of

NOTES = "profile.yaml"
"""The file in the profile's home: `description`, and whether Hermes wrote that itself."""


def whole_step() -> StepPlan:
    """Return the step that looks at a profile's folder as a whole, and wants nothing of it."""
    return StepPlan("profile.show", (), _whole)


def _whole(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    yield Whole(Path(home_of(profile, role)), reads=(NOTES,))


def described(home: str, facts: Facts) -> str:
    """Return the description on the host; empty if there is none, or none can be read."""
    text = facts.contents.get(f"{home}/{NOTES}", "")
    try:
        found = yamlfile.load(text, file=NOTES).get("description")
    except HermesError:
        return ""
    return str(found or "").strip()


def description_of(target: ProfileOnHost, facts: Facts) -> dict[str, str | None]:
    """Return the description on the host, and the one in the inventory."""
    return {
        "host": described(target.home, facts) or None,
        "wanted": target.profile.description or None,
    }
