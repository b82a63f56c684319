"""`profile.delete`: take a profile off a host, with its data, its service and our records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path as LocalPath

from platformdirs import user_state_path

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.prompts import confirm_typed
from hermes_ops.commands import steps
from hermes_ops.commands.converge import Converged, converge, finish
from hermes_ops.commands.fleet.guards import refuse_protected
from hermes_ops.commands.fleet.status import is_hermes
from hermes_ops.commands.profile.archive.ask import ask
from hermes_ops.commands.profile.archive.read import private
from hermes_ops.commands.profile.export import lines, new_file
from hermes_ops.commands.profile.whose import ROOT, ProfileOnHost, logs_of, nothing_of, open_any
from hermes_ops.commands.workspace import gathered
from hermes_ops.errors import UsageError
from hermes_ops.files.layout import KEPT, OWED, STOPPED, WRITTEN
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Absent, Gone, Path, Resource
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe


def delete(options: Options, output: Output, target: str, *, no_export: bool) -> Result:
    """Ask for the profile's name, write its archive here, then delete it.

    Raises:
        UsageError: it is `default`, protected, still in the inventory, or not on the host.
    """
    wanted = open_any(options, output, target)
    _refuse_kept(wanted)
    workspace = wanted.wanting("absent", "profile.delete asks for it")
    refuse_protected("profile.delete", workspace.selected, selects=False)
    archive = None
    if not options.check:
        _ask(wanted, options, no_export=no_export)
        archive = None if no_export else _exported(wanted, options, output)
    elif not no_export:
        output.note(f"it would be exported first, into {folder()}")
    converged = converge(
        "profile.delete", delete_steps(), options, output, wait=False, workspace=workspace
    )
    converged.close()
    _refuse_nothing(wanted, converged)
    result = finish(converged, output)
    return Result(result.exit, {**result.document, "archive": str(archive) if archive else None})


def _ask(wanted: ProfileOnHost, options: Options, *, no_export: bool) -> None:
    first = "No archive is made" if no_export else f"It is exported to {folder()} first"
    question = f"Delete {wanted.name}: its service, settings, memories and sessions? {first}"
    confirm_typed(wanted.profile.name, question, options)


def folder() -> LocalPath:
    """Return where the archives of deleted profiles are kept on this machine."""
    return LocalPath(user_state_path("hermes-ops")) / "exports"


def _exported(wanted: ProfileOnHost, options: Options, output: Output) -> LocalPath | None:
    """Write the archive of the profile, and return its path; None if there is no folder of it."""
    path = new_file(private(folder()), wanted.name)
    packed = ask(wanted, path, options, output, "or delete it with --no-export, after: ")
    if packed is None:
        return None
    for line in lines(wanted, packed, path):
        output.note(line)
    return path


def _refuse_kept(wanted: ProfileOnHost) -> None:
    """Refuse a profile that must stay: Hermes' own folder, or one that the inventory wants."""
    name, host = wanted.profile.name, wanted.host
    if name == ROOT:
        hint = f"its service is removed by: ./inv gateway.uninstall -l {wanted.name}"
        raise UsageError("default is Hermes' own folder, with all profiles in it", hint=hint)
    if name in host.beside:
        words = f"another host of the inventory is the same user on this machine, and has {name}"
        raise UsageError(words, hint="remove it from that host's hermes_profiles first")
    if wanted.is_managed and wanted.profile.state != "absent":
        raise UsageError(
            f"the inventory still wants {name} on {host.name}: fleet.up would make it again",
            hint="remove its name there; or write `state: absent` in it: without a service, its"
            " data stays",
            where=_listed_at(wanted),
        )


def _listed_at(wanted: ProfileOnHost) -> str | None:
    """Return the place where the inventory names the profile for its host."""
    from hermes_ops.loader.explain.provenance import parts_of

    parts = parts_of(gathered(wanted.workspace), wanted.host.name, wanted.profile.name)
    named = [part.value.place for part in parts if part.variable == "hermes_profiles"]
    return str(named[-1]) if named else None


def _refuse_nothing(wanted: ProfileOnHost, converged: Converged) -> None:
    """Refuse a name of which the host that answered has nothing."""
    (result,) = converged.results
    if result.facts is not None and result.error is None and not result.changes:
        raise nothing_of(wanted, result.facts)


def delete_steps() -> Sequence[StepPlan]:
    """Return the steps that end a profile: its service, our records of it, and itself."""
    return [
        StepPlan("gateway.start", (), steps.start),
        StepPlan("gateway.install", (), steps.install),
        StepPlan("profile.delete", (), _gone),
    ]


def _gone(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    home = Path(home_of(profile, role))
    name = describe(profile, role).name
    yield Absent(OWED / name)
    yield Absent(STOPPED / name)
    yield Absent(WRITTEN / f"{role.name}-{profile.name}")
    yield Absent(KEPT / home)
    yield from map(Absent, logs_of(name))
    yield Gone(home, by_hermes=is_hermes(role))
