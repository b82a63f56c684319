"""SSH as `ssh` does it: its settings, its way over jump hosts, its keys, its known_hosts.

ask          what `ssh -G` tells of a host, once a run; without `ssh`, `parser` reads the files
route        the jump hosts in front of a host, each with its own settings
known_hosts  what lines of known_hosts mean; `hostkeys` judges the key that a host shows
login        which keys are offered, in which order
hops         opens one connection through the other; `failures` says which one failed, and why
"""
