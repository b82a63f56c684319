"""Settings on a real host with the real Hermes: merged, removed, pushed, pulled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

pytestmark = pytest.mark.lab

CODER = "hermes-gateway-coder.service"
HOME = ".hermes/profiles/coder"
CONFIG = f"{HOME}/config.yaml"
MEMORY = f"{HOME}/.hermes-ops.yml"
PYTHON = "/opt/hermes/venv/bin/python"


def coder(**more: Any) -> dict[str, Any]:
    """Return an inventory's profile with these settings."""
    return {"coder": gateway(8701, **more)}


def hermes_python(box: Box, code: str) -> Any:
    """Return what the real Hermes prints as JSON, as the profile's own process."""
    found = box.user("sed -n 's/^ExecStart=\\([^ ]*\\) .*/\\1/p' .config/systemd/user/" + CODER)
    done = box.user_done(f'HERMES_HOME=$HOME/{HOME} {found} -c "$(cat)"', code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def starts(box: Box) -> int:
    """Return how often the gateway was started until now."""
    script = f"journalctl --sync; journalctl -q USER_UNIT={CODER} -o cat | grep -c '^Started'"
    return int(box.exec(script).stdout)


def restarts(box: Box, work: Callable[[], object]) -> int:
    """Return how often the gateway was started while something was done."""
    before = starts(box)
    work()
    return starts(box) - before


# --- odd values -------------------------------------------------------------------------------

ODD: dict[str, Any] = {
    "words": ["yes", "No", "on", "null", "~", "012", "1_0", "1:30", "0x1f", ".inf", "2024-01-02"],
    "numbers in quotes": {"a": "1", "b": 1, "c": "1.0", "d": 1.5, "e": "1e3", "f": True},
    "punctuation": {
        "a": "a: b",
        "b": "# no comment",
        "c": "- x",
        "d": "{x}",
        "e": "'\"",
        "f": "%@`",
    },
    "lines": {"a": "one\ntwo\n", "b": "one\n\n  two", "c": "  lead", "d": "trail ", "e": "\ttab"},
    "unicode": {"ключ": "значение é", "b": "\u2028", "c": "\xa0", "d": "\x1b"},
    "empty": {"a": "", "b": [], "c": {}, "d": None},
}
ODD_ENV = {
    "PLAIN": "a b",
    "HASH": "a #b",
    "QUOTES": 'it\'s "so"',
    "BACK": "c:\\new\\x",
    "DOLLAR": "$HOME/x",
    "SPACES": "  x ",
    "EMPTY": "",
    "EQUALS": "a=b=c",
    "URL": "https://u:p@h/?a=1&b=2",
    "WORD": "yes",
}
READ = """
import json, os
from pathlib import Path
from hermes_cli import config, env_loader
raw = config.read_raw_config()
by_line = config.load_env()
env_loader._load_dotenv_with_fallback(Path(os.environ["HERMES_HOME"]) / ".env", override=True)
print(json.dumps([raw, by_line, dict(os.environ)]))
"""


def test_odd_values_are_read_back_by_the_real_hermes(linux: Box, operator: MakeOperator) -> None:
    """Whatever the values look like, both readers of Hermes give them back; once, and again."""
    somebody = operator({linux: coder(config={"odd": ODD}, env=ODD_ENV)})
    somebody.up()
    raw, by_line, environment = hermes_python(linux, READ)
    assert raw["odd"] == ODD
    assert {name: by_line.get(name) for name in ODD_ENV} == ODD_ENV
    assert {name: environment.get(name) for name in ODD_ENV} == ODD_ENV
    assert somebody.plan().totals["changes"] == 0


# --- ownership --------------------------------------------------------------------------------

FIRST = coder(
    config={"model": {"default": "a/b"}, "display": {"skin": "x", "language": "en"}},
    env={"LOG_LEVEL": "debug"},
    files={"skills/notes.md": {"content": "ours\n"}},
)
THEIRS = "# a person's note\ntheirs: {kept: 'yes'}   # beside\n"


def test_what_left_the_inventory_leaves_the_host(linux: Box, operator: MakeOperator) -> None:
    """Keys, names and files of ours go with one restart; comments, order and the rest stay."""
    operator({linux: FIRST}).up()
    assert linux.user(f"stat -c %a {MEMORY}") == "600"
    assert "debug" not in linux.user(f"cat {MEMORY}")
    linux.user(f"printf '%s' \"{THEIRS}\" >> {CONFIG}; echo '# theirs' >> {HOME}/.env")
    less = operator({linux: coder(config={"model": {"default": "a/b"}})})
    assert restarts(linux, less.up) == 1
    text = linux.user(f"cat {CONFIG}")
    assert yaml.safe_load(text)["theirs"] == {"kept": "yes"}
    assert "# a person's note" in text
    assert "display" not in text
    env = linux.user(f"cat {HOME}/.env")
    assert "LOG_LEVEL" not in env
    assert "# theirs" in env
    assert linux.user_done(f"test -e {HOME}/skills/notes.md").returncode == 1
    again = less.up()
    assert again.totals["changes"] == 0
    assert again.json["exchanges"] == {"linux-1": 1}


def test_what_a_person_changed_stays_and_is_told(linux: Box, operator: MakeOperator) -> None:
    """A key that left the inventory and was changed by hand is theirs: said once, not undone."""
    operator({linux: FIRST}).up()
    linux.user(f"sed -i 's/skin: x/skin: mine/' {CONFIG}; echo more >> {HOME}/skills/notes.md")
    less = operator({linux: coder(config={"model": {"default": "a/b"}})})
    told = "\n".join(less.plan(code=2).host("linux-1")["notes"])
    assert "config.yaml: display.skin was removed from the inventory" in told
    assert "skills/notes.md: the file was removed from the inventory" in told
    less.up()
    assert "skin: mine" in linux.user(f"cat {CONFIG}")
    assert linux.user(f"tail -n 1 {HOME}/skills/notes.md") == "more"
    assert less.plan().host("linux-1")["notes"] == []


def test_the_memory_is_lost_or_older(linux: Box, operator: MakeOperator) -> None:
    """Without its memory a host is adopted: nothing restarts, and the next run has nothing."""
    somebody = operator({linux: FIRST})
    somebody.up()
    linux.user(f"rm {MEMORY}")
    assert restarts(linux, somebody.up) == 0
    assert somebody.plan().totals["changes"] == 0


# --- restarts ---------------------------------------------------------------------------------


def test_only_what_is_read_otherwise_restarts(linux: Box, operator: MakeOperator) -> None:
    """Comments, order and quotes by hand: nothing. A value by hand: one restart, and no more."""
    somebody = operator({linux: FIRST})
    somebody.up()
    config = yaml.safe_load(linux.user(f"cat {CONFIG}"))
    turned = yaml.safe_dump(dict(reversed(config.items())), default_style='"', sort_keys=False)
    turned = turned.replace('!!int "33"', "33")
    linux.user(f"cat > {CONFIG} <<'E'\n# turned around\r\n{turned}E\n")
    linux.user(f"sed -i 's/$/\\r/' {HOME}/.env")
    assert restarts(linux, somebody.up) == 0
    assert "# turned around" in linux.user(f"cat {CONFIG}")
    linux.user(f"sed -i 's,a/b,c/d,' {CONFIG}")
    assert restarts(linux, somebody.up) == 1
    assert restarts(linux, somebody.up) == 0
    assert somebody.plan().totals["changes"] == 0


_SLOW = """#!/bin/sh
case " $* " in *" restart "*) sleep 611 ;; esac
exec /usr/bin/systemctl "$@"
"""


def test_everything_is_killed_between_the_change_and_its_restart(
    linux: Box, operator: MakeOperator
) -> None:
    """SIGKILL on both ends once the files changed: the next push restarts once, and that is all."""
    operator({linux: FIRST}).up()
    less = operator({linux: coder(config={"model": {"default": "c/d"}})})
    linux.sh(
        f"printf '%s' '{_SLOW}' > /usr/local/bin/systemctl; chmod 755 /usr/local/bin/systemctl"
    )
    pushing = less.start(("config.push", "--json"))
    try:
        wait_until(lambda: linux.exec("pgrep -u hermes -f 'sleep 611'").returncode == 0)
    finally:
        pushing.kill()
        pushing.communicate()
        # Who sleeps comes last: its caller would go on, and restart after all.
        linux.exec(
            "pkill -KILL -u hermes -x sh; pkill -KILL -u hermes -f '^/bin/sh /usr/local/bin'"
        )
        linux.exec("pkill -KILL -u hermes -x sleep")
        linux.exec("rm /usr/local/bin/systemctl")
    assert "display" not in linux.user(f"cat {CONFIG}")
    assert linux.user("ls .local/state/hermes-ops/restart") == "hermes-gateway-coder"
    assert restarts(linux, lambda: less.run("config.push", code=0)) == 1
    assert linux.user("ls .local/state/hermes-ops/restart") == ""
    assert restarts(linux, lambda: less.run("config.push", code=0)) == 0
    assert less.plan().totals["changes"] == 0


@pytest.mark.parametrize("at", range(1, 7))
def test_killed_after_any_record(linux: Box, operator: MakeOperator, at: int) -> None:
    """Wherever the operator dies, one more run ends where an undisturbed one does."""
    operator({linux: FIRST}).up()
    less = operator({linux: coder(config={"model": {"default": "c/d"}})})
    less.driven({"at": at, "do": "kill"}, "config.push", "--json")
    less.run("config.push", code=0)
    assert "display" not in linux.user(f"cat {CONFIG}")
    assert linux.user_done(f"test -e {HOME}/skills/notes.md").returncode == 1
    assert less.up().totals["changes"] == 0
    assert less.plan().totals["changes"] == 0


# --- Hermes' own hands ------------------------------------------------------------------------

OLD = {
    "memory": {"write_mode": "approve"},
    "compression": {"summary_model": "a/b"},
    "delegation": {"max_async_children": 7},
    "custom_providers": [{"name": "Mine", "base_url": "http://127.0.0.1:1/v1"}],
    "stt": {"model": "base"},
    "model": {"default": "a/b"},
}
GONE = (
    "memory.write_mode", "compression.summary_model", "delegation.max_async_children",
    "custom_providers", "stt.model",
)  # fmt: skip


def test_a_migration_of_the_real_hermes_is_not_undone(linux: Box, operator: MakeOperator) -> None:
    """What `hermes config migrate` renames stays renamed, is told, and no run fights it."""
    fresh = operator({linux: coder(config=OLD, state="stopped")})
    fresh.up()
    linux.user(f"sed -i 's/^_config_version: .*/_config_version: 11/' {CONFIG}")
    fresh.up()
    hermes_python(
        linux, "from hermes_cli.config import migrate_config as m\nm(False, True)\nprint(1)"
    )
    after = yaml.safe_load(linux.user(f"cat {CONFIG}"))
    assert after["_config_version"] > 11
    assert after["memory"] == {"write_approval": True}
    run = fresh.up()
    told = "\n".join(run.host("linux-1")["notes"])
    assert all(f"{key}: a migration of Hermes removed it" in told for key in GONE), told
    assert yaml.safe_load(linux.user(f"cat {CONFIG}")) == after
    assert fresh.plan().totals["changes"] == 0
    assert yaml.safe_load(linux.user(f"cat {CONFIG}")) == after


def test_hermes_does_not_mind_the_memory(linux: Box, operator: MakeOperator) -> None:
    """`profile list`, `export` and `delete` of the real Hermes work, and take the file along."""
    operator({linux: {**FIRST, "coder": {**FIRST["coder"], "state": "stopped"}}}).up()
    python = linux.user("sed -n 's/^ExecStart=\\([^ ]*\\) .*/\\1/p' .config/systemd/user/" + CODER)
    hermes = f"{python} -m hermes_cli.main -p default"
    assert "coder" in linux.user(f"{hermes} profile list </dev/null")
    linux.user(f"{hermes} profile export coder -o /home/hermes/.cache/coder.tar.gz </dev/null")
    names = linux.user("tar tzf .cache/coder.tar.gz")
    assert "coder/.hermes-ops.yml" in names
    assert "coder/.env" not in names
    linux.user(f"{hermes} profile delete coder -y </dev/null")
    assert linux.user_done(f"test -e {HOME}").returncode == 1


# --- files ------------------------------------------------------------------------------------


def test_links_of_the_host_lead_nowhere(linux: Box, operator: MakeOperator) -> None:
    """A folder that became a link is refused, and nothing is written behind it."""
    operator({linux: coder(state="stopped")}).up()
    linux.user(f"mkdir elsewhere; rm -rf {HOME}/skills; ln -s ../../../elsewhere {HOME}/skills")
    files = {"skills/x.md": {"content": "x"}}
    run = operator({linux: coder(state="stopped", files=files)}).up(code=1)
    assert "symbolic link" in json.dumps(run.json)
    assert linux.user("ls elsewhere; rm -r elsewhere") == ""


# --- config.* ---------------------------------------------------------------------------------


def item(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the item of a key."""
    return next(dict(each) for each in found["items"] if each["key"] == key)


def test_pull_tells_what_it_cannot_offer(linux: Box, operator: MakeOperator) -> None:
    """A secret and a whole file that somebody changed are named, before a push sets them back."""
    settings = {"env": {"NOTE_TEXT": "as-we-wrote-it"}, "files": {"a.md": {"content": "ours\n"}}}
    somebody = operator({linux: coder(**settings)})
    somebody.up()
    linux.user(f"cd {HOME}; sed -i s/as-we-wrote-it/by-somebody-else/ .env; echo more >>a.md")
    pulled = somebody.run("config.pull", code=2)
    found = {(item["file"], item["key"]) for item in pulled.json["items"]}
    assert found == {(".env", "NOTE_TEXT"), ("a.md", None)}
    assert "by-somebody-else" not in pulled.out + somebody.plain("config.pull", code=2).out
    somebody.run("config.push", code=0)
    assert somebody.run("config.pull", code=0).json["items"] == []


def test_from_get_to_pull(linux: Box, operator: MakeOperator) -> None:
    """A change by hand is shown, offered, written into the inventory, and then is no difference."""
    somebody: Operator = operator({linux: FIRST})
    somebody.up()
    target = "linux-1/coder"
    got = somebody.run("config.get", target, code=0).json
    assert item(got, "model.default") == {
        "host": "linux-1", "profile": "coder", "file": "config.yaml", "key": "model.default",
        "now": "a/b", "wanted": "a/b", "ours": True, "differs": False,
    }  # fmt: skip
    assert item(got, "API_SERVER_PORT")["now"] == "set"
    assert "8701" not in json.dumps(got)
    assert somebody.run("config.diff", code=0).json["items"] == []
    assert somebody.run("config.pull", code=0).json["items"] == []
    linux.user(f"sed -i 's,a/b,c/d,' {CONFIG}; echo 'agent: {{max_turns: 7}}' >> {CONFIG}")
    linux.user(f"echo 'platforms: {{x: {{token: hush-hush-hush}}}}' >> {CONFIG}")
    linux.user(f"echo 'more: [{{name: n, api_key: hush-hush-hush}}]' >> {CONFIG}")
    assert somebody.run("config.get", target, "--key", "model", code=2).json["items"]
    differs = somebody.run("config.diff", code=2).json["items"]
    assert [each["resource"] for each in differs] == [f"file:{CONFIG}"]
    pulled = somebody.run("config.pull", code=2)
    assert item(pulled.json, "model.default")["now"] == "c/d"
    assert item(pulled.json, "agent.max_turns")["offered"] is True
    assert "hush-hush-hush" not in pulled.out + somebody.plain("config.pull", code=2).out
    assert somebody.run("config.pull", "--layer", "profile").code == 64
    somebody.run("config.pull", "--layer", "profile", "-y", code=0)
    assert somebody.run("config.diff", code=2).json["items"][0]["resource"] == f"file:{MEMORY}"
    assert restarts(linux, lambda: somebody.run("config.push", code=0)) == 0
    assert somebody.plan().totals["changes"] == 0


def test_from_set_to_push(linux: Box, operator: MakeOperator) -> None:
    """A value that is set in the inventory is pushed, with the restart of this gateway alone."""
    two = {**FIRST, "other": gateway(8702)}
    somebody = operator({linux: two})
    somebody.up()
    pids = {name: linux.pid(f"hermes-gateway-{name}.service") for name in two}
    somebody.run(
        "config.set", "linux-1/coder", "model.default", "e/f", "--layer", "profile", code=0
    )
    assert "a/b" in linux.user(f"cat {CONFIG}")
    run = somebody.run("config.push", code=0)
    assert run.json["exchanges"] == {"linux-1": 2}
    assert {c[0] for c in run.changes("linux-1")} == {
        f"file:{CONFIG}", f"file:{MEMORY}", "service:hermes-gateway-coder",
    }  # fmt: skip
    after = {name: linux.pid(f"hermes-gateway-{name}.service") for name in two}
    assert after["other"] == pids["other"]
    assert after["coder"] not in (0, pids["coder"])
    assert "e/f" in linux.user(f"cat {CONFIG}")
    somebody.run("config.set", "linux-1/coder", "service.memory_max", "2G", "--layer", "profile")
    left = "coder: config.push does not write MemoryMax of its service: fleet.up does"
    run = somebody.run("config.push", code=0)
    assert (run.changes("linux-1"), run.json["hosts"][0]["notes"]) == ([], [left])
    (row,) = somebody.run("config.diff", code=2).json["items"]
    assert (row["outcome"], row["because"]) == ("skipped", "fleet.up writes it")
    somebody.up()
    run = somebody.run("config.push", code=0)
    assert run.json["hosts"][0]["notes"] == []
    somebody.run("config.unset", "linux-1/coder", "service", "--layer", "profile")
    assert somebody.run("config.push", code=0).json["hosts"][0]["notes"] == [left]


def test_push_makes_nothing(linux: Box, operator: MakeOperator) -> None:
    """Where the profile is absent, push refuses and names what creates it."""
    before = linux.tree()
    run = operator({linux: FIRST}).run("config.push", code=1)
    assert "fleet.up creates the profile" in json.dumps(run.json)
    assert {path for path in linux.tree() if HOME in path} == {p for p in before if HOME in p}
