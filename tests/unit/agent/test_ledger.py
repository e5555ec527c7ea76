"""What is told of the kernel's counters: each change once, everything now and then, within bounds, and never lost."""

from __future__ import annotations

import io
from ipaddress import ip_address

import pytest

from kubectl_netpol import wire
from kubectl_netpol.agent import ledger as ledger_module
from kubectl_netpol.agent import output as output_module
from kubectl_netpol.agent.layout import VALUE, Key, pack_key
from kubectl_netpol.agent.ledger import Clock, Ledger
from kubectl_netpol.agent.namespaces import CapturedNamespace
from kubectl_netpol.agent.output import Output
from kubectl_netpol.wire import FlowsRecord, Marks, StatusRecord


def raw(text: str) -> bytes:
    address = ip_address(text)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


def entry(scope: int, port: int, attempts: int = 1, peer: str = "10.1.0.9", interface: int = 2) -> tuple[bytes, bytes]:
    key = pack_key(Key(scope, port, 6, 1, raw("10.1.0.2"), raw(peer)))
    return key, VALUE.pack(attempts, attempts, 0, 10**9, 2 * 10**9, interface, 0)


def flow(port: int, peer: str = "10.1.0.9") -> str:
    return f"out tcp 10.1.0.2 {peer} {port}"


def namespace(scope: int = 1, **values) -> CapturedNamespace:
    return CapturedNamespace(scope, 4026530000 + scope, "/nowhere", **values)


class Told:
    """An Output whose records are read back as the laptop reads them."""

    def __init__(self) -> None:
        self.ledger = Ledger(Clock())
        self._stream = io.StringIO()
        self.output = Output(self._stream, lambda: 1000, "node-1")

    def read(self) -> list[FlowsRecord | StatusRecord]:
        lines = self._stream.getvalue().splitlines()
        self._stream.seek(0)
        self._stream.truncate()
        return [wire.decode(line) for line in lines]

    def flows(self) -> list[str]:
        return [text for record in self.read() for text in record.flows]

    def news(self, *namespaces: CapturedNamespace) -> list[str]:
        self.output.news(self.ledger, namespaces)
        return self.flows()

    def everything(self, *namespaces: CapturedNamespace) -> list[str]:
        self.output.everything(self.ledger, namespaces)
        return self.flows()


def test_only_changes_are_news_and_everything_is_all():
    told, one = Told(), namespace()
    told.ledger.take([entry(1, 80), entry(1, 81)])
    assert told.news(one) == [flow(80), flow(81)]
    assert told.news(one) == []
    told.ledger.take([entry(1, 80), entry(1, 81, attempts=5)])
    assert told.news(one) == [flow(81)]
    assert told.everything(one) == [flow(80), flow(81)]
    assert told.news(one) == []


def test_counters_are_told_as_the_kernel_has_them():
    told, one = Told(), namespace(primary=2)
    told.ledger.take([entry(1, 80, attempts=7), entry(1, 81, interface=3)])
    told.output.news(told.ledger, [one])
    flows = told.read()[0].flows
    assert flows[flow(80)][:3] == [7, 7, 0]
    assert flows[flow(80)][4] - flows[flow(80)][3] == 1000
    assert (flows[flow(80)][5], flows[flow(81)][5]) == (0, Marks.SECONDARY_INTERFACE)


def test_connections_from_before_are_added_and_marked():
    told, one = Told(), namespace()
    told.ledger.take([entry(1, 80, attempts=2)])
    told.news(one)
    one.existing = {flow(80): (3, Marks.EXISTING, 500), flow(5432): (1, Marks.EXISTING | Marks.INFERRED_PORT, 500)}
    one.has_existing_news = True
    told.output.news(told.ledger, [one])
    flows = told.read()[0].flows
    assert flows[flow(80)][:3] == [5, 5, 0]
    assert flows[flow(80)][5] == Marks.EXISTING
    assert flows[flow(5432)] == [1, 1, 0, 500, 500, Marks.EXISTING | Marks.INFERRED_PORT]
    assert told.news(one) == []
    assert sorted(told.everything(one)) == sorted([flow(80), flow(5432)])


def test_a_subnets_broadcast_address_is_nobody():
    told, one = Told(), namespace(broadcasts=frozenset({"10.1.0.255"}))
    told.ledger.take([entry(1, 137, peer="10.1.0.255"), entry(1, 80)])
    assert told.news(one) == [flow(80)]
    assert told.everything(one) == [flow(80)]


