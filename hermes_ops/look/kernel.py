"""What `kernel.sh` told: what kind of system a host is, and what its kernel lets services have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.wire import Record, Reply


def kernel(single: Mapping[str, Record], reply: Reply) -> dict[str, Any]:
    """Return the fields of `Facts`; `single` has the last record of each word."""
    return {
        "traits": tuple(record.rest for record in reply.of("trait")),
        "noexec": single["noexec"].rest if "noexec" in single else "",
        "user_namespaces": "namespaceless" not in single,
        "controllers": next((frozenset(r.rest.split()) for r in reply.of("controllers")), None),
    }
