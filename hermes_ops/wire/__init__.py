"""The conversation with a host: one script is sent, its answer comes back as records.

script    the text that is sent, with a guard that it arrived complete
reader    parses the answer: only lines that begin with this run's nonce count
"""

from hermes_ops.wire.reader import OnRecord, Reader, Record, Reply, last_words
from hermes_ops.wire.script import Hidden, Script, as_root, assemble, libraries_end, library

__all__ = [
    "Hidden",
    "OnRecord",
    "Reader",
    "Record",
    "Reply",
    "Script",
    "as_root",
    "assemble",
    "last_words",
    "libraries_end",
    "library",
]
