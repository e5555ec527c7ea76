"""Every record comes through as it was; whatever else is on a line is refused, and nothing worse."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_netpol.errors import WireError
from kubectl_netpol.wire import (
    LOSSES,
    MAX_LINE,
    FlowsRecord,
    Namespace,
    StatusRecord,
    decode,
    encode,
    is_counters,
)

FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
COUNTS = st.integers(0, (1 << 63) - 1)
YEAR_10000 = 253_402_300_800_000
TIMES = st.integers(0, YEAR_10000 - 1)
TEXTS = st.text(max_size=20)
PLACES = st.sampled_from([("", ""), ("shop", "web-0"), ("n" * 63, "a.b-c"), ("0", "p" * 253)])
NAMESPACES = st.builds(
    lambda place, *others: Namespace(*others, *place),
    PLACES,
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=4).map(tuple),
    st.booleans(),
)
FLOWS = st.builds(
    FlowsRecord,
    TEXTS,
    COUNTS,
    TIMES,
    NAMESPACES,
    st.dictionaries(TEXTS, st.lists(COUNTS, min_size=6, max_size=6), max_size=4),
    st.dictionaries(TEXTS, st.dictionaries(TEXTS, COUNTS, max_size=3), max_size=3),
)
STATUS = st.builds(
    StatusRecord,
    TEXTS,
    COUNTS,
    TIMES,
    TIMES,
    TEXTS,
    st.booleans(),
    st.dictionaries(TEXTS, COUNTS, max_size=3),
    st.dictionaries(TEXTS, st.floats(0, 1e15), max_size=3),
    st.dictionaries(TEXTS, COUNTS, max_size=3),
    st.dictionaries(st.sampled_from(LOSSES), COUNTS, max_size=3),
    st.lists(TEXTS, max_size=3).map(tuple),
)
LINES = [
    encode(
        FlowsRecord(
            "9f",
            7,
            1700000001000,
            Namespace("4026532301", "uid", ("10.0.0.5", "fd00::5"), True, "shop", "web-0"),
            {"out tcp 10.0.0.5 10.0.0.9 8080": [3, 2, 1, 1700000000100, 1700000000900, 0]},
            {"142.250.1.104": {"example.com.": 1700000000500}},
        )
    ),
    encode(StatusRecord("9f", 8, 2, 1, "node", True, {"tcx": 2}, {"cpu": 0.5}, {"short": 1}, {"dns_lost": 3}, ("so",))),
]


@FUZZ
@given(st.one_of(FLOWS, STATUS))
def test_records_come_through_as_they_were(record):
    line = encode(record)
    assert line.endswith("\n") and line.count("\n") == 1 and line.isascii()
    assert decode(line) == decode(line.encode()) == record


@pytest.mark.parametrize("line", LINES, ids=["flows", "status"])
def test_a_line_that_is_cut_anywhere_is_no_record(line):
    whole = line.rstrip("\n")
    for at in range(1, len(whole)):
        for part in (whole[:at], whole[at:], whole[at:] + whole[:at]):
            with pytest.raises(WireError):
                decode(part)
            with pytest.raises(WireError):
                decode(part.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


def decodes(line: str | bytes) -> bool:
    try:
        return isinstance(decode(line), FlowsRecord | StatusRecord)
    except WireError:
        return False


@FUZZ
@given(JSON)
def test_any_json_is_refused_clearly(value):
    assert not decodes(json.dumps(value))


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_clearly(line):
    assert not decodes(line)


@FUZZ
@given(st.sampled_from(LINES), st.data())
def test_a_record_with_any_field_replaced_is_a_record_or_refused(line, data):
    value = json.loads(line)
    place = value
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not (isinstance(place[name], dict) and place[name] and data.draw(st.booleans())):
            break
        place = place[name]
    if data.draw(st.booleans()):
        del place[name]
    else:
        place[name] = data.draw(JSON)
    decodes(json.dumps(value))


def with_field(path: str, text: str, line: str = LINES[1]) -> str:
    """A line in which the field at ``path`` holds the JSON ``text``."""
    value = json.loads(line)
    place = value
    *parents, last = path.split(".")
    for name in parents:
        place = place[name]
    place[last] = "@@@"
    return json.dumps(value).replace('"@@@"', text)


@pytest.mark.parametrize("path", ["seq", "time", "since", "counts.short", "losses.dns_lost", "attached.tcx"])
@pytest.mark.parametrize(
    "text", ["-1", "9223372036854775808", "1e3", "1.0", "true", "null", '"7"', "NaN", "Infinity", "[]"]
)
def test_counters_are_whole_numbers(path, text):
    with pytest.raises(WireError):
        decode(with_field(path, text))


@pytest.mark.parametrize("path", ["time", "since"])
def test_times_are_before_the_year_10000(path):
    assert decode(with_field(path, str(YEAR_10000 - 1)))
    for late in (YEAR_10000, 1 << 62):
        with pytest.raises(WireError):
            decode(with_field(path, str(late)))


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e999", "-1", '"1"', "true", "null", "1" + "0" * 400]
)
def test_costs_are_numbers(text):
    with pytest.raises(WireError):
        decode(with_field("cost.cpu", text))


def test_costs_may_be_whole_or_broken():
    assert decode(with_field("cost.cpu", "3")).cost["cpu"] == 3
    assert math.isclose(decode(with_field("cost.cpu", "0.25")).cost["cpu"], 0.25)


@pytest.mark.parametrize(
    "text", ["0", "2", "true", "1.0", '"1"', "null", "[1]", "{}", "[" * 500 + "]" * 500, "1" * 4000]
)
def test_other_versions_are_refused_in_one_short_line(text):
    with pytest.raises(WireError) as refused:
        decode(with_field("netpol", text))
    assert "format" in refused.value.message
    assert len(refused.value.message) < 140
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("path", ["problems", "netns.addresses"])
@pytest.mark.parametrize("text", ['"text"', '{"a":"b"}', "[1]", "null", "7"])
def test_lists_are_lists_of_text(path, text):
    with pytest.raises(WireError):
        decode(with_field(path, text, LINES[0] if path.startswith("netns") else LINES[1]))


@pytest.mark.parametrize("path", ["netns.namespace", "netns.name"])
@pytest.mark.parametrize("text", ["7", "null", "[]", '{"a":"b"}', "true", '"\\ud800"'])
def test_a_pods_name_is_text(path, text):
    with pytest.raises(WireError):
        decode(with_field(path, text, LINES[0]))


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("shop", ""),
        ("", "web-0"),
        ("Shop", "web-0"),
        ("shop", "web_0"),
        ("shop", "-web"),
        ("shop", "web-0\n"),
        ("shop", "w\u00e9b"),
        ("a.b", "web-0"),
        ("n" * 64, "web-0"),
        ("shop", "p" * 254),
        ("shop", "../web"),
    ],
)
def test_what_is_no_pods_name_is_dropped(namespace, name):
    line = with_field("netns.namespace", json.dumps(namespace), LINES[0])
    record = decode(with_field("netns.name", json.dumps(name), line))
    assert (record.netns.namespace, record.netns.name) == ("", "")
    assert record.netns.pod == "uid"


def test_a_line_of_an_agent_that_knows_no_names_is_read():
    value = json.loads(LINES[0])
    del value["netns"]["namespace"], value["netns"]["name"]
    record = decode(json.dumps(value))
    assert record.netns == Namespace("4026532301", "uid", ("10.0.0.5", "fd00::5"), True)
    assert encode(record) == json.dumps(value, separators=(",", ":")) + "\n"


@pytest.mark.parametrize("path", ["epoch", "node"])
@pytest.mark.parametrize("text", ['"\\ud800"', '"x\\udfff"', "7", "null"])
def test_texts_are_text_that_can_be_stored_and_printed(path, text):
    with pytest.raises(WireError):
        decode(with_field(path, text))


def test_text_of_any_language_is_text():
    assert decode(with_field("node", '"n\\u00f6d \\ud83d\\ude00"')).node == "nöd 😀"


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, "", " ", "null", "{}", "[]", '"netpol"', "7"]
)
def test_what_is_no_record_at_all_is_refused(line):
    with pytest.raises(WireError):
        decode(line)


def test_a_line_of_any_length_is_no_burden():
    with pytest.raises(WireError, match="longer"):
        decode(b"x" * (MAX_LINE + 1))


def test_of_a_repeated_field_the_last_counts_and_unknown_fields_are_passed_over():
    line = LINES[1].rstrip("\n")
    assert decode(line[:-1] + ',"seq":99}').seq == 99
    assert decode(line[:-1] + ',"later":{"versions":["may","say"]}}') == decode(line)


@pytest.mark.parametrize(
    ("value", "sound"),
    [
        ([0, 0, 0, 0, 0, 0], True),
        ([1, 2, 3, 4, 5, (1 << 63) - 1], True),
        ([0, 0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0, 1 << 63], False),
        ([0, 0, 0, 0, 0, -1], False),
        ([0, 0, 0, 0, 0, True], False),
        ([0, 0, 0, 0, 0, 1.0], False),
        ((0, 0, 0, 0, 0, 0), False),
        (None, False),
        ("000000", False),
    ],
)
def test_a_flows_value_has_six_counters(value, sound):
    assert is_counters(value) is sound
