"""What a line of known_hosts means: our verdict and that of `ssh` itself are one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ssh_kit import keys_of
from sshd import Sshd, make_key, running

from hermes_ops.transport.openssh.hops import shown_key
from hermes_ops.transport.openssh.route import route_to

pytestmark = pytest.mark.xdist_group("sshd")
SAYS = {
    "Permission denied": "known",
    "REVOKED HOST KEY": "revoked",
    "HOST IDENTIFICATION HAS CHANGED": "changed",
    "host key is known": "unknown",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that all tests here share; beside it another key."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        make_key(made.folder / "other")
        yield made


def written(text: str, server: Sshd) -> str:
    """Return lines with OURS, OTHER, HOST and HASH replaced by keys and names."""
    ours, other = (
        " ".join((server.folder / name).read_text().split()[:2])
        for name in ("host_key.pub", "other.pub")
    )
    for word, value in {
        "BLOB": ours.split()[1], "OURS": ours, "OTHER": other,
        "HASH_OF_ADDRESS": hashed("127.0.0.1"), "HASH": hashed(f"[127.0.0.1]:{server.port}"),
        "HOST": f"[127.0.0.1]:{server.port}", "PORT": str(server.port),
    }.items():  # fmt: skip
        text = text.replace(word, value)
    return text + "\n"


def hashed(name: str) -> str:
    """Return a name as HashKnownHosts writes it."""
    salt = b"12345678901234567890"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))


def verdict_of_ssh(server: Sshd, files: list[Path], alias: str | None) -> str:
    """Return what ssh says of the server's key."""
    options = [
        "UserKnownHostsFile=" + " ".join(map(str, files)), "GlobalKnownHostsFile=none",
        "StrictHostKeyChecking=yes", "BatchMode=yes", "PreferredAuthentications=none",
        "UpdateHostKeys=no", *([f"HostKeyAlias={alias}"] if alias else []),
    ]  # fmt: skip
    words = ["ssh", "-F", "none", "-p", str(server.port)]
    for option in options:
        words += ["-o", option]
    done = subprocess.run(
        [*words, "--", "127.0.0.1", "true"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return next((ours for said, ours in SAYS.items() if said in done.stderr), done.stderr)


def verdict_of_ours(server: Sshd, files: list[Path], alias: str | None) -> str:
    """Return what we say of it."""
    keys = keys_of(*files, host="127.0.0.1", port=server.port, alias=alias)
    return keys.verdict(server.shown)


LINES = {
    "plain": ("HOST OURS", "known"),
    "with a comment": ("HOST OURS somebody@somewhere", "known"),
    "of another": ("elsewhere OURS", "unknown"),
    "another key": ("HOST OTHER", "changed"),
    "both keys": ("HOST OTHER\nHOST OURS", "known"),
    "a list of names": ("a,HOST,b OURS", "known"),
    "upper case in a list": ("EXAMPLE,HOST OURS", "known"),
    "tabs": ("HOST\tOURS", "known"),
    "indented": ("   \tHOST  OURS", "known"),
    "a comment": ("# HOST OURS", "unknown"),
    "line ends of Windows": ("HOST OURS\r", "known"),
    "no port, the same key": ("127.0.0.1 OURS", "known"),
    "no port, another key": ("127.0.0.1 OTHER", "unknown"),
    "another port": ("[127.0.0.1]:1 OURS", "unknown"),
    "hashed": ("HASH OURS", "known"),
    "hashed, no port": ("HASH_OF_ADDRESS OURS", "known"),
    "hashed, another key": ("HASH OTHER", "changed"),
    "a hash that is none": ("|1|x|y OURS", "unknown"),
    "any number": ("[127.0.0.*]:PORT OURS", "known"),
    "one letter": ("[127.0.0.?]:PORT OURS", "known"),
    "one letter too many": ("[127.0.0.1?]:PORT OURS", "unknown"),
    "everything": ("* OURS", "known"),
    "a pattern of others": ("[10.*]:PORT OURS", "unknown"),
    "a class of letters is none": ("[127.0.0.[0-9]]:PORT OURS", "unknown"),
    "negated": ("!HOST,[*]:PORT OURS", "unknown"),
    "negated last": ("[*]:*,!HOST OURS", "unknown"),
    "negated with its port alone": ("*,!HOST OURS", "known"),
    "negated with and without": ("*,!HOST,!127.0.0.1 OURS", "unknown"),
    "another one negated": ("!elsewhere,[127.*]:PORT OURS", "known"),
    "only negated": ("!elsewhere OURS", "unknown"),
    "a pattern and another key": ("[127.*]:PORT OTHER", "changed"),
    "revoked": ("HOST OURS\n@revoked * OURS", "revoked"),
    "revoked first": ("@revoked * OURS\nHOST OURS", "revoked"),
    "revoked for it": ("HOST OURS\n@revoked HOST OURS", "revoked"),
    "revoked without its port": ("HOST OURS\n@revoked 127.0.0.1 OURS", "known"),
    "revoked for another": ("HOST OURS\n@revoked elsewhere OURS", "known"),
    "revoked for all but it": ("HOST OURS\n@revoked *,!HOST OURS", "known"),
    "revoked and negated": ("HOST OURS\n@revoked HOST,!HOST OURS", "known"),
    "blanks around revoked": ("HOST OURS\n  @revoked   *   OURS", "revoked"),
    "another key revoked": ("HOST OURS\n@revoked * OTHER", "known"),
    "only revoked": ("@revoked * OTHER", "unknown"),
    "an authority": ("@cert-authority * OURS", "unknown"),
    "an authority and a key": ("@cert-authority * OTHER\nHOST OURS", "known"),
    "two markers": ("@revoked @cert-authority * OURS\nHOST OURS", "known"),
    "an odd marker": ("@trusted HOST OURS", "unknown"),
    "no key": ("HOST ssh-ed25519", "unknown"),
    "a broken key": ("HOST ssh-ed25519 AAAA", "unknown"),
    "a kind that it is not": ("HOST ssh-rsa BLOB", "unknown"),
    "a kind that does not exist": ("HOST ssh-none BLOB", "unknown"),
    "a broken line before": ("HOST\nHOST OURS", "known"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if i % 6 else n for i, n in enumerate(LINES)]
)
def test_a_line_means_what_it_means_to_ssh(name: str, server: Sshd, tmp_path: Path) -> None:
    """Every line is judged by ssh and by us, and both say what the table says."""
    text, wanted = LINES[name]
    file = tmp_path / "known_hosts"
    file.write_bytes(written(text, server).encode())
    assert verdict_of_ours(server, [file], None) == wanted
    assert verdict_of_ssh(server, [file], None) == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "wanted"),
    [("alias OURS", "known"), ("HOST OURS", "unknown"), ("[alias]:PORT OURS", "unknown"),
     ("al*,!alias OURS", "unknown"), ("ALIAS OURS", "known")],
)  # fmt: skip
def test_an_alias_means_what_it_means_to_ssh(
    text: str, wanted: str, server: Sshd, tmp_path: Path
) -> None:
    """HostKeyAlias is looked up without the port, and in the place of the address."""
    (tmp_path / "known_hosts").write_text(written(text, server))
    assert verdict_of_ours(server, [tmp_path / "known_hosts"], "alias") == wanted
    assert verdict_of_ssh(server, [tmp_path / "known_hosts"], "alias") == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [("HOST OTHER", "HOST OURS", "known"), ("HOST OURS", "@revoked * OURS", "revoked"),
     ("", "HOST OTHER", "changed")],
)  # fmt: skip
def test_several_files_are_one(
    first: str, second: str, wanted: str, server: Sshd, tmp_path: Path
) -> None:
    """A key that one file knows is known; a key that one file revokes is revoked."""
    files = [tmp_path / "one", tmp_path / "none", tmp_path / "two"]
    files[0].write_text(written(first, server))
    files[2].write_text(written(second, server))
    assert verdict_of_ours(server, files, None) == wanted
    assert verdict_of_ssh(server, files, None) == wanted


