"""What can go wrong between here and an API server, each told in one line with a remedy."""

from __future__ import annotations

import json
from typing import Any

from ..errors import NetpolError

_LONGEST = 600
_MOST_CAUSES = 50
_FORBIDDEN = 403
DOCTOR = "kubectl netpol doctor"


class ClusterError(NetpolError):
    """The cluster cannot be asked, or refused what was asked."""


class UnreachableError(ClusterError):
    """No answer came: nobody listens there, the network is gone, the certificate is another's."""


class RefusedError(ClusterError):
    """The API server answered with an error. ``status`` is HTTP's, ``reason`` Kubernetes' (Forbidden, NotFound ...).

    ``causes`` are the details: a field, and what is said of it.
    """

    def __init__(
        self, status: int, reason: str, message: str, hint: str = "", causes: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.reason = reason
        self.causes = causes

    @property
    def is_forbidden(self) -> bool:
        """Whether the right to do so is missing."""
        return self.status == _FORBIDDEN

    @property
    def is_passing(self) -> bool:
        """Whether the same request may be granted in a while: the server is busy or not well."""
        return self.status == 429 or self.status >= 500


def is_away(error: ClusterError) -> bool:
    """Whether the API server itself does not answer, or not yet: whatever it is asked, the same comes of it."""
    return isinstance(error, UnreachableError) or (isinstance(error, RefusedError) and error.is_passing)


def refusal(status: int, body: bytes, what: str, doctor: str = DOCTOR) -> RefusedError:
    """The error that an answer with such a status stands for; its body is a Status (or a proxy's own page).

    ``doctor`` is the command that tells which rights are missing.
    """
    told = _status_of(body)
    message = _text(told.get("message")) or f"{what}: the API server answered with HTTP {status}"
    reason = _text(told.get("reason"))
    hint = f"see what is missing: {doctor}" if status == _FORBIDDEN else _HINTS.get(status, "")
    return RefusedError(status, reason, message[:_LONGEST], hint, _causes(told.get("details")))


def _causes(details: object) -> tuple[tuple[str, str], ...]:
    causes = details.get("causes") if isinstance(details, dict) else None
    found = [one for one in causes if isinstance(one, dict)] if isinstance(causes, list) else []
    return tuple((_text(one.get("field")), _text(one.get("message"))) for one in found[:_MOST_CAUSES])


_HINTS = {
    401: "the kubeconfig's credentials are missing, wrong or expired; try: kubectl auth whoami",
    429: "the API server is busy; try again in a while",
    503: "the API server is not ready; try again in a while",
}


def _status_of(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
