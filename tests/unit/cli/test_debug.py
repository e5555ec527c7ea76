"""``--debug`` tells each request, and no secret: not of a kubeconfig, a header, a query or an answer."""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.cli import streams
from kubectl_netpol.errors import NetpolError
from kubectl_netpol.render.secrets import HIDDEN, redact, redact_urls, secret_parameter

PROGRAM = Path(sys.executable).parent / "kubectl-netpol"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl"
CONTINUE = "c2VjcmV0LWNvbnRpbnVl"


class Server(BaseHTTPRequestHandler):
    """An API server that says everybody may do everything, and has a second page of pods."""

    def do_GET(self):
        body = {"kind": "List", "metadata": {"resourceVersion": "7"}, "items": [], "groups": []}
        if "limit=" in self.path and "continue=" not in self.path:
            body["metadata"]["continue"] = CONTINUE
        if self.path.startswith("/version"):
            body = {"gitVersion": "v1.36.2"}
        self.answer(200, body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(201, {"status": {"allowed": True}})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        return


@pytest.fixture
def server():
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def run(tmp_path, user, address, *arguments):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://{address}"}}],
        "users": [{"name": "u", "user": user}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config), "utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")}
    return subprocess.run(
        [PROGRAM, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )


def test_each_request_is_told_with_its_answer_and_its_time(tmp_path, server):
    done = run(tmp_path, {"token": TOKEN}, server, "sessions", "--debug")
    lines = [line for line in done.stderr.splitlines() if line.startswith("debug: ")]
    assert lines
    for line in lines:
        method, url, status, *time = line.removeprefix("debug: ").split(" in ")[0].split()
        assert (method, status, time) == ("GET", "200", [])
        assert url.startswith(f"http://{server}/")
        assert line.endswith(" ms")


def test_nothing_is_told_without_it(tmp_path, server):
    assert "debug: " not in run(tmp_path, {"token": TOKEN}, server, "sessions").stderr


@pytest.mark.parametrize("verb", ["sessions", "doctor", "version", "collect"])
@pytest.mark.parametrize(
    "user",
    [{"token": TOKEN}, {"username": "jane", "password": "s3cret-password"}, {"tokenFile": "token"}],
    ids=["token", "password", "file"],
)
def test_no_secret_is_told(tmp_path, server, verb, user):
    (tmp_path / "token").write_text(TOKEN, "utf-8")
    done = run(tmp_path, user, server, verb, "--debug")
    told = done.stdout + done.stderr
    basic = base64.b64encode(b"jane:s3cret-password").decode()
    assert "debug: " in told
    for secret in (TOKEN, "s3cret-password", basic, CONTINUE, "Bearer", "Basic"):
        assert secret not in told


def test_no_secret_is_told_where_nobody_answers_or_the_kubeconfig_is_wrong(tmp_path):
    for user, address in (({"token": TOKEN}, "jane:s3cret-password@127.0.0.1:1"), ({"token": [TOKEN]}, "127.0.0.1:1")):
        done = run(tmp_path, user, address, "sessions", "--debug")
        assert done.returncode == 1
        assert "error: " in done.stderr
        assert TOKEN not in done.stderr
        assert "s3cret" not in done.stderr
    (tmp_path / "broken").write_text(f"users:\n- token: {TOKEN}\n  x: [\n", "utf-8")
    done = run(tmp_path, {}, "x", "sessions", "--debug", "--kubeconfig", "broken")
    assert done.returncode == 1
    assert TOKEN not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer S3CRET",
        "authorization: basic S3CRET=",
        "{'Authorization': 'Bearer S3CRET', 'x': 1}",
        'token: "S3CRET"',
        "client-key-data: S3CRET",
        "password=S3CRET",
        "private_token: S3CRET",
        "https://jane:S3CRET@example.com/api",
        "https://example.com/api?access_token=S3CRET&limit=5",
        "https://example.com/api?limit=5&continue=S3CRET",
        "https://example.com/api?anything=S3CRET",
        "-----BEGIN RSA PRIVATE KEY-----\nS3CRET\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nS3CRET",
        "eyJhbGciOi.S3CRET.S3CRET",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text):
    assert "S3CRET" not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "GET https://10.0.0.1:6443/api/v1/pods?limit=500&labelSelector=app%3Dweb&watch=true 200 in 5 ms",
        "KeyError: 'metadata'",
        'unterminated filter in {.items[?(@.metadata.name=="web"&&@.kind=="Pod")]}',
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


def test_what_a_credential_plugin_says_of_its_failure_is_told_without_its_secret(tmp_path):
    answer = json.dumps({"apiVersion": "Bearer S3CRET", "kind": "ExecCredential", "status": {}})
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "echo", "args": [answer]}
    said = run(tmp_path, {"exec": plugin}, "127.0.0.1:1", "sessions").stderr
    assert said.startswith("error: the kubeconfig's credential plugin failed: ")
    assert f"Bearer {HIDDEN}" in said
    assert "S3CRET" not in said


def fail(capsys, error):
    """What is said of a command that raises this."""

    def command():
        raise error

    assert streams.guard(command, debug=False) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "sentence",
    [
        "deployment/token: all pods have hostNetwork, so no policy reaches them",
        "policies/api-token: No such file or directory",
        "unable to parse the label selector 'token=a b'",
        "namespace shop has no workload basic auth",
        "the bearer of that label is not known; password: is no field of a NetworkPolicy",
    ],
)
def test_words_of_our_own_errors_are_not_taken_for_secrets(capsys, sentence):
    assert fail(capsys, NetpolError(sentence)) == f"error: {sentence}\n"
    assert redact_urls(sentence) == sentence != redact(sentence)


def test_an_error_of_ours_hides_what_a_url_holds_and_a_librarys_all_that_looks_like_a_secret(capsys):
    url = "https://jane:S3CRET@example.com/api?code=S3CRET"
    shown = f"https://{HIDDEN}@example.com/api?code={HIDDEN}"
    assert fail(capsys, NetpolError(f"{url} cannot be read")) == f"error: {shown} cannot be read\n"
    error = ValueError("Invalid header value b'Bearer S3CRET'")
    assert fail(capsys, error).startswith(f"error: internal: ValueError: Invalid header value b'Bearer {HIDDEN}'\n")


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at(text):
    assert isinstance(redact(text), str)
    assert isinstance(secret_parameter(text), str)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("?token=x", "token"),
        ("?a=1&Access_Token=x", "Access_Token"),
        ("?accessToken=x", "accessToken"),
        ("?tok%65n=x", "token"),
        ("?X-Amz-Date=1&X-Amz-Signature=x", "X-Amz-Signature"),
        ("?sv=2020&sig=x", "sig"),
        ("?key=x", "key"),
        ("#token=x", "token"),
        ("?token=", ""),
        ("?version=2&monkey=1&design=3", ""),
        ("/token", ""),
    ],
)
def test_a_parameter_that_holds_a_secret_is_known_by_its_name(query, name):
    assert secret_parameter(f"https://example.com/ranges{query}") == name
