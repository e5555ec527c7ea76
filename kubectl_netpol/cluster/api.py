"""Requests to one API server: JSON in, JSON out, errors in one line. Safe to use from several threads."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes.client import ApiClient
from urllib3._collections import HTTPHeaderDict

from .. import __version__
from .trouble import DOCTOR, UnreachableError, refusal

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
_MERGE_PATCH = "application/merge-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"
_CHUNK = 1 << 16
_FOR_PROGRAMMERS = re.compile(r"^\[(Errno \d+|\w+: \w+)\] | \(_ssl\.c:\d+\)$")
_NAMESPACE = re.compile(r"/namespaces/([a-z0-9-]+)/")
_TRUSTED_MILLISECONDS = 2000
"""A Date header has whole seconds, and takes its time on the way."""

Query = Mapping[str, str | int | bool]


@dataclass(slots=True)
class Traffic:
    """What went over the wire so far: requests, and bytes of the answers' bodies as they were read."""

    requests: int = 0
    received: int = 0
    _lock: Lock = field(default_factory=Lock)

    def count(self, requests: int, received: int) -> None:
        with self._lock:
            self.requests += requests
            self.received += received


class Chunks(Iterator[bytes]):
    """An answer's body as it comes. ``abort`` may be called from any thread: whoever waits for the next waits no more.

    UnreachableError where it broke off, and after an ``abort``.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, chunks: Iterator[bytes]) -> None:
        self._response = response
        self._chunks = chunks

    def __next__(self) -> bytes:
        return next(self._chunks)

    def abort(self) -> None:
        """Nothing more comes."""
        # Closing alone does not wake who reads. An older urllib3 has no shutdown, an answer that is over no socket.
        with suppress(AttributeError, ValueError, RuntimeError, OSError):
            self._response.shutdown()


class Api:
    """One API server as one user. ``traffic`` counts; ``skew`` is its clock less ours, by its newest answer (ms).

    ``server`` is its address as it may be shown. ``doctor`` is the command that looks at this user's rights.

    Every method raises UnreachableError when no answer comes, and RefusedError for an answer that is an error.
    """

    def __init__(
        self,
        client: ApiClient,
        headers: list[tuple[str, str]],
        timeout: float = 0.0,
        log: Callable[[str], None] | None = None,
        doctor: str = DOCTOR,
    ) -> None:
        self._client = client
        self._doctor = doctor
        self._headers = [*headers, ("User-Agent", f"kubectl-netpol/{__version__}")]
        self._timeout = timeout
        self._log = log
        self.traffic = Traffic()
        self.skew = 0
        self._base: str = client.configuration.host
        self.server = re.sub(r"(?<=://)[^/@]*@", "", self._base)

    def get(self, path: str, query: Query | None = None, silence: float = READ_SECONDS) -> dict[str, Any]:
        """The object or list at ``path``, such as ``/api/v1/nodes``. UnreachableError after ``silence`` seconds."""
        return self._ask("GET", path, query, silence=silence)

    def create(self, path: str, body: Mapping[str, Any], query: Query | None = None) -> dict[str, Any]:
        return self._ask("POST", path, query, body)

    def merge(self, path: str, body: Mapping[str, Any], silence: float = READ_SECONDS) -> dict[str, Any]:
        """A merge patch (RFC 7386). UnreachableError after ``silence`` seconds without an answer."""
        return self._ask("PATCH", path, None, body, _MERGE_PATCH, silence)

    def replace(self, path: str, body: Mapping[str, Any], query: Query | None = None) -> dict[str, Any]:
        return self._ask("PUT", path, query, body)

    def apply(self, path: str, body: Mapping[str, Any], query: Query) -> dict[str, Any]:
        """A server-side apply; ``query`` has fieldManager. JSON is YAML, which the media type asks for."""
        return self._ask("PATCH", path, query, body, _APPLY_PATCH)

    def delete(self, path: str, body: Mapping[str, Any] | None = None, query: Query | None = None) -> dict[str, Any]:
        return self._ask("DELETE", path, query, body or {})

    def send(self, method: str, path: str, body: Mapping[str, Any] | None, media: str) -> dict[str, Any]:
        """Any request; ``path`` with its query."""
        return self._ask(method, path, None, body, media)

    def patience(self, usual: float) -> float:
        """How long (s) an answer may keep us waiting: as was asked for, else as long as usual."""
        return self._timeout or usual

    def text(self, path: str, query: Query | None = None, silence: float = READ_SECONDS) -> bytes:
        """The body of an answer that is no JSON, such as a log."""
        with self.stream(path, query, self.patience(silence)) as chunks:
            return b"".join(chunks)

    @contextmanager
    def stream(self, path: str, query: Query | None = None, silence: float = READ_SECONDS) -> Iterator[Chunks]:
        """An answer as it comes, in chunks. UnreachableError after ``silence`` seconds without any."""
        response = self._send("GET", path, query, None, "", silence)
        try:
            yield Chunks(response, self._chunks(response, path))
        finally:
            response.close()

    def _ask(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Mapping[str, Any] | None = None,
        media: str = "",
        silence: float = READ_SECONDS,
    ) -> dict[str, Any]:
        response = self._send(method, path, query, body, media, self.patience(silence))
        data = b"".join(self._chunks(response, path))
        response.release_conn()
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise UnreachableError(f"what answers at {self.server} is no API server", "check --context") from error
        if not isinstance(answer, dict):
            raise UnreachableError(f"what answers at {self.server} is no API server", "check --context")
        return answer

    def _send(
        self, method: str, path: str, query: Query | None, body: Mapping[str, Any] | None, media: str, silence: float
    ) -> urllib3.BaseHTTPResponse:
        url = self._base + path + (f"?{urlencode(_plain(query))}" if query else "")
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        begun = time.monotonic()
        try:
            response: urllib3.BaseHTTPResponse = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=content,
                headers=self._all_headers(content is not None, media),
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, silence), read=silence),
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self._tell(method, url, "no answer", begun)
            raise self._unreachable(error) from error
        self.traffic.count(1, 0)
        self._note_clock(response)
        self._tell(method, url, str(response.status), begun)
        if response.status >= 400:
            told = b"".join(self._chunks(response, path))
            response.release_conn()
            raise refusal(response.status, told, f"{method} {path}", self._doctor + _place(path))
        return response

    def _tell(self, method: str, url: str, outcome: str, begun: float) -> None:
        if self._log:
            self._log(f"{method} {url} {outcome} in {(time.monotonic() - begun) * 1000:.0f} ms")

    def _chunks(self, response: urllib3.BaseHTTPResponse, path: str) -> Iterator[bytes]:
        try:
            for chunk in response.stream(_CHUNK):
                self.traffic.count(0, len(chunk))
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"the answer to {path} broke off", "try again") from error

    def _all_headers(self, has_body: bool, media: str) -> HTTPHeaderDict:
        headers = HTTPHeaderDict(self._headers)
        headers.add("Accept", "application/json")
        if has_body:
            headers.add("Content-Type", media or "application/json")
        secrets: dict[str, str] = {}
        self._client.update_params_for_auth(secrets, [], ["BearerToken"], "", "", None)
        headers.update(secrets)
        return headers

    def _note_clock(self, response: urllib3.BaseHTTPResponse) -> None:
        try:
            there = parsedate_to_datetime(response.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return
        self.skew = int((there + 0.5 - time.time()) * 1000)

    def _unreachable(self, error: Exception) -> UnreachableError:
        cause: BaseException = error
        while isinstance(reason := _within(cause), Exception):
            cause = reason
        is_refused = isinstance(
            cause, urllib3.exceptions.NewConnectionError
        )  # which is a TimeoutError, by its heritage
        if isinstance(cause, urllib3.exceptions.TimeoutError) and not is_refused:
            why = "no answer in time"
        else:
            why = getattr(cause, "strerror", None) or str(cause).rpartition(": ")[2] or type(cause).__name__
            why = _FOR_PROGRAMMERS.sub("", str(why).splitlines()[0])
        return UnreachableError(
            f"the cluster at {self.server} cannot be reached: {why}", "check it with: kubectl get --raw /readyz"
        )


# urllib3 puts what happened into what it could not do about it, as its reason or its last argument.
def _within(error: BaseException) -> object:
    return getattr(error, "reason", None) or (error.args[-1] if error.args else None)


# A namespace's own objects are a matter of the rights there.
def _place(path: str) -> str:
    found = _NAMESPACE.search(path)
    return f" -n {found[1]}" if found else ""


def _plain(query: Query) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in query.items()
        if value not in ("", None)
    }


def now(api: Api) -> int:
    """The cluster's time in ms since the Unix epoch, by its answers, where ours is off by more than they can tell."""
    return int(time.time() * 1000) + (api.skew if abs(api.skew) > _TRUSTED_MILLISECONDS else 0)
