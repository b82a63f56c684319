"""Python on a simulated Mac believes that it runs on one: sys.platform, os.uname, psutil.

pip is left out: it would fetch programs for a processor and a kernel that are not here.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from types import ModuleType

_PLATFORM = "darwin"


class _Psutil(MetaPathFinder):
    """psutil chooses its implementation by sys.platform: let it choose the one that works here."""

    def find_spec(self, name, path, _target=None):  # type: ignore[no-untyped-def]
        """Import psutil as on Linux, with the kernel's files where they are."""
        if name != "psutil":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec and spec.loader:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: _as_on_linux(execute, module)  # type: ignore
        return spec


def _as_on_linux(execute, module):  # type: ignore[no-untyped-def]
    sys.platform = "linux"
    try:
        execute(module)
    finally:
        sys.platform = _PLATFORM
    module.PROCFS_PATH = "/opt/mac/kernel"


def _uname() -> "os.uname_result":
    with open("/run/product") as file:
        release = file.read().split()[2]
    said = f"Darwin Kernel Version {release}: simulated; root:xnu/RELEASE_ARM64"
    real = _real_uname()
    return type(real)(("Darwin", real.nodename, release, said, "arm64"))


def _is_pip() -> bool:
    words = sys.orig_argv[1:4]
    return any(
        word.rpartition("/")[2] in ("pip", "pip3", "uv", "ensurepip", "venv") for word in words
    )


if not _is_pip():
    _real_uname = os.uname
    os.uname = _uname
    sys.platform = _PLATFORM
    sys.meta_path.insert(0, _Psutil())
    _proxies = ModuleType("_scproxy")
    _proxies._get_proxy_settings = lambda: {}  # type: ignore[attr-defined]
    _proxies._get_proxies = lambda: {}  # type: ignore[attr-defined]
    sys.modules["_scproxy"] = _proxies
