"""An HTTP server that plays an API server's rare answers, which a real one cannot be made to give when one likes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from kubectl_netpol.cluster.api import Api
from kubectl_netpol.cluster.connection import Target, connect

Answer = tuple[int, bytes | Iterator[bytes]]
"""A status and a body; one that comes piece by piece ends with its connection."""

Play = Callable[[str, dict[str, str]], Answer]


@contextmanager
def played(
    play: Play, tmp_path: Any, log: Callable[[str], None] | None = None, **more: Any
) -> Iterator[tuple[Api, list[Any]]]:
    """An ``Api`` whose requests ``play`` answers by path and query, and the headers of each request so far."""
    headers: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers.append(self.headers)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, body = play(parts.path, query)
            self.send_response(status)
            if isinstance(body, bytes):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for piece in [body] if isinstance(body, bytes) else body:
                self.wfile.write(piece)
                self.wfile.flush()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield connect(target(tmp_path, f"http://127.0.0.1:{server.server_port}", **more), log), headers
    finally:
        server.shutdown()
        server.server_close()


def target(tmp_path: Any, url: str, **more: Any) -> Target:
    """A kubeconfig that leads there, with a token."""
    path = tmp_path / "config"
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return Target((path,), impersonate="jane", groups=("a", "b"), **more)


def said(value: object, status: int = 200) -> Answer:
    return status, json.dumps(value).encode()
