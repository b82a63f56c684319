"""Ask process 1 of the simulated Mac, and print what it answers.

Only what Python has built in is imported: `launchctl` is called often, and starts in no time.
Asked are words with a NUL behind each; the answer is a line with the code and the length of what
follows on each output, and in front of that the words to run instead, with a NUL behind each.
"""

import _socket
import posix
import sys


def ask(program: str, words: list[str]) -> tuple[int, bytes, bytes, list[bytes]]:
    """Return the answer: the code, both outputs, and perhaps words to run instead."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.connect("/run/launchd.sock")
    terminal = "terminal" if posix.isatty(1) else ""
    asked = [program, posix.getcwd(), terminal, *words]
    connection.sendall("".join(f"{word}\0" for word in asked).encode(errors="surrogateescape"))
    connection.shutdown(_socket.SHUT_WR)
    got = b""
    while part := connection.recv(65536):
        got += part
    line, _, rest = got.partition(b"\n")
    code, out, err = map(int, line.split())
    run = rest[: -(out + err)] if out + err else rest
    both = rest[len(run) :]
    return code, both[:out], both[out:], run.split(b"\0")[:-1]


def main(program: str, words: list[str]) -> int:
    """Ask, print the answer, and return the code to end with."""
    code, out, err, run = ask(program, words)
    sys.stdout.buffer.write(out)
    sys.stdout.flush()
    sys.stderr.buffer.write(err)
    sys.stderr.flush()
    if run:
        import os

        os.execvp(run[0], run)
    if code < 0:
        posix.abort()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
