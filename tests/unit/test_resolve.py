"""References become secrets, or a sentence at the place that named them."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.secrets import age
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.resolve import resolve
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources import SOURCES

PLACE = Place("inventory/profiles/coder.yml", 7, 3)


def reference(kind: str, argument: str | tuple[str, ...], line: int = 7) -> Reference:
    """Return a reference as the loader makes it."""
    return Reference(kind, argument, Place(PLACE.file, line, 3))


def python(code: str, *words: str) -> Reference:
    """Return a reference to a command that runs this code."""
    return reference("command", (sys.executable, "-c", code, *words))


def one(of: Reference, environ: dict[str, str] | None = None, deadline: float = 30) -> str:
    """Resolve one reference."""
    return resolve([of], environ or {}, deadline=deadline)[of].reveal()


def complaint(of: Reference, environ: dict[str, str] | None = None, deadline: float = 30) -> str:
    """Return the sentence that resolving ends with."""
    with pytest.raises(InventoryError) as caught:
        one(of, environ, deadline)
    assert caught.value.where == str(PLACE)
    return f"{caught.value.message} | {caught.value.hint}".removesuffix(" | ")


def test_every_kind(tmp_path: Path) -> None:
    """The environment, a file and a command are read, and one newline at the end is none of it."""
    file = tmp_path / "token"
    file.write_text("from file\n\n")
    assert one(reference("env", "TOKEN"), {"TOKEN": "from env"}) == "from env"
    assert one(reference("file", str(file))) == "from file\n"
    assert one(python("print('from command')")) == "from command"


def test_equal_sources_are_asked_once(tmp_path: Path) -> None:
    """Two places that name one command cost one run of it, and both get the answer."""
    count = tmp_path / "count"
    words = (sys.executable, "-c", f"open({str(count)!r}, 'a').write('x'); print('value')")
    first, second = reference("command", words, 7), reference("command", words, 8)
    secrets = resolve([first, second, first], {})
    assert secrets == {first: Secret("value"), second: Secret("value")}
    assert count.read_text() == "x"


@pytest.mark.slow
def test_commands_run_side_by_side() -> None:
    """Four commands of half a second take less than two seconds together."""
    commands = [python("import time; time.sleep(0.5); print(1)", str(n)) for n in range(4)]
    before = time.monotonic()
    assert len(resolve(commands, {})) == 4
    assert time.monotonic() - before < 1.9


def test_a_command_has_the_environment_and_no_input() -> None:
    """What `.env` says reaches the command; reading its input ends at once."""
    code = "import os, sys; print(os.environ['A'] + sys.stdin.read())"
    assert one(python(code), {"A": "b"}) == "b"


def test_missing_name() -> None:
    """An unset variable is named, and the likely one too."""
    found = complaint(reference("env", "TOKEN"), {"PATH": "/bin"})
    assert (
        found == "the environment has no TOKEN | export it, or write it into the inventory's .env"
    )
    near = complaint(reference("env", "CODER_TOKEN"), {"CODR_TOKEN": "x"})
    assert near == "the environment has no CODER_TOKEN | did you mean 'CODR_TOKEN'?"


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, and what is no file, are refused."""
    absent = tmp_path / "absent"
    assert complaint(reference("file", str(absent))) == (
        f"{absent} cannot be read: No such file or directory"
    )
    assert complaint(reference("file", str(tmp_path))) == f"{tmp_path} is not a regular file"


def test_failing_command_shows_its_stderr_without_secrets() -> None:
    """The exit code and the end of stderr are shown; what it could know is not."""
    code = "import os, sys; print('first half of it'); sys.exit('no ' + os.environ['API_TOKEN'])"
    found = complaint(python(code), {"API_TOKEN": "s3cret-value"})
    assert found == f"command {sys.executable} failed with exit 1: no ***"


def test_command_that_does_not_exist() -> None:
    """A program that is not there is named."""
    found = complaint(reference("command", ("no-such-program", "read")))
    assert found == (
        "command no-such-program cannot be run: No such file or directory"
        " | no-such-program is not installed or not on PATH"
    )
    script = complaint(reference("command", ("/no/such/program",)))
    assert script.endswith(
        "| /no/such/program does not exist, or the interpreter in its first line does not"
    )


