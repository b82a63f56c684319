"""Send a message with Apprise: by its own services, over TLS, and by nothing else.

Apprise is imported for `fleet.status --alert` only. It gets no folder of plugins, no
configuration, no file and no attachment; it keeps nothing on disk and follows no redirection.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hermes_ops.alerts.address import is_loopback
from hermes_ops.alerts.deadline import within
from hermes_ops.alerts.news import Message
from hermes_ops.errors import UsageError
from hermes_ops.extras import install

TIMEOUT = 20.0
"""Seconds for all deliveries of a look, which run side by side."""
LATE = f"was not delivered in {TIMEOUT:.0f} s"

OWN = "apprise.plugins."
FILES = frozenset(
    {"template", "keyfile", "subfile", "pgp", "pgppub", "pgpprv", "attach", "file_url"}
)
"""Arguments of URLs by which a service would read a file, or fetch one."""
NO_FILES = "names a file, and nothing but text is sent"


def require_apprise() -> None:
    """Raise a `UsageError` that says how to install Apprise, if it is not there."""
    if find_spec("apprise") is None:
        message = "hermes_alerts names URLs of Apprise, which is not installed"
        raise UsageError(message, hint=install("alerts"))


def refusal(url: str) -> str:
    """Return why a URL is not told; empty if it is, or if there is no Apprise that knows."""
    if find_spec("apprise") is None:
        return ""
    try:
        service_of(url)
    except ValueError as error:
        return str(error)
    return ""


def service_of(url: str) -> Any:
    """Return the service of Apprise for a URL.

    Raises:
        ValueError: there is none, or it is one that is not used; says why, without the URL.
    """
    from apprise import Apprise

    _hush()
    if set(_arguments(url)) & FILES:
        raise ValueError(NO_FILES)
    try:
        service = Apprise.instantiate(url, asset=_asset())
    except Exception as error:
        # A plugin may fail in any way on a URL that it did not expect.
        raise ValueError(f"is not understood by Apprise ({type(error).__name__})") from None
    if service is None:
        raise ValueError("is not a URL that Apprise knows")
    if why := _refusal(service):
        raise ValueError(why)
    # Whatever the URL says: a redirection could lead away from TLS.
    service.redirects = False
    return service


def _arguments(url: str) -> list[str]:
    try:
        return [key.lower().lstrip("+-:") for key, _ in parse_qsl(urlsplit(url).query, True)]
    except ValueError:
        return []


def _asset() -> Any:
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="hermes-ops", app_desc="hermes-ops", async_mode=False,
        http_redirects=False, allow_templates=False, storage_mode="memory", secure_logging=True,
        pgp_autogen=False, pem_autogen=False, image_path_mask=False, image_url_mask="",
        image_url_logo="",
    )  # fmt: skip


def _refusal(service: Any) -> str:
    if not type(service).__module__.startswith(OWN):
        return "leads to a plugin that is not Apprise's own"
    if any(_is_file(value) for value in vars(service).values()):
        return NO_FILES
    hosts = {service.host, getattr(service, "smtp_host", None) or service.host}
    return "" if all(map(is_loopback, hosts)) else _without_tls(service)


def _is_file(value: Any) -> bool:
    from apprise import AppriseAttachment

    return isinstance(value, AppriseAttachment) and len(value) > 0


def _without_tls(service: Any) -> str:
    """Return why what this service sends can be read or changed on its way; empty if it cannot."""
    secure = _schemes(service.secure_protocol)
    if service.schema not in secure:
        other = f": write {secure[0]}://" if secure else ""
        return f"is sent without TLS ({service.schema}://){other}"
    if (mode := getattr(service, "secure_mode", None)) in ("insecure", "none"):
        return f"is sent without TLS (mode={mode})"
    return "" if service.verify_certificate else "does not verify the certificate (verify=no)"


def _schemes(found: Any) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else tuple(found or ())


def deliver(services: Sequence[tuple[Any, Message]]) -> list[str]:
    """Send each message; return for each what went wrong, in words without the URL, or nothing."""
    jobs: list[Callable[[], str]] = [
        lambda service=service, text=text: _sent(service, text)  # type: ignore[misc]
        for service, text in services
    ]
    with _no_proxy_to_this_machine():
        return within(TIMEOUT, jobs, LATE)


@contextmanager
def _no_proxy_to_this_machine() -> Iterator[None]:
    """Let no proxy get what this machine sends to itself, perhaps without TLS."""
    before = os.environ.get("no_proxy")
    others = before or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = ",".join(filter(None, (others, "localhost", "127.0.0.0/8", "::1")))
    yield
    if before is None:
        del os.environ["no_proxy"]
    else:
        os.environ["no_proxy"] = before


def _sent(service: Any, message: Message) -> str:
    from apprise import NotifyFormat, NotifyType

    kind = NotifyType.SUCCESS if message.is_good else NotifyType.FAILURE
    with _Heard() as heard:
        try:
            done = service.notify(
                body=message.body, title=message.title, notify_type=kind,
                body_format=NotifyFormat.TEXT,
            )  # fmt: skip
        except Exception as error:
            return f"was not delivered: {type(error).__name__}"
    return "" if done else f"was not delivered{heard.why}"


# --- what Apprise says ------------------------------------------------------------------------


def _hush() -> None:
    """Let no line of Apprise reach the terminal: a line may quote a URL."""
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())


class _Heard(logging.Handler):
    """Hears why a delivery failed: only the number of an HTTP error is taken over."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.why = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Take over the number in a line."""
        is_ours = record.thread == self._thread
        if is_ours and (found := re.search(r"\berror\s*[=:]\s*(\d{3})\b", record.getMessage())):
            self.why = f": the answer is HTTP {found[1]}"

    def __enter__(self) -> _Heard:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
