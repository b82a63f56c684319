#!/opt/mac/gnu/bin/python3 -IS
"""`pmset` of a Mac: -g, -g assertions|batt|custom, sleepnow, and -a|-c|-b|-u NAME VALUE …"""

from __future__ import annotations

import json
import os
import sys
import time

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from power import FIRST, KNOBS, SETTINGS, TYPES, held, settings  # noqa: E402
from processes import refuse  # noqa: E402

ROOT = "'pmset' must be run as root..."
USAGE = "Usage:  pmset <options>"
SHOWN = (
    "BackgroundTask",
    "ApplePushServiceTask",
    "UserIsActive",
    "PreventUserIdleDisplaySleep",
    "PreventSystemSleep",
    "ExternalMedia",
    "PreventUserIdleSystemSleep",
    "NetworkClientActive",
)


def main() -> int:
    """Do what is asked, and return the code to end with."""
    match sys.argv[1:]:
        case ["-g"] | ["-g", "live"]:
            return live()
        case ["-g", "custom"]:
            print("AC Power:")
            return values()
        case ["-g", "batt"]:
            return sources()
        case ["-g", "assertions"]:
            return assertions()
        case ["sleepnow"]:
            return sleep()
        case ["-a" | "-c" | "-b" | "-u", *words] if words:
            return change(words)
    return refuse("pmset")


def live() -> int:
    """Print the settings that count now."""
    print(f"System-wide power settings:\n SleepDisabled\t\t{settings()['SleepDisabled']}")
    print("Currently in use:")
    return values()


def sources() -> int:
    """Print what it draws from; a laptop has a battery."""
    print("Now drawing from 'AC Power'")
    if KNOBS.exists() and json.loads(KNOBS.read_text()).get("battery") == "yes":
        print(" -InternalBattery-0 (id=4653155)\t100%; charged; 0:00 remaining present: true")
    return 0


def values() -> int:
    """Print a line for each setting; `sleep` names who prevents it."""
    awake = [said for said in held().values() if set(str(said["letters"])) & {"i", "s"}]
    for name, value in settings().items():
        if name != "SleepDisabled":
            why = " (sleep prevented by caffeinate, powerd)" if name == "sleep" and awake else ""
            print(f" {name:<20} {value}{why}")
    return 0


def assertions() -> int:
    """Print who holds what."""
    holding = held()
    counts = [TYPES[letter] for said in holding.values() for letter in str(said["letters"])]
    print(time.strftime("%Y-%m-%d %H:%M:%S +0000 ", time.gmtime()))
    print("Assertion status system-wide:")
    for name in SHOWN:
        print(f"   {name:<30} {int(name in counts)}")
    print("Listed by owning process:")
    for pid, said in holding.items():
        for number, letter in enumerate(str(said["letters"])):
            age = int(time.time() - float(said["since"]))
            clock = f"{age // 3600:02}:{age // 60 % 60:02}:{age % 60:02}"
            key = f"0x{pid:08x}{number:08x}"
            named = '"caffeinate command-line tool"'
            print(f"   pid {pid}(caffeinate): [{key}] {clock} {TYPES[letter]} named: {named}  ")
            print(f"\tDetails: {said['details']}")
            print("\tLocalized=THE CAFFEINATE TOOL IS PREVENTING SLEEP.")
    print("No kernel assertions.")
    return 0


def sleep() -> int:
    """Sleep at once, whatever prevents it; what is simulated never sleeps."""
    if os.geteuid():
        print("Sleep error 0xe00002c1; You must run this as root.")
        return 77
    print("Sleeping now...")
    return 0


def change(words: list[str]) -> int:
    """Set some settings; without root nothing is set, and `disablesleep` alone does not tell."""
    names = {"disablesleep": "SleepDisabled"}
    pairs = list(zip(words[::2], words[1::2], strict=False))
    known = all(names.get(name, name) in FIRST and value.isdigit() for name, value in pairs)
    if len(words) % 2 or not known:
        print(USAGE)
        return 1
    if os.geteuid():
        print(ROOT)
        return int(any(name != "disablesleep" for name, _ in pairs))
    now = settings() | {names.get(name, name): int(value) for name, value in pairs}
    SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    SETTINGS.write_text(json.dumps(now))
    return 0


sys.exit(main())
