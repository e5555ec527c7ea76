"""What is said at the end of a recording: what was heard, what was lost, and the command to type next."""

from __future__ import annotations

from ..capture.recorder import Recorder
from ..model import NetworkNeighbors
from ..neighbors.recording import summarise
from ..policy.listing import some_of
from ..render.age import age
from ..render.text import counted
from . import streams
from .completeness import LIMITS, outlook
from .silences import silences

_SHOWN = 5


def summarise_recording(recorder: Recorder, options: str, doubt: str, stable: float = 0.0, quiet: bool = False) -> None:
    """To stderr, a line per workload. ``options`` are those of the next command, ``doubt`` what to ask of silence.

    ``stable``: it ended because nothing new was seen for so long (s); 0 where it ended otherwise. ``quiet``: only the
    notes, without what explains the lines.
    """
    everything = list(map(summarise, recorder.everything()))
    heard = [one for one in everything if one.windows]
    if not quiet:
        for one in heard:
            streams.say(_line(one))
    sentences = (*_basis(heard, stable, quiet), *silences(everything), *_losses(recorder), *_leftovers(recorder))
    for sentence in sentences:
        streams.note(sentence)
    if not heard:
        streams.note(f"nothing was heard of any workload in scope: {doubt}")
        return
    busiest = max(heard, key=lambda one: (len(one.answered), len(one.neighbors)))
    if busiest.neighbors and not quiet:
        named = f"{busiest.workload.path} -n {busiest.workload.namespace}"
        streams.say(f"next: kubectl netpol generate {named} {options}".rstrip())


def _line(one: NetworkNeighbors) -> str:
    place, told = one.workload.full_path, outlook(one)
    counts = f"{counted(len(one.neighbors), 'neighbor')}, {len(one.answered)} answered"
    return f"{place}: {counts}" + (f"; {told}" if told else "")


def _basis(heard: list[NetworkNeighbors], stable: float, quiet: bool) -> list[str]:
    chances = f"what as long again brings, and the chances: {LIMITS}; of what comes less often they say nothing"
    sentences = [] if quiet else [chances]
    if stable:
        length = age(int(stable * 1000))
        place = (
            "neighbors -o summary tells what as long again brings" if quiet else "what as long again brings is above"
        )
        sentences.append(f"that nothing new was seen for {length} proves little alone: {place}")
    return sentences if any(map(outlook, heard)) else []


def _losses(recorder: Recorder) -> list[str]:
    statuses = recorder.statuses.values()
    sentences = sorted({problem for status in statuses for problem in status.problems})
    losses: dict[str, int] = {}
    for status in statuses:
        for name, count in status.losses.items():
            losses[name] = losses.get(name, 0) + count
    sentences += [f"lossy: {name.replace('_', ' ')}: {count}" for name, count in sorted(losses.items()) if count]
    if recorder.bad_lines:
        sentences.append(f"{recorder.bad_lines} lines were no records and were skipped: {recorder.last_problem}")
    return sentences


def _leftovers(recorder: Recorder) -> list[str]:
    """What was seen and belongs to no workload or to no policy, and what the capture itself took."""
    account = recorder.account
    sentences = []
    if account.unattributed:
        sentences.append(f"captured, and not in the inventory: {some_of(account.unattributed, _SHOWN)}")
    if account.unknown_peers:
        sentences.append(f"inside the cluster's own ranges, and nobody's: {some_of(account.unknown_peers, _SHOWN)}")
    if recorder.shared_addresses:
        shared = some_of(sorted(recorder.shared_addresses), _SHOWN)
        sentences.append(f"borne by two network namespaces at a time, and booked on one pod: {shared}")
    if ownerless := recorder.ownerless():
        named = some_of([f"{one.namespace}/{one.name}" for one in ownerless], _SHOWN)
        sentences.append(f"gone, and their workloads unknown, so kept by pod and without a policy: {named}")
    if account.backwards:
        sentences.append(f"{counted(account.backwards, 'counter')} went backwards and were not believed")
    return sentences + _account_of_agents(recorder)


def _account_of_agents(recorder: Recorder) -> list[str]:
    statuses = recorder.statuses.values()
    if not statuses:
        return []
    counts: dict[str, int] = {}
    for status in statuses:
        for name, count in status.counts.items():
            counts[name] = counts.get(name, 0) + count
    seen = ", ".join(
        f"{name.replace('_', ' ')} {count}" for name, count in sorted(counts.items()) if count and name != "flows"
    )
    cpu = sum(status.cost.get("cpu_seconds", 0.0) for status in statuses)
    memory = max(status.cost.get("memory_bytes", 0.0) for status in statuses) / (1 << 20)
    nodes = len({status.node for status in statuses})
    each = f" on {nodes} nodes, and at most {memory:.0f} MiB on one" if nodes > 1 else f" and {memory:.0f} MiB"
    sentences = [f"packets seen apart from neighbors: {seen}"] if seen else []
    return [*sentences, f"the capture took {cpu:.1f} s of CPU{each}"]
