"""The commonest of Hubble's lines, read without JSON: compact, and with the fields in Hubble's own order.

A line is mostly the same words again: what a pod's labels are, which node speaks. Three such parts are cut out as they
are and parsed once each, and the short rest is matched. Whatever looks otherwise in any place is left to JSON, so that
there is one reader that decides what is right.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .ends import FlowError
from .hubble_told import Event, Told, outcome

_TEXT = rb'"[^"\\\x00-\x1f]*"'
_HEAD = re.compile(
    rb'\{"flow":\{"time":"([0-9T:.Z-]{20,35})",(?:"uuid":' + _TEXT + rb",)?"
    rb'(?:"emitter":\{"name":' + _TEXT + rb'(?:,"version":' + _TEXT + rb')?\},)?"verdict":"(?:FORWARDED|REDIRECTED)",'
    rb'(?:"ethernet":\{"source":' + _TEXT + rb',"destination":' + _TEXT + rb"\},)?"
    rb'"IP":\{"source":"([0-9a-f.:]+)","destination":"([0-9a-f.:]+)","ipVersion":"IPv[46]"\},'
    rb'"l4":\{"(TCP|UDP)":\{"source_port":([1-9][0-9]{0,4}),"destination_port":([1-9][0-9]{0,4})'
    rb'(?:,"flags":\{((?:"[A-Z]{3}":true,?)+)\})?\}\},"source":(?=\{)'
)
_TAIL = re.compile(rb',"Summary":' + _TEXT + rb'\},"node_name":' + _TEXT + rb',"time":' + _TEXT + rb"\}\s*")
_DESTINATION, _TYPE, _SUMMARY = b',"destination":', b',"Type":"L3_L4"', b',"Summary":'
_MOST_FLAGS = 64
_SHORT, _LONG = 40, 120
_MOST_GUESSES = 8
_KEPT = 1 << 15
"""How many parts of a kind are kept at most; then all are forgotten."""

_OTHERS = frozenset(
    {
        *("destination_service", "destination_names", "source_names", "l7"),
        *("flow", "time", "verdict", "IP", "l4", "source", "destination", "Summary"),
    }
)
"""Fields that count, or stand elsewhere in such a line."""


class _Rest:
    """``is_plain``: nothing else counts in it. ``events`` by protocol and TCP flags as they were written."""

    __slots__ = ("events", "is_egress", "is_plain", "is_reply", "node")

    def __init__(self, value: dict[str, Any]) -> None:
        self.is_reply: bool | None = value.get("is_reply")
        self.is_plain = not _OTHERS & value.keys() and self.is_reply in (None, True, False)
        self.is_egress = value.get("traffic_direction") == "EGRESS"
        self.node: object = value.get("node_name", "")
        self.events: dict[tuple[bytes, bytes | None], Event] = {}

    def event(self, protocol: bytes, flags: bytes | None) -> Event:
        found = self.events.get((protocol, flags))
        if found is None:
            is_tcp = protocol == b"TCP"
            names = frozenset(re.findall("[A-Z]+", (flags or b"").decode())) if is_tcp else None
            seen = outcome(True, bool(self.is_reply), names)
            found = Event(True, bool(self.is_reply), "tcp" if is_tcp else "udp", seen, self.is_egress, self.node)
            if len(self.events) < _MOST_FLAGS:
                self.events[(protocol, flags)] = found
        return found


Line = tuple[Told, Told, tuple[bytes, bytes], tuple[int, int], bytes, Event | None]


class Lines:
    """Remembers parts of lines.

    What an address's end is said to be is guessed from what was said of it before, and compared as a whole: to look for
    where a part ends, or to hash it, would take longer than everything else here.
    """

    def __init__(self) -> None:
        self._sources: dict[bytes, list[tuple[bytes, Told]]] = {}
        self._destinations: dict[bytes, list[tuple[bytes, Told]]] = {}
        self._rests: dict[bytes, tuple[bytes, _Rest]] = {}

    def read(self, line: bytes) -> Line | None:
        """Both ends, their addresses and ports, the time's text, and the event, None if it does not say who began.

        None for a line that is to be read as JSON.
        """
        head = _HEAD.match(line)
        if head is None:
            return None
        stamp, one, other, protocol, from_port, to_port, flags = head.groups()
        begin = head.end()
        found = _guess(self._sources.get(one), line, begin) or _cut(self._sources, one, line, begin, _DESTINATION)
        if found is None:
            return None
        begin += len(found[0])
        source = found[1]
        found = _guess(self._destinations.get(other), line, begin) or _cut(
            self._destinations, other, line, begin, _TYPE
        )
        if found is None:
            return None
        begin += len(found[0])
        last = line.rfind(_SUMMARY)
        if last < begin or _TAIL.fullmatch(line, last) is None:
            return None
        rest = self._rest(line, begin, last)
        ports = int(from_port), int(to_port)
        if not rest.is_plain or ports[0] > 65535 or ports[1] > 65535:
            return None
        event = None if rest.is_reply is None else rest.event(protocol, flags)
        return source, found[1], (one, other), ports, stamp, event

    # The node's name comes first, then its labels, then what differs between events.
    def _rest(self, line: bytes, begin: int, end: int) -> _Rest:
        key = line[begin : begin + _SHORT] + line[max(begin, end - _LONG) : end]
        kept = self._rests.get(key)
        if kept is not None and kept[0] == line[begin:end]:
            return kept[1]
        if len(self._rests) >= _KEPT:
            self._rests.clear()
        text = line[begin:end]
        found = _Rest(_object(b'{"Type":"L3_L4"' + text + b"}"))
        self._rests[key] = text, found
        return found


def _guess(known: list[tuple[bytes, Told]] | None, line: bytes, begin: int) -> tuple[bytes, Told] | None:
    for one in known or ():
        if line.startswith(one[0], begin):
            return one
    return None


# The part that begins there and ends with these words, which it keeps, so that it cannot be the beginning of another.
def _cut(
    known: dict[bytes, list[tuple[bytes, Told]]], address: bytes, line: bytes, begin: int, words: bytes
) -> tuple[bytes, Told] | None:
    end = line.find(words, begin)
    if end < 0:
        return None
    found = line[begin : end + len(words)], Told(_object(line[begin:end]))
    if len(known) >= _KEPT:
        known.clear()
    of_address = known.setdefault(address, [])
    if len(of_address) >= _MOST_GUESSES:
        of_address.pop(0)
    of_address.append(found)
    return found


def _object(text: bytes) -> dict[str, Any]:
    value = json.loads(text.decode())
    if not isinstance(value, dict):
        raise FlowError("an end is no object")
    return value
