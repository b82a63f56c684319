"""`inventory.lint` finds what has no effect, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from case_file import read_case
from folders import fill
from hypothesis import given
from hypothesis import strategies as st
from test_loader_cases import write_files

from hermes_ops.loader import gather
from hermes_ops.loader.lint import Remark, lint
from hermes_ops.loader.sources.files import folder_of
from hermes_ops.loader.typos import is_slip, meant_env
from hermes_ops.tasks.program import Program

ROOT = Path(__file__).parents[2]
LOADER_CASES = sorted((ROOT / "tests" / "cases" / "inventory").glob("*.yml"))
CLEAN = {
    "hosts.yml": """\
all:
  children:
    minis:
      hosts: {mini-1: , mini-2: {ansible_host: 10.0.0.2}, mini-3: }
      vars: {ansible_user: hermes, hermes_profiles: [coder, scout, diver]}
""",
    "profiles/coder.yml": "soul: coder.soul.md\nconfig: {model: {default: a/b}, tools: [x]}\n",
    "profiles/coder.soul.md": "I code.\n",
    "profiles/scout.yml": "config: {model: {default: a/c}}\nenv: {MY_OWN_SETTING: '1'}\n",
    "profiles/diver.yml": "config: {model: {default: a/d}}\n",
    "group_vars/minis.yml": "hermes_profile_defaults: {config: {display: {personality: x}}}\n",
    "host_vars/mini-1.yml": "hermes_profiles: {coder: {config: {+tools: [y]}}}\n",
    "host_vars/README.md": "what this folder is for\n",
}


def findings(folder: Path, files: Mapping[str, str]) -> list[Remark]:
    """Return the findings of the clean inventory with these files upon it."""
    fill(folder / "inventory", {**CLEAN, **files})
    source = Path("inventory")
    return list(lint(gather([source], ROOT / "roles", {}), [source]))


CASES: Mapping[str, tuple[Mapping[str, str], list[tuple[str, str, str, str]]]] = {
    "nothing": ({}, []),
    "a profile that no host has": (
        {"profiles/gone.yml": "state: started\n"},
        [
            (
                "unused-profile",
                "profiles/gone.yml:1:1",
                "no host has the profile 'gone'",
                "name it in hermes_profiles, or remove the file",
            )
        ],
    ),
    "a file for a group that is not there": (
        {"group_vars/mins.yml": "a: 1\n"},
        [
            (
                "unknown-target",
                "group_vars/mins.yml",
                "there is no group 'mins'",
                "did you mean 'minis'?",
            )
        ],
    ),
    "a folder for a host that is not there": (
        {"host_vars/web/vars.yml": "a: 1\n"},
        [
            (
                "unknown-target",
                "host_vars/web",
                "there is no host 'web'",
                "rename it, or remove it",
            )
        ],
    ),
    "a file that another one hides": (
        {"group_vars/minis.yaml": "a: 1\n"},
        [
            (
                "unread-file",
                "group_vars/minis.yaml",
                "is not read: inventory/group_vars/minis.yml comes before it",
                "put both into one",
            )
        ],
    ),
    "a variable that wins on no host": (
        {
            "group_vars/all.yml": "\nansible_user: root\n",
            "group_vars/minis.yml": "ansible_user: x\n",
        },
        [
            (
                "never-wins",
                "group_vars/all.yml:2:1",
                "'ansible_user' of group:all wins on no host: group:minis has it too,"
                " at inventory/group_vars/minis.yml:1:1",
                "remove the one that is not meant",
            ),
            (
                "never-wins",
                "hosts.yml:5:14",
                "'ansible_user' of group:minis wins on no host: group:minis has it too,"
                " at inventory/group_vars/minis.yml:1:1",
                "remove the one that is not meant",
            ),
        ],
    ),
    "a variable that a later file of the folder replaces": (
        {"group_vars/all/1.yml": "a: 1\nb: 1\n", "group_vars/all/2.yml": "a: 2\n"},
        [
            (
                "never-wins",
                "group_vars/all/1.yml:1:1",
                "'a' of group:all wins on no host: group:all has it too,"
                " at inventory/group_vars/all/2.yml:1:1",
                "remove the one that is not meant",
            )
        ],
    ),
    "a setting that wins nowhere": (
        {"group_vars/minis.yml": "hermes_profile_defaults: {config: {model: {default: m}}}\n"},
        [
            (
                "never-wins",
                f"profiles/{name}.yml:{place}",
                "'config.model.default' of catalogue wins nowhere: group:minis"
                " (hermes_profile_defaults) has it too, at inventory/group_vars/minis.yml:1:44",
                "remove the one that is not meant",
            )
            for name, place in (("coder", "2:18"), ("diver", "1:18"), ("scout", "1:18"))
        ],
    ),
    "a default that every profile overrides": (
        {
            "group_vars/minis.yml": """\
