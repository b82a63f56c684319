"""`pre=` is the graph: drawn, ordered, each node once, circles named, selections handed down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.cli.output import Output
from hermes_ops.commands.inventory import graph as drawing
from hermes_ops.commands.inventory.graph import draw
from hermes_ops.errors import UsageError
from hermes_ops.graph import ordered, waves
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.resource import Resource
from hermes_ops.tasks import fleet, graph
from hermes_ops.tasks.executor import GraphExecutor, reachable, step_plans
from hermes_ops.tasks.inventory import edges
from hermes_ops.tasks.step import Step, step

ROOT = Path(__file__).parents[2]
ORDER = [
    "profile.create",
    "profile.configure",
    "gateway.install",
    "linger.enable",
    "gateway.start",
]


def nothing(_profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    """Want nothing."""
    return []


def node(name: str, *pre: Step) -> Step:
    """Return a step of that name which wants nothing."""
    return step(name, pre=pre)(nothing)


def names(task: Step) -> list[str]:
    """Return the names of the steps of a task, in order."""
    return [plan.name for plan in step_plans(task)]


def test_up_runs_the_five_steps_in_order() -> None:
    """`fleet.up` requires create, configure, install, linger and start, in this order."""
    assert names(fleet.up) == ORDER


def test_a_lone_step_runs_with_what_it_requires() -> None:
    """`gateway.install` runs create and configure first, and nothing after itself."""
    assert names(graph.install) == ORDER[:3]


def test_removing_an_edge_changes_order_and_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without linger's `pre`, neither the order nor the drawing has what it required."""
    monkeypatch.setattr(graph.enable, "pre", [])
    assert names(fleet.up) == ["linger.enable", "gateway.start"]
    assert "gateway.install" not in "\n".join(draw(edges(), "tree"))
    assert "gateway.install" not in "\n".join(draw(edges(), "mermaid"))


def test_the_drawing_has_every_edge() -> None:
    """The drawing shows each step below the one that requires it."""
    drawn = draw(edges(), "mermaid")
    chain = [*ORDER, "fleet.up"]
    assert drawn[1:] == [f"  {a} --> {b}" for a, b in reversed(list(pairwise(chain)))]


def test_each_node_runs_once() -> None:
    """A node that two others require runs once, before both."""
    base = node("base")
    left, right = node("left", base), node("right", base)
    assert names(node("top", left, right)) == ["base", "left", "right", "top"]


def test_a_circle_is_named() -> None:
    """Steps that require each other are refused with their names, not with a traceback."""
    one = node("one")
    two = node("two", one)
    one.pre.append(two)  # type: ignore[union-attr, arg-type]
    with pytest.raises(UsageError, match=r"one → two|two → one"):
        reachable(two)


def test_post_is_no_edge() -> None:
    """A task with `post` is refused: Invoke would run it outside of the graph."""
    late = node("late")
    late.post = [node("later")]  # type: ignore[list-item]
    with pytest.raises(UsageError, match="post"):
        GraphExecutor(None, None).expand_calls([late])  # type: ignore[arg-type]


graphs = st.dictionaries(
    st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg")), min_size=1
)


@given(graphs)
def test_every_order_respects_every_edge(edges: dict[str, Any]) -> None:
    """In any graph, a node stands behind all it requires; or the graph has a circle and says so."""
    try:
        order = ordered(edges)
    except UsageError:
        with pytest.raises(UsageError):
            waves(edges)
        return
    assert len(set(order)) == len(order)
    for item, required in edges.items():
        assert all(order.index(other) < order.index(item) for other in required)
    flat = [item for wave in waves(edges) for item in wave]
    assert sorted(flat) == sorted(order)


@pytest.mark.slow
def test_a_runbook_is_made_of_our_tasks(tmp_path: Path) -> None:
    """A task of an operator's own may require ours with arguments; ours run first, each once."""
    (tmp_path / "tasks.py").write_text(
        "from invoke import call, task\n"
        "from hermes_ops.tasks import inventory\n\n"
        f"plan = call(inventory.show, inventory=[{str(ROOT / 'inventory')!r}])\n\n"
        "@task(pre=[plan])\ndef first(c):\n    print('first')\n\n"
        "@task(pre=[plan, first])\ndef morning(c, who='me'):\n    print('good morning', who)\n"
    )
    words = [sys.executable, "-m", "hermes_ops.tasks.program", "-r", str(tmp_path)]
    done = subprocess.run(
        [*words, "morning", "--who", "you"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("profile: demo") == 1
    order = [done.stdout.index(text) for text in ("profile: demo", "first", "good morning you")]
    assert order == sorted(order)


EDGES = {"fleet.up": ("start",), "start": ("install", "linger"), "install": ("create",)}


@pytest.mark.parametrize(
    ("format", "lines"),
    [
        ("tree", ["fleet.up", "└─ start", "   └─ install", "      └─ create", "   └─ linger"]),
        ("mermaid", [
            "graph LR", "  create --> install", "  linger --> start", "  install --> start",
            "  start --> fleet.up",
        ]),
    ],
)  # fmt: skip
def test_the_graph_is_drawn(format: str, lines: list[str]) -> None:
    """As a tree from what brings a fleet up, or as text for a page."""
    assert draw(EDGES, format) == lines


def test_the_document_of_the_graph(capsys: pytest.CaptureFixture[str]) -> None:
    """Each step with those that it requires; another format is refused."""
    result = drawing.graph(Output(json=False), EDGES, "tree")
    assert capsys.readouterr().out.startswith("fleet.up\n└─ start\n")
    assert result.exit == 0
    assert result.document["items"][1] == {"step": "start", "requires": ["install", "linger"]}
    with pytest.raises(UsageError, match="--format is tree or mermaid, not 'dot'"):
        draw(EDGES, "dot")
