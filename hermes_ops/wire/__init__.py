"""The conversation with a host: one script goes there, its answer comes back as records.

script    the text that is sent, and its guard against being cut
reader    the answer, read by lines that only this run can have asked for
"""

from hermes_ops.wire.reader import OnRecord, Reader, Record, Reply
from hermes_ops.wire.script import Script, assemble, libraries_end, library

__all__ = [
    "OnRecord",
    "Reader",
    "Record",
    "Reply",
    "Script",
    "assemble",
    "libraries_end",
    "library",
]
