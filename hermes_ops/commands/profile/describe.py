"""`profile.describe`: what a profile is for, in a line, on its host and in the inventory."""

from __future__ import annotations

from collections.abc import Iterable

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.look_hosts import look_all
from hermes_ops.commands.profile.about import NOTES, description_of, whole_step
from hermes_ops.commands.profile.layers import Renaming, is_untouched
from hermes_ops.commands.profile.whose import ProfileOnHost, open_any, refuse_missing
from hermes_ops.commands.workspace import gathered, loaded
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader.edit import edits, spots
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Existing, Path, Resource, YamlFile
from hermes_ops.services.base import home_of

LONGEST = 500
"""Characters; Hermes asks for one or two sentences."""


def describe(
    options: Options, output: Output, target: str, text: str | None, layer: str | None
) -> Result:
    """Show the description of a profile, or with `text` write it.

    Raises:
        UsageError: there is no such profile, or the text is no line.
    """
    if text is None:
        return _show(options, output, target, layer)
    words = " ".join(text.split(" ")).strip()
    if not words.isprintable() or not 0 < len(words) <= LONGEST:
        raise UsageError(f"--text is one line of at most {LONGEST} characters")
    wanted = open_any(options, output, target)
    edit = _edit(wanted, layer, words)
    for line in edit.lines(wanted.workspace):
        output.text(line)
    if not options.check:
        edit.write(lambda: loaded(wanted.workspace.paths, wanted.workspace.vault))
    converged = converge(
        "profile.describe", [_step(words)], options, output, wait=False,
        workspace=wanted.wanting("started"),
    )  # fmt: skip
    converged.close()
    if not options.check and all(map(is_untouched, converged.results)):
        edit.restore()
        output.note("the inventory is as before")
    return finish(converged, output)


def _show(options: Options, output: Output, target: str, layer: str | None) -> Result:
    if layer is not None:
        raise UsageError("--layer says where --text is written", hint="--text 'writes code'")
    wanted = open_any(options, output, target)
    workspace = wanted.wanting(wanted.profile.state)
    (look,) = look_all(options, output, steps=[whole_step()], strangers=True, workspace=workspace)
    facts = refuse_missing(wanted, look)
    found = description_of(wanted, facts)
    output.text(f"on the host    {found['host'] or 'none'}")
    if wanted.is_managed:
        output.text(f"the inventory  {found['wanted'] or 'none'}")
    row = {"host": wanted.host.name, "profile": wanted.profile.name, "description": found}
    return items([row])


def _step(text: str) -> StepPlan:
    def body(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
        home = Path(home_of(profile, role))
        yield Existing(home, "fleet.up creates the profile, with its description")
        # Hermes replaces a description that it wrote itself, and no other.
        yield YamlFile(home / NOTES, {"description": text, "description_auto": False}, 0o644)

    return StepPlan("profile.describe", (), body)


def _edit(wanted: ProfileOnHost, layer: str | None, text: str) -> Renaming:
    """Return the edit of the inventory; none for a profile that it does not name."""
    if not wanted.is_managed:
        if layer is not None:
            raise UsageError(f"the inventory does not name {wanted.name}: leave --layer out")
        return Renaming(())
    files = gathered(wanted.workspace)
    where = layer or _layer_of(wanted)
    names = (wanted.host.name, wanted.profile.name)
    spot = spots.spot_of(files, wanted.workspace.folders, *names, where)
    edit = edits.edit_key(spot.file, (*spot.path, "description"), text)
    return Renaming(() if edit.is_empty else (edit,))


def _layer_of(wanted: ProfileOnHost) -> str:
    """Return the layer that sets the description now; if none does, that of the whole profile."""
    from hermes_ops.loader.explain.provenance import leaves

    found = leaves(gathered(wanted.workspace), wanted.host.name, wanted.profile.name)
    said = next((leaf.winner for leaf in found if leaf.path == ("description",)), None)
    if said is None or said.layer == "catalogue":
        return "catalogue"
    return "profile" if said.variable == "hermes_profiles" else said.layer
