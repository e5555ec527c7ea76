"""Recordings in files: strict, complete, and never doubled."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_netpol.cache.codec import decode, encode, from_plain, to_plain
from kubectl_netpol.cache.exchange import lines_of, parse
from kubectl_netpol.cache.store import Store
from kubectl_netpol.errors import InputError
from kubectl_netpol.model import (
    Counts,
    Direction,
    Mark,
    NeighborKey,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Requirement,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.recording import Recording

from .recordings import recording

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
counts_ = st.integers(0, (1 << 63) - 1)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(lambda found: tuple(sorted(found)))
requirements = st.builds(
    Requirement,
    texts,
    st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    st.lists(texts, max_size=2).map(tuple),
)
selectors = st.builds(Selector, pairs, st.lists(requirements, max_size=2).map(lambda found: tuple(sorted(found))))
addresses = st.one_of(
    st.just(""),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).filter(lambda found: not found.ipv4_mapped).map(str),
)
peers = st.builds(Peer, st.sampled_from(PeerKind), texts, st.none() | selectors, st.none() | selectors, addresses)
keys = st.builds(
    NeighborKey,
    st.sampled_from(Direction),
    peers,
    st.builds(Port, st.sampled_from(Protocol), st.integers(0, 65535)),
)
tallies = st.builds(
    Counts,
    counts_,
    counts_,
    counts_,
    counts_,
    counts_,
    st.frozensets(st.sampled_from(Mark)),
    st.lists(texts, max_size=2).map(tuple),
)
losses = st.lists(st.tuples(texts, counts_), max_size=2).map(tuple)
windows = st.dictionaries(texts, st.tuples(counts_, counts_, texts, losses), max_size=3).map(
    lambda found: {epoch: Window(epoch, *rest) for epoch, rest in found.items()}
)
lives = st.dictionaries(names, st.tuples(texts, counts_, counts_), max_size=2).map(
    lambda found: {name: PodLife(name, *rest) for name, rest in found.items()}
)
recordings = st.builds(
    Recording,
    st.builds(Workload, texts, names, names, texts),
    selectors,
    pairs,
    st.booleans(),
    windows,
    st.dictionaries(keys, st.dictionaries(texts, tallies, min_size=1, max_size=2), max_size=3),
    st.frozensets(texts, max_size=2),
    st.frozensets(texts, max_size=2),
    lives,
    st.tuples(counts_, counts_),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(recordings)
@settings(max_examples=150, deadline=None)
def test_every_recording_comes_back_from_its_bytes(one):
    data = encode(one)
    assert decode(data) == one
    assert encode(decode(data)) == data


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None)
def test_bytes_that_are_no_recording_are_refused_in_order(data):
    with pytest.raises(ValueError):
        decode(data)


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@given(st.data(), json_values)
@settings(max_examples=300, deadline=None)
def test_a_recording_with_one_wrong_part_is_refused_or_is_a_recording(data, planted):
    plain = json.loads(encode(recording()))
    path = data.draw(st.sampled_from(list(places(plain))[1:]))
    target = plain
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = planted
    try:
        one = decode(json.dumps(plain))
    except ValueError:
        return
    assert decode(encode(one)) == one


@pytest.mark.parametrize(
    "address", ["::ffff:10.0.0.1", "::ffff:a00:1", "10.0.0.01", "2001:DB8::1", "fe80::1%eth0", "10.0.0.0/8", "x"]
)
def test_an_address_stands_in_one_form_only(address):
    plain = to_plain(recording())
    plain["peers"][0][4] = address
    with pytest.raises(ValueError):
        from_plain(plain)


def test_a_flow_that_stands_there_twice_is_refused():
    plain = to_plain(recording())
    plain["flows"] *= 2
    with pytest.raises(ValueError, match="twice"):
        from_plain(plain)


def test_a_pod_that_stands_there_twice_is_refused():
    plain = to_plain(recording())
    plain["pods"] *= 2
    with pytest.raises(ValueError, match="twice"):
        from_plain(plain)


@pytest.mark.parametrize("name", ["", "x" * 254, 3])
def test_a_pod_without_a_proper_name_is_refused(name):
    plain = to_plain(recording())
    plain["pods"][0][0] = name
    with pytest.raises(ValueError):
        from_plain(plain)


def test_an_older_recording_tells_of_no_pods():
    plain = to_plain(recording())
    del plain["pods"]
    assert from_plain(plain) == replace(recording(), pods={})


def test_an_export_holds_everything_and_imports_once(tmp_path):
    with Store.open(tmp_path / "a") as store:
        store.merge("one", [recording()])
        store.merge("two", [recording(epoch="e2")])
        lines = list(lines_of(store.everything()))
    with Store.open(tmp_path / "b") as store:
        assert store.merge_all(parse(lines, "file")) == 2
        assert store.merge_all(parse(lines, "file")) == 0
        assert list(lines_of(store.everything())) == lines


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "not an export"),
        (["\n"], "not an export"),
        (["[]"], "not an export"),
        (['{"format":"else","version":1}'], "not an export"),
        (["[" * 100_000], "not an export"),
        (['{"format":"kubectl-netpol recordings","version":2}'], "version 2"),
        (['{"format":"kubectl-netpol recordings","version":1}', "{}"], "line 2"),
        (['{"format":"kubectl-netpol recordings","version":1}', "[" * 100_000], "line 2"),
        (['{"format":"kubectl-netpol recordings","version":1}', '{"cluster":"","recording":{}}'], "line 2"),
    ],
)
def test_a_file_that_is_no_export_is_told_with_its_line(lines, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(lines, "file")
    assert caught.value.hint


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from(list(lines_of([("c", recording())]))).map(str.encode), max_size=4)
)
@settings(deadline=None)
def test_any_lines_are_recordings_or_a_clear_refusal(lines):
    try:
        found = parse(lines, "file")
    except InputError as error:
        assert error.hint
        return
    assert all(cluster and isinstance(one, Recording) for cluster, one in found)


def test_an_import_cut_in_the_middle_changes_nothing(tmp_path):
    lines = "".join(lines_of([("c", recording())]))
    with Store.open(tmp_path) as store:
        with pytest.raises(InputError):
            store.merge_all(parse(lines[:-30].splitlines(), "file"))
        assert store.info().clusters == ()
