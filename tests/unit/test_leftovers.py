"""What a crash leaves in a home, and that a repair moves it aside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from case_file import read_case

from hermes_ops.hermes.crash.leftovers import active_profile, leftovers, why_restart
from hermes_ops.look.facts import Facts, PathState

CASES = read_case(Path(__file__).parents[1] / "cases" / "leftovers.yml")
HOME = PurePosixPath(".hermes/profiles/demo")
NOW, UID = 1_700_000_000.0, 1000


def facts(files: Mapping[str, str], case: Mapping[str, Any]) -> Facts:
    """Return what a look found of these files in the home."""
    owners, kinds = case.get("owners", {}), case.get("kinds", {})
    paths = {
        str(HOME / name): PathState(kinds.get(name, "file"), 0o600, owners.get(name, UID), 1)
        for name in files
    }
    garbled = frozenset(str(HOME / name) for name in case.get("garbled", ()))
    contents = {str(HOME / name): text for name, text in files.items()}
    return Facts(
        "ann",
        UID,
        "/home/ann",
        "/home/ann",
        now=NOW,
        paths=paths,
        contents=contents,
        garbled=garbled,
    )


def written(case: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a case."""
    files = dict(case.get("files", {}))
    if "starts" in case:
        files["gateway-starts.log"] = "".join(f"{NOW - ago}\n" for ago in case["starts"])
    if "loop" in case:
        boots = {"boots": [NOW - ago for ago in case["loop"]]}
        files["gateway/restart_loop.json"] = json.dumps(boots)
    if "takeover" in case:
        at = datetime.fromtimestamp(NOW - case["takeover"], UTC).isoformat()
        files[".gateway-takeover.json"] = json.dumps({"written_at": at})
    return files


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_is_left(case: Mapping[str, Any]) -> None:
    """Each file with its reason, and no other."""
    found = dict(leftovers(HOME, facts(written(case), case), alive=case["alive"]))
    assert {str(path.relative_to(HOME)) for path in found} == set(case["found"])
    for name, why in case["found"].items():
        assert why in found[HOME / name]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("gateway.lock", "gateway.lock is moved aside"),
        ("logs/errors.log", "logs/errors.log is moved aside"),
        ("gateway/restart_loop.json", ""),
        ("gateway-starts.log", ""),
    ],
)
def test_what_a_gateway_has_open_is_not_taken_from_it(file: str, why: str) -> None:
    """It would go on with the lock or the log that was moved away: it is restarted."""
    case = {"owners": {file: 0}}
    assert why_restart(HOME, facts({file: "", "gateway.pid": "7"}, case)) == why


@pytest.mark.parametrize(("text", "count"), [("demo\n", 1), ("default\n", 0), ("", 0)])
def test_a_sticky_profile(text: str, count: int) -> None:
    """The default one changes nothing."""
    path = ".hermes/active_profile"
    found = Facts(
        "ann", UID, "/h", "/h", paths={path: PathState("file", 0o644, UID, 5)},
        contents={path: text},
    )  # fmt: skip
    assert len(list(active_profile(found))) == count
    assert not list(active_profile(Facts("ann", UID, "/h", "/h", contents={path: text})))
