"""Text that is safe to print, YAML that every reader takes for the same, tables and ages as kubectl prints them."""

import json
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.render.age import age
from kubectl_netpol.render.document import to_json, to_name, to_yaml
from kubectl_netpol.render.table import to_table
from kubectl_netpol.render.text import counted, decimal, escape

texts = st.text(st.characters(exclude_categories=["Cs"]))


values = st.recursive(
    texts | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)
documents = st.dictionaries(texts, values, max_size=4)


@given(st.text())
@settings(deadline=None)
def test_escaped_text_prints_on_one_line_and_moves_no_cursor(text):
    escaped = escape(text)
    assert escaped.isprintable()
    if text.isprintable():
        assert escaped == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("\x1b[31m", r"\x1b[31m"), ("a\nb", r"a\nb"), ("\u202eevil", r"\u202eevil"), ("\ud800", r"\ud800"), ("é", "é")],
)
def test_escapes_say_what_was_there(text, escaped):
    assert escape(text) == escaped


@given(documents)
@settings(deadline=None)
def test_yaml_and_json_give_the_same_value_back(document):
    assert yaml.safe_load(to_yaml([document])) == document
    assert json.loads(to_json(document)) == document
    assert to_yaml([document]).isascii()


DOUBTFUL = [
    "y",
    "N",
    "yes",
    "Off",
    "true",
    "null",
    "~",
    "",
    "1e3",
    "1E-3",
    "012",
    "0o17",
    "0x1F",
    "0b1",
    "1_000",
    "1:20",
    ".5",
    "+1",
    "-0",
    ".inf",
    ".NaN",
    "2001-01-01",
    "=",
    "1.",
    "12e03",
    "49e12",
]


# What Go's YAML 1.1 reader (sigs.k8s.io/yaml) takes for a truth, a number, a time or nothing unless it is quoted.
@pytest.mark.parametrize("text", DOUBTFUL)
def test_doubtful_texts_are_quoted(text):
    assert to_yaml([{"key": text}]) == f"key: '{text}'\n"
    assert not text or to_yaml([{text: 1}]) == f"'{text}': 1\n"


@pytest.mark.parametrize("text", ["10.0.0.1/32", "10.0.0.1", "2001:db8::1/128", "web", "kubernetes.io/x", "4a9b"])
def test_plain_texts_are_not(text):
    assert to_yaml([{"key": text}]) == f"key: {text}\n"


@pytest.mark.parametrize("value", [1, [1], {"a": 1}, [{"a": [1]}], {}, []])
def test_keys_of_any_length_come_back(value):
    document = {"k" * 2000: value, "a": [{"é" * 1000: value}]}
    assert yaml.safe_load(to_yaml([document])) == document


def test_the_same_value_twice_is_written_twice():
    labels = {"app": "web"}
    assert "&" not in to_yaml([{"a": labels, "b": labels}])


def test_documents_are_parted_and_each_can_be_read():
    text = to_yaml([{"a": 1}, {"b": 2}])
    assert text == "a: 1\n---\nb: 2\n"
    assert to_yaml([]) == ""


def test_names_are_kubectls():
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"}}
    assert to_name(policy) == "networkpolicy.networking.k8s.io/x"
    assert to_name({"apiVersion": "v1", "kind": "List", "metadata": {"name": "x"}}) == "list/x"


def test_a_table_has_its_columns_under_their_headers():
    table = to_table(("NAME", "LONGER"), [["1e3", ""], ["a\nb", "0x10"], ["  x", "y"]])
    assert table == "NAME   LONGER\n1e3    <none>\na\\nb   0x10\nx      y\n"
    assert to_table(("NAME",), []) == "NAME\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_060, "3h21m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (63_071_999, "729d"),
        (63_072_000, "2y"),
        (63_158_400, "2y1d"),
        (252_288_000, "8y"),
    ],
)
def test_ages_are_those_of_kubectl(seconds, text):
    assert age(seconds * 1000 + (999 if seconds >= 0 else 0)) == text


kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@kubectl
def test_kubectl_reads_every_doubtful_text_as_a_text():
    labels = {f"l{number}": text for number, text in enumerate(DOUBTFUL)} | dict.fromkeys(("y", "on", "1e3"), "x")
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": labels}
    command = ["kubectl", "label", "--local", "-f", "-", "seen=yes", "-o", "json"]
    result = subprocess.run(command, input=to_yaml([document]), capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["data"] == labels


def test_one_is_no_plural():
    assert [counted(number, "neighbor") for number in (0, 1, 2)] == ["0 neighbors", "1 neighbor", "2 neighbors"]


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (0.5, "0.5"), (10.0, "10"), (1_209_600.0, "1209600"), (0.001, "0.001")]
)
def test_numbers_have_no_exponent(number, text):
    assert decimal(number) == text
