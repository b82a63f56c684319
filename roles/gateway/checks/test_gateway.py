"""What a running Hermes gateway promises, checked from outside.

The fixtures are those of `hermes_ops.verify`; each check looks at one thing, with fresh answers.
"""

import json
from datetime import datetime

HEARTBEAT_LIMIT = 90  # seconds; the event loop writes one every 30


def test_unit_is_enabled_and_active(unit, service):
    """The user's service manager starts it at boot and has it running."""
    assert unit.enablement == "enabled", f"{service.name} is {unit.enablement}"
    assert unit.activity == "active", f"{service.name} is {unit.activity}"


def test_service_survives_logout(unit, process):
    """It keeps running when the last session of its user ends."""
    reason = unit.ends_with_session(process)
    assert not reason, reason


def test_process_is_the_users_own(process, service):
    """Its process runs as the profile's user and as no other user."""
    others = process.uids - {service.uid}
    assert not others, f"it runs as uid {shown(others)}, not {service.uid} ({service.user})"


def test_hermes_home_is_the_profiles(process, service):
    """The HERMES_HOME of its process is the profile's folder."""
    found = process.variable("HERMES_HOME")
    homes = {service.home, service.real_home}
    assert found in homes, f"HERMES_HOME is {found}, not {service.home}"


def test_env_file_is_private(host, service):
    """The .env with its credentials belongs to the user, and only the user can read it."""
    listed = host.run("ls -dlnL -- %s", service.env_file)
    assert listed.rc == 0, f"{service.env_file} does not exist"
    mode, _, owner = listed.stdout.split()[:3]
    assert mode.rstrip(".@") == "-rw-------", f"the mode of {service.env_file} is {mode}"
    assert int(owner) == service.uid, f"{service.env_file} belongs to uid {owner}"


def test_log_is_written(host, process, service):
    """The running process has written to its log."""
    log = f"{service.home}/logs/gateway.log"
    size_and_time = "stat -L -c '%%s %%Y' -- %s || stat -L -f '%%z %%m' -- %s"  # Linux || macOS
    found = host.run(size_and_time, log, log)
    assert found.rc == 0, f"{log} does not exist"
    size, written = map(int, found.stdout.split())
    assert size, f"{log} is empty"
    age = process.started - written
    assert age < 2, f"{log} was last written {age:.0f} s before the process started"


def test_gateway_is_running(host, process, service):
    """Its state is running, its event loop works, and its platforms are connected."""
    state = read(host, f"{service.home}/gateway_state.json")
    assert state.get("pid") == process.pid, f"its state is from process {state.get('pid')}"
    assert process.wrote(state.get("start_time")), "its state is from an older process"
    wanted = {"running", "draining"} if service.drained else {"running"}
    assert state["gateway_state"] in wanted, f"its state is {state['gateway_state']}"
    missing = service.platforms - connected_platforms(state, process)
    assert not missing, f"not connected: {shown(missing)}"
    age = seconds_since_heartbeat(host, process, service)
    assert age < HEARTBEAT_LIMIT, f"its event loop has stood still for {age:.0f} s"


def test_api_answers(host, process, service, http):
    """Its API answers /health as hermes-agent; if no API is wanted, none is open."""
    for url in service.urls:
        answer = http(url)
        assert answer.status == 200, f"{url} answers {answer.status or 'nothing'}"
        assert "hermes-agent" in answer.body, f"another program answers at {url}"
    if not service.urls:
        state = read(host, f"{service.home}/gateway_state.json")
        connected = connected_platforms(state, process)
        assert "api_server" not in connected, "its API is open, but not in the inventory"


def read(host, path):
    """Return the mapping in a JSON file on the host, an empty one if the file does not exist."""
    text = host.run("cat -- %s", path).stdout
    return json.loads(text) if text else {}


def connected_platforms(state, process):
    """Return the platforms that this process connected: the file also has older processes'."""
    platforms = state.get("platforms") or {}
    started = process.started if platforms else 0
    return {
        name
        for name, entry in platforms.items()
        if entry["state"] == "connected" and seconds(entry["updated_at"]) > started - 2
    }


def seconds_since_heartbeat(host, process, service):
    """Return the seconds since this process's last heartbeat, or since its start if it has none."""
    path = f"{service.home}/state/gateway.heartbeat"
    clock, _, text = host.run("date +%%s; cat -- %s", path).stdout.partition("\n")
    beat = json.loads(text or "{}")
    last = seconds(beat["updated_at"]) if beat.get("pid") == process.pid else process.started
    return int(clock) - last


def seconds(text):
    """Return a time in Hermes' files as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def shown(items):
    """Return items as a sorted list with commas."""
    return ", ".join(sorted(map(str, items)))
