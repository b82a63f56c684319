"""One table says what a version of Hermes can do; nothing else compares versions."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import HERMES, NEW, desired, roles
from machine import needs, source_of

from hermes_ops.hermes import gateway
from hermes_ops.hermes.versions import (
    OBSERVED,
    PYTHONS,
    UNKNOWN,
    Capabilities,
    capabilities,
    is_same,
)
from hermes_ops.look.facts import Hermes
from hermes_ops.plan import Plan, make_plan
from hermes_ops.plan.host import about_version
from hermes_ops.plan.model import Install, RunCommand, Write, WriteUnit
from hermes_ops.services import MANAGERS
from hermes_ops.services.definition import Text
from hermes_ops.services.systemd import Systemd

ROOT = Path(__file__).parents[2]
CODE = ROOT / "hermes_ops"
ROWS: dict[str, dict[str, Any]] = yaml.safe_load(
    (CODE / "hermes" / "data" / "versions.yml").read_text(encoding="utf-8")
)


# --- which row ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "row"),
    [
        ("0.13.0", "0.13"), ("0.14", "0.14"), ("0.18.0", "0.18"), ("0.18.99", "0.18.1"),
        ("0.19", "0.19"), ("0.19.0", "0.19"), ("0.19.1", "0.19"), ("0.19.0rc1", "0.19"),
        ("0.19.1+local", "0.19"), ("0.20.0", "0.20"), ("0.20.2", "0.20"), ("0.20.3", "0.20.3"),
        ("0.20.4.dev1", "0.20.3"), ("0.20.10", "0.20.5"), ("0.21.2", "0.21"), ("0.21.3", "0.21.3"),
        ("0.22.0", "0.22"), ("0.23.4", "0.22"), ("0.190.0", "0.22"), ("1.0", "0.22"),
        ("10", "0.22"), ("2026.7.20", "0.22"),
    ],
)  # fmt: skip
def test_a_version_has_the_row_that_begins_last(version: str, row: str) -> None:
    """A row holds until the next one begins; versions are compared as numbers, not as texts."""
    assert capabilities(version).source == ROWS[row]["source"]


@pytest.mark.parametrize("version", ["", "0", "0.0", "0.12.9", "0.2", "latest", "v", "."])
def test_of_an_older_one_or_of_no_version_nothing_is_known(version: str) -> None:
    """What no row covers has no capability, and Hermes writes its own unit."""
    assert capabilities(version) == UNKNOWN
    assert not capabilities(version).unit_text_known


def test_newest_row_knows_nothing() -> None:
    """A version that nobody has looked at yet is not taken for the last one that somebody did."""
    known = replace(capabilities("99.0"), source=UNKNOWN.source, not_done=())
    assert known == UNKNOWN
    assert capabilities("99.0").standing == "unknown"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.19.0", "0.19.0", True), ("0.19", "0.19.0", True), ("1", "1.0.0", True),
        ("0.19.0", "0.19.1", False), ("0.19.0rc1", "0.19.0", False), ("0.2", "0.20", False),
        ("10", "1", False), ("0.19.0+a", "0.19.0", False),
    ],
)  # fmt: skip
def test_a_version_may_be_written_shorter(one: str, other: str, same: bool) -> None:
    """`0.19` and `0.19.0` are one version; what stands behind the numbers counts."""
    assert is_same(one, other) is same
    assert is_same(other, one) is same


# --- the table ---------------------------------------------------------------------------------


def test_rows_begin_one_after_another() -> None:
    """The table is in the order of the versions, and begins with the first that is told of."""
    starts = [tuple(map(int, start.split("."))) for start in ROWS]
    assert starts == sorted(set(starts))
    minors = [start for start in ROWS if start.count(".") == 1]
    assert minors[:7] == [f"0.{minor}" for minor in range(13, 20)]


@pytest.mark.parametrize("start", ROWS)
def test_every_row_has_its_source(start: str) -> None:
    """Each says who knows it; what a row tells is of the kind that its name promises."""
    row, source = capabilities(start), ROWS[start]["source"]
    assert row.source == source
    assert re.match(rf"(observed on|read in) {start}(\.0)?$|reported: .|nobody has", source)
    assert ROWS[start].keys() <= {field.name for field in fields(Capabilities)}
    assert set(row.topologies) <= {"units", "multiplex"}
    assert row.evidence <= {"state", "heartbeat", "pid", "lock", "socket"}
    assert set(row.pythons) <= set(PYTHONS)
    assert (row.drain_marker_limit is not None) == bool(row.drain_marker)


def test_what_was_observed_is_told_whole() -> None:
    """Of the version that the tests install, nothing is left open."""
    row = capabilities(OBSERVED)
    assert row.source == f"observed on {OBSERVED}"
    differences = {"unit_more", "unit_less", "plist_more", "plist_less", "not_done"}
    empty = {f.name for f in fields(row) if getattr(row, f.name) in (None, (), frozenset())}
    assert empty == differences


def test_what_we_install_is_what_was_observed() -> None:
    """The pins of the role, of the lab and of the copied lists, and the schema, are that row's."""
    gateway_role = roles()["gateway"]
    assert gateway_role.program is not None
    assert gateway_role.program.version == OBSERVED
    initial = [file.initial for file in gateway_role.files if hasattr(file, "initial")]
    assert initial == [{"_config_version": capabilities(OBSERVED).config_schema}]
    for name in ("lab/recipes/hermes.sh", "hermes/data/hermes-defaults.txt"):
        text = (CODE / name).read_text(encoding="utf-8")
        assert set(re.findall(r"hermes-agent(?:==| )(\d[\d.]*\d)", text)) == {OBSERVED}


