"""`fleet.gc`: what upgrades leave on the disks of hosts, and nothing needs any more."""
