"""What a service of the role `echo` promises, looked at from outside."""

from typing import Any


def test_unit_is_enabled_and_active(unit: Any, service: Any) -> None:
    """The user's service manager starts it at boot and has it running."""
    assert unit.enablement == "enabled", f"{service.name} is {unit.enablement}"
    assert unit.activity == "active", f"{service.name} is {unit.activity}"


def test_page_greets(http: Any, service: Any) -> None:
    """Its page is the one that its settings describe."""
    (url,) = service.urls
    answer = http(url)
    assert answer.status == 200, f"{url} answers {answer.status or 'nothing'}"
    assert f"from {service.profile}" in answer.body, f"it says {answer.body}"