# --- what comes of it --------------------------------------------------------------------------


def planned(version: str) -> Plan:
    """Return the plan for a new profile on a host that has this version."""
    facts = replace(NEW, hermes=replace(HERMES, version=version))
    case = {"host": {"hermes": {"version": version}}, "desired": {"demo": {}}}
    return make_plan(desired(case), facts)


@pytest.mark.parametrize(
    ("version", "operation"),
    [
        ("0.19.0", Write), ("0.19.7", Write), ("0.18.0", WriteUnit), ("0.20.3", WriteUnit),
        ("0.190.0", WriteUnit), ("0.12.0", WriteUnit), ("1.0", WriteUnit),
    ],
)  # fmt: skip
def test_hermes_writes_the_unit_whose_text_is_not_known(version: str, operation: type) -> None:
    """Our text is written only for versions whose text it is; otherwise a note says who writes."""
    plan = planned(version)
    name = "file:.config/systemd/user/hermes-gateway-demo.service"
    (unit,) = [change.operation for change in plan.changes if change.resource == name]
    assert isinstance(unit, operation)
    (note,) = plan.notes or ("",)
    assert note.endswith("writes its units itself: only their main lines are checked") == (
        operation is WriteUnit
    )
    assert ("is newer than what this hermes-ops knows" in note) == (version in ("0.190.0", "1.0"))
    assert ("from reports alone" in note) == (version == "0.20.3")


@pytest.mark.parametrize("version", ["0.13.0", "0.17.0", "0.18.0", "0.23.4"])
def test_a_unit_is_written_without_a_start(version: str) -> None:
    """Where `gateway install` asks or starts the service, the generator of the unit is called."""
    name = "file:.config/systemd/user/hermes-gateway-demo.service"
    (unit,) = [c.operation for c in planned(version).changes if c.resource == name]
    assert isinstance(unit, WriteUnit)
    by_generator = "generate_systemd_unit" in unit.words
    assert by_generator == (capabilities(version).quiet_install is False)
    assert ("--no-start-now" in unit.words) != by_generator


