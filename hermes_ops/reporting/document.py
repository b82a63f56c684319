"""The JSON document of `fleet.up` and of every other task that converges."""

from __future__ import annotations

from typing import Any


def document(converged: Any, code: int) -> dict[str, Any]:
    """Return the document of `fleet.up --json` and every converging task."""
    results = converged.results
    counts = {
        word: sum(result.outcome == word for result in results)
        for word in ("changed", "ok", "failed", "unreachable", "unknown", "skipped")
    }
    changes = [_host_changes(result) for result in results]
    worth = ("done", "planned")
    return {
        "schema": 1,
        "run": converged.run,
        "task": converged.task,
        "check": converged.options.check,
        "exit": code,
        "error": None,
        "totals": {
            "hosts": len(results),
            **counts,
            "changes": sum(c["outcome"] in worth for host in changes for c in host),
        },
        "exchanges": {result.host.name: result.exchanges for result in results},
        "seconds": round(converged.seconds, 2),
        "hosts": [
            {
                "host": result.host.name,
                "outcome": result.outcome,
                "error": result.error.document() if result.error else None,
                "notes": [
                    *(result.plan.notes if result.plan else ()),
                    *map(str, result.differences),
                ],
                "findings": [finding.document() for finding in result.findings],
                "changes": host,
            }
            for result, host in zip(results, changes, strict=True)
        ],
        "restarts": [
            {"host": result.host.name, "profile": name, "platforms": sorted(platforms)}
            for result in results
            for name, platforms in (result.plan.restarts if result.plan else {}).items()
        ],
        "verify": converged.verify,
    }


def _host_changes(result: Any) -> list[dict[str, Any]]:
    return [
        {
            "step": done.change.step,
            "profile": done.change.profile,
            "resource": done.change.resource,
            "action": done.change.action,
            "reason": done.change.reason,
            "outcome": "skipped" if done.outcome in ("moved", "unknown") else done.outcome,
            "because": done.because or {"moved": "it changed since the look"}.get(done.outcome),
            "kept": f"~/{done.change.kept}" if done.change.kept else None,
            "seconds": round(done.seconds, 3),
        }
        for done in result.changes
    ]