@pytest.mark.slow
def test_command_that_hangs() -> None:
    """At the deadline the command and its children are ended."""
    code = "import subprocess; subprocess.run(['sleep', '30'])"
    before = time.monotonic()
    assert "gave no answer in 0.5 s" in complaint(python(code), {"PATH": "/bin"}, deadline=0.5)
    assert time.monotonic() - before < 5


def test_empty_answer() -> None:
    """A reference that gives nothing is a mistake, not an empty secret."""
    assert complaint(python("")).endswith("returned nothing")
    assert complaint(reference("env", "A"), {"A": ""}) == "env A returned nothing"


def test_answer_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused and not shown."""
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe")
    assert complaint(reference("file", str(file))) == f"file {file} is not UTF-8 text"


def test_unknown_kind() -> None:
    """A kind that is not known is refused with those that are, as the loader refuses it."""
    known = ", ".join((*SOURCES, "generate"))
    assert complaint(reference("zzz", "x")) == (
        f"'zzz' is not a known kind of reference | known are: {known}"
    )
    assert complaint(reference("files", "x")).endswith("| did you mean 'file'?")


def test_nothing_to_resolve() -> None:
    """No reference, no work."""
    assert resolve([], {}) == {}


# --- age --------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return the file of a new key."""
    age.make_identity(tmp_path / "age" / "keys.txt")
    return tmp_path / "age" / "keys.txt"


def encrypted(value: str, *keys: Path) -> str:
    """Return a value, encrypted to these keys."""
    found = [identity.to_public() for identity in age.identities(keys)]
    return age.encrypt(Secret(value), found)


def opened(of: Reference, key: Path | None, environ: dict[str, str] | None = None) -> str:
    """Resolve one reference with a key that is given."""
    return resolve([of], environ or {}, age_key_file=str(key) if key else None)[of].reveal()


def refused(of: Reference, key: Path | None, environ: dict[str, str] | None = None) -> str:
    """Return the sentence and the hint that resolving ends with."""
    with pytest.raises(InventoryError) as caught:
        opened(of, key, environ)
    assert caught.value.where == str(PLACE)
    return f"{caught.value.message} | {caught.value.hint}"


@pytest.mark.parametrize("value", ["plain", " two\nlines \n\n", "ünï", '"\\$`'])
def test_an_age_text_gives_exactly_what_was_put_in(value: str, key: Path) -> None:
    """Blanks and newlines at the end included: nothing but the value was encrypted."""
    assert opened(reference("age", encrypted(value, key)), key) == value


def test_any_of_several_recipients_opens(tmp_path: Path, key: Path) -> None:
    """A text for two is open to each, in a file in either form too."""
    other = tmp_path / "other.txt"
    age.make_identity(other)
    text = encrypted("shared", key, other)
    (tmp_path / "armored.age").write_text(text)
    assert opened(reference("age", text), other) == "shared"
    assert opened(reference("age", str(tmp_path / "armored.age")), key) == "shared"


@pytest.mark.slow
def test_an_ssh_key_opens_too(tmp_path: Path) -> None:
    """What is encrypted to an ssh-ed25519 key is opened with it; passphrases are refused."""
    for name, phrase in (("plain", ""), ("locked", "secret")):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    public = age.recipients(tmp_path / "plain.pub", "r")
    of = reference("age", age.encrypt(Secret("by ssh"), public))
    assert opened(of, tmp_path / "plain") == "by ssh"
    assert "without a passphrase" in refused(of, tmp_path / "locked")


