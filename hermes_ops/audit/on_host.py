"""Describe settings without disclosing them: this runs here, and on hosts as a text.

This whole file is sent to a host (`python -I -S -c …`), with a request on standard input. The
answer is JSON: for each setting its name, line, keyed fingerprint and kind of value. So it needs
only the standard library and, on a host, Hermes' own readers: PyYAML and python-dotenv.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import shlex
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from hermes_ops.secrets.names import holds_credential

Keys = tuple[str, ...]

LENGTH = 12  # of a fingerprint, as in `fingerprint.py`: a test checks that both are equal

LISTS = ("SLACK_BOT_TOKEN",)  # several values, with commas between them

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")
_LOOKS_LEFT = re.compile(
    r"<.+>|x{4,}|\.{3,}|your[-_ ].*|.*replace[-_ ]?me.*|.*change[-_ ]?me.*|to-?do|insert[-_ ].*",
    re.IGNORECASE,
)
_LOOPBACK = re.compile(r"[a-z+]+://(localhost|127\.[0-9.]+|\[?::1\]?)([:/].*)?", re.IGNORECASE)


def fingerprint(key: bytes, value: str) -> str:
    """Return the keyed fingerprint of a value."""
    text = value.strip().encode("utf-8", "surrogateescape")
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:LENGTH]


def traits(value: str, placeholders: Collection[str]) -> list[str]:
    """Return the kinds of this value, which disclose nothing more of it."""
    clean = value.strip()
    found = {
        "empty": not clean,
        "placeholder": clean.lower() in placeholders,
        "left": bool(_LOOKS_LEFT.fullmatch(clean)),
        "tiny": 0 < len(clean) < 4,
        "short": 0 < len(clean) < 16,
        "reference": "${" in clean,
        "loopback": bool(_LOOPBACK.fullmatch(clean)),
    }
    return [word for word, holds in found.items() if holds]


class Teller:
    """Describes values without disclosing them."""

    def __init__(self, key: bytes, request: dict[str, Any]) -> None:
        """Take the key and the request, which has the `open` names and the placeholders."""
        self._key = key
        self._open = frozenset(request["open"])
        self._placeholders = frozenset(request["placeholders"])
        self._platforms = frozenset(request["platforms"])

    def tell(self, name: str, value: Any, line: int = 0) -> dict[str, Any]:
        """Return a setting, with its value only if that is not secret."""
        text = str(value).lower() if isinstance(value, bool) else str(value or "")
        last = name.rpartition(".")[2]
        parts = text.split(",") if last in LISTS else [text]
        told = {
            "name": name,
            "marks": [fingerprint(self._key, part) for part in parts if part.strip()],
            "traits": traits(text, self._placeholders),
            "line": line,
        }
        if last in self._open or isinstance(value, bool):
            told["text"] = text
        return told

    def config(self, tree: Any, lines: dict[Keys, int]) -> list[dict[str, Any]]:
        """Return the settings of platforms in a config.yaml, and every credential in it."""
        told = []
        for path, value in leaves(tree):
            name = ".".join(path)
            sits = isinstance(value, str) and value.strip() and holds_credential(name)
            if sits or is_of_platform(path, self._platforms):
                told.append(self.tell(name, value, lines.get(path, 0)))
        return told


def is_of_platform(path: Keys, platforms: Collection[str]) -> bool:
    """Return whether a path of config.yaml concerns a platform; a variable at the top does."""
    if len(path) == 1:
        return bool(_VARIABLE.fullmatch(path[0]))
    rest = path[2:] if path[:2] == ("gateway", "platforms") else path[1:]
    named = path[0] in ("platforms", "gateway") and rest and rest[0] in platforms
    return bool(named) or path[0] in platforms


def leaves(tree: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield path and value of every scalar."""
    if isinstance(tree, dict):
        pairs = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, (list, tuple)):
        pairs = [(str(number), value) for number, value in enumerate(tree)]
    else:
        yield path, tree
        return
    for key, value in pairs:
        yield from leaves(value, (*path, key))


# --- on a host --------------------------------------------------------------------------------


def read_env(text: str, teller: Teller) -> list[dict[str, Any]]:
    """Return what python-dotenv reads in a text; of several lines for a name the last counts."""
    from dotenv.parser import parse_stream

    found = {
        part.key: teller.tell(part.key, part.value, part.original.line)
        for part in parse_stream(StringIO(text))
        if part.key and part.value is not None
    }
    return list(found.values())


def read_config(text: str, teller: Teller) -> list[dict[str, Any]]:
    """Return the description of a config.yaml, with the line of each key."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    node = loader.get_single_node()
    lines: dict[Keys, int] = {}
    tree = _tree(loader, node, (), lines) if node is not None else {}
    if not isinstance(tree, dict):
        raise ValueError("it is no mapping")
    return teller.config(tree, lines)


def _tree(loader: Any, node: Any, path: Keys, lines: dict[Keys, int]) -> Any:
    if len(path) > 40:
        raise ValueError("it is nested too deep")
    if node.id == "mapping":
        loader.flatten_mapping(node)
        children = [(str(key.value), key, value) for key, value in node.value]
    elif node.id == "sequence":
        children = [(str(n), item, item) for n, item in enumerate(node.value)]
    else:
        return loader.construct_object(node)
    tree = {}
    for name, key, value in children:
        lines[(*path, name)] = key.start_mark.line + 1
        tree[name] = _tree(loader, value, (*path, name), lines)
    return tree


EXAMPLES = (".example", ".sample", ".template", ".lock")
PRIVATE = (".env*", "config.yaml*", "auth.json", "slack_tokens.json")
"""Files of a profile's home that may hold credentials, copies too."""

