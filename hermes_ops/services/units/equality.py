"""Whether two units say the same, as Hermes compares them."""

from __future__ import annotations

from hermes_ops.files.layout import WRAPPER


def is_equal(found: str, wanted: str) -> bool:
    """Return whether a unit is the wanted one, but for further folders in its PATH."""
    return _normal(found) == _normal(wanted) or _without_path(found, wanted)


def _normal(text: str) -> list[str]:
    """Return the lines that Hermes compares: `gateway.py:_normalize_service_definition` 0.19.0."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return [line for line in lines if not line.startswith(("RestartSteps=", "RestartMaxDelaySec="))]


_PATH = 'Environment="PATH='
_OF_WRAPPER = f"/{WRAPPER.parent}"


def _without_path(found: str, wanted: str) -> bool:
    there, ours = _normal(found), _normal(wanted)
    if [line for line in there if not line.startswith(_PATH)] != [
        line for line in ours if not line.startswith(_PATH)
    ]:
        return False
    found_folders = _path_folders(there)
    needed = [f for f in _path_folders(ours) if f in found_folders or not f.endswith(_OF_WRAPPER)]
    return _is_subsequence(needed, found_folders)


def _path_folders(lines: list[str]) -> list[str]:
    return [
        folder
        for line in lines
        if line.startswith(_PATH)
        for folder in line.removeprefix(_PATH).rstrip('"').split(":")
    ]


def _is_subsequence(part: list[str], whole: list[str]) -> bool:
    remaining = iter(whole)
    return all(folder in remaining for folder in part)
