"""Jump hosts as ssh writes them, and addresses and users that no program can misread."""

from __future__ import annotations

import pytest

from hermes_ops.inventory.jumps import Jump, is_odd_address, is_odd_user, parse_jumps


@pytest.mark.parametrize(
    ("text", "jumps"),
    [
        ("none", ()),
        ("None", ()),
        ("a", (Jump("a"),)),
        ("me@a:23", (Jump("a", "me", 23),)),
        ("a, b:1 ,c", (Jump("a"), Jump("b", None, 1), Jump("c"))),
        ("me@dom@a", (Jump("a", "me@dom"),)),
        ("::1", (Jump("::1"),)),
        ("[::1]", (Jump("::1"),)),
        ("me@[fe80::1%eth0]:23", (Jump("fe80::1%eth0", "me", 23),)),
        ("ssh://a", (Jump("a"),)),
        ("ssh://me@a:23/", (Jump("a", "me", 23),)),
        ("SSH://me%40dom@[::1]:23", (Jump("::1", "me@dom", 23),)),
        ("ssh://me;fingerprint=x@a", (Jump("a", "me"),)),
    ],
)
def test_a_list_of_jump_hosts(text: str, jumps: tuple[Jump, ...]) -> None:
    """As OpenSSH reads it, first to last; what is read can be written again."""
    assert parse_jumps(text) == jumps
    assert not jumps or parse_jumps(",".join(map(str, jumps))) == jumps


@pytest.mark.parametrize(
    "text",
    ["", "a,,b", "-a", "me@-a", "-me@a", "a:x", "a:0", "a:65536", "a:", "[::1", "[::1]x", "a b",
     "a;b", "$(a)", "a/b", "ssh://a/b", "ssh://", "me;x@a", "a\nb", "a:1:2x y"],
)  # fmt: skip
def test_what_is_no_jump_host(text: str) -> None:
    """The part that is wrong is told."""
    with pytest.raises(ValueError, match=r"(?s).*"):
        parse_jumps(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "-oProxyCommand=x", "a b", "a;b", "a|b", "a&b", "`a`", "$a", "$(a)", "a<b", "a>b",
     "a\\b", "a'b", 'a"b', "{a,b}", "a*", "a?", "!a", "a\tb", "a\nb", "a\x7f"],
)  # fmt: skip
def test_odd_addresses(text: str) -> None:
    """What begins like an option, or means something to a shell."""
    assert is_odd_address(text)


@pytest.mark.parametrize(
    "text", ["a", "a.b-c_d", "10.0.0.1", "::1", "fe80::1%eth0", "bücher.example"]
)
def test_plain_addresses(text: str) -> None:
    """Names and addresses of all kinds."""
    assert not is_odd_address(text)


@pytest.mark.parametrize(
    "text", ["", "-a", "a;b", "a`b`", "$(a)", "$a", "a -b", "a\\", "a\nb", "a|b"]
)
def test_odd_users(text: str) -> None:
    """As OpenSSH refuses them on its command line."""
    assert is_odd_user(text)


@pytest.mark.parametrize("text", ["a", "a.b", "DOMAIN\\a", "a@dom", "a b", "machine$"])
def test_plain_users(text: str) -> None:
    """Also those of a domain."""
    assert not is_odd_user(text)
