"""Expressions of an inventory: what Jinja makes of them, and the filters that Ansible has."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_ops.errors import Place
from hermes_ops.loader.layers.expressions import rendered
from hermes_ops.loader.layers.jinja import evaluated, undeclared
from hermes_ops.loader.layers.late import Late, Over
from hermes_ops.loader.layers.variables import Scope
from hermes_ops.loader.located import Located
from hermes_ops.worker import WORKER, ExpressionError

VALUES = {"number": 3, "word": "web", "listed": [1, 2], "path": "/a/b.key", "nothing": None}
ENVIRON = {"HOST": "mini", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ number }}", 3),
        (" {{ number + 1 }} ", 4),
        ("{{ listed }}", [1, 2]),
        ("{{ nothing }}", None),
        ("port {{ number }}", "port 3"),
        ("{{ word }}{{ number }}", "web3"),
        ("{{ word }}-x\n", "web-x\n"),
        ("{{ lookup('env', 'HOST') }}", "mini"),
        ("{{ query('ansible.builtin.env', 'HOST') }}", "mini"),
        ("{{ q('env', 'NONE') }}", ""),
        ("{{ lookup('env', 'NONE', default='x') }}", "x"),
        ("{{ lookup('env', 'EMPTY', default='x') }}", ""),
        ("{{ 'Yes' | bool }}", True),
        ("{{ 'T' | ansible.builtin.bool }}", True),
        ("{{ 'on' | bool }}", True),
        ("{{ 'y' | bool }}", True),
        ("{{ '1' | bool }}", True),
        ("{{ 'off' | bool }}", False),
        ("{{ '2' | bool }}", False),
        ("{{ 1 | bool }}", True),
        ("{{ 2 | bool }}", False),
        ("{{ true | bool }}", True),
        ("{{ none | bool }}", False),
        ("{{ word | mandatory }}", "web"),
        ("{{ (number == 3) | ternary('yes', 'no') }}", "yes"),
        ("{{ (number == 4) | ternary('yes', 'no') }}", "no"),
        ("{{ nothing | ternary('yes', 'no') }}", "no"),
        ("{{ nothing | ternary('yes', 'no', 'none') }}", "none"),
        ("{{ 'a b  c' | split }}", ["a", "b", "c"]),
        ("{{ 'a,b,c' | split(',', 1) }}", ["a", "b,c"]),
        ("{{ path | basename }}", "b.key"),
        ("{{ path | dirname }}", "/a"),
        ("{{ path | regex_replace('[.]key$', '.pub') }}", "/a/b.pub"),
        ("{{ missing | default('x') }}", "x"),
    ],
)
def test_what_an_expression_comes_to(text: str, result: Any) -> None:
    """One alone keeps its type, and within a text it is a text."""
    found = evaluated(text, VALUES, ENVIRON)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("x {{ missing }}", "'missing' is undefined"),
        ("{{ missing | mandatory }}", "'missing' is undefined"),
        ("{{ missing | mandatory('name it') }}", "name it"),
        ("{{ number | nofilter }}", "No filter named 'nofilter'."),
        ("{{ lookup('file', '/etc/passwd') }}", "lookup('file') is not supported"),
        ("{{ lookup('env', 'A', 'B') }}", "lookup('env') is not supported"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ word.secret_thing() }}", "'str object' has no attribute 'secret_thing'"),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ range(3) | list }}", "'range' is undefined"),
    ],
)
def test_what_cannot_be_evaluated(text: str, reason: str) -> None:
    """The reason is Jinja's; of other errors only their kind, for they may quote a value."""
    with pytest.raises(ExpressionError) as caught:
        evaluated(text, VALUES, ENVIRON)
    assert str(caught.value).startswith(reason)


def test_the_names_of_an_expression() -> None:
    """Lookups are no variables; what is no expression has a reason."""
    assert undeclared("{{ a }} {{ lookup('env', b) }} {{ query('x') + q('y') }}") == {"a", "b"}
    with pytest.raises(ExpressionError, match="unexpected end of template"):
        undeclared("{{ a ")


def test_variables_are_made_once_and_only_when_read() -> None:
    """Their names are known before."""
    made: list[str] = []

    def make(name: str, _value: Located) -> str:
        made.append(name)
        return name.upper()

    late = Late({"a": Located("x", Place("f")), "b": Located("y", Place("f"))}, make)
    assert (list(late), len(late), made) == (["a", "b"], 2, [])
    assert (late["a"], late["a"], made) == ("A", "A", ["a"])


def test_names_that_come_first() -> None:
    """They take the place of others, which come before them in a list."""
    over = Over({"b": 1, "c": 2}, {"a": 3, "b": 4})
    assert dict(over) == {"a": 3, "b": 1, "c": 2}
    assert (list(over), len(over), "d" in over) == (["a", "b", "c"], 3, False)


def test_names_alone_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most expressions only name variables, of the host or of Ansible: no worker is started."""
    monkeypatch.setattr(WORKER, "evaluated", lambda *_: pytest.fail("a process was started"))
    monkeypatch.setattr(WORKER, "undeclared", lambda *_: pytest.fail("a process was started"))
    here = Place("x", 1, 1)
    own = {"team": Located("example", here, "example")}
    scope = Scope(own, {"inventory_hostname": "mini"}, {})
    text = "{{ inventory_hostname }}.{{ team }}"
    assert rendered(Located(text, here, text), scope).data == "mini.example"