SHARED = "/etc/hermes"  # of the administrator: it wins over the profile's own


def profile(name: str, home: str, teller: Teller) -> dict[str, Any]:
    """Return the description of one profile."""
    found: dict[str, Any] = {"profile": name, "home": home, "env": [], "config": [], "broken": []}
    found["files"] = [[str(path), path.stat().st_mode & 0o777] for path in _private(home)]
    _fill_both(found, home, teller)
    _fill(found, "slack", f"{home}/slack_tokens.json", lambda text: _slack(text, teller))
    return found


def _private(home: str) -> list[Path]:
    found = (path for pattern in PRIVATE for path in Path(home).glob(pattern))
    return sorted(path for path in found if path.is_file() and path.suffix not in EXAMPLES)


def _fill_both(found: dict[str, Any], home: str, teller: Teller) -> None:
    _fill(found, "env", f"{home}/.env", lambda text: read_env(text, teller))
    _fill(found, "config", f"{home}/config.yaml", lambda text: read_config(text, teller))


def _fill(
    found: dict[str, Any], key: str, path: str, reader: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Read a file; for one that cannot be read only the kind of its error is reported."""
    if not Path(path).exists():
        return
    try:
        found[key] = reader(Path(path).read_text(encoding="utf-8", errors="surrogateescape"))
    except Exception as error:
        found["broken"].append([path, type(error).__name__])


def _slack(text: str, teller: Teller) -> list[dict[str, Any]]:
    entries = [entry for entry in json.loads(text).values() if isinstance(entry, dict)]
    tokens = [entry["token"] for entry in entries if isinstance(entry.get("token"), str)]
    return [teller.tell("SLACK_BOT_TOKEN", ",".join(tokens), 1)] if tokens else []


_SERVICE = re.compile(r"(?:hermes-gateway|ai\.hermes\.gateway)-?([a-z0-9_-]*)\.")


def services(patterns: Collection[str], teller: Teller) -> list[dict[str, Any]]:
    """Return every credential in the definition of a service, or beside it."""
    found = []
    for path in sorted(str(path) for pattern in patterns for path in _matching(pattern)):
        named = _SERVICE.search(path)
        owner = (named[1] or "default") if named else ""
        # A file that is missing or cannot be read is skipped.
        with suppress(Exception):
            for name, value, line in _variables(path):
                if holds_credential(name) and value.strip():
                    found.append(dict(teller.tell(name, value, line), path=path, profile=owner))
    return found


def _matching(pattern: str) -> Iterator[Path]:
    root = Path("/" if pattern.startswith("/") else ".")
    return root.glob(pattern.lstrip("/"))


def _variables(path: str) -> Iterator[tuple[str, str, int]]:
    content = Path(path).read_bytes()
    if path.endswith(".plist"):
        import plistlib

        pairs = plistlib.loads(content).get("EnvironmentVariables", {})
        yield from ((str(name), str(value), 0) for name, value in pairs.items())
        return
    for number, line in enumerate(content.decode("utf-8", "surrogateescape").splitlines(), 1):
        if begins := re.match(r"\s*(Environment=|environment=|export |(?=[A-Z_]+=))", line):
            for word in shlex.split(line[begins.end() :].replace('",', '" ')):
                name, _, value = word.partition("=")
                yield name, value, number


def homes(given: dict[str, str]) -> dict[str, str]:
    """Return the home of each profile on this host: the given ones, and all in Hermes' root."""
    found = {"default": ".hermes"}
    found |= {path.name: str(path) for path in Path(".hermes/profiles").glob("*")}
    return {name: home for name, home in {**found, **given}.items() if _private(home)}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of this host."""
    teller = Teller(base64.b64decode(request["key"]), request)
    shared: dict[str, Any] = {"env": [], "config": [], "broken": []}
    _fill_both(shared, SHARED, teller)
    found = sorted(homes(request["homes"]).items())
    active = Path(".hermes/active_profile")
    return {
        "profiles": [profile(name, home, teller) for name, home in found],
        "services": services(request["definitions"], teller),
        "shared": shared,
        "owed": sorted(path.name for path in Path(request["owed"]).glob("*")),
        "sticky": active.read_text("utf-8", "replace").strip() if active.is_file() else "",
    }


def main() -> None:
    """Read a request and print the answer; if a module is missing, only its name."""
    sys.path += filter(None, sys.argv[1:])
    request = json.loads(sys.stdin.buffer.read().decode())
    try:
        import dotenv.parser  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        print(json.dumps({"missing": error.name}))
        return
    print(json.dumps(answer(request)))


if __name__ == "__main__":
    main()
