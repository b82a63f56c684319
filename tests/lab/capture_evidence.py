"""Capture what a real host shows, as a case for `tests/cases/readiness` or `tests/cases/look`.

    .venv/bin/python -m tests.lab.capture_evidence -i .lab/inventory linux-1/demo \
        --until down --made-by 'kill -STOP PID' --why 'a suspended process is down' >CASE.yml

The host is brought into its state before; the command that did it is kept in the case. What the
case expects is what the program says now: read it before it is committed.
"""

from __future__ import annotations

import argparse
import base64
import sys
import time
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import yaml

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.workspace import open_workspace
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import judge
from hermes_ops.look.answers import parse
from hermes_ops.look.facts import Facts
from hermes_ops.look.question import probe
from hermes_ops.plan import DesiredState, make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.question import question
from hermes_ops.run import Settings, open_host
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.wire import Reply

NONCE = "0123456789abcdef"
"""Stands in the cases for the nonce of the run."""
BLOCK = 512
"""Bytes of a block of tar."""


def main() -> None:
    """Look, until the state is the one that is waited for; print the case."""
    asked = _arguments()
    desired, settings = _desired(asked.inventory, asked.target)
    transport = open_host(desired.host, settings, lambda event: None)
    deadline = time.monotonic() + asked.patience
    while True:
        reply = transport.exchange(probe(question(desired, strangers=asked.answer)))
        facts = parse(reply)
        evidence = _evidence(desired, facts)
        if judge(evidence).state == asked.until or asked.until is None:
            break
        if time.monotonic() > deadline:
            sys.exit(f"it is {judge(evidence)}")
    transport.close()
    sys.stdout.write(_comment(asked))
    body = _look_case(asked.why, reply) if asked.answer else _case(asked.why, evidence)
    yaml.dump(body, sys.stdout, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("target", help="host/profile")
    parser.add_argument("-i", "--inventory", default=".lab/inventory")
    parser.add_argument("--until", help="look again and again until the verdict is this")
    parser.add_argument("--patience", type=float, default=60, help="for so many seconds")
    parser.add_argument("--made-by", default="", help="the commands that made the host so")
    parser.add_argument("--why", required=True, help="what the case shows, in a sentence")
    parser.add_argument("--answer", action="store_true", help="the whole answer of a look")
    return parser.parse_args()


def _desired(inventory: str, target: str) -> tuple[DesiredState, Settings]:
    options = Options(inventory=(inventory,), limit=target)
    workspace = open_workspace(options, Output(json=False))
    (host,) = workspace.selected.hosts
    desired = desired_state(host, workspace.selected.roles, step_plans(graph.start))
    return desired, Settings(known_hosts=workspace.known_hosts)


def _evidence(desired: DesiredState, facts: Facts) -> Evidence:
    (profile,) = desired.host.profiles
    return make_plan(desired, facts).evidence[profile.name]


def _comment(asked: argparse.Namespace) -> str:
    until = ["--until", asked.until] if asked.until else []
    answer = ["--answer"] if asked.answer else []
    command = " ".join(["python -m tests.lab.capture_evidence", asked.target, *until, *answer])
    made = "".join(f"#   {line}\n" for line in asked.made_by.splitlines())
    return f"# Captured on a host of the lab, after\n{made}# by {command}\n"


# --- one service ------------------------------------------------------------------------------


def _case(why: str, evidence: Evidence) -> dict[str, Any]:
    verdict = judge(evidence)
    told: dict[str, Any] = {"state": verdict.state}
    if verdict.reasons:
        told["reasons"] = list(verdict.reasons)
    if verdict.platforms:
        told["platforms"] = dict(verdict.platforms)
    return {"why": why, "evidence": _plain(evidence), "verdict": told}


def _plain(evidence: Evidence) -> dict[str, Any]:
    """Return the fields that are not as they are by default, as YAML has them."""
    found = {}
    for field in fields(evidence):
        value = getattr(evidence, field.name)
        default = field.default if field.default is not MISSING else {}
        if value != default and not (isinstance(value, frozenset | Mapping) and not value):
            found[field.name] = _value(field.name, value)
    return found


def _value(name: str, value: Any) -> Any:
    if name == "answers":
        return {url: answer and [answer.status, answer.body] for url, answer in value.items()}
    if isinstance(value, float):
        return round(value, 2)
    return sorted(value) if isinstance(value, frozenset) else value


# --- a whole look -----------------------------------------------------------------------------


def _look_case(why: str, reply: Reply) -> dict[str, Any]:
    return {"why": why, "answer": _raw(reply), "facts": {}}


def _raw(reply: Reply) -> str:
    """Return the text that the host sent; runs of zeroes that end an archive are left out."""
    lines: list[str] = []
    for record in reply.records:
        head = " ".join(filter(None, [record.word, record.rest]))
        if record.text is None:
            lines.append(f"{NONCE} {head}")
            continue
        text = record.text
        if record.word == "files":
            text = _without_end(text)
        lines += [f"{NONCE} begin {head}", *text.split("\n"), f"{NONCE} end"]
    # YAML has no place for the character that stands around what stays on the host.
    return "\n".join([*lines, f"{NONCE} done", ""]).replace("\x01", "␁")


def _without_end(text: str) -> str:
    archive = base64.b64decode(text).rstrip(b"\0")
    whole = archive.ljust(-(-len(archive) // BLOCK) * BLOCK, b"\0")
    return base64.encodebytes(whole).decode().rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)

if __name__ == "__main__":
    main()
