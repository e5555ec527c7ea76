"""Netlink messages are read with care: what is cut or foreign says nothing."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from kubectl_netpol.agent.events import _attribute, _messages


def message(kind: int, body: bytes) -> bytes:
    raw = struct.pack("<IHHII", 16 + len(body), kind, 0, 0, 0) + body
    return raw + bytes(-len(raw) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    raw = struct.pack("<HH", 4 + len(value), kind) + value
    return raw + bytes(-len(raw) % 4)


def test_messages_are_told_apart_and_their_attributes_found():
    body = bytes(4) + attribute(3, b"abc") + attribute(1, struct.pack("<i", -7))
    read = list(_messages(message(88, body) + message(89, b"x") + message(16, b"")))
    assert [kind for kind, _ in read] == [88, 89, 16]
    assert _attribute(read[0][1], 1) == -7
    assert _attribute(read[0][1], 2) is None


def test_every_cut_of_a_message_says_nothing_wrong():
    whole = message(88, bytes(4) + attribute(1, struct.pack("<i", 5)))
    for length in range(len(whole)):
        assert list(_messages(whole[:length])) == []
    body = whole[16:]
    for length in range(len(body)):
        assert _attribute(body[:length], 1) is None
    assert _attribute(body, 1) == 5


@given(st.binary(max_size=200), st.integers(0, 5))
def test_any_bytes_are_read(data, wanted):
    for _, body in _messages(data):
        found = _attribute(body, wanted)
        assert found is None or -(1 << 31) <= found < 1 << 31
    assert _attribute(data, wanted) is None or len(data) >= 12
