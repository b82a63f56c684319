"""An inventory means here what it means to Ansible: `ansible-core` itself is asked.

Each file of `tests/cases/inventories/` is an inventory with selectors. Differences that are
wanted are rows in `docs/inventory.md`; none of them is in these files.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_file import read_case
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle import Oracle

from hermes_ops.commands.inventory.list import ansible_view
from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.inventory.selector import parse, select
from hermes_ops.loader import Vault, load
from hermes_ops.loader.hosts.connection import is_login
from hermes_ops.tasks.program import Program

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests" / "cases" / "inventories").glob("*.yml"))

Job = Mapping[str, Any]
Answer = Mapping[str, Any]


def written(case: Mapping[str, Any], folder: Path) -> Job:
    """Write the files of a case and return the job that speaks of them."""
    for name, text in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in case.get("executable", ()):
        (folder / name).chmod(0o755)
    sources = [str(folder / source) for source in case["sources"]]
    return {"sources": sources, "limits": case.get("limits", [])}


def loaded(job: Job) -> Inventory:
    """Return the inventory of a job as we read it."""
    vault = Vault(Path(job["vault"])) if "vault" in job else None
    return load([Path(source) for source in job["sources"]], ROOT / "roles", {}, vault)


def selected(inventory: Inventory, limit: str) -> list[str]:
    """Return the hosts that a selector chooses; none where it is refused."""
    try:
        return [host.name for host in select(inventory, limit)[0].hosts]
    except UsageError:
        return []


def agrees(job: Job, answer: Answer) -> None:
    """Raise unless the inventory is the same to both."""
    inventory = loaded(job)
    wanted = exact(masked(answer["list"]))
    assert exact(ansible_view(inventory)) == wanted
    sources = [word for source in job["sources"] for word in ("-i", source)]
    if inventory.hosts:
        assert exact(json.loads(printed("inventory.list", "--json", *sources))) == wanted
    ours = {limit: selected(inventory, limit) for limit in job["limits"]}
    theirs = {limit: hosts or [] for limit, hosts in answer["limits"].items()}
    assert ours == theirs


def printed(*words: str) -> str:
    """Return what the program itself prints: it redacts, and could take a name for a secret."""
    with redirect_stdout(io.StringIO()) as out, suppress(SystemExit):
        Program().run(["inv", *words])
    return out.getvalue()


def masked(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what Ansible prints with every password of a login masked."""
    meta = document["_meta"]
    hosts = {
        host: {name: "***" if is_login(name) else value for name, value in found.items()}
        for host, found in meta["hostvars"].items()
    }
    return {**document, "_meta": {**meta, "hostvars": hosts}}


def exact(document: Any) -> str:
    """Return a document as text: `==` alone takes 1 for 1.0, and for true."""
    return json.dumps(document, sort_keys=True, indent=1)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """What ansible-core says, without the configuration of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("ansible")
    (folder / "ansible.cfg").touch()
    own = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
    # Ansible keeps groups two levels down in sets: their order changes with the seed.
    own["PYTHONHASHSEED"] = "0"
    words = [sys.executable, str(Path(__file__).with_name("ansible_says.py"))]
    oracle = Oracle(words, folder, {**own, "ANSIBLE_CONFIG": str(folder / "ansible.cfg")})
    yield oracle
    oracle.close()


@pytest.mark.slow
@pytest.mark.xdist_group("ansible")
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_inventory(file: Path, oracle: Oracle) -> None:
    """Groups, hosts, variables and selections are those of Ansible."""
    case = read_case(file)
    files = {name: text for name, text in case["files"].items() if "profiles/" not in name}
    copy = written({**case, "files": files}, oracle.folder / file.stem / "without-profiles")
    agrees(written(case, oracle.folder / file.stem / "whole"), oracle(copy))


@pytest.mark.slow
@pytest.mark.xdist_group("ansible")
def test_vault(oracle: Oracle) -> None:
    """With the password both read the same; what Ansible prints of a vault is masked here."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib([("default", VaultSecret(b"open"))])
    whole = vault.encrypt("a: geheim\nb: [1, {c: geheim}]\n").decode()
    value = vault.encrypt("geheim").decode().replace("\n", "\n  ")
    files = {
        "hosts": vault.encrypt("[web]\nw1 x=geheim\n").decode(),
        "group_vars/web.yml": whole,
        "host_vars/w1.yml": f"plain: 1\nsealed: !vault |\n  {value}\n",
        "password": "open\n",
    }
    job = written({"files": files, "sources": ["hosts"]}, oracle.folder / "vault")
    theirs = oracle({**job, "password": "open"})["list"]
    ours = ansible_view(loaded({**job, "vault": str(oracle.folder / "vault" / "password")}))
    assert theirs["_meta"]["hostvars"]["w1"].pop("sealed").keys() == {"__ansible_vault"}
    assert ours["_meta"]["hostvars"]["w1"].pop("sealed") == "***"
    assert theirs["_meta"]["hostvars"]["w1"]["b"] == [1, {"c": "geheim"}]
    assert ours["_meta"]["hostvars"]["w1"].pop("b") == ["***", {"c": "***"}]
    theirs["_meta"]["hostvars"]["w1"].pop("b")
    assert json.loads(json.dumps(theirs).replace("geheim", "***")) == json.loads(json.dumps(ours))


