"""`fleet.status --gatus`: what a Gatus elsewhere can poll, from the inventory alone.

Gatus asks from its own machine. It can ask an API that listens on the network, and whether a
host's SSH port answers; an API on a loopback address it can ask only on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hermes_ops.alerts.address import is_loopback
from hermes_ops.alerts.gatus import Polled, bracketed, configuration, is_askable, of_api, of_port
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, shown
from hermes_ops.commands.workspace import enabled, open_workspace
from hermes_ops.hermes import platforms
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.secrets.secret import Secret

_EVERY = ("0.0.0.0", "::", "")  # noqa: S104 - what a gateway is told, not what we bind
_ADDRESS = ("API_SERVER_HOST", "API_SERVER_PORT")


def run(options: Options, output: Output) -> Result:
    """Print the configuration; no host is contacted, and no secret is resolved."""
    workspace = open_workspace(options, output)
    selected, _ = enabled(workspace.selected)
    found = [each for host in selected.hosts for each in polled(host, selected.roles)]
    endpoints = [each for each in found if isinstance(each, Polled)]
    remarks = [shown(each) for each in found if isinstance(each, str)]
    output.text(configuration(endpoints, remarks).rstrip("\n"))
    if not endpoints:
        output.note("warning: Gatus can poll nothing of this selection; fleet.status --alert can")
    return Result(0)


def polled(host: Host, roles: Mapping[str, Role]) -> Iterable[Polled | str]:
    """Yield the endpoints of a host, and for each that it lacks a sentence that says why."""
    yield from _of_machine(host)
    for profile in host.profiles:
        is_gateway = roles[profile.role].readiness.kind == "hermes"
        if is_gateway and profile.state == "started":
            yield from _of_gateway(host, profile)


def _of_machine(host: Host) -> Iterable[Polled | str]:
    reached = host.connection
    if reached.kind == "local":
        return
    if reached.proxy_jump not in (None, "none"):
        yield f"{host.name}: it is reached over {reached.proxy_jump}, which Gatus cannot do"
    elif not is_askable(address := reached.address or host.name):
        yield f"{host.name}: {address} is no address that Gatus can ask"
    else:
        port = reached.port or 22
        yield of_port(f"port {port}", host.name, address, port)


def _of_gateway(host: Host, profile: Profile) -> Iterable[Polled | str]:
    who, is_here = f"{host.name}/{profile.name}", host.connection.kind == "local"
    known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
    endpoint = platforms.api_endpoint(profile.config, known)
    if endpoint is None:
        yield f"{who}: it has no API"
    elif any(known.get(name, "") is None for name in _ADDRESS):
        yield f"{who}: the address of its API is a secret kept elsewhere"
    elif is_here:
        yield of_api(profile.name, host.name, endpoint.url)
    elif is_loopback(endpoint.host):
        yield f"{who}: its API listens on {endpoint.host}, where only {host.name} itself can ask it"
    else:
        there = host.connection.address or host.name
        name = there if endpoint.host in _EVERY else endpoint.host
        if not is_askable(name):
            yield f"{who}: {name} is no address that Gatus can ask"
            return
        url = f"{endpoint.scheme}://{bracketed(name)}:{endpoint.port}"
        yield of_api(profile.name, host.name, url)
