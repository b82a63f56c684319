"""`hermes_alerts`: whom `fleet.status --alert` tells, and the URL that it pings."""

from __future__ import annotations

from hermes_ops.inventory.model import Alerts
from hermes_ops.loader.located import Located, Variables
from hermes_ops.loader.profiles.env import secret_value
from hermes_ops.loader.schema import ANY, Each, Fields, Key, filled
from hermes_ops.secrets.reference import Elsewhere

ALERTS = Fields(
    {
        "urls": Key(Each(ANY), "Apprise's URLs, each a secret"),
        "ping": Key(ANY, "the URL of a dead man's switch, a secret"),
    }
)


def alerts_of(found: Variables) -> Alerts:
    """Return what `hermes_alerts` says, nothing resolved; raise if a part is not valid."""
    value = found.get("hermes_alerts")
    parts = filled(value) if value is not None else {}
    urls = parts["urls"].items if "urls" in parts else ()
    ping = _secret("ping", parts["ping"]) if "ping" in parts else None
    return Alerts(tuple(_secret("urls", url) for url in urls), ping)


def _secret(name: str, entry: Located) -> Elsewhere:
    return secret_value(f"hermes_alerts.{name}", entry)