def test_where_keys_are_looked_for(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option, else the variable, else our own file and that of sops; none is a sentence."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    of = reference("age", encrypted("x", key))
    assert opened(of, None, {"HERMES_OPS_AGE_KEY_FILE": str(key)}) == "x"
    assert opened(of, None, {"SOPS_AGE_KEY_FILE": str(key)}) == "x"
    said = refused(of, None)
    assert f"there is no age key: no {tmp_path}/config/hermes-ops/age/keys.txt" in said
    assert "--age-key-file" in said
    (tmp_path / "config/hermes-ops/age").mkdir(parents=True)
    key.rename(tmp_path / "config/hermes-ops/age/keys.txt")
    assert opened(of, None) == "x"


def test_keys_that_do_not_open(tmp_path: Path, key: Path) -> None:
    """Another's text, a key that others may read, a file without one: each says what to do."""
    other = tmp_path / "other.txt"
    age.make_identity(other)
    of = reference("age", encrypted("x", other))
    assert refused(of, key).startswith("your age key does not open it | ask somebody who can")
    assert "cannot be read: No such file" in refused(of, tmp_path / "absent")
    key.chmod(0o644)
    assert refused(of, key).endswith(f"others may read this age key (mode 0644) | chmod 600 {key}")
    other.write_text("# nothing\n")
    assert "no age key is in this file" in refused(of, other)
    other.write_text("hunter2\n")
    said = refused(of, other)
    assert f"{other}:1: this is not a supported age key" in said
    assert "hunter2" not in said


def test_damaged_texts(key: Path) -> None:
    """A digit that is wrong, or a line that is missing, is a sentence."""
    lines = encrypted("a value that takes two lines of text or more", key).splitlines()
    for damaged in (lines[:2] + lines[3:], [*lines[:-2], lines[-2][:-4], lines[-1]]):
        said = refused(reference("age", "\n".join([*damaged, ""]) + "\n"), key)
        assert said.startswith("the age text is damaged: ")


def test_a_text_of_another_version(key: Path, tmp_path: Path) -> None:
    """What age says of it is told in one line, without its advice."""
    (tmp_path / "new.age").write_bytes(b"age-encryption.org/v2\n-> X25519 abc\n--- abc\n")
    said = refused(reference("age", str(tmp_path / "new.age")), key)
    assert said == "the age text is damaged: Unknown age format | "


def test_a_new_key_is_its_owners_alone(key: Path) -> None:
    """Mode 0600 in a folder of 0700, and a second one does not take its place."""
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    before = key.read_bytes()
    with pytest.raises(UsageError, match="there is a key already"):
        age.make_identity(key)
    assert key.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("age1nonsense", "r:2: this is not a public key of age"),
        ("ssh-ed25519 AAAA", "r:2: this is not a public key of age"),
        ("AGE-SECRET-KEY-1QQQ", "r:2: a secret key stands among the public ones"),
        ("# only", "r: it names no recipient"),
    ],
)
def test_recipients_that_are_none(line: str, said: str, tmp_path: Path) -> None:
    """The file and the line are named, and a secret is not repeated."""
    (tmp_path / "r").write_text(f"# mine\n{line}\n")
    with pytest.raises(InventoryError) as caught:
        age.recipients(tmp_path / "r", "r")
    assert str(caught.value) == said


def test_recipients_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there names nobody; one that is no text is told as such."""
    with pytest.raises(InventoryError, match=r"^r: it names no recipient$"):
        age.recipients(tmp_path / "r", "r")
    (tmp_path / "r").write_bytes(b"age1\xff\n")
    with pytest.raises(InventoryError, match=r"^r: cannot be read: it is not UTF-8$"):
        age.recipients(tmp_path / "r", "r")
    with pytest.raises(InventoryError, match=r"^r: cannot be read: Is a directory$"):
        age.recipients(tmp_path, "r")


def test_a_key_file_that_is_no_text(tmp_path: Path, key: Path) -> None:
    """It is no file of age keys."""
    of = reference("age", encrypted("x", key))
    key.write_bytes(b"\xff\xfe")
    assert "this is not a file of age keys" in refused(of, key)


# --- keyring ----------------------------------------------------------------------------------

BACKEND = """
import time, pathlib
from keyring import backend, errors
class Ring(backend.KeyringBackend):
    priority = 1
    def get_password(self, service, user):
        with (pathlib.Path(__file__).parent / "asked").open("a") as log:
            log.write(f"{service}/{user}\\n")
        if service == "slow":
            time.sleep(30)
        if service == "locked":
            raise errors.KeyringLocked("hunter2")
        if service == "odd":
            raise OSError("hunter2")
        return {"bots": "token of " + user + "\\n"}.get(service)
    def set_password(self, service, user, password): ...
    def delete_password(self, service, user): ...
