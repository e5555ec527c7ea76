"""Connections counted as they are told of, in memory that does not grow with their number.

A pair is two ends, a protocol and the server's port, and has two accounts: what the client's node saw and what the
server's saw. One connection is told of many times, by its packets, by policy verdicts, on both nodes; what was said of
it already is remembered by the client's port for the last LATEST connections at least, so that it counts once.
"""

from __future__ import annotations

from ..errors import InputError
from .ends import End, Ends, FlowError

CLIENT, SERVER, ANSWERED, REFUSED, INFERRED, HEARD = 1, 2, 4, 8, 16, 32
"""What one event says: seen on the client's side, on the server's, a reply came, it was denied; the port was guessed;
the server's own interface saw it, for sources that count both sides of each packet (``Traffic.is_one_sided``).

REFUSED holds for what a policy denied as well: nothing of it arrived. Whichever of the two is said first holds.
"""

LATEST = 1 << 16
MOST_PAIRS = 500_000
LATEST_TIME = (1 << 43) - 1
"""In ms: the year 2248, and so within what dates, the wire and the cache can hold."""

PROTOCOLS = frozenset({"tcp", "udp", "sctp", "icmp"})
_SIDES = CLIENT | SERVER
_INFERRED_PORT = 2  # wire.Marks.INFERRED_PORT


class Pair:
    """``out`` and ``into``: the wire's six counters, as the client's pod and as the server's would tell them.

    ``heard``: an event said HEARD.
    """

    __slots__ = ("base", "client", "heard", "into", "out", "port", "protocol", "server")

    def __init__(self, base: int, client: End, server: End, protocol: str, port: int) -> None:
        self.base, self.client, self.server, self.protocol, self.port = base, client, server, protocol, port
        self.out = [0, 0, 0, 0, 0, 0]
        self.into = [0, 0, 0, 0, 0, 0]
        self.heard = False


class Traffic:
    """What a source told so far. ``names``: DNS names by the asking end, then by address, with the time (ms).

    ``lost``: events that the source says it lost; ``skipped``: how many events were of no use, by reason.
    ``is_one_sided``: what was seen anywhere counts on both sides, so that only a reply, or HEARD, tells of an arrival.
    """

    def __init__(self, is_one_sided: bool = False) -> None:
        self.is_one_sided = is_one_sided
        self.ends = Ends()
        self.pairs: dict[tuple[End, End, str, int], Pair] = {}
        self.names: dict[End, dict[str, dict[str, int]]] = {}
        self.first = self.last = self.events = self.replies = self.lost = 0
        self.skipped: dict[str, int] = {}
        self._latest: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def meet(self, client: End, server: End, protocol: str, port: int, client_port: int, at: int, seen: int) -> None:
        """One event at ``at`` (ms) of the connection from ``client_port``; ``seen`` are the bits that it says.

        Raises FlowError for a port or protocol that is none.
        """
        pair = self.pairs.get((client, server, protocol, port))
        if pair is None:
            pair = self._add(client, server, protocol, port)
        key = pair.base | client_port
        old = self._latest.get(key)
        if old is None:
            old = self._recall(key)
        new = old | seen
        if new != old:
            new = self._settle(pair, key, old, new, at)
        for bit, side in ((CLIENT, pair.out), (SERVER, pair.into)):
            if new & bit:
                if at > side[4]:  # noqa: PLR1730 - thrice as fast as max(), and asked for every event
                    side[4] = at
                if at < side[3] or not side[3]:
                    side[3] = at

    def knows(self, client: End, server: End, protocol: str, port: int, client_port: int) -> bool:
        """Whether that connection is among the latest."""
        pair = self.pairs.get((client, server, protocol, port))
        if pair is None:
            return False
        key = pair.base | client_port
        return key in self._latest or key in self._before

    def skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def name(self, asker: End, address: str, name: str, at: int) -> None:
        """Somebody asked for a name and got this address."""
        known = self.names.setdefault(asker, {}).setdefault(address, {})
        known[name] = max(at, known.get(name, 0))

    def note_time(self, at: int) -> None:
        """The time of an event (ms). Raises FlowError for one that cannot be; all sources' times come by here."""
        if not 0 <= at <= LATEST_TIME:
            raise FlowError("a time is before 1970 or after 2248")
        self.last = max(self.last, at)
        if not self.first or at < self.first:
            self.first = at

    def _add(self, client: End, server: End, protocol: str, port: int) -> Pair:
        if protocol not in PROTOCOLS or type(port) is not int or not 0 <= port <= 65535:
            raise FlowError("a port or protocol is none")
        if (port == 0) != (protocol == "icmp"):
            raise FlowError("a port is 0")
        if len(self.pairs) >= MOST_PAIRS:
            raise InputError(f"more than {MOST_PAIRS:,} different neighbors", "split the file by time")
        pair = Pair(len(self.pairs) << 16, client, server, protocol, port)
        self.pairs[(client, server, protocol, port)] = pair
        server.ports.add((protocol, port))
        return pair

    # What was said of a connection before; of two halves the older is forgotten when the newer is full.
    def _recall(self, key: int) -> int:
        if len(self._latest) >= LATEST:
            self._before, self._latest = self._latest, {}
        old = self._before.get(key, 0)
        if old:
            self._latest[key] = old
        return old

    def _settle(self, pair: Pair, key: int, old: int, new: int, at: int) -> int:
        if old & ANSWERED:
            new &= ~REFUSED
        elif old & REFUSED:
            new &= ~ANSWERED
        self._latest[key] = new
        pair.heard = pair.heard or bool(new & HEARD)
        if new & CLIENT:
            _count(pair.out, CLIENT, old, new)
        if new & SERVER:
            _count(pair.into, SERVER, old, new)
        for end in (pair.client, pair.server):
            end.first = min(end.first or at, at)
        return new


def _count(side: list[int], bit: int, old: int, new: int) -> None:
    told = old if old & bit else 0
    fresh = new & ~told
    if fresh & bit:
        side[0] += 1
    if fresh & ANSWERED:
        side[1] += 1
    if fresh & REFUSED:
        side[2] += 1
    if fresh & INFERRED:
        side[5] |= _INFERRED_PORT
