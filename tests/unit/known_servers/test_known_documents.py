"""Reading KnownServers: what the format may hold, and one clear line for what it may not."""

import json

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.chunks import API_VERSION, cut, read_canonical
from kubectl_netpol.known_servers.documents import read_documents
from kubectl_netpol.known_servers.tree import read_trees
from kubectl_netpol.known_servers.values import Document, known_server
from kubectl_netpol.known_servers.writer import (
    document_object,
    list_object,
    write_document,
    write_documents,
    write_list,
)

GITHUB = f"""apiVersion: {API_VERSION}
kind: KnownServer
metadata:
  name: github
spec:
- ipBlock: 142.250.1.100/24
  name: github-workflows
  server: github.com
"""
GITHUB_READ = Document("github", (known_server("github", "142.250.1.100/24", "github-workflows", "github.com"),))


def read(text):
    return read_documents(text, "servers.yaml")


def test_the_references_example():
    assert read(GITHUB) == (GITHUB_READ,)
    assert GITHUB_READ.entries[0].cidr == "142.250.1.0/24"
    assert GITHUB_READ.entries[0].ip_block == "142.250.1.100/24"


@pytest.mark.parametrize(
    "text",
    [
        "---\n" + GITHUB,
        "\ufeff" + GITHUB,
        "# a comment\n\n---\n" + GITHUB + "---\n# nothing\n---\n",
        GITHUB.replace("\n", "\r\n"),
        GITHUB.replace("- ip", "  - ip")
        .replace("  name: github-", "    name: github-")
        .replace("  server", "    server"),
        "%YAML 1.1\n---\n" + GITHUB,
        GITHUB.replace("142.250.1.100/24", "'142.250.1.100/24' # theirs"),
        GITHUB.replace("name: github\n", "name: github\n  labels: {a: b}\n  creationTimestamp: null\n")
        + "status: {}\n",
        json.dumps(yaml.safe_load(GITHUB)),
        json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [yaml.safe_load(GITHUB)]}, indent=2),
        yaml.safe_dump({"apiVersion": API_VERSION, "kind": "KnownServerList", "items": [yaml.safe_load(GITHUB)]}),
    ],
)
def test_the_same_object_in_other_layouts(text):
    assert read(text) == (GITHUB_READ,)


def test_several_documents_and_entries_with_empty_names_and_servers():
    more = f"""
---
apiVersion: {API_VERSION}
kind: KnownServer
metadata: {{name: internal}}
spec:
- ipBlock: 2001:db8::/32
- {{ipBlock: 10.0.0.1, name: "", server: null}}
- ipBlock: 1:2:3:4:5:6:7:8
  name:
  server: db.example.com
"""
    github, internal = read(GITHUB + more)
    assert github == GITHUB_READ
    assert [(e.cidr, e.name, e.server) for e in internal.entries] == [
        ("2001:db8::/32", "", ""),
        ("10.0.0.1/32", "", ""),
        ("1:2:3:4:5:6:7:8/128", "", "db.example.com"),
    ]


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "null\n", "\ufeff"])
def test_an_empty_file_holds_nothing(text):
    assert read(text) == ()