def test_a_new_config_has_the_schema_of_its_version() -> None:
    """With a later one, the migrations between them would be left out for ever."""
    for version, schema in [("0.13.0", 23), ("0.18.0", 32), ("0.19.0", 33), ("99.0", 33)]:
        writes = [c.operation for c in planned(version).changes if isinstance(c.operation, Write)]
        (text,) = [one.content for one in writes if one.path.name == "config.yaml"]
        assert f"_config_version: {schema}\n" in str(text)


def test_a_profile_is_made_without_what_its_version_does_not_take() -> None:
    """Before 0.15 `profile create` knew no description."""
    for version, takes in [("0.14.0", False), ("0.15.0", True), ("0.19.0", True), ("99.0", True)]:
        facts = replace(NEW, hermes=replace(HERMES, version=version))
        case = {"desired": {"demo": {"description": "writes code"}}}
        words = [c.operation.words for c in make_plan(desired(case), facts).changes
                 if isinstance(c.operation, RunCommand)]  # fmt: skip
        assert ["--description=writes code" in each for each in words] == [takes]


@pytest.mark.parametrize(
    ("version", "note"),
    [
        ("0.19.0", ""), ("0.13.0", ""),
        ("0.20.3", "Hermes 0.20.3 is known from reports alone (docs/versions.md), and may do some"
                   " things in another way"),
        *(
            (version, f"Hermes {version} is newer than what this hermes-ops knows"
                      " (docs/versions.md), and may do some things in another way")
            for version in ("0.22.0", "0.23.4")
        ),
    ],
)  # fmt: skip
def test_a_manager_whose_text_is_ours_says_nothing_of_units(version: str, note: str) -> None:
    """Under supervisord no version writes a unit; what is not known of it is told all the same."""
    service = desired({"desired": {"demo": {}}}).services["demo"]
    hermes = replace(HERMES, version=version)
    assert about_version(service, hermes, MANAGERS["supervisord"]) == note


def test_another_program_has_our_text() -> None:
    """What Hermes can do decides nothing for a service that is not Hermes."""
    service = replace(desired({"desired": {"demo": {}}}).services["demo"], text="service")
    assert gateway.unit_text_known(service, None)
    assert gateway.unit_text_known(service, replace(HERMES, version="0.18.0"))


def test_a_python_that_hermes_does_not_run_on_is_not_taken() -> None:
    """It is installed with the first Python of the host that its row names; an unknown with any."""
    pythons = (("3.10", "/usr/bin/python3.10"), ("3.13", "/usr/bin/python3.13"))
    facts = replace(NEW, hermes=None, pythons=pythons)
    for version, python in [(OBSERVED, pythons[1][1]), ("99.0", pythons[0][1])]:
        case = {"host": {"hermes": {"version": version}}, "desired": {"demo": {}}}
        (install,) = [c.operation for c in make_plan(desired(case), facts).changes
                      if isinstance(c.operation, Install)]  # fmt: skip
        assert install.python == python


# --- nothing else does it ----------------------------------------------------------------------

ALLOWED = {
    ("commands/config/get.py", "self.path != (ownership.VERSION,)"),  # the name of a key
    ("plan/ledger.py", "0 < self.before.version < self.version"),  # `_config_version` of a file
}
"""What looks like a comparison of versions and is none."""

ASKING = {
    "startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix",
    "match", "fullmatch", "search", "parse", "Version",
}  # fmt: skip
"""Methods by which a text is taken apart or compared."""


def comparisons(source: str) -> Iterator[str]:
    """Yield what in a module compares a version, takes one apart, or is one."""
    for node in ast.walk(ast.parse(source)):
        if _compares(node) or _is_version(node) or _imports(node):
            yield ast.unparse(node)


