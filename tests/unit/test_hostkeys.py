"""Which lines of known_hosts make a key known, and for whom."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest

from hermes_ops.commands.hosts.trust import accept
from hermes_ops.errors import HostKeyChanged, Unreachable
from hermes_ops.transport.hostkeys import KnownHosts, RejectUnknown, fingerprint, lookup_name

KEYS = [paramiko.ECDSAKey.generate() for _ in "abc"]
KIND = KEYS[0].get_name()
OURS, OTHER, THIRD = (key.get_base64() for key in KEYS)


def known(folder: Path, *lines: str) -> KnownHosts:
    """Return what these lines say; `OURS` and the others stand for keys."""
    text = "\n".join(lines).replace("OURS", f"{KIND} {OURS}").replace("OTHER", f"{KIND} {OTHER}")
    (folder / "known_hosts").write_text(text + "\n")
    return KnownHosts.read((folder / "absent", folder / "known_hosts"))


def given(found: KnownHosts, host: str, port: int = 22, alias: str | None = None) -> list[str]:
    """Return the keys that a connection to a host would accept."""
    client = paramiko.SSHClient()
    found.give(client, host, port, alias=alias or host)
    keys = client.get_host_keys()
    assert set(keys) <= {lookup_name(host, port)}
    return [key.get_base64() for name in keys for key in keys[name].values()]


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
    assert given(known(tmp_path, line), name) == [OURS]


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
    assert given(known(tmp_path, line), "box") == []


def test_a_port_of_its_own(tmp_path: Path) -> None:
    """The line of a port counts there alone; that of the host counts for its other ports, too."""
    found = known(tmp_path, "[box]:2222 OTHER", "box OURS")
    assert given(found, "box") == [OURS]
    assert given(found, "box", 2222) == [OTHER]
    assert given(found, "box", 2200) == [OURS]


def test_an_alias_is_looked_up_in_its_place(tmp_path: Path) -> None:
    """HostKeyAlias: what is known of the address itself is of no interest."""
    found = known(tmp_path, "10.0.0.1 OTHER", "alias OURS")
    assert given(found, "10.0.0.1", alias="alias") == [OURS]


@pytest.mark.parametrize(
    "line", ["@revoked * OURS", "@revoked  *  OURS", "@revoked\tbox\tOURS", "@revoked box OURS x"]
)
def test_a_revoked_key_counts_nowhere(line: str, tmp_path: Path) -> None:
    """Not in any line of any file; showing it is refused as a change, pinned or not."""
    assert given(known(tmp_path, "box OURS", line), "box") == []
    found = known(tmp_path, "box OURS", line, "box OTHER")
    assert given(found, "box") == [OTHER]
    client = paramiko.SSHClient()
    for pinned in (None, fingerprint(KEYS[0])):
        with pytest.raises(HostKeyChanged, match="is revoked"):
            RejectUnknown(found, pinned).missing_host_key(client, "box", KEYS[0])


def test_a_revoked_line_that_is_no_key(tmp_path: Path) -> None:
    """It revokes nothing, and spoils no other line."""
    found = known(tmp_path, f"@revoked * {KIND} AAAA", "@revoked", "box OURS")
    assert (given(found, "box"), found.revoked) == ([OURS], frozenset())


def test_the_users_own_file_counts(tmp_path: Path) -> None:
    """~/.ssh/known_hosts is read beside the ones that are named; bytes of no text spoil nothing."""
    (Path.home() / ".ssh").mkdir()
    (Path.home() / ".ssh/known_hosts").write_bytes(f"\xff\nbox {KIND} {OURS}\n".encode("latin1"))
    assert given(KnownHosts.read((tmp_path / "none",)), "box") == [OURS]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    """`hosts.trust` and what follows it may be one call of the program."""
    (tmp_path / "known_hosts").write_text("# nothing yet\n")
    assert given(KnownHosts.read((tmp_path / "known_hosts",)), "box") == []
    accept(tmp_path / "known_hosts", "box", f"box {KIND} {OURS}")
    found = KnownHosts.read((tmp_path / "known_hosts",))
    assert given(found, "box") == [OURS]
    assert KnownHosts.read((tmp_path / "known_hosts",)) is found


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
    policy = RejectUnknown(known(tmp_path), None, "mini-4")
    with pytest.raises(Unreachable, match=rf"the key of box is not known: {KIND} SHA256:") as no:
        policy.missing_host_key(paramiko.SSHClient(), "box", KEYS[0])
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


def test_a_line_of_several_names_gives_way(tmp_path: Path) -> None:
    """It would make the old key known again."""
    file = tmp_path / "known_hosts"
    file.write_text(f"alias,box {KIND} {OTHER}\n")
    accept(file, "box", LINE)
    assert f"box {KIND} {OTHER}" not in file.read_text()
    assert LINE in file.read_text()
