"""The namespace, and nothing else: `./inv --list` shows what it has."""

from hermes_ops.tasks import namespace

ns = namespace()