def test_no_line_is_longer_than_the_wire_allows():
    told, one = Told(), namespace()
    told.ledger.take([entry(1, port, peer=f"2001:db8:1111:2222:3333:4444:5555:{port:x}") for port in range(1, 20001)])
    one.existing = {
        f"out tcp {'2001:db8:1111:2222:3333:4444:5555:6666'} ::{n:x} 1": (1, Marks(1), 1) for n in range(9000)
    }
    one.has_existing_news = True
    for number in range(3000):
        name = "\\255\\000" * 31 + f"{number}."
        one.names.names.setdefault("192.0.2.1", {})[name] = 1
    one.names.changed.add("192.0.2.1")
    told.output.news(told.ledger, [one])
    lines = told._stream.getvalue().splitlines()
    assert max(map(len, lines)) < wire.MAX_LINE // 4
    records = told.read()
    assert sum(len(record.flows) for record in records) == 29000
    assert sum(len(record.names.get("192.0.2.1", {})) for record in records) == 3000


def test_a_full_resend_keeps_its_budget_and_counts_what_it_left_out(monkeypatch):
    monkeypatch.setattr(output_module, "FULL_BYTES", 40_000)
    told, spaces = Told(), [namespace(1), namespace(2)]
    told.ledger.take([entry(scope, port) for scope in (1, 2) for port in range(1, 1001)])
    told.news(*spaces)
    repeated = told.everything(*spaces)
    assert 200 <= len(repeated) < 1000
    assert told.output.resend_truncated == 2000 - len(repeated)


def test_what_changed_is_told_even_where_the_budget_is_spent(monkeypatch):
    monkeypatch.setattr(output_module, "FULL_BYTES", 1)
    told, spaces = Told(), [namespace(1), namespace(2), namespace(3)]
    told.ledger.take([entry(scope, port) for scope in (1, 2, 3) for port in range(1, 500)])
    assert len(set(told.everything(*spaces))) == 499
    told.ledger.take([entry(1, 80, attempts=9)])
    assert flow(80) in told.everything(*spaces)
    assert told.ledger._changed == {}


def test_the_living_are_repeated_before_the_gone():
    told, living, gone = Told(), namespace(1), namespace(2, is_gone=True)
    told.ledger.take([entry(1, 80), entry(2, 81)])
    told.news(living, gone)
    assert told.everything(gone, living) == [flow(80), flow(81)]


def test_vanished_namespaces_are_repeated_until_there_are_too_many(monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_GONE", 100)
    told = Told()
    for scope in range(1, 6):
        told.ledger.take([entry(scope, port) for port in range(1, 41)])
        told.ledger.let_go(scope)
    assert told.ledger.forget() == [1, 2, 3]
    assert told.ledger.forgotten == 120
    gone = [namespace(scope, is_gone=True) for scope in range(1, 6)]
    assert len(told.news(*gone)) == len(told.everything(*gone)) == 80


def test_what_vanished_last_is_told_before_it_is_forgotten(monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_GONE", 10)
    told, one = Told(), namespace(1, is_gone=True)
    assert told.ledger.forget() == []
    told.ledger.take([entry(1, port) for port in range(1, 41)])
    told.ledger.let_go(1)
    assert len(told.news(one)) == 40
    assert told.ledger.forget() == [1]
    assert told.ledger._entries == told.ledger._changed == {}


def test_empty_namespaces_that_vanish_are_bounded_too(monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_GONE_NAMESPACES", 10)
    ledger = Ledger(Clock())
    for scope in range(1, 31):
        ledger.let_go(scope)
    assert ledger.forget() == list(range(1, 21))
    assert ledger.forgotten == 0


def test_records_are_numbered_and_a_gone_namespace_says_so():
    told, one = Told(), namespace(1)
    told.output.news(told.ledger, [one])
    one.is_gone = one.has_news = True
    told.output.news(told.ledger, [one])
    told.output.status({}, {"cpu_seconds": 1.5}, {}, {}, ("a sentence",), True)
    records = told.read()
    assert [record.seq for record in records] == [1, 2, 3]
    assert [record.netns.gone for record in records[:2]] == [False, True]
    assert records[0].netns.id == records[1].netns.id
    assert (records[2].final, records[2].node, records[2].problems) == (True, "node-1", ("a sentence",))
    assert len({record.epoch for record in records}) == 1


def test_a_reader_that_left_is_said():
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    output = Output(Closed(), lambda: 1000, "")
    with pytest.raises(BrokenPipeError):
        output.news(Ledger(Clock()), [namespace()])