def _compares(node: ast.AST) -> bool:
    match node:
        case ast.Compare():
            return any(map(_names_version, (node.left, *node.comparators)))
        case ast.Match():
            return _names_version(node.subject)
        case ast.Call(func=ast.Attribute(attr=name, value=asked)) if name in ASKING:
            return any(map(_names_version, (asked, *node.args)))
        case ast.Call(func=ast.Name(id=name)) if name in ASKING:
            return any(map(_names_version, node.args))
    return False


def _names_version(node: ast.AST) -> bool:
    """Whether the name of a variable or an attribute in it is of a version."""
    names = [getattr(n, "id", "") or getattr(n, "attr", "") for n in ast.walk(node)]
    return any("version" in name.lower() for name in names)


def _is_version(node: ast.AST) -> bool:
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(value, str) and bool(re.fullmatch(r"0\.(1[2-9]|2\d)(\.\d*)?", value))


def _imports(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) and "packaging" in ast.unparse(node)


def test_nothing_else_compares_versions() -> None:
    """Whoever must know what a version can do asks the table."""
    found = {
        (str(file.relative_to(CODE)), text)
        for file in sorted(CODE.rglob("*.py"))
        if file != CODE / "hermes" / "versions.py"
        for source in [file.read_text(encoding="utf-8")]
        if re.search("version|packaging|0[.][12]", source, re.IGNORECASE)
        for text in comparisons(source)
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        'hermes.version.startswith("0.1")', 'values["x"].startswith(service.versions)',
        "found.version != wanted", 'program_version >= "0.2"', "(0, 1) < version_of(hermes)",
        'parse("1") < x or parse(version)', "import packaging.version", "x = '0.19.'",
        "from packaging import version", "hermes.version in KNOWN", 're.match("0", hermes.version)',
        "match hermes.version:\n    case 'x':\n        pass", 'VERSION.split(".")',
    ],
)  # fmt: skip
def test_a_comparison_is_found(source: str) -> None:
    """The search sees the ways in which code has compared versions, here or elsewhere."""
    assert list(comparisons(source))


def test_no_shell_file_compares_versions_of_hermes() -> None:
    """Nor does the shell that runs on hosts."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(CODE.rglob("*.sh")))
    tests = re.findall(r"^.*(?:case \S*version|\[ [^\]]*version).*$", text, re.MULTILINE)
    assert [line.strip() for line in tests] == [
        '[ "$(readlink "$base/current")" = "$version" ] || point_current "$base" "$version"'
        " || return",
        'case $version in 3.1[123]) say "python $version $1" ;; *) return 1 ;; esac',
    ]


# --- the real package --------------------------------------------------------------------------

ORACLE = """
import contextlib, dataclasses, importlib, importlib.metadata, io, json, os, plistlib, sys, time
from pathlib import Path
out, sys.stdout = sys.stdout, sys.stderr
from packaging.specifiers import SpecifierSet
from gateway import config as gateway_config, restart, status
from hermes_cli import config, gateway, main
home = Path(os.environ["HERMES_HOME"])
def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
def with_config(text):
    (home / "config.yaml").write_text(text)
    getattr(config, "_RAW_CONFIG_CACHE", {}).clear()
    return gateway.generate_systemd_unit()
def drained(age):
    drain_control = module("gateway.drain_control")
    if drain_control is None:
        return False
    path = drain_control.drain_request_path()
    path.write_text(json.dumps({"requested_at": time.time() - age}))
    os.utime(path, (time.time() - age,) * 2)
    found = drain_control.drain_requested()
    path.unlink()
    return found
def said(*words):
    sys.argv = ["hermes", *words]
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.redirect_stderr(text):
        try:
            main.main()
        except SystemExit as ending:
            print("ended with", ending.code)
    return text.getvalue()
def is_quiet():
    asked = []
    gateway.supports_systemd_services = lambda: True
    gateway.systemd_install = lambda *_, **__: None
    gateway.prompt_yes_no = lambda *words: asked.append(words) or False
    told = said("gateway", "install", "--force", "--no-start-now", "--no-start-on-login")
    return not asked and "ended with 2" not in told
