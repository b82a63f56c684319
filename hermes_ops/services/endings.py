"""How the last process of a service ended, in words."""

from __future__ import annotations

_ENDINGS = {
    "signal": "killed by signal {}",
    "core-dump": "killed by signal {}, with a core dump",
    "oom-kill": "killed because memory ran out",
    "watchdog": "killed by the watchdog: it sent no sign of life",
    "timeout": "it did not start or stop in time",
}
_CODES = {200: "its folder is missing", 203: "its program cannot be run"}


def ending(code: int | None, word: str) -> str:
    """Return the words for an exit code and a manager's word; some managers report neither.

    `word` is that of `systemd.exec(5)`: with a word and the code 0, a command before the process
    has failed. A manager's own sentence is taken as it is.
    """
    if " " in word:
        return word
    if code == 0 and word and word not in _ENDINGS:
        return f"its start failed ({word})"
    failed = "failed" if code is None else "failed with exit code {}"
    return _ENDINGS.get(word, failed).format("?" if code is None else code)


def explained(code: int | None, word: str, reason: str) -> str:
    """Return these words with the reason, if one is known."""
    why = reason or _CODES.get(code or 0, "")
    return f"{ending(code, word)}: {why}" if why else ending(code, word)
