import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.cli.application import run
from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers import fetch
from kubectl_netpol.known_servers.documents import read_documents
from kubectl_netpol.known_servers.providers import SERVERS, read_provider
from tests.published import AWS, GITHUB, PUBLISHED


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "known-servers.yaml"
    monkeypatch.setenv("KUBECTL_NETPOL_KNOWN_SERVERS", str(path))
    return path


@pytest.fixture
def server():
    """Answers what ``answers`` holds by path: a status, headers and a body."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("form", PUBLISHED)
def test_what_a_provider_publishes_becomes_labelled_blocks(form):
    text, expected = PUBLISHED[form]
    found = read_provider(form, text.encode(), "x", "doc")
    assert {one.cidr: one.name for one in found} == expected
    assert {(one.document, one.server) for one in found} == {("doc", SERVERS[form])}


def test_the_lists_that_cloudflare_publishes_are_text():
    found = read_provider("cloudflare", b"173.245.48.0/20\n103.21.244.0/22", "x", "cloudflare")
    assert [(one.cidr, one.name) for one in found] == [
        ("173.245.48.0/20", "cloudflare"),
        ("103.21.244.0/22", "cloudflare"),
    ]


@pytest.mark.parametrize("form", PUBLISHED)
@pytest.mark.parametrize("other", PUBLISHED)
def test_a_file_of_another_provider_is_refused(form, other):
    if form == other or (form, other) == ("cloudflare", "text"):
        return
    with pytest.raises(InputError):
        read_provider(form, PUBLISHED[other][0].encode(), "x", "doc")


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("aws", b"[" * 100_000),
        ("aws", b"\xff\xfe"),
        ("aws", b'{"prefixes":[{"ip_prefix":7}],"ipv6_prefixes":[]}'),
        ("aws", b'{"prefixes":[7],"ipv6_prefixes":[]}'),
        ("aws", b'{"prefixes":[{"ip_prefix":"1.2.3.0/24","service":"\\u001b[2J"}],"ipv6_prefixes":[]}'),
        ("gcp", b'{"prefixes":[]}'),
        ("gcp", b'{"prefixes":[{}]}'),
        ("azure", b'{"values":[{"name":"a","properties":{"addressPrefixes":[1]}}]}'),
        ("github", b'{"hooks":["no block"]}'),
        ("text", b"0.0.0.0/0"),
        ("text", b"192.0.2.0/33"),
        ("text", b""),
    ],
)
def test_what_would_mislead_is_refused(form, content):
    with pytest.raises(InputError, match=r"^x"):
        read_provider(form, content, "x", "doc")


@given(st.sampled_from(sorted(PUBLISHED)), st.data())
def test_a_damaged_file_is_read_or_refused_and_never_breaks_anything(form, data):
    content = bytearray(PUBLISHED[form][0].encode())
    place = data.draw(st.integers(0, len(content)))
    content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    try:
        assert read_provider(form, bytes(content), "x", "doc")
    except InputError as error:
        assert error.message.startswith("x")


def test_an_import_is_remembered_and_refreshed(file, tmp_path, capsys):
    source = tmp_path / "ip-ranges.json"
    source.write_text(json.dumps(AWS))
    assert run(["known-servers", "add", "mine", "--ip-block", "192.0.2.0/24", "--server", "me"]) == 0
    assert run(["known-servers", "import", "--from", "aws", str(source)]) == 0
    assert run(["known-servers", "import", "--from", "aws", str(source)]) == 0
    source.write_text(json.dumps(AWS).replace("15.230.39.0", "15.230.40.0"))
    capsys.readouterr()
    assert run(["known-servers", "refresh"]) == 0
    assert capsys.readouterr().out == (
        "knownserver.spdx.softwarecomposition.kubescape.io/aws configured: 1 added, 1 removed\n"
        "  + 15.230.40.0/24 AMAZON us-east-1\n  - 15.230.39.0/24 AMAZON us-east-1\n"
    )
    before = file.read_text()
    assert run(["known-servers", "refresh", "aws"]) == 0
    assert "unchanged" in capsys.readouterr().out
    assert file.read_text() == before
    assert [one.name for one in read_documents(before, "x")] == ["mine", "aws"]


def test_a_source_that_is_gone_changes_nothing(file, tmp_path, capsys):
    source = tmp_path / "ip-ranges.json"
    source.write_text(json.dumps(AWS))
    assert run(["known-servers", "import", "--from", "aws", str(source)]) == 0
    before = file.read_text()
    source.write_text("{}")
    assert run(["known-servers", "refresh"]) == 1
    source.unlink()
    assert run(["known-servers", "refresh"]) == 1
    assert "No such file" in capsys.readouterr().err
    assert file.read_text() == before


def refused(capsys, *words):
    """The error and the hint of a command that fails."""
    capsys.readouterr()
    assert run(["known-servers", *words]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    error, hint = said.err.splitlines()
    return error, hint


def test_what_cannot_be_refreshed_is_named_with_the_way_on_for_the_others(file, tmp_path, capsys):
    for name in ("aws", "offices", "pipes"):
        (tmp_path / name).write_text("192.0.2.0/24")
        assert run(["known-servers", "import", "--from", "text", str(tmp_path / name), "--name", name]) == 0
    assert run(["known-servers", "add", "mine", "--ip-block", "198.51.100.0/24", "--server", "me"]) == 0
    (tmp_path / "offices").unlink()
    before = file.read_text()
    error, hint = refused(capsys, "refresh")
    assert error == f"error: known server 'offices': {tmp_path}/offices: No such file or directory"
    moved = "import it from where it is now: known-servers import --from text FILE|URL --name offices"
    others = f"kubectl netpol known-servers refresh aws pipes --known-servers {file}"
    assert hint == f"hint: {moved}; or refresh the others: {others}"
    assert refused(capsys, "refresh", "offices") == (error, f"hint: {moved}")
    assert file.read_text() == before


def test_what_a_file_that_is_no_list_holds_is_not_told(file, tmp_path, capsys):
    (tmp_path / "passwd").write_text("# users\nroot:x:0:0:root:/root:/bin/sh\n")
    for form in ("text", "cloudflare"):
        error, _ = refused(capsys, "import", "--from", form, str(tmp_path / "passwd"), "--name", "x")
        assert error == f"error: {tmp_path}/passwd: line 2 is no IP block"


def planted(tmp_path, place, form="text"):
    path = tmp_path / "from-elsewhere.yaml"
    annotations = {"kubectl-netpol/format": form, "kubectl-netpol/source": str(place)}
    metadata = {"name": "offices", "annotations": annotations}
    head = {"apiVersion": "spdx.softwarecomposition.kubescape.io/v1beta1", "kind": "KnownServer", "metadata": metadata}
    path.write_text(json.dumps(head | {"spec": [{"ipBlock": "192.0.2.0/24", "name": "", "server": "me"}]}))
    return str(path)


@pytest.mark.parametrize(
    ("form", "place"), [("text", "/etc/passwd"), ("text", "http://127.0.0.1:1/x"), ("cluster", "production")]
)
def test_a_source_that_a_document_names_is_not_read(form, place, file, tmp_path, capsys):
    assert run(["known-servers", "import", "-f", planted(tmp_path, place, form)]) == 0
    told = f"its source ({form} {place}) was left out, and refresh does not read it"
    assert capsys.readouterr().err == (
        f"note: known server 'offices': {told}; keep it with --keep-source if you trust it\n"
    )
    assert place not in file.read_text()
    error, _ = refused(capsys, "refresh")
    assert error == "error: no known server was imported from a file or URL"


def test_a_source_is_kept_for_who_trusts_it(file, tmp_path, capsys):
    offices = tmp_path / "offices.txt"
    offices.write_text("192.0.2.0/24\n198.51.100.0/24")
    for outcome in ("created", "unchanged"):
        assert run(["known-servers", "import", "-f", planted(tmp_path, offices), "--keep-source"]) == 0
        said = capsys.readouterr()
        assert (outcome in said.out, said.err) == (True, "")
    assert run(["known-servers", "refresh"]) == 0
    assert "1 added, 0 removed" in capsys.readouterr().out
    error, hint = refused(capsys, "import", "-f", planted(tmp_path, "/elsewhere"), "--keep-source")
    assert error == "error: known server 'offices' is there already, and not from the source that this one names"
    assert "--keep-source" in hint
    error, _ = refused(capsys, "import", "--keep-source", "--from", "text", str(offices), "--name", "x")
    assert error == "error: --keep-source goes with -f only"


def test_what_was_imported_takes_no_blocks_by_hand(file, tmp_path, capsys):
    (tmp_path / "offices").write_text("192.0.2.0/24")
    assert run(["known-servers", "import", "--from", "text", str(tmp_path / "offices"), "--name", "offices"]) == 0
    before = file.read_text()
    error, hint = refused(capsys, "add", "offices", "--ip-block", "1.1.1.0/24", "--name", "x", "--server", "y")
    assert error == "error: known server 'offices' was imported: the next refresh would drop what is added to it"
    assert hint == "hint: give these blocks a NAME of their own"
    assert file.read_text() == before
    file.write_text(before + "---\n" + before.replace("192.0.2.0", "1.1.1.0").partition("  annotations")[0])
    with file.open("a") as stream:
        stream.write("spec:\n- ipBlock: 1.1.1.0/24\n  name: x\n  server: y\n")
    before = file.read_text()
    error, _ = refused(capsys, "refresh")
    assert error == "error: known server 'offices' exists and was not imported"
    assert file.read_text() == before


def test_what_was_written_by_hand_is_not_replaced(file, tmp_path, capsys):
    source = tmp_path / "meta.json"
    source.write_text(json.dumps(GITHUB))
    assert run(["known-servers", "add", "github", "--ip-block", "192.0.2.0/24", "--server", "me"]) == 0
    before = file.read_text()
    assert run(["known-servers", "import", "--from", "github", str(source)]) == 1
    assert "--name" in capsys.readouterr().err
    assert file.read_text() == before
    assert run(["known-servers", "import", "--from", "github", str(source), "--name", "github-meta"]) == 0


def test_the_source_survives_export_and_the_reading_of_any_yaml(file, tmp_path, capsys):
    source = tmp_path / "meta.json"
    source.write_text(json.dumps(GITHUB))
    assert run(["known-servers", "import", "--from", "github", str(source)]) == 0
    capsys.readouterr()
    (one,) = read_documents(file.read_text(), "x")
    assert (one.source.form, one.source.place) == ("github", str(source))
    assert read_documents(file.read_text().replace("kind: ", "kind:  "), "x") == (one,)
    for output in ("yaml", "json"):
        assert run(["known-servers", "export", "-o", output]) == 0
        assert read_documents(capsys.readouterr().out, "x") == (one,)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--from", "aws"],
        ["https://example.com/"],
        ["--from", "aws", "-f", "x", "y"],
        ["--from", "aws", "http://example.com/x"],
        ["--from", "aws", "ftp://127.0.0.1/x"],
        ["--from", "aws", "file:///etc/passwd"],
        ["--from", "aws", "https://user:secret@example.com/"],
        ["--from", "aws", "https://127.0.0.1:1/x?version=2&access_token=secret"],
        ["--from", "aws", "https://127.0.0.1:1/x?X-Amz-Signature=secret"],
        ["--from", "aws", "https://127.0.0.1:1/x?anything=secret"],
        ["--from", "aws", "https://127.0.0.1:1/x?anything=secret", "--debug"],
        ["--from", "text", "x"],
        ["--from", "aws", "/does/not/exist"],
        ["--from", "aws", "/"],
    ],
)
def test_a_wish_that_cannot_be_met_is_one_line_and_a_hint(words, file, capsys):
    assert run(["known-servers", "import", *words]) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in told[-2:]] == ["error", "hint"]
    assert len(told) == 2 or "--debug" in words
    assert "=secret" not in "".join(told)
    assert "user:secret" not in "".join(told)
    assert not file.exists()


def test_a_url_is_read_and_read_again(file, server, capsys):
    url, answers = server
    answers["/meta"] = 200, {}, json.dumps(GITHUB).encode()
    answers["/moved"] = 302, {"Location": f"{url}/meta"}, b""
    assert run(["known-servers", "import", "--from", "github", f"{url}/moved"]) == 0
    assert run(["known-servers", "refresh", "github"]) == 0
    assert "unchanged" in capsys.readouterr().out


def test_each_request_is_told_to_who_asks(file, server, capsys):
    url, answers = server
    answers["/meta"] = 200, {}, json.dumps(GITHUB).encode()
    answers["/moved?to=S3CRET"] = 302, {"Location": f"{url}/meta"}, b""
    assert run(["known-servers", "import", "--from", "github", f"{url}/moved?to=S3CRET", "--debug"]) == 0
    told = re.sub(r"\d+ ms", "N ms", capsys.readouterr().err)
    expected = f"debug: GET {url}/moved?to=<hidden> 302 in N ms\ndebug: GET {url}/meta 200 in N ms\n"
    assert told == expected
    answers["/meta"] = 404, {}, b""
    assert run(["known-servers", "refresh", "--debug"]) == 1
    assert f"debug: GET {url}/meta 404 in " in capsys.readouterr().err
    assert run(["known-servers", "import", "--from", "github", "http://127.0.0.1:1/x", "--debug"]) == 1
    assert "debug: GET http://127.0.0.1:1/x no answer in " in capsys.readouterr().err


def test_a_source_that_holds_a_secret_is_not_read_again(file, tmp_path, capsys):
    source = tmp_path / "meta.json"
    source.write_text(json.dumps(GITHUB))
    assert run(["known-servers", "import", "--from", "github", str(source)]) == 0
    file.write_text(file.read_text().replace(str(source), "https://127.0.0.1:1/x?token=S3CRET"))
    assert run(["known-servers", "refresh"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: known server 'github': the URL's parameter 'token' looks like a secret")
    assert "S3CRET" not in told


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((404, {}, b""), "answers 404"),
        ((302, {"Location": "http://example.com/x"}, b""), "only https is"),
        ((302, {"Location": "file:///etc/passwd"}, b""), ""),
        ((302, {"Location": "/x"}, b""), "302"),
        ((200, {"Content-Length": str(1 << 40)}, b""), "larger than"),
        ((200, {"Content-Length": "100"}, b"{"), "broke off"),
        ((200, {}, b" " * 3000), "larger than"),
    ],
)
def test_a_server_that_means_no_good_is_refused(answer, problem, server, monkeypatch):
    url, answers = server
    monkeypatch.setattr(fetch, "SIZE_LIMIT", 2000)
    answers["/x"] = answer
    with pytest.raises(InputError) as caught:
        fetch.read_place(f"{url}/x", print)
    assert problem in caught.value.message


def test_a_server_that_drips_is_given_up(server, monkeypatch):
    url, answers = server
    monkeypatch.setattr(fetch, "SECONDS", -1.0)
    answers["/x"] = 200, {}, b"1.2.3.0/24"
    with pytest.raises(InputError, match="not there after"):
        fetch.read_place(f"{url}/x", print)
