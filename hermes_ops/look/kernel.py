"""What a kernel lets a host have: `kernel.sh` told what services get, and `df` what disks have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.wire import Record, Reply


def kernel(single: Mapping[str, Record], reply: Reply) -> dict[str, Any]:
    """Return the fields of `Facts`; `single` has the last record of each word."""
    free, _, place = single["free"].rest.partition(" ") if "free" in single else ("", "", "")
    return {
        "free_kib": int(free) if free else None,
        "free_at": place,
        "traits": tuple(record.rest for record in reply.of("trait")),
        "noexec": single["noexec"].rest if "noexec" in single else "",
        "user_namespaces": "namespaceless" not in single,
        "controllers": _words(reply, "controllers"),
        "system_controllers": _words(reply, "system_controllers"),
    }


def _words(reply: Reply, name: str) -> frozenset[str] | None:
    return next((frozenset(record.rest.split()) for record in reply.of(name)), None)
