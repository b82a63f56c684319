"""The entry point of the command: it loads the program, which takes a moment, and runs it.

`./inv` runs this file as a script, in a Python that has looked for no package yet (`-S`).
"""


def main() -> None:
    """Run the program; Ctrl-C while it is loaded ends it without a word of Python's."""
    try:
        import signal  # here: this, too, takes a moment
        import sys

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the program sets its own
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    if sys.flags.no_site:
        import site

        site.main()
    from hermes_ops.tasks.program import main as run

    run()


if __name__ == "__main__":
    main()
