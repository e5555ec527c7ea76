"""Edits change what they are asked to change; every other character of the file stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.known_servers.chunks import API_VERSION
from kubectl_netpol.known_servers.documents import merge, read_documents
from kubectl_netpol.known_servers.edits import add_documents, remove_documents
from kubectl_netpol.known_servers.values import Document, known_server
from kubectl_netpol.known_servers.writer import write_documents, write_list

HEAD = f"apiVersion: {API_VERSION}\nkind: KnownServer\n"
BY_HAND = f"""# Ours, edited by hand – since 2024
---
# GitHub's own
{HEAD}metadata: {{name: github}}   # with care
spec:
    # workflows
    -   ipBlock: '142.250.1.100/24'   # é
        server: github.com
    - {{ipBlock: 10.0.0.1}} # the proxy

# before the database
---
metadata:
  name: db
spec:
-
  ipBlock: 10.1.0.0/16
  name:
{HEAD}...
# the end
"""


def document(name, *blocks):
    return Document(name, tuple(known_server(name, block, "", "example.com") for block in blocks))


def added(text, *documents):
    return add_documents(text, "servers.yaml", documents).text


def removed(text, *names):
    return remove_documents(text, "servers.yaml", names)


def names(text):
    return [found.name for found in read_documents(text, "servers.yaml")]


def test_an_entry_is_added_at_the_end_of_its_list_in_the_lists_own_layout():
    expected = BY_HAND.replace(
        "# the proxy\n",
        '# the proxy\n    - ipBlock: 192.0.2.0/24\n      name: ""\n      server: example.com\n',
    )
    assert added(BY_HAND, document("github", "192.0.2.0/24")) == expected


def test_a_key_after_the_list_does_not_matter():
    changed = added(BY_HAND, document("db", "192.0.2.0/24"))
    insertion = '- ipBlock: 192.0.2.0/24\n  name: ""\n  server: example.com\n'
    assert changed == BY_HAND.replace("  name:\napi", f"  name:\n{insertion}api")


def test_a_new_document_goes_to_the_end():
    changed = added(BY_HAND, document("new", "192.0.2.0/24"))
    assert changed == BY_HAND + "---\n" + write_documents([document("new", "192.0.2.0/24")])
    assert names(changed) == ["github", "db", "new"]


def test_removing_takes_the_documents_own_lines_only():
    start, end = BY_HAND.index("---"), BY_HAND.index("\n# before")
    assert removed(BY_HAND, "github") == BY_HAND[:start] + BY_HAND[end:]
    assert "# before the database\n" in removed(BY_HAND, "github", "db")
    assert names(removed(BY_HAND, "github", "db")) == []


def test_a_first_document_without_a_marker_keeps_the_comment_above_it():
    text = "# apiVersion: of this file\n\n" + write_documents([document("a", "10.0.0.1"), document("b", "10.0.0.2")])
    assert removed(text, "a") == "# apiVersion: of this file\n\n---\n" + write_documents([document("b", "10.0.0.2")])
    assert removed(text, "a", "b") == "# apiVersion: of this file\n\n"


def test_windows_line_breaks_stay():
    text = BY_HAND.replace("\n", "\r\n")
    for changed in (
        added(text, document("github", "192.0.2.0/24")),
        added(text, document("new", "192.0.2.0/24")),
        removed(text, "db"),
    ):
        assert "\n" not in changed.replace("\r\n", "")


def test_a_byte_order_mark_stays():
    for text in (BY_HAND, write_documents([document("github", "10.0.0.1")])):
        for change in (lambda t: added(t, document("github", "192.0.2.0/24")), lambda t: removed(t, "github")):
            assert change("\ufeff" + text) == "\ufeff" + change(text)


def test_a_file_without_a_last_line_feed():
    text = write_documents([document("a", "10.0.0.1")]).rstrip("\n")
    assert names(added(text, document("b", "10.0.0.2"))) == ["a", "b"]
    (found,) = read_documents(added(text, document("a", "10.0.0.2")), "f")
    assert [entry.ip_block for entry in found.entries] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize("dump", [json.dumps, lambda value: json.dumps(value, indent=2), None])
def test_lists_in_json_and_yaml(dump):
    documents = [document(name, "10.0.0.1", "10.0.0.2") for name in "abcd"]
    yaml_text = write_list(documents)
    text = dump(_as_json(documents)) if dump else yaml_text
    more = added(text, document("b", "10.0.0.3"))
    assert [len(found.entries) for found in read_documents(more, "f")] == [2, 3, 2, 2]
    if dump:
        assert json.loads(more)["items"][1]["spec"][2]["ipBlock"] == "10.0.0.3"
        assert json.loads(removed(more, "a", "c", "d"))["items"][0]["metadata"]["name"] == "b"
    for gone in ("a", "b", "d", "ad", "cd", "bcd", "abc", "abcd"):
        assert names(removed(text, *gone)) == [name for name in "abcd" if name not in gone]


def _as_json(documents):
    from kubectl_netpol.known_servers.writer import list_object

    return list_object(documents)


def test_an_empty_list_gets_a_further_document_of_the_same_name():
    text = HEAD + "metadata: {name: a}\nspec: [] # none yet\n"
    changed = added(text, document("a", "10.0.0.1"))
    assert changed.startswith(text)
    assert merge(read_documents(changed, "f"))["a"].entries == document("a", "10.0.0.1").entries


def test_a_block_that_holds_every_address_needs_a_document_of_its_own():
    everything = Document("a", document("a", "::/0").entries, every_address=True)
    assert read_documents(added("", everything), "f") == (everything,)
    with pytest.raises(InputError, match="other blocks"):
        added(write_documents([document("a", "10.0.0.1")]), everything)


def test_a_layout_that_cannot_be_edited_safely_is_refused():
    text = write_list([document("a", "10.0.0.1"), document("b", "10.0.0.2")])
    first, _, second = text.rpartition("\n- apiVersion")
    text = f"{first}\n-\n# a comment - with a dash\n  apiVersion{second}"
    assert names(text) == ["a", "b"]
    with pytest.raises(InputError, match="nothing was changed") as caught:
        removed(text, "b")
    assert caught.value.hint


def test_a_name_that_is_not_there_removes_nothing():
    with pytest.raises(InputError, match="there is no known server 'c'; nothing was removed"):
        removed(write_documents([document("a", "10.0.0.1")]), "a", "c")


def test_what_is_known_already_is_not_added_again():
    text = write_documents([document("a", "10.0.0.0/8"), document("b", "10.0.0.0/8")])
    twice = add_documents(text, "f", [document("a", "10.9.9.9/8", "10.0.0.1", "10.0.0.1"), document("b", "10.0.0.0/8")])
    assert [entry.ip_block for entry in twice.added] == ["10.0.0.1"]
    assert twice.outcomes == {"a": "configured", "b": "unchanged"}
    assert add_documents(twice.text, "f", [document("a", "10.0.0.1")]).text == twice.text


def test_a_broken_file_is_never_edited():
    with pytest.raises(InputError, match="document 1"):
        added("{", document("a", "10.0.0.1"))


layouts = st.sampled_from(["ours", "list", "json"])
some = st.lists(st.sampled_from("abc"), max_size=5).map(
    lambda found: [document(name, f"10.0.{index}.0/24") for index, name in enumerate(found)]
)
comments = st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["# note", "", "  # é"])), max_size=4)


def laid_out(documents, layout, notes):
    text = {"ours": write_documents, "list": write_list, "json": lambda d: json.dumps(_as_json(d), indent=1)}[layout](
        documents
    )
    if layout == "json":
        return text
    lines = text.split("\n")
    for position, note in notes:
        lines.insert(min(position, len(lines) - 1), note)
    return "\n".join(lines)


@given(some, layouts, comments, some)
def test_adding_anything_to_anything(present, layout, notes, new):
    text = laid_out(present, layout, notes)
    changed = added(text, *new)
    before, after = merge(present), merge(read_documents(changed, "f"))
    for name, wanted in merge([*present, *new]).items():
        old = before[name].entries if name in before else ()
        assert after[name].entries == old + tuple(e for e in dict.fromkeys(wanted.entries) if e not in old)
    assert is_subsequence(text, changed)


@given(some, layouts, comments, st.sets(st.sampled_from("abc")))
def test_removing_anything_from_anything(present, layout, notes, gone):
    text = laid_out(present, layout, notes)
    gone &= {document.name for document in present}
    changed = removed(text, *gone)
    assert merge(read_documents(changed, "f")) == merge(d for d in present if d.name not in gone)
    assert is_subsequence(changed, text)


@given(some, comments, some)
def test_what_was_added_as_new_can_be_removed_without_a_trace(present, notes, new):
    text = laid_out(present, "ours", notes)
    new = [document(f"new-{d.name}", *(entry.ip_block for entry in d.entries)) for d in new]
    changed = removed(added(text, *new), *(d.name for d in new))
    assert changed == text or (changed == text + "\n" and not text.endswith("\n"))


def is_subsequence(part, whole):
    characters = iter(whole)
    return all(character in characters for character in part)
