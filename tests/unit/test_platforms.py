"""Which platforms a gateway starts, and where it listens, is told before it runs."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_file import read_case
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import needs
from oracle import Oracle, hermes_says

from hermes_ops.hermes import platforms

FOLDER = Path(__file__).parents[1] / "cases" / "platforms"
CASES: list[dict[str, Any]] = [
    case for path in sorted(FOLDER.glob("*.yml")) for case in read_case(path)
]
DATA = yaml.safe_load((files("hermes_ops.hermes") / "data" / "platforms.yml").read_text("utf-8"))
RULES: dict[str, dict[str, Any]] = DATA["platforms"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_case(case: dict[str, Any]) -> None:
    """Each case names settings, the platforms that follow, and their servers."""
    config, env = case.get("config", {}), case.get("env", {})
    assert sorted(platforms.expected(config, env)) == case["expected"]
    listeners = [list(row) for row in platforms.listeners(config, env)]
    assert listeners == case.get("listeners", [])
    endpoint = platforms.api_endpoint(config, env)
    assert (endpoint and endpoint.url) == case.get("api")


@pytest.mark.parametrize(
    ("names", "extras"),
    [
        ([], ()),
        (["signal", "irc", "email"], ()),
        (["api_server"], ("sms",)),
        (["api_server", "homeassistant"], ("homeassistant",)),
        (["api_server", "slack"], ("slack",)),
        (["telegram", "slack", "api_server", "matrix"], ("matrix", "messaging")),
        (["wecom_callback", "feishu"], ("feishu", "sms", "wecom")),
        (["never-heard-of"], ()),
    ],
)
def test_fewest_extras(names: list[str], extras: tuple[str, ...]) -> None:
    """An extra whose libraries another one brings is left out."""
    assert platforms.extras(names) == extras


def test_each_rule_is_whole() -> None:
    """Each platform can be switched on, needs known extras, and every server ends in a default."""
    for name, rule in RULES.items():
        assert {"forced", "offered"} & rule.keys(), name
        assert set(rule.get("extra", ())) <= DATA["extras"].keys(), name
        listens = rule.get("listens", {})
        for place in (listens, listens.get("forced", {})):
            assert all(
                str(place[key][-1])[0].isdigit() for key in ("host", "port") if key in place
            ), name


def test_home_channels_have_the_names_that_hermes_reads() -> None:
    """In the list of its variables, which lacks that of one; others write to no channel."""
    folder = files("hermes_ops.files")
    known = set((folder / "hermes-env-names.txt").read_text("utf-8").split())
    without = {
        name for name, rule in RULES.items()
        if not known.issuperset(rule.get("home", [f"{name.upper()}_HOME_CHANNEL"]))
    }  # fmt: skip
    servers = {"api_server", "webhook", "msgraph_webhook", "wecom_callback", "relay"}
    assert without == servers | {"homeassistant", "raft", "whatsapp_cloud"}


def test_endpoint_urls() -> None:
    """A server bound to every interface is asked on loopback."""
    assert platforms.Endpoint("0.0.0.0", 1).url == "http://127.0.0.1:1"
    assert platforms.Endpoint("::", 2).url == "http://[::1]:2"
    assert platforms.Endpoint("10.0.0.7", 3).url == "http://10.0.0.7:3"


ORACLE = """
import importlib, json, os, sys, logging, yaml
from pathlib import Path
logging.disable(logging.CRITICAL)
home = Path(os.environ["HERMES_HOME"]); kept = dict(os.environ)
from gateway.config import Platform, load_gateway_config
from gateway.platform_registry import platform_registry
from hermes_cli.plugins import discover_plugins
discover_plugins()
SDK = "telegram discord slack matrix dingtalk feishu teams photon raft whatsapp wecom_callback"
for entry in platform_registry.plugin_entries():
    if entry.name in SDK.split():
        entry.check_fn = lambda: True
    if entry.name == "google_chat":
        sys.modules[entry.check_fn.__module__].check_google_chat_requirements = lambda: True
