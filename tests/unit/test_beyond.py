"""What keys of others on a host make of a gateway: told by their names, and never removed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from building import desired, facts, put

from hermes_ops.look.facts import Facts, Server
from hermes_ops.plan import Plan, make_plan

HOME = ".hermes/profiles/demo"
API = {"API_SERVER_ENABLED": "true", "API_SERVER_PORT": "8701"}
NEWER = frozenset({f"{HOME}/.env"})


def with_more(env: str = "", config: str = "", /, **wanted: Any) -> Plan:
    """Return the plan for a host on which somebody has added lines to the files of `demo`."""
    case = {"desired": {"demo": {"env": API, **wanted}}, "facts": {"holds": "desired"}}
    held = facts(case)
    held = put(held, f"{HOME}/.env", held.contents[f"{HOME}/.env"] + env)
    held = put(held, f"{HOME}/config.yaml", held.contents[f"{HOME}/config.yaml"] + config)
    return make_plan(desired(case), held)


def told(plan: Plan) -> list[str]:
    """Return what is told of them; nothing of the profile is changed."""
    assert plan.changes == ()
    return [bar.partition(", which")[0] for bar in plan.evidence["demo"].bars]


@pytest.mark.parametrize(
    ("env", "config", "words"),
    [
        ("TELEGRAM_BOT_TOKEN=1:abcdef\n", "", "telegram is switched on by TELEGRAM_BOT_TOKEN"),
        ("", "platforms: {webhook: {enabled: true}}\n",
         "webhook is switched on by platforms.webhook.enabled"),
        ("", "WEBHOOK_ENABLED: true\n", "webhook is switched on by WEBHOOK_ENABLED"),
        ("API_SERVER_HOST=0.0.0.0\n", "",
         "api_server is set to listen on 0.0.0.0:8701 by API_SERVER_HOST"),
        ("", "platforms: {api_server: {extra: {host: '::'}}}\n",
         "api_server is set to listen on :::8701 by platforms.api_server.extra.host"),
        ("GATEWAY_ALLOW_ALL_USERS=true\n", "",
         f"~/{HOME}/.env sets GATEWAY_ALLOW_ALL_USERS"),
        ("HERMES_MANAGED_DIR=/x\n", "", f"~/{HOME}/.env sets HERMES_MANAGED_DIR"),
        ("", "gateway: {multiplex_profiles: true}\n",
         f"gateway.multiplex_profiles of ~/{HOME}/config.yaml lets it serve every profile"),
    ],
)  # fmt: skip
def test_what_makes_another_gateway_is_told(env: str, config: str, words: str) -> None:
    """By the key, and with how it ends."""
    plan = with_more(env, config)
    assert told(plan) == [words]
    mends = [one.mend for one in plan.differs if one.mend]
    assert "name it in the inventory, or take" in mends[0]


@pytest.mark.parametrize(
    ("env", "config"),
    [
        ("OPENAI_API_KEY=abcdefghij\nTELEGRAM_ALLOWED_USERS=5\n", "model: {default: a/b}\n"),
        ("GATEWAY_ALLOW_ALL_USERS=false\n", "gateway: {multiplex_profiles: false}\n"),
        ("", "platforms: {webhook: {enabled: false}}\n"),
    ],
)
def test_other_keys_of_others_are_their_own(env: str, config: str) -> None:
    """Neither told nor removed."""
    assert told(with_more(env, config)) == []


def test_a_wanted_platform_that_somebody_switched_off() -> None:
    """Without it the gateway is healthy, and deaf."""
    env = {**API, "TELEGRAM_BOT_TOKEN": "1:abcdef"}
    plan = with_more("", "platforms: {telegram: {enabled: false}}\n", env=env)
    assert told(plan)[-1] == "telegram is switched off by platforms.telegram.enabled"


def test_a_platform_whose_token_lives_on_the_host() -> None:
    """The inventory calls for it by its name alone."""
    config = {"platforms": {"telegram": {"enabled": True}}}
    plan = with_more("TELEGRAM_BOT_TOKEN=1:abcdef\n", "", config=config)
    assert plan.evidence["demo"].bars == ()


def test_an_inventory_without_platforms_leaves_them_to_the_host() -> None:
    """Its profile may have been set up by hand."""
    plan = with_more("TELEGRAM_BOT_TOKEN=1:abcdef\nAPI_SERVER_HOST=0.0.0.0\n", env={})
    assert plan.evidence["demo"].bars == ()


def held_by(found: Facts, **more: Any) -> Facts:
    """Return the facts of a process that has more than its files call for."""
    return replace(found, newer=NEWER, **more)


def test_what_a_process_keeps_after_its_files_were_mended() -> None:
    """A platform, and an address for every network: only a restart ends that."""
    case = {"desired": {"demo": {"env": API}}, "facts": {"holds": "desired"}}
    held = facts(case)
    state = held.contents[f"{HOME}/gateway_state.json"]
    entry = '"webhook": {"state": "connected", "updated_at": "2026-11-22T08:59:50+00:00"}'
    more = put(
        held, f"{HOME}/gateway_state.json", state.replace('"api_server"', f'{entry}, "api_server"')
    )
    plan = make_plan(desired(case), held_by(more))
    assert plan.evidence["demo"].bars[0].startswith("its process has webhook, which its files")
    pid = plan.evidence["demo"].pid
    servers = (Server("0.0.0.0", 8701, pid), Server("0.0.0.0", 5555, pid))
    plan = make_plan(desired(case), held_by(held, servers=servers))
    assert "listens on 0.0.0.0:8701, for every network" in plan.evidence["demo"].bars[0]
    assert plan.differs[0].mend == "./inv fleet.restart -l box/demo"
    plan = make_plan(desired(case), replace(more, newer=frozenset()))
    assert plan.differs[0].mend.startswith("name it in the inventory")


def test_a_platform_of_the_process_that_nothing_calls_for_where_the_host_decides() -> None:
    """An inventory without platforms has no word on them; nor is what ended counted."""
    case = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
    held = facts(case)
    path = f"{HOME}/gateway_state.json"
    entry = '"platforms": {"webhook": {"state": "%s", "updated_at": "2026-11-22T08:59:50+00:00"}'
    more = put(held, path, held.contents[path].replace('"platforms": {', entry % "connected"))
    assert make_plan(desired(case), more).evidence["demo"].bars == ()