hermes_profile_defaults: {state: stopped}
hermes_profiles: {coder: {state: started}, scout: {state: started}, diver: {state: absent}}
"""
        },
        [
            (
                "never-wins",
                "group_vars/minis.yml:1:27",
                "every profile overrides the default 'state',"
                " as at inventory/group_vars/minis.yml:2:27",
                "remove the default",
            )
        ],
    ),
    "an item that is already there": (
        {"host_vars/mini-1.yml": "hermes_profiles: {coder: {config: {+tools: [x]}}}\n"},
        [
            (
                "no-effect",
                "host_vars/mini-1.yml:1:36",
                "appends what is already there: x",
                "remove it, or mend the name",
            )
        ],
    ),
    "an item that is not there": (
        {"host_vars/mini-1.yml": "hermes_profiles: {coder: {config: {-tools: [z]}}}\n"},
        [
            (
                "no-effect",
                "host_vars/mini-1.yml:1:36",
                "removes what no weaker layer has: z",
                "remove it, or mend the name",
            )
        ],
    ),
    "credentials, of which nobody knows here whether they are equal": (
        {
            "profiles/coder.yml": "soul: coder.soul.md\n"
            "config: {api_keys: [a, b], hooks: [{url: x, secret: a}]}\n",
            "host_vars/mini-1.yml": "hermes_profiles: {coder: {config:"
            " {+api_keys: [c], +hooks: [{url: x, secret: b}]}}}\n",
        },
        [],
    ),
    "a list that is not there": (
        {"host_vars/mini-1.yml": "hermes_profiles: {coder: {config: {-tolls: [x]}}}\n"},
        [
            (
                "no-effect",
                "host_vars/mini-1.yml:1:36",
                "removes from 'config.tolls', which no layer sets",
                "remove it, or mend the name",
            )
        ],
    ),
    "a name that begins another": (
        {"host_vars/mini-1.yml": "hermes_profiles: {co: {}}\n"},
        [
            (
                "name-prefix",
                "hosts.yml:5:54",
                "the name 'co' begins 'coder', on mini-1:"
                " Hermes may take the process of one for the other's",
                "give one of them another name",
            )
        ],
    ),
    "a variable of Hermes, misspelt": (
        {"profiles/diver.yml": "config: {model: {default: a/d}}\nenv: {TELEGRAM_BOT_TOKN: x}\n"},
        [
            (
                "misspelt",
                "profiles/diver.yml:2:7",
                "Hermes does not know 'TELEGRAM_BOT_TOKN'",
                "did you mean 'TELEGRAM_BOT_TOKEN'?",
            )
        ],
    ),
    "a variable of Ansible, misspelt": (
        {"host_vars/mini-1.yml": "ansible_usr: x\n"},
        [
            (
                "misspelt",
                "host_vars/mini-1.yml:1:1",
                "'ansible_usr' is not a known variable",
                "did you mean 'ansible_user'?",
            )
        ],
    ),
    "a setting that all others write otherwise": (
        {"profiles/diver.yml": "config: {modle: {default: a/d}}\n"},
        [
            (
                "misspelt",
                "profiles/diver.yml:1:18",
                "no other profile has 'config.modle'",
                "did you mean 'model'?",
            )
        ],
    ),
    "the same beside the right one": (
        {"host_vars/mini-1.yml": "hermes_profiles: {coder: {config: {modle: {default: x}}}}\n"},
        [
            (
                "misspelt",
                "host_vars/mini-1.yml:1:44",
                "no other profile has 'config.modle'",
                "did you mean 'model'?",
            )
        ],
    ),
    "a profile whose file has another name": (
        {"host_vars/mini-1.yml": "hermes_profiles: {codr: {}}\n"},
        [
            (
                "misspelt",
                "host_vars/mini-1.yml:1:19",
                "no file of profiles/ describes 'codr'",
                "did you mean 'coder'?",
            )
        ],
    ),
    "an empty group": (
        {"more.yml": "servers:\n"},
        [
            (
                "empty-group",
                "more.yml:1:1",
                "no host is in the group 'servers'",
                "put hosts into it, or remove it",
            )
        ],
    ),
    "a soul without a profile": (
        {"profiles/ghost.soul.md": "Boo.\n"},
        [
            (
                "unused-soul",
                "profiles/ghost.soul.md",
                "no profile has this soul",
                "write `soul: ghost.soul.md` into a profile, or remove the file",
            )
        ],
    ),
    "plurals and numbers are meant": (
        {
            "profiles/diver.yml": "config: {model: {default: a/d}, models: [a]}\n"
            "env: {API_SERVER_KEY_2: x, TELEGRAM_TOKEN1: y}\n"
        },
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_findings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no effect is found at its place, and nothing else is."""
    files, expected = CASES[name]
    monkeypatch.chdir(tmp_path)
    assert [
        (finding.kind, str(finding.place).removeprefix("inventory/"), finding.message, finding.hint)
        for finding in findings(tmp_path, files)
    ] == expected


