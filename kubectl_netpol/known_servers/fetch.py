"""What a provider published, from a file or by HTTPS: bounded in size and time, and led nowhere else.

http is for this machine only. A redirection has to lead to https as well, and a few of them are followed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import BaseHandler, HTTPRedirectHandler, Request, build_opener

from .. import __version__
from ..errors import InputError

SIZE_LIMIT = 32 << 20
"""Bytes; the largest of them, Azure's, has 5 MiB."""

SECONDS = 60.0
Log = Callable[[str], None]
"""Hears a line for each request, with its URL, its outcome and its time."""

_SILENCE, _CHUNK, _REDIRECTIONS, _LONGEST = 20.0, 1 << 16, 5, 2048


def is_url(place: str) -> bool:
    return "://" in place


def read_place(place: str, log: Log) -> bytes:
    """The content at a URL, or of a file. Raises InputError, also for another scheme than https."""
    return _download(place, log) if is_url(place) else _read_file(Path(place))


def read_bounded(stream: BinaryIO, title: str) -> bytes:
    """All of a stream; raises InputError for more than SIZE_LIMIT bytes."""
    content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise _too_large(title)
    return content


def check_url(url: str) -> None:
    """Raises InputError for a URL that is not read: https only, or http to this machine, without a password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputError(f"{url!r:.80} is no URL") from error
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url or not host:
        raise InputError(f"{url!r:.80} is no URL", "write it as https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise InputError("a URL with a user or password in it is not read", "download the file, and name it")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise InputError(f"{parts.scheme}://{host} is not read: only https is", "use https, or download the file")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return read_bounded(stream, str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}", "name a file or a URL") from error


class _Redirects(HTTPRedirectHandler):
    max_redirections = _REDIRECTIONS

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        check_url(newurl)
        if req.type == "https" and not newurl.startswith("https:"):
            raise InputError(f"{req.full_url} leads away from https", "download the file, and name it")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Requests(BaseHandler):
    """Tells each request, those that a redirection leads to as well."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._asked, self._begun = "", 0.0

    def http_request(self, request: Request) -> Request:
        self._asked, self._begun = f"{request.get_method()} {request.full_url}", time.monotonic()
        return request

    def http_response(self, _: Request, response: Any) -> Any:
        self._tell(str(response.status))
        return response

    https_request, https_response = http_request, http_response

    def tell_silence(self) -> None:
        """The request that is still without an answer, if there is one."""
        if self._asked:
            self._tell("no answer")

    def _tell(self, outcome: str) -> None:
        self._log(f"{self._asked} {outcome} in {(time.monotonic() - self._begun) * 1000:.0f} ms")
        self._asked = ""


def _download(url: str, log: Log) -> bytes:
    check_url(url)
    agent = {"User-Agent": f"kubectl-netpol/{__version__}", "Accept": "application/json, text/plain, */*"}
    deadline, requests = time.monotonic() + SECONDS, _Requests(log)
    try:
        request = Request(url, headers=agent)  # noqa: S310 - the scheme was checked
        with build_opener(_Redirects, requests).open(request, timeout=_SILENCE) as response:
            return _body(response, url, deadline)
    except HTTPError as error:
        raise InputError(f"{url}: the server answers {error.code}", "open it in a browser: did it move?") from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        requests.tell_silence()
        reason = getattr(error, "reason", None) or error
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise InputError(f"{url} cannot be read: {why}", "download the file, and name it") from error


def _body(response: Any, url: str, deadline: float) -> bytes:
    told = response.headers.get("Content-Length", "0")
    length = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
    if length > SIZE_LIMIT:
        raise _too_large(url)
    parts, size = [], 0
    while chunk := response.read1(_CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > SIZE_LIMIT:
            raise _too_large(url)
        if time.monotonic() > deadline:
            raise InputError(f"{url}: not there after {SECONDS:g} seconds", "download the file, and name it")
    if size < length:
        raise InputError(f"{url}: the answer broke off", "try again")
    return b"".join(parts)


def _too_large(title: str) -> InputError:
    return InputError(f"{title}: larger than {SIZE_LIMIT >> 20} MiB", "split it into several files")