GROUPS = ["g0", "g1", "g2", "g3", "all", "ungrouped"]
HOSTS = [
    "g0",
    "a/b",
    "h0",
    "h1",
    "h2",
    "h[3:5]",
    "h1.example.com",
    "10.0.0.1",
    "h2:2222",
    "x[a:c]-[01:02]",
]
VALUES = [
    *("1", "1.5", "true", "True", "None", "text", "'a b'", '"a b"', "[1, 'x']", "{'a': [1]}"),
    *("0755", "a=b", "http://x/?a=b", "{{ x }}", "", "1_0", "~", "a:b", "(1,)", "yes", "-x"),
]
NAMES = ["k", "l", "ansible_port", "ansible_user", "ansible_group_priority", "odd-name"]
LIMITS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "", "&", "!"]),
        st.sampled_from(
            [
                *GROUPS,
                *("h0", "h1", "h*", "g*", "~h[0-3]", "*.com", "10.0.0.1", "x?-01", "nobody"),
                *("g0[0]", "g1[0:1]", "h*[-1]", "g*[1:]", "h[13]"),
            ]
        ),
    ),
    min_size=1,
    max_size=4,
)


def assignment(name: str, value: str) -> str:
    """Return a variable as a word of an INI file."""
    return f"{name}={7 if name == 'ansible_group_priority' else value}"


