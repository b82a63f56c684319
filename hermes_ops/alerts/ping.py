"""Call the URL of a dead man's switch: a service that complains if nobody calls it."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from hermes_ops.alerts.address import is_loopback

TIMEOUT = 10.0
"""Seconds for one call."""
UNANSWERED = "no answer in time"


def refusal(url: str) -> str:
    """Return why a URL is not called; empty if it may be."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "is not a URL"
    if not host or any(char <= " " or char > "~" for char in url):
        return "is not a URL"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return ""
    return "must begin with https://, or with http:// and lead to this machine"


def ping(url: str) -> str:
    """Call a URL; return what went wrong, in words without the URL, or nothing.

    A redirection is not followed: it could lead away from TLS.
    """
    handlers: list[urllib.request.BaseHandler] = [_Stay()]
    if is_loopback(urlsplit(url).hostname):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("User-Agent", "hermes-ops")]
    try:
        with opener.open(url, timeout=TIMEOUT):
            return ""
    except urllib.error.HTTPError as error:
        return f"the answer is HTTP {error.code}"
    except urllib.error.URLError as error:
        return reason_of(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return reason_of(error)


def reason_of(error: object) -> str:
    """Return in words why there was no answer, without anything that the URL may hold."""
    if isinstance(error, TimeoutError):
        return UNANSWERED
    said = getattr(error, "strerror", None) or getattr(error, "verify_message", None)
    return f"no connection: {said}" if said else f"no connection: {type(error).__name__}"


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the answer is then an error with its number."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: HTTPMessage, newurl: str,
    ) -> None:  # fmt: skip
        """Return no request."""
