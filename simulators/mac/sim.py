#!/usr/bin/python3 -IS
"""Let something happen to the simulated Mac; for root of the host, not for the Mac's users.

sim knobs                     show all knobs
sim knob NAME VALUE           turn one
sim login USER                somebody logs in at the console
sim logout                    and out
sim unlock                    somebody types the password that opens the volume (FileVault)
sim reboot                    the Mac restarts
sim reset                     no jobs, nothing disabled, all knobs as at first
sim run SESSION USER CMD ...  run a command in a session: system, login (as over ssh), gui/501
"""

import os
import pwd
import sys
from typing import NoReturn

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from client import ask, show  # noqa: E402


def main() -> int:
    """Do it, and return the code to end with."""
    if not sys.argv[1:]:
        print(__doc__)
        return 64
    if sys.argv[1] == "run" and len(sys.argv) > 4:
        return run(sys.argv[2], sys.argv[3], sys.argv[4:])
    return show(ask("sim", sys.argv[1:]))


def run(session: str, name: str, words: list[str]) -> NoReturn:
    """Become a user in a session, and a command of theirs."""
    answer = ask("sim", ["session", session])
    if answer[0]:
        sys.exit(show(answer))
    user = pwd.getpwnam(name)
    here = {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": user.pw_dir,
        "USER": name,
        "LOGNAME": name,
        "SHELL": user.pw_shell,
        "TMPDIR": f"/var/folders/{user.pw_uid}/T/",
    }
    enter = ["nsenter", f"--mount={answer[1].decode().strip()}"]
    as_user = ["/opt/mac/gnu/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
    into = ["/opt/mac/gnu/bin/env", "-C", user.pw_dir]
    os.execvpe(enter[0], [*enter, *as_user, "--init-groups", *into, *words], here)


sys.exit(main())
