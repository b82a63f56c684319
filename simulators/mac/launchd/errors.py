"""The codes that `launchctl` ends with, and their texts."""

from __future__ import annotations

TEXTS = {
    1: "Operation not permitted",
    2: "No such file or directory",
    3: "No such process",
    5: "Input/output error",
    9: "Bad file descriptor",
    13: "Permission denied",
    17: "File exists",
    22: "Invalid argument",
    36: "Operation now in progress",
    37: "Operation already in progress",
    78: "Function not implemented",
    107: "Malformed bundle",
    108: "Invalid path",
    109: "Invalid property list",
    110: "Invalid or missing service identifier",
    111: "Invalid or missing Program/ProgramArguments",
    112: "Could not find specified domain",
    113: "Could not find specified service",
    114: "The specified username does not exist",
    115: "The specified group does not exist",
    119: "Service is disabled",
    122: "Path had bad ownership/permissions",
    124: "Domain is tearing down",
    125: "Domain does not support specified action",
    133: "Multiple errors were returned; see stderr",
    134: "Service cannot load in requested session",
    135: "Process is not managed",
    140: "Service name is reserved or invalid",
    141: "Reentrancy avoided",
    150: "Operation not permitted while System Integrity Protection is engaged",
    155: "Refusing to execute/trust quarantined program/file",
    159: "Sandbox restriction",
    161: "Service cannot be launched because of BTM policy",
}
SYSEXITS = {
    64: "EX_USAGE",
    65: "EX_DATAERR",
    66: "EX_NOINPUT",
    67: "EX_NOUSER",
    68: "EX_NOHOST",
    69: "EX_UNAVAILABLE",
    70: "EX_SOFTWARE",
    71: "EX_OSERR",
    72: "EX_OSFILE",
    73: "EX_CANTCREAT",
    74: "EX_IOERR",
    75: "EX_TEMPFAIL",
    76: "EX_PROTOCOL",
    77: "EX_NOPERM",
    78: "EX_CONFIG",
}
# Darwin's numbers differ from Linux's in places: jobs are reported with Darwin's.
SIGNALS = {
    1: "Hangup",
    2: "Interrupt",
    3: "Quit",
    4: "Illegal instruction",
    5: "Trace/BPT trap",
    6: "Abort trap",
    8: "Floating point exception",
    9: "Killed",
    10: "Bus error",
    11: "Segmentation fault",
    12: "Bad system call",
    13: "Broken pipe",
    14: "Alarm clock",
    15: "Terminated",
    30: "User defined signal 1",
    31: "User defined signal 2",
}
DARWIN = {7: 10, 10: 30, 12: 31, 31: 12, 17: 20, 18: 19, 19: 17, 20: 18, 23: 16}
LINUX = {darwin: linux for linux, darwin in DARWIN.items()}


class Refused(Exception):
    """launchd does not do it; `code` says why, `about` is what stands before the text for root."""

    def __init__(self, code: int, about: str = "") -> None:
        super().__init__(code, about)
        self.code = code
        self.about = about


def text(code: int) -> str:
    """Return the text of a code."""
    return TEXTS.get(code, "Unknown error")


def exit_text(code: int) -> str:
    """Return an exit code of a job as `print` shows it."""
    return f"{code}: {SYSEXITS[code]}" if code in SYSEXITS else str(code)


def signal_text(number: int) -> str:
    """Return a signal, numbered as by Darwin, as `print` shows it."""
    return f"{SIGNALS.get(number, 'Unknown signal')}: {number}"