def is_reopened():
    logs, path = module("hermes_logging"), home / "logs" / "x.log"
    handler = logs._ManagedRotatingFileHandler(path)
    path.unlink()
    handler.emit(logs.logging.makeLogRecord({"msg": "x"}))
    return path.exists()
multiplex = getattr(gateway_config.GatewayConfig(), "multiplex_profiles", None)
requires = SpecifierSet(importlib.metadata.metadata("hermes-agent")["Requires-Python"])
config.ensure_hermes_home()
folders = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_dir())
status.write_planned_stop_marker(os.getpid())
planned = status.consume_planned_stop_marker_for_self()
status.write_pid_file()
pid = json.loads((home / "gateway.pid").read_text())
if watch := module("gateway.shutdown_watchdog"):
    watch.write_loop_heartbeat()
status.write_runtime_status(gateway_state="running")
status.acquire_gateway_runtime_lock()
names = {"gateway_state.json": "state", "state/gateway.heartbeat": "heartbeat",
         "gateway.pid": "pid", "gateway.lock": "lock", "gateway.sock": "socket"}
units = [with_config(text) for text in sys.argv[2:]]
asked_pythons = sys.argv[1].split()
print(json.dumps({
    "version": importlib.metadata.version("hermes-agent"),
    "config_schema": config.DEFAULT_CONFIG["_config_version"],
    "pythons": [p for p in asked_pythons if requires.contains(p + ".1")],
    "unit_runs_python": f"ExecStart={sys.executable} " in units[0],
    "drain_marker": drained(0),
    "drain_marker_limit": 0 if drained(10**7) else None,
    "planned_stop_marker": planned,
    "reopens_logs": is_reopened(),
    "topologies": {None: ["units"], False: ["units", "multiplex"]}.get(
        multiplex, ["multiplex", "units"]),
    "folders": folders,
    "evidence": sorted(names[name] for name in names if (home / name).exists()),
    "pid_file_fields": list(pid),
    "planned_restart_exit": restart.GATEWAY_SERVICE_RESTART_EXIT_CODE,
    "fatal_exit": getattr(restart, "GATEWAY_FATAL_CONFIG_EXIT_CODE", None),
    "watchdog_setting": ("gateway.systemd_watchdog_seconds" if "WatchdogSec=30s" in units[2]
                         else None),
    "plist": plistlib.loads(gateway.generate_launchd_plist().encode()),
    "units": units,
    "describes": "--description" in said("profile", "create", "--help"),
    "quiet_install": is_quiet(),
}), file=out)
"""


@pytest.fixture(scope="module")
def python() -> str:
    """Return a Python that has hermes-agent."""
    found = os.environ.get("HERMES_OPS_TEST_HERMES_PYTHON")
    if not found:
        pytest.skip("HERMES_OPS_TEST_HERMES_PYTHON names no Python that has hermes-agent")
    return found


def asked(python: str, user_home: Path, profile: str, version: str = OBSERVED) -> dict[str, Any]:
    """Return what the real package says and does in the home of a profile.

    The libraries are those of the observed version, whatever `version` is.
    """
    home = user_home / home_of(profile)
    home.mkdir(parents=True)
    environ = {"HERMES_HOME": str(home), "HOME": str(user_home), "PATH": "/nowhere"}
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if version != OBSERVED:
        environ["PYTHONPATH"] = str(source_of(version))
    done = subprocess.run(
        [python, "-c", ORACLE, " ".join(PYTHONS), *map(json.dumps, CONFIGS)],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def home_of(profile: str) -> str:
    """Return the home of a gateway, below its user's."""
    return str(desired({"desired": {profile: {}}}).services[profile].home)


CONFIGS: list[dict[str, Any]] = [
    {},
    {"agent": {"restart_drain_timeout": 45}},
    {"gateway": {"systemd_watchdog_seconds": 30}},
]