WORDS = st.builds(assignment, st.sampled_from(NAMES), st.sampled_from(VALUES))
HOST_LINES = st.builds(
    lambda host, words: " ".join([host, *map(shlex.quote, words)]),
    st.sampled_from(HOSTS),
    st.lists(WORDS, max_size=3),
)
COMMENTS = st.sampled_from(["", "# comment", "; comment", "   # h9"])
SECTIONS = st.one_of(
    st.builds(
        lambda group, lines: "\n".join([f"[{group}]", *lines]),
        st.sampled_from(GROUPS),
        st.lists(HOST_LINES | COMMENTS, max_size=4),
    ),
    st.builds(
        lambda group, lines: "\n".join([f"[{group}:vars] # {group}", *lines]),
        st.sampled_from(GROUPS),
        st.lists(WORDS | COMMENTS, max_size=3),
    ),
    st.builds(
        lambda group, lines: "\n".join([f"[{group}:children]", *lines]),
        st.sampled_from(GROUPS[:4]),
        st.lists(st.sampled_from(GROUPS[:4]), max_size=3),
    ),
)
INI = st.builds(
    lambda first, sections: "\n".join([*first, *sections]) + "\n",
    st.lists(HOST_LINES, max_size=2),
    st.lists(SECTIONS, max_size=7),
)
SCALARS = st.sampled_from([None, 1, 1.5, True, "text", "{{ x }}", "yes", [1, "x"], {"a": {"b": 1}}])
VARIABLES = st.dictionaries(st.sampled_from(NAMES[:4] + NAMES[5:]), SCALARS, max_size=3)
PRIORITIES = st.builds(lambda number: {"ansible_group_priority": number}, st.integers(0, 9))
BODIES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "hosts": st.none() | st.dictionaries(st.sampled_from(HOSTS), VARIABLES | st.none()),
            "vars": VARIABLES | st.none(),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {"children": st.dictionaries(st.sampled_from(GROUPS[:4]), inner, max_size=3)},
        optional={
            "vars": VARIABLES
            | st.builds(lambda p: {"ansible_group_priority": p}, st.integers(0, 9)),
            "hosts": st.dictionaries(st.sampled_from(HOSTS), VARIABLES | st.none(), max_size=3),
        },
    ),
    max_leaves=6,
)
YAML = st.builds(
    lambda groups: yaml.safe_dump(groups, sort_keys=False),
    st.dictionaries(st.sampled_from(GROUPS), BODIES, min_size=1, max_size=4),
)
VARIABLE_FILES = st.dictionaries(
    st.sampled_from(
        [
            *("group_vars/all.yml", "group_vars/g0.yml", "group_vars/g1/x.yml", "group_vars/g1/y"),
            *("host_vars/h0.yml", "host_vars/h1.json", "group_vars/ungrouped.yaml"),
        ]
    ),
    VARIABLES.map(json.dumps),
    max_size=4,
)
SOURCES = st.lists(
    INI.map(lambda text: ("ini", text)) | YAML.map(lambda text: ("yml", text)),
    min_size=1,
    max_size=3,
)
_folders = itertools.count()


def same_to_both(sources: list[Any], files: dict[str, str], limits: list[str], ask: Oracle) -> None:
    """Raise unless a made inventory is the same to both, or an error to both."""
    folder = ask.folder / f"made-{next(_folders)}"
    named = {f"{n}.{ending}": text for n, (ending, text) in enumerate(sources)}
    case = {"files": {**files, **named}, "sources": list(named), "limits": limits}
    job = written(case, folder)
    answer = ask(job)
    try:
        loaded(job)
    except InventoryError as error:
        if "both a host and a group" in error.message:
            return
        assert set(answer["read"]) != set(job["sources"]), f"only we refuse it: {error}"
        return
    assume(set(answer["read"]) == set(job["sources"]))
    agrees(job, answer)


QUICK = settings(max_examples=12)
SLOW = settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def made_inventories(count: settings, oracle: Oracle) -> None:
    """Hold that so many inventories are the same to both."""

    @count
    @given(SOURCES, VARIABLE_FILES, LIMITS.map(",".join) | LIMITS.map(":".join))
    def each(sources: list[Any], files: dict[str, str], limit: str) -> None:
        same_to_both(sources, files, [limit], oracle)

    each()


@pytest.mark.slow
@pytest.mark.xdist_group("ansible")
def test_a_few_made_inventories(oracle: Oracle) -> None:
    """Whatever sections, groups and values stand in whatever order, both read the same."""
    made_inventories(QUICK, oracle)


@pytest.mark.slow
@pytest.mark.xdist_group("ansible")
def test_many_made_inventories(oracle: Oracle) -> None:
    """The same for as many as a minute holds."""
    made_inventories(SLOW, oracle)


@pytest.mark.slow
@pytest.mark.xdist_group("ansible")
def test_selectors_are_split_alike(oracle: Oracle) -> None:
    """Commas, colons, blanks, brackets, ports and IPv6 addresses mean what they mean there."""
    pieces = [
        "a",
        "web1",
        ":",
        ":",
        ",",
        "!",
        "&",
        " ",
        "[1:2]",
        "[",
        "]",
        "::1",
        "80",
        ".",
        "-",
        "*",
    ]

    @settings(max_examples=60)
    @given(st.lists(st.sampled_from(pieces), min_size=1, max_size=7).map("".join))
    def each(selector: str) -> None:
        try:
            ours = [term.text for term in parse(selector)]
        except UsageError:
            # A bracket is not closed: Ansible drops it without a word.
            return
        assert ours == oracle({"split": selector})["parts"]

    each()