SERVERS = {
    "api_server": "gateway.platforms.api_server APIServerAdapter _host _port",
    "webhook": "gateway.platforms.webhook WebhookAdapter _host _port",
    "msgraph_webhook": "gateway.platforms.msgraph_webhook MSGraphWebhookAdapter _host _port",
    "whatsapp_cloud":
        "gateway.platforms.whatsapp_cloud WhatsAppCloudAdapter _webhook_host _webhook_port",
    "bluebubbles": "gateway.platforms.bluebubbles BlueBubblesAdapter webhook_host webhook_port",
    "line": "plugins.platforms.line.adapter LineAdapter webhook_host webhook_port",
    "wecom_callback": "plugins.platforms.wecom.callback_adapter WecomCallbackAdapter _host _port",
}
def bound(name, config):
    if name not in SERVERS:
        return None
    module, cls, host, port = SERVERS[name].split()
    try:
        adapter = getattr(importlib.import_module(module), cls)(config)
    except ValueError:
        return None
    return [getattr(adapter, host) or "0.0.0.0", getattr(adapter, port)]
for line in sys.stdin:
    config, env = json.loads(line)
    (home / "config.yaml").write_text(yaml.safe_dump(config))
    os.environ.update(env)
    for key, value in config.items():
        if isinstance(value, (str, int, float, bool)) and key not in os.environ:
            os.environ[key] = str(value)
    loaded = {p.value: c for p, c in load_gateway_config().platforms.items() if c.enabled}
    on = {name: bound(name, c) for name, c in loaded.items() if name != "local"}
    print(json.dumps(on), flush=True)
    os.environ.clear(); os.environ.update(kept)
"""


hermes = hermes_says(ORACLE)


def variables(rule: dict[str, Any]) -> list[str]:
    """Return every variable that a rule mentions."""
    return sorted(set(re.findall(r"[A-Z][A-Z_]{3,}", json.dumps(rule))))


def keys(rule: dict[str, Any]) -> list[str]:
    """Return every key of `extra` that a rule mentions."""
    listens = rule.get("listens", {})
    places = [*listens.get("host", []), *listens.get("port", []), *rule.get("offered", [])]
    return sorted(set(re.findall(r"\b[a-z][a-z_]+\b", " ".join(map(str, places)))) - {"enabled"})


switches: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {"enabled": True}, {"enabled": False}, {"enabled": "no"}]
)


@st.composite
def profiles(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    """Draw the settings of a few platforms, in every place where they can be."""
    config: dict[str, Any] = {"platforms": {}, "gateway": {"platforms": {}}}
    env: dict[str, str] = {}
    for name in draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=3, unique=True)):
        for variable in draw(st.sets(st.sampled_from(variables(RULES[name])))):
            place = env if draw(st.integers(0, 5)) else config
            place[variable] = draw(values(variable))
        config[name] = draw(switches)
        for blocks in (config["platforms"], config["gateway"]["platforms"]):
            blocks[name] = {"extra": draw(extras(keys(RULES[name]))), **draw(switches)}
    return config, env


def extras(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.sets(st.sampled_from(names)) if names else st.just(set())
    return some.map(lambda keys: {k: 4242 if "port" in k else "127.0.0.3" for k in sorted(keys)})


def values(variable: str) -> st.SearchStrategy[str]:
    if "PORT" in variable:
        odd = [] if variable == "LINE_PORT" else ["nonsense"]  # its adapter forgets `extra` then
        return st.sampled_from(["9000", "", *odd])
    if variable.endswith("_ENABLED"):
        return st.sampled_from(["true", "1", "no", "false", "maybe"])
    if variable.endswith("_HOST"):
        return st.just("127.0.0.2")
    if variable.endswith("_MODE"):
        return st.sampled_from(["webhook", "websocket"])
    return st.sampled_from(["127.0.0.2", "127.0.0.2", "changeme", "***", ""])


@needs("hermes-agent")
def test_hermes_decides_the_same(hermes: Oracle) -> None:
    """The real gateway configuration, asked for any settings, gives what the rules give."""

    @settings(max_examples=examples(150))
    @given(profiles())
    def decides(profile: tuple[dict[str, Any], dict[str, str]]) -> None:
        on: dict[str, list[Any] | None] = hermes(profile)
        assert platforms.expected(*profile) == on.keys()
        ours = {name: [host, port] for name, host, port in platforms.listeners(*profile)}
        servers = {name: server for name, server in on.items() if server}
        assert {name: ours.get(name) for name in servers} == servers

    decides()