PUBLISHED = (
    "0.13.0", "0.14.0", "0.15.0", "0.15.1", "0.15.2", "0.16.0", "0.17.0",
    "0.18.0", "0.18.1", "0.18.2", OBSERVED,
)  # fmt: skip
"""What the index has; the newest comes last."""


@pytest.fixture(scope="module")
def observed(python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the version of which we have the texts says and does."""
    return asked(python, tmp_path_factory.mktemp("observed"), "coder")


@needs("hermes-agent")
@pytest.mark.slow
@pytest.mark.parametrize("version", PUBLISHED)
def test_a_row_is_what_the_real_package_does(
    python: str, observed: dict[str, Any], tmp_path: Path, version: str
) -> None:
    """Each fact of a row is what the code of that version says, or does when it is called."""
    told = observed if version == OBSERVED else asked(python, tmp_path, "coder", version)
    assert told["version"] == version
    row = capabilities(version)
    assert row.standing == "proven"
    facts = {name: told[name] for name in told.keys() - {"version", "units", "plist"}}
    known = {name: getattr(row, name) for name in facts}
    as_told = {k: sorted(v) if isinstance(v, frozenset) else v for k, v in known.items()}
    assert facts == {k: list(v) if isinstance(v, tuple) else v for k, v in as_told.items()}
    theirs, ours = unit_lines(told), unit_lines(observed)
    assert unlike(theirs - ours, row.unit_more) == unlike(ours - theirs, row.unit_less) == set()
    theirs, ours = plist_lines(told), plist_lines(observed)
    assert unlike(theirs - ours, row.plist_more) == unlike(ours - theirs, row.plist_less) == set()


def unlike(lines: set[str], ends: tuple[str, ...]) -> set[str]:
    """Return the lines that no end or beginning names, and those that name no line."""
    named = {end: {x for x in lines if x.startswith(end) or x.endswith(end)} for end in ends}
    return (lines - set().union(*named.values())) | {end for end in ends if not named[end]}


def unit_lines(told: dict[str, Any]) -> set[str]:
    """Return the lines of a unit but its PATH, which is that of the caller, and paths of homes."""
    return {
        re.sub(r"/\S+(?=/\.hermes)", "HOME", line)
        for line in told["units"][0].splitlines()
        if not line.startswith('Environment="PATH=')
    }


def plist_lines(told: dict[str, Any]) -> set[str]:
    """Return the keys and values of a property list but its PATH, without the paths of homes."""
    told["plist"]["EnvironmentVariables"].pop("PATH", None)
    lines = (f"{key}={json.dumps(value)}" for key, value in told["plist"].items())
    return {re.sub(r"/[^\s\"]+(?=/\.hermes)", "HOME", line) for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["default", "coder"])
def test_text_of_the_unit_is_known(python: str, tmp_path: Path, profile: str) -> None:
    """Our template, with the settings that decide it, is the text that the real Hermes writes."""
    assert capabilities(OBSERVED).unit_text_known
    for theirs, config in zip(asked(python, tmp_path, profile)["units"], CONFIGS, strict=True):
        ours = our_unit(python, tmp_path, profile, config)
        assert Systemd().is_equal(theirs, ours), f"{theirs}\n{ours}"


def our_unit(python: str, user_home: Path, profile: str, config: dict[str, Any]) -> str:
    """Return the unit that we would write for this Python and these settings."""
    prefix = Path(python).parents[1]
    (project,) = prefix.glob("lib/python3*/site-packages")
    hermes = Hermes(python, OBSERVED, venv=str(prefix), project=str(project))
    facts = replace(NEW, home=str(user_home), account_home=str(user_home), hermes=hermes)
    service = desired({"desired": {profile: {}}}).services[profile]
    values = gateway.values_for(service, facts, hermes, config, {})
    parts = Systemd().definition(service, facts, values, enabled=False)
    (unit,) = [part.content for part in parts if isinstance(part, Text) and part.base]
    return unit
