"""Who may call the API: clients that know its name, and pages of its own."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .arrow import ARROW, IS_READ
from .records import BadRequest

if TYPE_CHECKING:
    from starlette.datastructures import Headers

_CHECK_HEADER = "x-mediwatch-verify"


class Guard:
    """Refuses what a page in somebody's browser sends.

    ``Host`` and ``Origin`` say where the page is from, and no script can change them. A name that was made to lead to
    our address (DNS rebinding) is none of ours; an address cannot be made to.

    Args:
        allowed: Host names, and origins (``https://…``) of pages, that may call; ``*``: any host.
        secret: Known to whoever checks deployments; empty: nobody is.
    """

    def __init__(self, allowed: frozenset[str], secret: str) -> None:
        self._any_host = "*" in allowed
        self._hosts = {entry for entry in allowed if "://" not in entry} | {"localhost"}
        #: Origins of pages that may call.
        self.origins = sorted(entry.rstrip("/") for entry in allowed if "://" in entry)
        self._secret = secret.encode()

    def check(self, headers: Headers) -> None:
        """Check where a request is from.

        Raises:
            BadRequest: 403 for a host or an origin that is not ours.
        """
        hosts = [headers.get("host", ""), *headers.getlist("x-forwarded-host")]
        if not self._any_host and not all(self._is_ours(host) for host in hosts):
            raise BadRequest(403, "The API does not answer to this host name: add it to deployment.allowedHosts")
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and origin.partition("://")[2] not in hosts:
            raise BadRequest(403, "Pages of another origin may not call the API: add it to deployment.allowedHosts")

    def content_type(self, headers: Headers) -> str:
        """Return what a body is said to be: one of those that a page of another origin cannot send unasked.

        Raises:
            BadRequest: 415 for any other type.
        """
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and (kind != ARROW or not IS_READ):
            arrow = f", or an Arrow stream, as {ARROW}" if IS_READ else ""
            raise BadRequest(415, f"The body must be JSON: send the header Content-Type: application/json{arrow}")
        return kind

    def is_deployment_check(self, headers: Headers) -> bool:
        """Tell whether whoever asks has started this API, or deploys it."""
        given = headers.get(_CHECK_HEADER, "").encode()
        return bool(self._secret) and hmac.compare_digest(given, self._secret)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name.lower() in self._hosts or bool(ipaddress.ip_address(name))
        except ValueError:
            return False
