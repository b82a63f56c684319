"""Throwaway real hosts on this machine: systemd, SSH, users and Hermes, in seconds.

A lab is a folder. Its hosts are systemd-nspawn processes over one cached image,
on their own network; they outlive the program that starts them.
"""

from hermes_ops.lab.image import KINDS
from hermes_ops.lab.inside import exec, mount_small_home
from hermes_ops.lab.needs import install_packages, missing_packages, why_not
from hermes_ops.lab.operations import (
    LabHost,
    cut,
    down,
    heal,
    hosts,
    reboot,
    ssh_command,
    up,
)

__all__ = [
    "KINDS",
    "LabHost",
    "cut",
    "down",
    "exec",
    "heal",
    "hosts",
    "install_packages",
    "missing_packages",
    "mount_small_home",
    "reboot",
    "ssh_command",
    "up",
    "why_not",
]
