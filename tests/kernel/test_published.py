"""Each documented command that reads what a provider publishes, as it is written: by its URL, over HTTPS.

The providers' hosts are this private machine, with certificates of an authority that only this test trusts.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kubectl_netpol.demo import namespaces
from kubectl_netpol.demo.machine import Machine
from tests.documented import published, words_of
from tests.published import PUBLISHED

LINES = [words for line in published() if (words := words_of(line))]


def url_of(words: list[str]) -> str:
    [url] = [word for word in words if "://" in word]
    return url


def form_of(words: list[str]) -> str:
    return words[words.index("--from") + 1]


def serve(folder: Path, answers: dict[str, bytes]) -> Path:
    """Answers those URLs on port 443 of this machine, whose names for it stand in /etc/hosts; the authority's file."""
    hosts = sorted({str(urlsplit(url).hostname) for url in answers})
    names = ",".join(f"DNS:{host}" for host in hosts)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=published"]
    files = ["-keyout", "key.pem", "-out", "authority.pem", "-addext", f"subjectAltName={names}"]
    subprocess.run([*command, *files], cwd=folder, check=True, capture_output=True)
    (folder / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in ("localhost", *hosts)))
    namespaces.mount(str(folder / "hosts"), "/etc/hosts", "", namespaces.MS_BIND)
    threading.Thread(target=_server(folder, answers).serve_forever, daemon=True).start()
    return folder / "authority.pem"


def _server(folder: Path, answers: dict[str, bytes]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(f"https://{self.headers['Host']}{self.path}")
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "authority.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


@pytest.mark.kernel
def test_what_providers_publish_is_read_as_the_documents_write_it(machine: Machine, tmp_path: Path) -> None:
    assert {form_of(words) for words in LINES} == {"aws", "gcp", "github", "cloudflare"}
    answers = {url_of(words): PUBLISHED[form_of(words)][0].encode() for words in LINES}
    environment = os.environ | {"HOME": str(tmp_path), "SSL_CERT_FILE": str(serve(tmp_path, answers))}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "kubectl_netpol", *words]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout + done.stderr

    for words in LINES:
        expected = PUBLISHED[form_of(words)][1]
        assert f"/{form_of(words)} created: {len(expected)} added, 0 removed\n" in run(*words)
        listed = run("known-servers", "list", "-o", "yaml")
        assert [block for block in expected if block not in listed] == []
    answers[url_of(LINES[0])] = PUBLISHED["aws"][0].replace("15.230.39.0", "15.230.40.0").encode()
    assert "/aws configured: 1 added, 1 removed\n" in run("known-servers", "refresh")
    del environment["SSL_CERT_FILE"]
    with pytest.raises(AssertionError, match="certificate verify failed"):
        run(*LINES[0])