@pytest.mark.slow
@pytest.mark.parametrize("file", [path for path in LOADER_CASES if "error" not in path.stem])
def test_whatever_loads_is_linted(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding of any inventory has its place in one of its files."""
    case = read_case(file)
    write_files(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    sources = [Path(source) for source in case.get("sources", ["inventory"])]
    gathered = gather(sources, Path("roles"), case.get("environ", {}))
    for finding in lint(gathered, list(map(folder_of, sources))):
        assert Path(finding.place.file).exists()
        assert finding.message and finding.hint


@pytest.mark.parametrize("folder", ["inventory", "docs/example/inventory"])
def test_no_alarm_where_nothing_is_wrong(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The project's own inventory and the annotated example have no findings, and exit 0."""
    monkeypatch.chdir(ROOT)
    Program().run(["inv", "inventory.lint", "-i", folder])
    assert capsys.readouterr().out == "nothing found\n"


@pytest.mark.slow
def test_findings_end_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each finding is a line with its place; in the document it has kind, place and remedy."""
    monkeypatch.chdir(tmp_path)
    findings(tmp_path, {"group_vars/mins.yml": "a: 1\n"})
    for more in ((), ("--json",)):
        with pytest.raises(SystemExit) as ended:
            Program().run(["inv", "inventory.lint", "-i", "inventory", *more])
        assert ended.value.code == 2
    lines, _, document = capsys.readouterr().out.partition("1 finding\n")
    assert lines.splitlines() == [
        "inventory/group_vars/mins.yml: there is no group 'mins'",
        "    did you mean 'minis'?",
    ]
    (item,) = json.loads(document)["items"]
    assert item["kind"] == "unknown-target"
    assert item["where"] == "inventory/group_vars/mins.yml"


@given(st.from_regex(r"[a-z_]{4,9}", fullmatch=True), st.data())
def test_one_edit_is_a_slip(name: str, data: st.DataObject) -> None:
    """A letter left out, doubled, changed or swapped is a slip, both ways round."""
    at = data.draw(st.integers(0, len(name) - 1))
    edits = {
        name[:at] + name[at + 1 :],
        name[:at] + "x" + name[at:],
        name[:at] + "x" + name[at + 1 :],
        name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
    }
    for edit in edits - {name}:
        is_long = len(edit) >= 4
        assert is_slip(name, edit) == is_slip(edit, name) == is_long, edit


@pytest.mark.parametrize(
    ("name", "other"),
    [("model", "model"), ("model", "mdoels"), ("key_1", "key_2"), ("on", "no"), ("abcd", "abdce")],
)
def test_other_names_are_no_slips(name: str, other: str) -> None:
    """Two edits, a digit, or a short word: they may well be meant."""
    assert not is_slip(name, other)


def test_known_variables_are_not_slips_of_each_other() -> None:
    """A name that Hermes knows is right, even if another one is near."""
    assert meant_env("API_SERVER_KEY") == ""
    assert meant_env("API_SERVER_KYE") == "API_SERVER_KEY"
