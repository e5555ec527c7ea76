"""Who serves on a connection that was there before, and what the namespace itself translates."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_netpol.agent import sockets
from kubectl_netpol.agent.sockets import _note_translation, canonical, find_flows, judge_connection

POD, PEER = "10.1.0.2", "10.1.0.9"
EPHEMERAL = (32768, 60999)


class Attributes:
    """What pyroute2 gives for a nested netlink attribute."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def get_attr(self, name: str) -> Any:
        return self._values.get(name)


def direction(source: tuple[str, int], destination: tuple[str, int], protocol: int = 6) -> Attributes:
    family = "V6" if ":" in source[0] else "V4"
    addresses = {f"CTA_IP_{family}_SRC": source[0], f"CTA_IP_{family}_DST": destination[0]}
    ports = {"CTA_PROTO_NUM": protocol, "CTA_PROTO_SRC_PORT": source[1], "CTA_PROTO_DST_PORT": destination[1]}
    return Attributes(CTA_TUPLE_IP=Attributes(**addresses), CTA_TUPLE_PROTO=Attributes(**ports))


@pytest.mark.parametrize(
    ("local", "peer", "listening", "judged"),
    [
        ((POD, 8080), (PEER, 40000), {8080}, ("in", 8080, False)),
        ((POD, 45000), (PEER, 40000), {45000}, ("in", 45000, False)),
        ((POD, 40000), (PEER, 5432), {8080}, ("out", 5432, False)),
        ((POD, 40000), (PEER, 45000), set(), ("out", 45000, False)),
        ((POD, 8080), (PEER, 40000), set(), ("in", 8080, True)),
        ((POD, 8080), (PEER, 5432), set(), ("out", 5432, False)),
    ],
)
def test_the_listening_side_serves_and_else_the_port_numbers_tell(local, peer, listening, judged):
    assert judge_connection(local, peer, listening, EPHEMERAL) == judged


@pytest.mark.parametrize(
    ("text", "expected"),
    [("::ffff:10.1.0.2", POD), ("fe80::1%eth0", "fe80::1"), ("FD00:0::2", "fd00::2"), ("10.1.0.2", POD)],
)
def test_addresses_have_one_spelling(text, expected):
    assert canonical(text) == expected


def test_a_redirect_on_the_way_in_gives_the_port_of_the_wire(monkeypatch):
    translations: sockets.Translations = {}
    entry = Attributes(
        CTA_TUPLE_ORIG=direction((PEER, 40000), (POD, 8080)), CTA_TUPLE_REPLY=direction((POD, 15006), (PEER, 40000))
    )
    _note_translation(translations, entry)
    table = [(10, ("0.0.0.0", 15006), ("0.0.0.0", 0)), (1, (POD, 15006), (PEER, 40000))]
    monkeypatch.setattr(sockets, "read_sockets", lambda protocol, states: table)
    assert list(find_flows(translations, EPHEMERAL)) == [["in", "tcp", POD, PEER, 8080, False]]


def test_a_translation_on_the_way_out_gives_the_server_of_the_wire(monkeypatch):
    translations: sockets.Translations = {}
    entry = Attributes(
        CTA_TUPLE_ORIG=direction((POD, 40000), ("10.96.0.1", 443)),
        CTA_TUPLE_REPLY=direction((PEER, 6443), (POD, 40000)),
    )
    _note_translation(translations, entry)
    monkeypatch.setattr(sockets, "read_sockets", lambda protocol, states: [(1, (POD, 40000), ("10.96.0.1", 443))])
    assert list(find_flows(translations, EPHEMERAL)) == [["out", "tcp", POD, PEER, 6443, False]]


def test_connections_that_never_leave_the_namespace_are_none(monkeypatch):
    table = [
        (1, ("127.0.0.1", 40000), ("127.0.0.1", 80)),
        (1, (POD, 40001), (POD, 80)),
        (1, ("::1", 40000), ("::1", 80)),
    ]
    monkeypatch.setattr(sockets, "read_sockets", lambda protocol, states: table)
    assert list(find_flows({}, EPHEMERAL)) == []


@pytest.mark.parametrize("protocol", [1, 132])
def test_other_protocols_and_untranslated_entries_are_left_alone(protocol):
    translations: sockets.Translations = {}
    same = direction((POD, 40000), (PEER, 80)), direction((PEER, 80), (POD, 40000))
    other = direction((POD, 1), (PEER, 2), protocol), direction((PEER, 3), (POD, 4), protocol)
    for original, reply in (same, other):
        _note_translation(translations, Attributes(CTA_TUPLE_ORIG=original, CTA_TUPLE_REPLY=reply))
    assert translations == {}
