"""The one way in which a secret that a host has made leaves it: one key, for a person's eyes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output
from hermes_ops.cli.typed import typed
from hermes_ops.commands.hosts.one_host import connection
from hermes_ops.commands.workspace import Workspace, new_run, operator, refuse_disabled
from hermes_ops.errors import Conflict, Unknown, UsageError
from hermes_ops.files import envfile
from hermes_ops.inventory.model import Profile
from hermes_ops.inventory.role import Role, RoleEnv
from hermes_ops.program_name import spoken
from hermes_ops.reporting.journal import Journal
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.base import home_of, naming, rendered_path
from hermes_ops.wire import Script, assemble


def note_access(names: Sequence[str], options: Options, output: Output) -> None:
    """Write into the journal whose values are shown now, and never the values.

    Raises:
        UsageError: it cannot be written, so nothing is shown.
    """
    journal = Journal(new_run(), REDACTOR, output.note)
    journal.write(
        "begun", task="secrets.show", operator=operator(), why=options.why, limit=options.selection,
        check=False, inventory=[str(path) for path in output.inventory], typed=typed(), hosts=[],
    )  # fmt: skip
    journal.write("revealed", names=list(names))
    journal.write("ended", exit=0, changes=0)
    if journal.is_broken:
        hint = "make room in, or take the write protection off, your state folder"
        raise UsageError("a value is only shown if that can be noted", hint=hint)


def made_there(name: str, workspace: Workspace, options: Options, output: Output) -> Secret:
    """Return the value that the only selected host has made for the only selected profile.

    Raises:
        Conflict: the host has not made it yet.
        Unknown: the answer is incomplete.
    """
    (host,) = workspace.selected.hosts
    (profile,) = host.profiles
    refuse_disabled(host)
    scripts = [
        _question(name, path) for path in _env_files(profile, workspace.whole.roles[profile.role])
    ]
    with connection(host, workspace, options, output) as transport:
        for script in scripts:
            reply = transport.exchange(script, timeout=host.connection.exchange_timeout)
            if not reply.complete:
                raise Unknown("the connection was lost during the question", hint="run it again")
            for record in reply.of("line"):
                if value := envfile.read(record.text or "").get(name):
                    REDACTOR.learn(value)
                    return Secret(value)
    target = shlex.quote(f"{host.name}/{profile.name}")
    raise Conflict(
        f"{host.name} has not made {name} for {profile.name} yet",
        hint=spoken(f"./inv fleet.up -l {target}"),
    )


def _env_files(profile: Profile, role: Role) -> Iterator[str]:
    values = naming(profile) | {"home": home_of(profile, role)}
    for file in role.files:
        if isinstance(file, RoleEnv):
            yield str(rendered_path(file.path, values))


def _question(name: str, path: str) -> Script:
    """Return the script that prints the last line of this name in a `.env`, and no other."""
    pattern = rf"^[[:blank:]]*\(export[[:blank:]]*\)\{{0,1\}}{name}="
    lines = [
        "identify; enter_home",
        f"readable {shlex.quote(path)} || return 0",
        "begin line",
        f"grep -e {shlex.quote(pattern)} -- {shlex.quote(path)} | tail -n 1",
        "end",
    ]
    return assemble(("wire/common",), lines)
