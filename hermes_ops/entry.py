"""The entry point of the command: it loads the program, which takes a moment, and runs it."""

from __future__ import annotations


def main() -> None:
    """Run the program; Ctrl-C while it is loaded ends it without a word of Python's."""
    try:
        import signal  # here: this, too, takes a moment

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the program sets its own
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    from hermes_ops.tasks.program import main as run

    run()