BOMB = "a: &a [x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c", "document 1, line 1: this is no YAML"),
        (GITHUB + "---\n{\n", "document 2, line 11: this is no YAML"),
        (GITHUB + "  a\x07: b\n", "this is no YAML"),
        (BOMB, "document 1, line 1: YAML anchors and aliases are not accepted"),
        ("x: *unknown", "aliases are not accepted"),
        ("!!python/object/apply:os.system ['true']", "the YAML tag"),
        ("[" * 100_000, "nest"),
        ("{a: " * 100_000, "deeper than 40 levels"),
        (GITHUB + "spec: []\n", "line 9: the field 'spec' stands there twice"),
        ("? [a]\n: b", "a field's name is no text"),
        ("just words", "the document is no object"),
        ("- a", "the document is no object"),
        ("kind: ConfigMap", "kind is 'ConfigMap'"),
        ("a: b", "kind is missing"),
        ("kind: 5", "kind is no text"),
        (GITHUB.replace("v1beta1", "v2"), "not spdx.softwarecomposition.kubescape.io/v1beta1"),
        (GITHUB.replace("  name: github\n", "  namespace: x\n"), "line 4: metadata.name is missing"),
        (GITHUB.replace("  name: github\n", "  name: GitHub\n"), "metadata.name: 'GitHub' is no name of"),
        (GITHUB.replace("  name: github\n", "  name: 5\n"), "metadata.name is no text"),
        (GITHUB.replace("metadata:\n", "metadata: x\n").replace("  name: github\n", ""), "metadata is no object"),
        (GITHUB.partition("spec")[0], "spec is missing"),
        (GITHUB.partition("spec")[0] + "spec:\n", "spec is missing"),
        (GITHUB.partition("spec")[0] + "spec: {ipBlock: 10.0.0.1}\n", "spec is no list"),
        (GITHUB.partition("spec")[0] + "spec: [10.0.0.1]\n", "spec[0] is no object"),
        (GITHUB + "- name: x\n", "line 9: spec[1].ipBlock is missing"),
        (GITHUB + "- ipBlock: [10.0.0.1]\n", "spec[1].ipBlock is no text"),
        (GITHUB + "- ipBlock: 10.0.0.256/8\n", "document 1, line 9: spec[1]: '10.0.0.256/8' is no IP block"),
        (GITHUB + "- ipBlock: github.com\n", "'github.com' is no IP block"),
        (GITHUB + "- ipBlock: 10.0.0.1\n  server: 12\n", "line 10: spec[1].server is no text"),
        (GITHUB + "- ipBlock: 10.0.0.1\n  server: on\n", "spec[1].server is no text"),
        (GITHUB + "- ipBlock: 10.0.0.1\n  name: 2024-01-01\n", "spec[1].name is no text"),
        (GITHUB + '- ipBlock: 10.0.0.1\n  name: "a\\nb"\n', "holds a character that cannot be printed"),
        (GITHUB + "- ipblock: 10.0.0.1\n", "spec[1].'ipblock' is no field"),
        (GITHUB + "rules: []\n", "'rules' is no field"),
        (GITHUB + "- ipBlock: 0.0.0.0/0\n", "spec[1].ipBlock 0.0.0.0/0 holds every address"),
        (GITHUB + "- ipBlock: ::/0\n", "holds every address"),
        (GITHUB + "- ipBlock: ::ffff:1.2.3.4/96\n", "holds every address"),
        ("apiVersion: v1\nkind: List\nitems: x", "items is no list"),
        ("apiVersion: v1\nkind: List\nitems: [{kind: Pod}]", "items[0].kind is 'Pod'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_in_one_line(text, words):
    with pytest.raises(InputError) as caught:
        read(text)
    message = caught.value.message
    assert message.startswith("servers.yaml: document ")
    assert words in message
    assert "\n" not in message


def test_a_block_that_holds_every_address_is_read_when_the_object_says_so_or_when_forced():
    everything = GITHUB + "- ipBlock: 0.0.0.0/0\n"
    (forced,) = read_documents(everything, "f", force=True)
    assert forced.every_address
    written = write_document(forced)
    assert 'kubectl-netpol/allow-every-address: "true"' in written
    assert read(written) == (forced,)


def words():
    tricky = [
        "",
        "on",
        "No",
        "null",
        "~",
        "1",
        "1e3",
        "0x1",
        "2024-01-01",
        "a: b",
        "# x",
        "- a",
        "é",
        "*.a.com",
        "a'\"\\",
        "y",
    ]
    return st.sampled_from(tricky) | st.text(st.sampled_from("aZ09 .:#-'\"\\{}[],&*!|>%@`~\xe9\U0001f600"), max_size=9)


def entries(document):
    block = st.ip_addresses().map(str) | st.sampled_from(["10.0.0.5/8", "2001:db8::1/32", "1:2:3:4:5:6:7:8", "::/1"])
    return st.lists(st.builds(known_server, st.just(document), block, words(), words()), max_size=4)


documents = st.sampled_from(["github", "a.b", "on", "1", "1e3", "null"]).flatmap(
    lambda name: entries(name).map(lambda found: Document(name, tuple(found)))
)


@given(st.lists(documents, max_size=4))
def test_what_is_written_is_read_again_and_means_the_same_to_other_readers(written):
    text = write_documents(written)
    assert read(text) == tuple(written)
    assert list(yaml.safe_load_all(text)) == ([document_object(document) for document in written] or [])
    assert read(write_list(written)) == tuple(written)
    assert yaml.safe_load(write_list(written)) == list_object(written)
    for ascii_only in (False, True):
        assert read(json.dumps(list_object(written), ensure_ascii=ascii_only)) == tuple(written)


def as_yaml_only(text):
    """The same documents by the YAML reader alone: a leading directive-free comment switches nothing, a blank does."""
    return read_documents(text.replace("kind: KnownServer\n", "kind:  KnownServer\n"), "servers.yaml")


mutations = st.tuples(
    st.integers(0, 400),
    st.sampled_from(["", "\n", " ", "#", "'", '"', ":", "- ", "---\n", "é", "\r", "0", "on", "&a "]),
)


@settings(max_examples=300)
@given(st.lists(documents, min_size=1, max_size=3), st.lists(mutations, max_size=3))
def test_the_fast_reader_accepts_nothing_that_yaml_reads_otherwise(written, changes):
    text = write_documents(written)
    for position, insertion in changes:
        text = text[:position] + insertion + text[position:]
    chunks = [(chunk, read_canonical_or_none(chunk)) for chunk in cut(text)]
    assert "".join(chunk.text for chunk, _ in chunks) == text
    for chunk, canonical in chunks:
        if canonical is not None:
            assert as_yaml_only(chunk.text) == (canonical.document,)
            assert len(list(read_trees(chunk.text))) == 1


def read_canonical_or_none(chunk):
    try:
        return read_canonical(chunk)
    except InputError:
        return None


def test_our_own_form_takes_the_fast_way():
    (chunk,) = cut("# comment\n" + GITHUB + '# comment\n- ipBlock: "2001:db8::/32"\n  name: ""\n  server: a.b\n\n')
    assert read_canonical(chunk) is not None


@settings(max_examples=300)
@given(st.text(st.sampled_from("[]{}:-,#&*!|>'\"%@` \n\t\r\x85\u2028ab0?~<=\x00\x07"), max_size=60))
@example("---\n...\n---")
def test_no_text_breaks_the_reader(text):
    try:
        read(text)
    except InputError as error:
        assert error.message.startswith("servers.yaml: document ")
        assert "\n" not in error.message


@settings(max_examples=300)
@given(st.lists(mutations, min_size=1, max_size=4))
def test_no_mutation_of_a_good_file_breaks_the_reader(changes):
    text = GITHUB + "---\n" + GITHUB
    for position, insertion in changes:
        text = text[:position] + insertion + text[position + 1 :]
    try:
        read(text)
    except InputError as error:
        assert "\n" not in error.message
