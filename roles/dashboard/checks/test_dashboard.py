"""What Hermes' dashboard promises, checked from outside."""

import json
import re


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
    assert not others, f"it runs as uid {others}, not {service.uid} ({service.user})"


def test_dashboard_answers(http, service):
    """It says which Hermes it is, and that its home is the user's."""
    answer = http(service.urls[0])
    assert answer.status == 200, f"{service.urls[0]} answers with {answer.status}"
    said = json.loads(answer.body)
    wanted = f"{service.user_home}/.hermes"
    assert said.get("hermes_home") == wanted, f"its home is {said.get('hermes_home')}, not {wanted}"


def test_page_is_served(http, service):
    """The page for a browser is there: it comes with the package, and is not built here."""
    answer = http(page(service))
    assert answer.status == 200, f"{page(service)} answers with {answer.status}"
    assert "<title>Hermes" in answer.body, "the page is not that of Hermes' dashboard"


def test_nothing_is_told_without_a_token(http, service):
    """Settings and sessions are told only to a page that it served itself."""
    status = http(f"{page(service)}api/config").status
    assert status == 401, f"it tells its settings to anybody: {status}"


def test_it_listens_on_loopback_alone(host, service):
    """No other machine reaches its port."""
    port = int(re.search(r":(\d+)/", service.urls[0])[1])
    kernel = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || netstat -an -p tcp"
    listed = host.run(kernel).stdout
    places = [*re.findall(rf"^ *\d+: (\w+):{port:04X} \w+:0000 0A", listed, re.MULTILINE)]
    places += re.findall(rf"^tcp\S* +\d+ +\d+ +(\S+)\.{port} .*LISTEN", listed, re.MULTILINE)
    assert places, f"nothing listens on port {port}"
    others = set(places) - {"0100007F", "127.0.0.1"}
    assert not others, f"it listens on {', '.join(sorted(others))}"


def page(service):
    """Return the address of the page."""
    return service.urls[0].partition("api/")[0]