@pytest.mark.slow
def test_a_tab_behind_revoked_revokes(server: Sshd, tmp_path: Path) -> None:
    """Here we are stricter than ssh, which passes over the line: somebody meant to revoke."""
    file = tmp_path / "known_hosts"
    file.write_text(written("HOST OURS\n@revoked\t*\tOURS", server))
    assert verdict_of_ours(server, [file], None) == "revoked"


# --- certificates ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that shows a certificate, which it reads anew for each connection."""
    with running(
        tmp_path_factory.mktemp("signed"), "HostCertificate {folder}/host_key-cert.pub"
    ) as s:
        for name in ("authority", "other"):
            make_key(s.folder / name)
        yield s


CERTIFICATES = {
    "for its address": (["-n", "127.0.0.1"], "@cert-authority HOST AUTHORITY", "known"),
    "for all hosts": ([], "@cert-authority * AUTHORITY", "known"),
    "behind a tab": ([], "@cert-authority\t*\tAUTHORITY", "unknown"),  # the key has a blank
    "for a pattern": (["-n", "127.*"], "@cert-authority * AUTHORITY", "unknown"),
    "for another host": (["-n", "elsewhere"], "@cert-authority * AUTHORITY", "unknown"),
    "for another host, and known": (["-n", "x"], "@cert-authority * AUTHORITY\nHOST OURS", "known"),
    "by another authority": (["-n", "127.0.0.1"], "@cert-authority * OTHER", "unknown"),
    "of a user": (["-u"], "@cert-authority * AUTHORITY", "unknown"),
    "no longer": (["-V", "20200101:20210101"], "@cert-authority * AUTHORITY", "unknown"),
    "not yet": (["-V", "20990101:21000101"], "@cert-authority * AUTHORITY", "unknown"),
    "of hosts elsewhere": ([], "@cert-authority 10.* AUTHORITY", "unknown"),
    "authority revoked": ([], "@cert-authority * AUTHORITY\n@revoked * AUTHORITY", "revoked"),
    "key revoked": ([], "@cert-authority * AUTHORITY\n@revoked * OURS", "revoked"),
    "without its port": (["-n", "127.0.0.1"], "@cert-authority 127.0.0.1 AUTHORITY", "known"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_means_what_it_means_to_ssh(name: str, signed: Sshd, tmp_path: Path) -> None:
    """Who is an authority for a host says so in its place."""
    options, lines, wanted = CERTIFICATES[name]
    sign(signed, options)
    authority = " ".join((signed.folder / "authority.pub").read_text().split()[:2])
    file = tmp_path / "known_hosts"
    file.write_text(written(lines.replace("AUTHORITY", authority), signed))
    assert verdict_of_ssh(signed, [file], None) == wanted
    host = signed.host(user_known_hosts=(file,))
    keys, key = shown_key(host, route_to(host), ())
    assert keys.verdict(key) == wanted


def sign(server: Sshd, options: list[str]) -> None:
    """Give the server a new certificate: it reads its file again for each connection."""
    kind = [] if "-u" in options else ["-h"]
    words = ["ssh-keygen", "-q", "-s", str(server.folder / "authority"), "-I", "test", *kind]
    words += [option for option in options if option != "-u"]
    subprocess.run([*words, str(server.folder / "host_key.pub")], check=True, capture_output=True)