"""


@pytest.fixture
def ring(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with a keyring."""
    (tmp_path / "ring.py").write_text(BACKEND)
    (tmp_path / "python_keyring").mkdir()
    settings = f"[backend]\ndefault-keyring=ring.Ring\nkeyring-path={tmp_path}\n"
    (tmp_path / "python_keyring" / "keyringrc.cfg").write_text(settings)
    return {"XDG_CONFIG_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}


@pytest.mark.slow
def test_keyring_entries(ring: dict[str, str], tmp_path: Path) -> None:
    """All entries are asked for by one program, each once, and come back exactly."""
    entries = [reference("keyring", f"bots/{user}", line) for line, user in enumerate("aab", 1)]
    secrets = resolve(entries, ring)
    assert [secrets[e].reveal() for e in entries] == [f"token of {u}\n" for u in "aab"]
    assert (tmp_path / "asked").read_text() == "bots/a\nbots/b\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("none/me", "the keyring has no entry 'none' of user 'me' | keyring set none me"),
        ("a/b/me", "the keyring has no entry 'a/b' of user 'me' | keyring set a/b me"),
        ("locked/me", "the keyring is locked | unlock it, then run again"),
        ("odd/me", "the keyring failed: OSError"),
    ],
)
def test_keyring_entries_that_are_not_there(entry: str, said: str, ring: dict[str, str]) -> None:
    """Each is a sentence, without what the backend says: that may be anything."""
    assert complaint(reference("keyring", entry), ring) == said


@pytest.mark.slow
def test_a_keyring_that_asks_somebody_is_not_waited_for(ring: dict[str, str]) -> None:
    """At the deadline it is ended."""
    said = complaint(reference("keyring", "slow/me"), ring, deadline=0.7)
    assert said.startswith("the keyring gave no answer in 0.7 s | it may be locked")


@pytest.mark.slow
def test_no_keyring(ring: dict[str, str]) -> None:
    """A machine without a backend is told what to do."""
    environ = {**ring, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    assert complaint(reference("keyring", "a/b"), environ).startswith("no keyring works here | ")


# --- what is said -----------------------------------------------------------------------------


def test_secrets_are_told_before_an_error_can_show_them() -> None:
    """What one command says of another one's value comes to a sink that knows it."""
    learned: list[Secret] = []
    env, command = reference("env", "PLAIN_NAME"), python("import sys; sys.exit('no')")
    with pytest.raises(InventoryError):
        resolve([command, env], {"PLAIN_NAME": "known value"}, learn=learned.append)
    assert Secret("known value") in learned


def test_what_looks_like_a_token_is_masked_in_stderr() -> None:
    """The value that a failing command was to give, and tells instead, is nowhere else known."""
    code = "import sys; sys.exit('denied for bot 7012345678:AAFx0Zk3-vQm9_rT4uLw8 at op://bots/a')"
    found = complaint(python(code, "--token", "short-but-known"))
    assert found.endswith("failed with exit 1: denied for bot 7012345678:*** at op://bots/a")
    code = "import sys; sys.exit(' '.join(sys.argv[1:]))"
    found = complaint(python(code, "--password=hunter2-hunter2", "--token", "hunter3-hunter3"))
    assert found.endswith("failed with exit 1: --password=*** --token ***")


@pytest.mark.slow
def test_what_a_command_says_is_not_told_while_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may tell of a secret that is not known yet, and nobody waits for long."""
    monkeypatch.setattr("hermes_ops.secrets.resolve.SETTLING", 0.2)
    failing = python("import sys; sys.exit('the slow one gives: not-yet-known')")
    slow = python("import time; time.sleep(20)")
    before = time.monotonic()
    with pytest.raises(InventoryError) as caught:
        resolve([slow, failing], {})
    assert time.monotonic() - before < 5
    assert "not-yet-known" not in caught.value.message
    assert caught.value.hint == "run it by itself to see its output"
