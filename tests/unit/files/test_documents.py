"""YAML and JSON in files: read as they are meant, or refused with the file, the document and the line."""

import io
import json
import tracemalloc

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import InputError
from kubectl_netpol.files import documents
from kubectl_netpol.files.documents import DEPTH_LIMIT, read_documents
from kubectl_netpol.files.sources import each_document


def read(text):
    content = text if isinstance(text, bytes) else text.encode()
    return [one.value for one in read_documents(io.BytesIO(content), "f.yaml")]


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff"), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)
objects = st.lists(st.dictionaries(texts, values, min_size=1, max_size=3), min_size=1, max_size=3)


@given(objects, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_libyaml_writes_is_read_back(found, flow):
    assert read(yaml.safe_dump_all(found, default_flow_style=flow)) == found


@given(objects)
@settings(max_examples=100, deadline=None)
def test_json_is_read_back_one_or_several(found):
    assert read("\n".join(map(json.dumps, found))) == found
    assert read(json.dumps(found[0], indent=1).encode("utf-8-sig")) == found[:1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 443", 443),
        ("a: '443'", "443"),
        ("a: 0o17", "0o17"),
        ("a: ~", None),
        ("a:", None),
        ("a: yes", True),
        ("a: 2023-12-11T17:16:58Z", "2023-12-11T17:16:58Z"),
        ("a: 10.0.0.1", "10.0.0.1"),
        ("a: ::1", "::1"),
        ("a: 1.5", 1.5),
        ("a: {b: [1, two]}", {"b": [1, "two"]}),
        ("a: |\n  x\n  y\n", "x\ny\n"),
    ],
)
def test_plain_scalars_are_what_yaml_1_1_says_and_dates_are_text(text, value):
    assert read(text) == [{"a": value}]


def test_empty_documents_are_none_and_numbers_count_them():
    found = list(read_documents(io.BytesIO(b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n"), "f"))
    assert [(one.place, one.value) for one in found] == [("f: document 2:", {"a": 1}), ("f: document 4:", {"b": 2})]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOMB, "document 1, line 1: YAML anchors and aliases"),
        ("ok: 1\n---\na: &x 1\nb: *x\n", "document 2, line 3: YAML anchors"),
        ("a: *x", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [echo]", "tag"),
        ("a: !!str 1", "tag"),
        ("a: ! 1", "tag"),
        ("? [a]\n: 1", "field's name is no text"),
        ("a: 1\na: 2", "line 2: the field 'a' stands there twice"),
        ('{"a": 1, "a": 2}', "stands there twice"),
        ("<<: {a: 1}", "neither text nor a value"),
        ("a: " + "[" * 60 + "]" * 60, f"deeper than {DEPTH_LIMIT}"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}", "nest"),
        ("a: [1, 2", "line 2: no YAML"),
        ('{"a": 1', "no YAML"),
        ("a: " + "1" * 5000, "neither text nor a value"),
        ("\tx: 1", "no YAML"),
        (b"a: \xff\xfe", "no YAML"),
        (b"\x00\x01", "no YAML"),
    ],
)
def test_what_is_broken_or_hostile_is_refused_by_its_line(text, problem):
    with pytest.raises(InputError) as error:
        read(text)
    assert error.value.message.startswith("f.yaml: document ")
    assert problem in error.value.message
    assert "\n" not in error.value.message
    assert error.value.hint


@given(st.binary(max_size=80) | st.text("{}[]:,-&*!#'\"|>?%@ \n\tab01~<", max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(content):
    try:
        found = read(content)
    except InputError as error:
        assert error.message.startswith("f.yaml: ")
        return
    json.dumps(found)


def test_more_than_the_limit_is_refused_while_it_is_read(monkeypatch):
    monkeypatch.setattr(documents, "SIZE_LIMIT", 1 << 20)
    stream = io.BytesIO(b"a: 1\n---\n" * (1 << 20))
    with pytest.raises(InputError, match="larger than 1 MiB"):
        list(read_documents(stream, "f"))
    assert stream.tell() < 2 << 20


def test_yaml_is_read_as_it_comes_and_not_kept():
    content = b"".join(b"a%d: {b: [1, 2, x]}\n---\n" % number for number in range(40_000))
    tracemalloc.start()
    count = sum(1 for _ in read_documents(io.BytesIO(content), "f"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 40_000
    assert peak < len(content)


def test_a_folder_is_read_by_name_and_only_its_own_documents(tmp_path):
    for name, text in {"b.yml": "b: 1", "a.yaml": "a: 1", "c.json": '{"c": 1}', "d.txt": "x: ["}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "e.yaml").mkdir()
    (tmp_path / "e.yaml" / "deep.yaml").write_text("deep: 1")
    found = each_document([str(tmp_path), "-"], io.BytesIO(b"z: 1"))
    assert [one.value for one in found] == [{"a": 1}, {"b": 1}, {"c": 1}, {"z": 1}]


@pytest.mark.parametrize("name", ["nowhere.yaml", "\0", "empty", "empty.yaml"])
def test_a_source_that_cannot_be_read_or_holds_nothing_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.yaml").write_text("# nothing\n---\n")
    with pytest.raises(InputError) as error:
        list(each_document([name], io.BytesIO()))
    assert error.value.message.startswith(f"{name}: ")
    assert error.value.hint
