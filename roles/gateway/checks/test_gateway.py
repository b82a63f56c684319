"""What a running Hermes gateway promises, looked at from outside.

The fixtures are those of `hermes_ops.verify`; each check looks at one thing and asks anew.
"""

import json
from datetime import datetime

HEARTBEAT_LIMIT = 90  # seconds; the event loop writes one every 30


def test_unit_is_enabled_and_active(unit, service):
    """The user's service manager starts it at boot and has it running."""
    assert unit.enablement == "enabled", f"{service.name} is {unit.enablement}"
    assert unit.activity == "active", f"{service.name} is {unit.activity}"


def test_service_survives_logout(unit, process):
    """It goes on when the last session of its user ends."""
    reason = unit.ends_with_session(process)
    assert not reason, reason


def test_process_is_the_users_own(process, service):
    """Its process runs as the profile's user, and as nobody else."""
    others = process.uids - {service.uid}
    assert not others, f"uid {shown(others)} runs it, not {service.uid} ({service.user})"


def test_hermes_home_is_the_profiles(process, service):
    """Its process was given the profile's folder as HERMES_HOME."""
    found = process.variable("HERMES_HOME")
    assert found == service.home, f"HERMES_HOME is {found}, not {service.home}"


def test_env_file_is_private(host, service):
    """The .env with its credentials belongs to the user, who alone can read it."""
    listed = host.run("ls -dlnL -- %s", service.env_file)
    assert listed.rc == 0, f"{service.env_file} is not there"
    mode, _, owner = listed.stdout.split()[:3]
    assert mode.rstrip(".@") == "-rw-------", f"the mode of {service.env_file} is {mode}"
    assert int(owner) == service.uid, f"{service.env_file} belongs to uid {owner}"


def test_log_is_written(host, process, service):
    """This very process has written its log."""
    log = f"{service.home}/logs/gateway.log"
    size_and_time = "stat -L -c '%%s %%Y' -- %s || stat -L -f '%%z %%m' -- %s"  # or as macOS has it
    found = host.run(size_and_time, log, log)
    assert found.rc == 0, f"{log} is not there"
    size, written = map(int, found.stdout.split())
    assert size, f"{log} is empty"
    age = process.started - written
    assert age < 2, f"{log} was last written {age:.0f} s before the process began"


def test_gateway_is_running(host, process, service):
    """By its own word it is running, its event loop turns, and its platforms are connected."""
    state = read(host, f"{service.home}/gateway_state.json")
    assert state.get("pid") == process.pid, f"its state is that of process {state.get('pid')}"
    assert process.wrote(state.get("start_time")), "its state is that of an older process"
    assert state["gateway_state"] == "running", f"its state is {state['gateway_state']}"
    missing = service.platforms - connected_platforms(state, process)
    assert not missing, f"{shown(missing)} is not connected"
    age = seconds_since_heartbeat(host, process, service)
    assert age < HEARTBEAT_LIMIT, f"its event loop has stood still for {age:.0f} s"


def test_api_answers(host, process, service, http):
    """Its API answers /health as hermes-agent; where none is wanted, none is open."""
    for url in service.urls:
        answer = http(url)
        assert answer.status == 200, f"{url} answers {answer.status or 'nothing'}"
        assert "hermes-agent" in answer.body, f"another program answers at {url}"
    if not service.urls:
        state = read(host, f"{service.home}/gateway_state.json")
        assert "api_server" not in connected_platforms(state, process), "an unwanted API is open"


def read(host, path):
    """Return the mapping in a JSON file of the host, an empty one if there is no such file."""
    text = host.run("cat -- %s", path).stdout
    return json.loads(text) if text else {}


def connected_platforms(state, process):
    """Return the platforms that this process connected: the file keeps those of older ones."""
    platforms = state.get("platforms") or {}
    started = process.started if platforms else 0
    return {
        name
        for name, entry in platforms.items()
        if entry["state"] == "connected" and seconds(entry["updated_at"]) > started - 2
    }


def seconds_since_heartbeat(host, process, service):
    """Return how long ago this process showed that its event loop turns, or else began."""
    path = f"{service.home}/state/gateway.heartbeat"
    clock, _, text = host.run("date +%%s; cat -- %s", path).stdout.partition("\n")
    beat = json.loads(text or "{}")
    last = seconds(beat["updated_at"]) if beat.get("pid") == process.pid else process.started
    return int(clock) - last


def seconds(text):
    """Return a time of Hermes' files in seconds."""
    return datetime.fromisoformat(text).timestamp()


def shown(items):
    """Return items as a person lists them."""
    return ", ".join(sorted(map(str, items)))
