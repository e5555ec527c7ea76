"""Writes records: numbers them, keeps full resends within their budget, and ends quietly when nobody reads."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from itertools import chain, zip_longest
from typing import TextIO

from kubectl_netpol.wire import RESEND_SECONDS, FlowsRecord, StatusRecord, encode

from .ledger import Ledger
from .namespaces import CapturedNamespace

FULL_BYTES = 4 << 20
"""An API server serves the newest 10 MiB of a log: what one full resend may take, and what may follow it."""

Flows = dict[str, list[int]]
Names = dict[str, dict[str, int]]

_UNBOUNDED = 1 << 62
_MAX_NAMES = 200
"""Names a record holds: each may have a thousand characters, and a line stays below ``wire.MAX_LINE``."""


class Output:
    """The stream of records of one epoch. ``resend_truncated`` counts entries that did not fit a full resend."""

    def __init__(self, stream: TextIO, now: Callable[[], int], node: str) -> None:
        self._stream = stream
        self._now = now
        self._node = node
        self.epoch = secrets.token_hex(8)
        self.since = now()
        self._seq = 0
        self._bytes_since_full = 0
        self._next_full = time.monotonic() + RESEND_SECONDS
        self.resend_truncated = 0

    @property
    def wants_everything(self) -> bool:
        """Whether it is time for a full resend."""
        return time.monotonic() >= self._next_full or self._bytes_since_full > FULL_BYTES

    def news(self, ledger: Ledger, namespaces: Iterable[CapturedNamespace]) -> None:
        """What changed since the last call."""
        for namespace in namespaces:
            names = _portions(namespace, namespace.names.changed)
            flows = list(ledger.news(namespace))
            if flows or names or namespace.has_news:
                self._write_namespace(namespace, flows or [{}], names, _UNBOUNDED)

    def everything(self, ledger: Ledger, namespaces: Iterable[CapturedNamespace]) -> None:
        """What changed, and then all that is known, the living before the gone, as far as the budget goes."""
        ordered = sorted(namespaces, key=lambda namespace: (namespace.is_gone, -namespace.scope))
        self.news(ledger, ordered)
        budget = FULL_BYTES
        for namespace in ordered:
            names = _portions(namespace, set(namespace.names.names))
            flows = chain([next(told := ledger.everything(namespace), {})], told)
            budget -= self._write_namespace(namespace, flows, names, budget)
        self._next_full = time.monotonic() + RESEND_SECONDS
        self._bytes_since_full = 0

    def _write_namespace(
        self, namespace: CapturedNamespace, flows: Iterable[Flows], names: Iterable[Names], budget: int
    ) -> int:
        written = 0
        for some_flows, some_names in zip_longest(flows, names, fillvalue=None):
            if written >= budget:
                self.resend_truncated += len(some_flows or ()) + len(some_names or ())
                continue
            record = FlowsRecord(
                self.epoch, self._number(), self._now(), namespace.value(), some_flows or {}, some_names or {}
            )
            written += self._write(encode(record))
        namespace.names.changed.clear()
        namespace.has_news = False
        return written

    def status(
        self,
        attached: dict[str, int],
        cost: dict[str, float],
        counts: dict[str, int],
        losses: dict[str, int],
        problems: tuple[str, ...],
        final: bool,
    ) -> None:
        number, now = self._number(), self._now()
        record = StatusRecord(
            self.epoch, number, now, self.since, self._node, final, attached, cost, counts, losses, problems
        )
        self._write(encode(record))
        self._stream.flush()

    def _number(self) -> int:
        self._seq += 1
        return self._seq

    def _write(self, line: str) -> int:
        self._stream.write(line)
        self._bytes_since_full += len(line)
        return len(line)


def _portions(namespace: CapturedNamespace, addresses: set[str]) -> list[Names]:
    table = namespace.names.names
    pairs = [(address, name) for address in sorted(addresses) for name in sorted(table[address])]
    portions: list[Names] = []
    for index, (address, name) in enumerate(pairs):
        if index % _MAX_NAMES == 0:
            portions.append({})
        portions[-1].setdefault(address, {})[name] = table[address][name]
    return portions
