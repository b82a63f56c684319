"""Mount namespaces in which a process sees a Mac: its programs, and no /proc.

A session (the system's, that of logins, and one of each GUI login) has one of its own, and whoever
calls is recognised by it: children have it from their parents, and nobody can leave it.
"""

from __future__ import annotations

import ctypes
import os
import py_compile
import re
import traceback
from pathlib import Path

HERE = Path("/opt/mac")
KERNEL = HERE / "kernel"
"""Where the stand-ins of `ps` and its like read what the kernel says."""
SESSIONS = Path("/run/sessions")
PLACES = {
    **{name: f"/{name}" for name in ("usr", "opt", "dev", "run", "root")},
    **{name: f"/{name}" for name in ("Users", "Library", "System")},
    **{f"private/{name}": f"/{name}" for name in ("etc", "var", "tmp")},
}
LINKS = {
    **{name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib64")},
    **{name: f"private/{name}" for name in ("etc", "var", "tmp")},
}
_NEWNS = 0x20000
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 1 << 18
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def prepare() -> None:
    """Lay out what the views consist of: the programs of a Mac, and GNU's own aside."""
    for name, folder in (("bin", "/usr/bin"), ("sbin", "/usr/sbin")):
        (HERE / "gnu" / name).mkdir(parents=True, exist_ok=True)
        _mount(folder, str(HERE / "gnu" / name), flags=_BIND)
        _fill(name)
    for source in PLACES.values():
        Path(source).mkdir(exist_ok=True)
    for module in HERE.glob("*.py"):  # what stand-ins import
        py_compile.compile(str(module))
    KERNEL.mkdir(exist_ok=True)
    _mount("/proc", str(KERNEL), flags=_BIND | _REC)
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        Path("/dev", name).unlink(missing_ok=True)
        Path("/dev", name).symlink_to(f"{KERNEL}/self/fd{target}")


def _fill(folder: str) -> None:
    """Make a folder of links: to the stand-ins, and to what a Mac has as Linux does."""
    for name in (HERE / "userland" / f"{folder}.txt").read_text().split():
        _link("real", name, _aside(Path("/usr", folder, name)))
        _link(f"view/{folder}", name, _aside(Path("/usr", folder, name)))
    for name, program in _stand_ins(folder).items():
        _link(f"view/{folder}", name, program)


def _link(folder: str, name: str, program: Path) -> None:
    """Link a name in a folder of ours to a program, if there is one."""
    link = HERE / folder / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    if program.exists():
        link.symlink_to(program)


def _aside(program: Path) -> Path:
    """Return where a view sees a program of Linux: GNU's are aside, links are followed here."""
    real = program.resolve()
    there = real.is_relative_to("/usr/bin") or real.is_relative_to("/usr/sbin")
    return HERE / "gnu" / real.relative_to("/usr") if there else real


def _stand_ins(folder: str) -> dict[str, Path]:
    """Return what stands in for programs: those with GNU's options checked, and our own."""
    checked = re.findall(r"\[(\w+)\]=", (HERE / "userland" / "options.sh").read_text())
    there = [name for name in checked if (HERE / "view" / folder / name).exists()]
    own = {program.stem: program for program in (HERE / folder).iterdir()}
    return dict.fromkeys(there, HERE / "userland" / "run.sh") | own


def session(name: str) -> int:
    """Return the descriptor of a new mount namespace with the view of a Mac.

    /run/sessions/NAME leads to it, for who wants to enter it from outside.
    """
    ready, made = os.pipe()
    held, leave = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(leave)
            _show()
            os.write(made, b".")
            os.read(held, 1)
        except OSError:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(made)
    os.close(held)
    if os.read(ready, 1) != b".":
        raise OSError("the view of a Mac could not be mounted")
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    os.close(leave)
    os.close(ready)
    os.waitpid(pid, 0)
    link = SESSIONS / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/proc/1/fd/{namespace}")
    return namespace


def forget(name: str, namespace: int) -> None:
    """Give a session back; who is in it keeps it."""
    (SESSIONS / name).unlink()
    os.close(namespace)


def enter(namespace: int) -> None:
    """Go to another mount namespace."""
    _check(_libc.setns(namespace, _NEWNS))


def number(path: str | int) -> int:
    """Return the number of a namespace, given as a path or a descriptor."""
    return os.stat(path).st_ino


def _show() -> None:
    _check(_libc.unshare(_NEWNS))
    _mount("none", "/", flags=_REC | _PRIVATE)
    for folder in ("bin", "sbin"):
        _mount(str(HERE / "view" / folder), f"/usr/{folder}", flags=_BIND)
    custom = Path("/usr/lib/python3.11/sitecustomize.py").resolve()
    _mount(str(HERE / "sitecustomize.py"), str(custom), flags=_BIND)
    _lay_out(Path("/mnt"))
    os.chdir("/mnt")
    # What was the root is now below the new one, and goes.
    _check(_libc.syscall(_PIVOT_ROOT, b".", b"."))
    _check(_libc.umount2(b".", _DETACH))


def _lay_out(root: Path) -> None:
    """Mount the folders of a Mac below a new root: neither /proc nor /home is among them."""
    _mount("none", str(root), "tmpfs")
    for name, source in PLACES.items():
        (root / name).mkdir(parents=True)
        _mount(source, str(root / name), flags=_BIND | _REC)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    (root / "Volumes").mkdir()


def _mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    done = _libc.mount(source.encode(), target.encode(), kind.encode(), flags, None)
    _check(done, f"{source} on {target}")


def _check(result: int, about: str = "") -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: {about}")
