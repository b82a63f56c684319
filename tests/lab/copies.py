"""Versions of Hermes that were installed by us, made of the one that is in the image."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from kit import Box

from hermes_ops import lab

FOLDER = ".local/share/hermes-ops/hermes"
_FIRST = """
mkdir -p {folder}/{version} && cd {folder} && cp -a /opt/hermes/venv {version}/venv
grep -lsI /opt/hermes/venv {version}/venv/bin/* |
  xargs sed -i "s|/opt/hermes/venv|{folder}/current/venv|"
ln -sfn {version} current
"""
_NEXT = "cd {folder} && mkdir {version} && cp -al {first}/venv {version}/venv\n"
_NAMED = """
cd {folder}/{version}/venv/lib/python3*/site-packages
mv hermes_agent-*.dist-info hermes_agent-{version}.dist-info
sed -i 's/^Version: .*/Version: {version}/' hermes_agent-{version}.dist-info/METADATA
echo '{{"version": "{version}", "extras": ["sms"]}}' >{folder}/{version}/hermes-ops.json
"""
_THEIRS = "chown -R hermes: {home}/.local\n"


def installed(box: Box, first: str, *others: str) -> None:
    """Lay out these versions, all of the same code; the first one is in use."""
    folder = f"{box.home}/{FOLDER}"
    script = (_FIRST + _NAMED).format(folder=folder, version=first)
    for version in others:
        script += (_NEXT + _NAMED).format(folder=folder, version=version, first=first)
    box.sh(script + _THEIRS.format(home=box.home))


def really(box: Box, version: str) -> None:
    """Lay out this version with its own code, and use it; what it needs is what the copy has."""
    installed(box, "0.0.0")  # pip replaces what has another number
    with tempfile.TemporaryDirectory() as folder:
        words = ["download", "--quiet", "--no-deps", "--dest", folder, f"hermes-agent=={version}"]
        pip = next((Path(__file__).parents[2] / "vendor").glob("pip-*.whl")) / "pip"
        subprocess.run([sys.executable, str(pip), *words], check=True)
        (wheel,) = Path(folder).iterdir()
        with wheel.open("rb") as content:
            copy = [*lab.ssh_command(box.root, box.name), f"cat >{wheel.name}"]
            subprocess.run(copy, stdin=content, check=True)
    python = f"$HOME/{FOLDER}/current/venv/bin/python"
    box.user(
        f"cd {FOLDER} && mv 0.0.0 {version} && ln -sfn {version} current\n"
        f"sed -i s/0.0.0/{version}/ {version}/hermes-ops.json && cd\n"
        f"{python} -m pip install --quiet --no-deps --no-index {wheel.name}\n"
        f"rm -rf {FOLDER}/current/venv/lib/python3*/site-packages/hermes_agent-0.0.0.dist-info"
    )


def code(box: Box, version: str) -> str:
    """Return the file that a gateway of this version begins with; the copy is its own."""
    path = box.user(f"ls {FOLDER}/{version}/venv/lib/python3*/site-packages/gateway/run.py")
    box.user(f"cp -p {path} {path}.own && mv {path}.own {path}")
    return path
