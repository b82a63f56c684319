"""The lab without Invoke: python -m hermes_ops.lab up --linux 3"""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from hermes_ops import lab
from hermes_ops.errors import HermesError


def main() -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args()
    try:
        return _do(options)
    except HermesError as error:
        hint = f"\nhint:  {error.hint}" if error.hint else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return error.exit_code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m hermes_ops.lab", description=lab.__doc__)
    parser.add_argument("--root", type=Path, default=Path(".lab"), help="the lab's folder")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    for kind in lab.KINDS:
        up.add_argument(f"--{kind}", type=int, default=0, metavar="N", dest=kind)
    for verb in ("down", "ps", "install"):
        verbs.add_parser(verb)
    for verb in ("reboot", "cut", "heal", "ssh"):
        verbs.add_parser(verb).add_argument("name")
    return parser


def _do(options: Namespace) -> int:
    root = options.root
    match options.verb:
        case "up":
            lab.up(root, {kind: getattr(options, kind) for kind in lab.KINDS}, print)
        case "down":
            lab.down(root, print)
        case "install":
            lab.install_packages(print)
        case "reboot":
            lab.reboot(root, options.name)
        case "cut":
            lab.cut(root, options.name)
        case "heal":
            lab.heal(root, options.name)
        case "ssh":
            return subprocess.run(lab.ssh_command(root, options.name), check=False).returncode
    for host in lab.hosts(root):
        print(f"{host.name:<20} {host.kind:<16} {host.address:<16} {host.state:<8} {host.pid}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
