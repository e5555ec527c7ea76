"""What was counted, as the records that an agent would have said: from there on there is one path for all sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from ..neighbors.inventory import Inventory
from ..wire import FlowsRecord, Marks, Namespace, Record, StatusRecord
from .ends import End
from .mates import Mates
from .objects import uid_of
from .traffic import Pair, Traffic

_FLOWS_PER_RECORD = 2000
"""So that no record is longer than the wire's limit."""

_NAMES_PER_RECORD = 500

_Rounds = list[dict[str, list[int]]]
_Place = tuple[str, str]


def close(traffic: Traffic) -> None:
    """Notes on each end when it was last seen; to be called once, when all was read."""
    for pair in traffic.pairs.values():
        last = max(pair.out[4], pair.into[4])
        for end in (pair.client, pair.server):
            end.last = max(end.last, last)


def digest(traffic: Traffic) -> str:
    """Of everything that was counted, and of nothing else: the order of events does not matter, where times do not."""
    found = hashlib.blake2b(digest_size=16)
    for line in sorted(
        f"{_words(pair.client)} {_words(pair.server)} {pair.protocol} {pair.port} {pair.out} {pair.into}"
        f"{' heard' if pair.heard else ''}\n"
        for pair in traffic.pairs.values()
    ):
        found.update(line.encode())
    return found.hexdigest()


def _words(end: End) -> str:
    return f"{end.address} {end.pod.namespace}/{end.pod.name}" if end.pod else end.address


def records(traffic: Traffic, inventory: Inventory, epoch: str, is_local: Callable[[End], bool]) -> Iterator[Record]:
    """One agent's life named ``epoch``, from the first event to the last, that saw the ends that are ``is_local``."""
    lost = {"flows_overflow": traffic.lost} if traffic.lost else {}
    yield StatusRecord(epoch, 1, traffic.last, traffic.first, final=True, losses=lost)
    seq = 1
    for place, ends, rounds, names in _places(traffic, inventory, is_local):
        for flows in _portions(rounds):
            seq += 1
            yield FlowsRecord(epoch, seq, traffic.last, _namespace(place, ends), flows)
        for portion in _name_portions(names):
            seq += 1
            yield FlowsRecord(epoch, seq, traffic.last, _namespace(place, ends), {}, portion)


def _namespace(place: _Place, ends: list[End]) -> Namespace:
    identifier, uid = place
    addresses = tuple(sorted({end.address for end in ends}))
    pod = ends[0].pod
    return Namespace(identifier, uid, addresses, False, pod.namespace if pod else "", pod.name if pod else "")


def _places(
    traffic: Traffic, inventory: Inventory, is_local: Callable[[End], bool]
) -> Iterator[tuple[_Place, list[End], _Rounds, dict[str, dict[str, int]]]]:
    mates = Mates(inventory, traffic)
    found: dict[End, list[tuple[str, list[int]]]] = {}
    sums: dict[tuple[End, str], list[int]] = {}

    def tell(role: str, pair: Pair, local: End, peer: End, sample: list[int]) -> None:
        stand_in = mates.of(local, peer, pair.protocol)
        key = f"{role} {pair.protocol} {local.address} {(stand_in or peer).address} {pair.port}"
        known = sums.get((local, key))
        if known is not None and stand_in:
            _add(known, sample)
            return
        if stand_in:
            sample = sums[(local, key)] = list(sample)
        found.setdefault(local, []).append((key, sample))

    for pair in traffic.pairs.values():
        mark = _unheard(traffic, inventory, pair)
        if pair.out[0] and is_local(pair.client):
            tell("out", pair, pair.client, pair.server, _marked(pair.out, mark))
        if pair.into[0] and is_local(pair.server):
            tell("in", pair, pair.server, pair.client, _marked(pair.into, mark))
    grouped: dict[_Place, list[End]] = {}
    for end in found:
        grouped.setdefault(_place(inventory, end), []).append(end)
    for place, ends in sorted(grouped.items()):
        names: dict[str, dict[str, int]] = {}
        for end in ends:
            for address, told in traffic.names.get(end, {}).items():
                names.setdefault(address, {}).update(told)
        yield place, ends, _rounds([one for end in ends for one in found[end]]), names


# UDP that a pod does not answer has been heard there only if the source says so: it may have been seen at the sender's.
def _unheard(traffic: Traffic, inventory: Inventory, pair: Pair) -> int:
    if not traffic.is_one_sided or pair.protocol != "udp" or pair.heard:
        return 0
    server, at = pair.server, pair.server.last
    is_pods = server.pod or inventory.owner(server.address, at) or inventory.services_at(server.address, at)
    return Marks.UNHEARD if is_pods else 0


def _marked(sample: list[int], mark: int) -> list[int]:
    return [*sample[:5], sample[5] | mark] if mark else sample


# All addresses of a pod are one place. An address that changed hands is one of its own, and is told apart by time.
def _place(inventory: Inventory, end: End) -> _Place:
    if end.pod is not None:
        return f"{end.pod.namespace}/{end.pod.name}", uid_of(inventory, end.pod)
    one, other = inventory.owner(end.address, end.first), inventory.owner(end.address, end.last)
    return (one.uid, one.uid) if one is not None and one is other else (end.address, "")


# An address that two pods had one after the other is one flow on the wire, whose counters grow: a sample for each.
def _rounds(told: list[tuple[str, list[int]]]) -> _Rounds:
    rounds: _Rounds = [{}]
    latest: dict[str, tuple[int, list[int]]] = {}
    for key, sample in sorted(told, key=lambda one: (one[0], one[1][4])):
        if key not in latest:
            rounds[0][key] = sample
            latest[key] = (0, sample)
            continue
        number, before = latest[key]
        whole = [before[0] + sample[0], before[1] + sample[1], before[2] + sample[2]]
        whole += [min(before[3], sample[3]), max(before[4], sample[4]), before[5] | sample[5]]
        if number + 1 == len(rounds):
            rounds.append({})
        rounds[number + 1][key] = whole
        latest[key] = (number + 1, whole)
    return rounds


def _add(sums: list[int], sample: list[int]) -> None:
    for place in range(3):
        sums[place] += sample[place]
    sums[3:] = [min(sums[3], sample[3]), max(sums[4], sample[4]), sums[5] | sample[5]]


def _portions(rounds: _Rounds) -> Iterator[dict[str, list[int]]]:
    for flows in rounds:
        items = list(flows.items())
        for start in range(0, len(items), _FLOWS_PER_RECORD):
            yield dict(items[start : start + _FLOWS_PER_RECORD])


def _name_portions(names: dict[str, dict[str, int]]) -> Iterator[dict[str, dict[str, int]]]:
    items = [(address, name, at) for address, told in sorted(names.items()) for name, at in sorted(told.items())]
    for start in range(0, len(items), _NAMES_PER_RECORD):
        portion: dict[str, dict[str, int]] = {}
        for address, name, at in items[start : start + _NAMES_PER_RECORD]:
            portion.setdefault(address, {})[name] = at
        yield portion
