"""Which lines of known_hosts make a key known, and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
import pytest
from ssh_kit import keys_of

from hermes_ops.commands.hosts.trust import accept
from hermes_ops.errors import HostKeyChanged, Unreachable
from hermes_ops.transport.openssh.hostkeys import HostKeys, fingerprint
from hermes_ops.transport.openssh.known_hosts import KnownHosts, matches

KEYS = [paramiko.ECDSAKey.generate() for _ in "abc"]
KIND = KEYS[0].get_name()
OURS, OTHER, THIRD = (key.get_base64() for key in KEYS)


def known(folder: Path, *lines: str, **of: Any) -> HostKeys:
    """Return what these lines say of `box`; `OURS` and the others stand for keys."""
    text = "\n".join(lines).replace("OURS", f"{KIND} {OURS}").replace("OTHER", f"{KIND} {OTHER}")
    (folder / "known_hosts").write_text(text + "\n")
    return keys_of(folder / "absent", folder / "known_hosts", **{"host": "box", **of})


def verdicts(found: HostKeys) -> tuple[str, str]:
    """Return what is judged of the two keys."""
    return found.verdict(KEYS[0]), found.verdict(KEYS[1])


@pytest.mark.parametrize(
    "line",
    [
        "box OURS",
        "box  OURS comment",
        "box\tOURS",
        "  box OURS",
        "other,box OURS",
        "|1|rM1LMnQK5NEYl797uBUZKPTNgNE=|pHWoK2unRnoN6gNr389Ph4KSw44= OURS",
    ],
)
def test_lines_that_make_it_known(line: str, tmp_path: Path) -> None:
    """One blank, more or a tab between words, several names, and names that are hashed."""
    name = "192.168.1.61" if line.startswith("|") else "box"
    assert verdicts(known(tmp_path, line, host=name)) == ("known", "changed")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# box OURS",
        "#box OURS",
        "@cert-authority box OURS",
        "@cert-authority\tbox OURS",
        "@revoked box OURS",
        "other OURS",
        "[box]:2222 OURS",
        "box",
        f"box {KIND}",
        f"box {KIND} no-base64",
        f"box {KIND} AAAA",
        "box unknown-kind AAAA",
    ],
)
def test_lines_that_do_not(line: str, tmp_path: Path) -> None:
    """Comments, authorities, revocations, other hosts, other ports, and what is no key."""
    assert known(tmp_path, line).verdict(KEYS[0]) != "known"
    assert known(tmp_path, line).verdict(KEYS[1]) == "unknown"


def test_a_port_of_its_own(tmp_path: Path) -> None:
    """The line of a port counts there alone; that of the host makes a key known there, too."""
    lines = ("[box]:2222 OTHER", "box OURS")
    assert verdicts(known(tmp_path, *lines)) == ("known", "changed")
    assert verdicts(known(tmp_path, *lines, port=2222)) == ("changed", "known")
    assert verdicts(known(tmp_path, *lines, port=2200)) == ("known", "unknown")


def test_an_alias_is_looked_up_in_its_place(tmp_path: Path) -> None:
    """HostKeyAlias: what is known of the address itself is of no interest, nor is the port."""
    lines = ("10.0.0.1 OTHER", "alias OURS")
    found = known(tmp_path, *lines, host="10.0.0.1", port=2222, alias="alias")
    assert verdicts(found) == ("known", "changed")


@pytest.mark.parametrize(
    "line", ["@revoked * OURS", "@revoked  *  OURS", "@revoked\tbox\tOURS", "@revoked box OURS x"]
)
def test_a_revoked_key_counts_nowhere(line: str, tmp_path: Path) -> None:
    """Not in any line of any file; showing it is refused as a change, pinned or not."""
    assert verdicts(known(tmp_path, "box OURS", line)) == ("revoked", "changed")
    assert verdicts(known(tmp_path, "box OURS", line, "box OTHER")) == ("revoked", "known")
    for pinned in (None, fingerprint(KEYS[0])):
        with pytest.raises(HostKeyChanged, match="is revoked"):
            known(tmp_path, "box OURS", line, pinned=pinned).check(KEYS[0])


def test_a_revoked_line_that_is_no_key(tmp_path: Path) -> None:
    """It revokes nothing, and spoils no other line."""
    found = known(tmp_path, f"@revoked * {KIND} AAAA", "@revoked", "box OURS")
    assert verdicts(found) == ("known", "changed")


def test_bytes_of_no_text_spoil_nothing(tmp_path: Path) -> None:
    """A line that is none is passed over, and the one after it counts."""
    (tmp_path / "odd").write_bytes(f"\xff\nbox {KIND} {OURS}\n".encode("latin1"))
    assert verdicts(keys_of(tmp_path / "odd", host="box"))[0] == "known"


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    """`hosts.trust` and what follows it may be one call of the program."""
    file = tmp_path / "known_hosts"
    file.write_text("# nothing yet\n")
    assert verdicts(keys_of(file, host="box"))[0] == "unknown"
    accept(file, "box", f"box {KIND} {OURS}")
    assert verdicts(keys_of(file, host="box"))[0] == "known"
    assert KnownHosts.read([file]) is KnownHosts.read([file])


def test_many_stars_are_judged_at_once() -> None:
    """A pattern made to take long takes no longer than another."""
    assert not matches("a" * 250, ",".join(["*a" * 200 + "b"] * 20))


def test_a_fingerprint_is_the_one_that_ssh_prints() -> None:
    """SHA-256 in base64, without its padding."""
    key = paramiko.PKey.from_type_string("ssh-ed25519", _bytes(
        "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"))  # fmt: skip
    assert fingerprint(key) == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def _bytes(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)


def test_an_unknown_key_is_told_for_its_host(tmp_path: Path) -> None:
    """Kind, fingerprint, and the command for exactly that host of the inventory."""
    with pytest.raises(Unreachable, match=rf"the key of box is not known: {KIND} SHA256:") as no:
        known(tmp_path, inventory_name="mini-4").check(KEYS[0])
    assert (no.value.kind, no.value.hint.split()[-1]) == ("host_key_unknown", "mini-4")


# --- accepting ----------------------------------------------------------------------------------

LINE = f"box {KIND} {OURS}"
OTHERS = [
    "# mine",
    "",
    f"boxes {KIND} {OTHER} # a comment",
    f"[box]:2222 {KIND} {OTHER}",
    f"@revoked * {KIND} {THIRD}",
    "|1|rM1LMnQK5NEYl797uBUZKPTNgNE=|pHWoK2unRnoN6gNr389Ph4KSw44= x y",
]


def test_accepting_keeps_every_other_line(tmp_path: Path) -> None:
    """Only lines of this very name go; comments and blank lines stay where they are."""
    file = tmp_path / "known_hosts"
    file.write_text("\n".join([*OTHERS[:2], f"box {KIND} {OTHER}", *OTHERS[2:]]) + "\n")
    accept(file, "box", LINE)
    assert file.read_text().splitlines() == [*OTHERS, LINE]
    assert list(tmp_path.iterdir()) == [file]


def test_accepting_makes_the_file(tmp_path: Path) -> None:
    """And the folder that it is in."""
    accept(tmp_path / "new/known_hosts", "box", LINE)
    assert (tmp_path / "new/known_hosts").read_text() == f"{LINE}\n"


def test_a_hashed_line_gives_way(tmp_path: Path) -> None:
    """It is about this very host, too."""
    file = tmp_path / "known_hosts"
    hashed = "|1|rM1LMnQK5NEYl797uBUZKPTNgNE=|pHWoK2unRnoN6gNr389Ph4KSw44="
    file.write_text(f"{hashed} {KIND} {OTHER}\n")
    accept(file, "192.168.1.61", f"192.168.1.61 {KIND} {OURS}")
    assert file.read_text() == f"192.168.1.61 {KIND} {OURS}\n"


def test_a_line_of_several_names_gives_way(tmp_path: Path) -> None:
    """It would make the old key known again."""
    file = tmp_path / "known_hosts"
    file.write_text(f"alias,box {KIND} {OTHER}\n")
    accept(file, "box", LINE)
    assert f"box {KIND} {OTHER}" not in file.read_text()
    assert LINE in file.read_text()
