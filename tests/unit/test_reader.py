"""What comes from a host, in whatever pieces, is the records that its script sent, and noise."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.errors import NotUnderstood
from hermes_ops.wire import Reader, Record, Reply
from hermes_ops.wire.reader import TAKEN

NONCE = "0123456789abcdef"
MANY = settings(max_examples=examples(300), deadline=None, derandomize=True)
LETTERS = st.characters(exclude_characters="\n", codec="utf-8")
LINES = st.text(LETTERS, max_size=12)
NOISE = st.one_of(LINES, st.sampled_from(["", NONCE, f"{NONCE[:8]} done", f"{NONCE}done"]))
"""What a login shell may say: anything but our own lines, for which it would need the nonce."""
RAW = st.one_of(NOISE, st.sampled_from([f"{NONCE}end", f" {NONCE} end", f"x{NONCE} user 0 root"]))
"""What a file may hold, line by line: it is kept to the letter."""
WORDS = st.sampled_from(["user", "home", "change", "x"])
RECORDS = st.builds(Record, WORDS, LINES)
BLOCKS = st.builds(Record, WORDS, LINES, st.lists(RAW, min_size=1, max_size=4).map("\n".join))
Parts = Sequence[str | Record]


def sent(part: str | Record) -> str:
    """Return a part as the shell on a host sends it; a text stands there as it is."""
    if isinstance(part, str):
        return part
    if part.text is None:
        return f"{NONCE} {part.word} {part.rest}\n"
    return f"{NONCE} begin {part.word} {part.rest}\n{part.text}\n{NONCE} end\n"


def read(data: bytes, sizes: Sequence[int] = ()) -> Reply:
    """Return what is read of these bytes in pieces of these sizes, the rest at once."""
    told: list[Record] = []
    reader = Reader(NONCE, told.append)
    for size in sizes:
        reader.feed(data[:size])
        data = data[size:]
    reader.feed(data)
    reply = reader.reply()
    assert tuple(told) == reply.records, "each record is told when it has come"
    return reply


@pytest.mark.slow
@MANY
@given(st.lists(st.one_of(RECORDS, BLOCKS, NOISE, NOISE.map("{}\n".format)), max_size=8))
def test_records_are_found_wherever_they_begin(parts: Parts) -> None:
    """Between records a host may say anything, with and without a line end: none is lost."""
    text = "".join(map(sent, parts)) + f"{NONCE} done\n"
    reply = read(text.encode())
    assert reply.records == tuple(part for part in parts if isinstance(part, Record))
    assert reply.complete


@pytest.mark.slow
@MANY
@given(st.binary(max_size=60), st.lists(RECORDS | BLOCKS | NOISE, max_size=6), st.data())
def test_any_pieces_are_the_same_answer(odd: bytes, parts: Parts, data: st.DataObject) -> None:
    """How the network cuts the bytes changes nothing: no record, no noise, no end."""
    middle = data.draw(st.integers(0, len(parts)))
    text = ["".join(map(sent, some)).encode() for some in (parts[:middle], parts[middle:])]
    whole = odd.join(text) + f"{NONCE} done\n".encode()
    sizes = data.draw(st.lists(st.integers(0, 9), max_size=40))
    assert read(whole, sizes) == read(whole) == read(whole, [1] * len(whole))


@pytest.mark.parametrize("banner", ["Welcome to box! ", "\x1b[31m", "user 0 root ", "ä\r"])
def test_a_banner_without_a_line_end(banner: str) -> None:
    """What a login shell says in front of our first line is noise, and the line counts."""
    reply = read(f"{banner}{NONCE} user 1000 hermes\n{NONCE} done\n".encode())
    assert reply == Reply((Record("user", "1000 hermes"),), complete=True, noise=banner)


def test_an_end_in_the_middle_of_a_line_ends_nothing() -> None:
    """Raw text that looks like an end of ours is text: only a line of its own ends it."""
    text = f"A=1 {NONCE} end\n{NONCE}end\n {NONCE} done"
    reply = read(f"{NONCE} begin env .env\n{text}\n{NONCE} end\n".encode())
    assert reply == Reply((Record("env", ".env", text),), complete=False)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"x" * 65536, b"x\n" * 32768, f"{NONCE} a\n".encode() * 3449])
def test_an_answer_has_a_cap(piece: bytes) -> None:
    """What never ends is refused at 16 MiB, in the time that reading so much takes."""
    reader, began = Reader(NONCE), time.monotonic()
    with pytest.raises(NotUnderstood, match="larger than 16 MiB"):
        for _ in range(300):
            reader.feed(piece)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_what_is_taken_is_neither_kept_nor_counted() -> None:
    """An answer in parts may be larger than the cap, if whoever hears them passes them on."""
    heard = []

    def take(record: Record) -> object:
        heard.append(len(record.text or ""))
        return TAKEN if record.word == "part" else None

    reader, text = Reader(NONCE, take), "x" * (1 << 20)
    for _ in range(40):
        reader.feed(sent(Record("part", "", text)).encode())
    reader.feed(sent(Record("last")).encode())
    assert heard == [1 << 20] * 40 + [0]
    assert reader.records == [Record("last")]
    refusing = Reader(NONCE)
    with pytest.raises(NotUnderstood, match="larger than 16 MiB"):
        for _ in range(40):
            refusing.feed(sent(Record("part", "", text)).encode())


@pytest.mark.slow
def test_a_file_that_is_too_large_is_named() -> None:
    """The sentence is about the file, not about the login shell; nothing more of it is kept."""
    reader = Reader(NONCE)
    reader.feed(f"{NONCE} begin config .hermes/config.yaml\n".encode())
    with pytest.raises(NotUnderstood) as caught:
        for _ in range(300):
            reader.feed(b"x" * 65535 + b"\n")
    assert caught.value.message == (
        "the answer is larger than 16 MiB: most of it is .hermes/config.yaml"
    )
    assert caught.value.hint == "look at it on the host: ls -l .hermes/config.yaml"
    assert not reader.records


def test_a_long_line_in_small_pieces_is_read_once() -> None:
    """The time is linear in the size of the answer, wherever its line ends are."""
    reader, began = Reader(NONCE), time.monotonic()
    for _ in range(8000):
        reader.feed(b"x" * 1000)
    assert time.monotonic() - began < 10
    assert not reader.heard


def test_what_was_said_beside_the_answer_is_printable() -> None:
    """It is shown in messages: it must not steer a terminal."""
    reader = Reader(NONCE)
    reader.feed(b"one\n\x1b[31mtwo\r\n   \n")
    assert reader.said == "?[31mtwo"
