"""A pod's own way to the API server: its service account's token, by urllib."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime, time
from typing import Any

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10.0
_AGREED_SECONDS = 2.0
_LARGEST = 16 << 20


class Server:
    """``ask`` is a ``restore.Ask``; ``now`` is the server's time, by its newest answer and what passed since.

    What passed is told by a clock that nobody sets: a node's clock may be wrong, and may be corrected while a guard
    waits. The token is read anew each time, since the kubelet renews it.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, account: Path = _ACCOUNT) -> None:
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        host = f"[{host}]" if ":" in host else host
        self._url = f"https://{host}:{environment.get('KUBERNETES_SERVICE_PORT', '443')}"
        self._account = account
        self._trust = ssl.create_default_context(cafile=str(account / "ca.crt"))
        self._known_at = 0.0
        self._known: int | None = None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None, media: str) -> tuple[int, dict[str, Any]]:
        """See ``restore.Ask``."""
        request = urllib.request.Request(  # noqa: S310  # https, above
            self._url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": media, "Accept": "application/json", "Authorization": f"Bearer {self._token()}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._trust) as answer:  # noqa: S310
                self._note_clock(answer.headers.get("Date"))
                return answer.status, _read(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            with error:
                self._note_clock(error.headers.get("Date"))
                return error.code, _read(error.read(_LARGEST))
        except HTTPException as error:  # which is no OSError
            raise ConnectionError(f"the answer broke off: {error}") from error

    def now(self) -> int | None:
        """The server's time in ms since the Unix epoch, as far as its answers told it; None until the first one."""
        return None if self._known is None else self._known + int((_passed() - self._known_at) * 1000)

    def _token(self) -> str:
        return (self._account / "token").read_text("ascii").strip()

    # Whole seconds only: on average half a second has passed since. Our own clock tells more where both agree, and is
    # all there is where answers come without a time.
    def _note_clock(self, date: str | None) -> None:
        here = time()
        try:
            there = parsedate_to_datetime(date or "").timestamp() + 0.5
        except (ValueError, TypeError):
            if self._known is not None:
                return
            there = here
        self._known_at = _passed()
        self._known = int((here if abs(there - here) <= _AGREED_SECONDS else there) * 1000)


def _passed() -> float:
    return clock_gettime(CLOCK_BOOTTIME)


def _read(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
