"""``record``: what the network namespaces of this machine talk to, into the cache."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..cache.store import Store
from ..capture.local import LocalOptions, LocalSource, check_machine
from ..capture.recorder import Recorder
from ..errors import InputError
from ..neighbors.recording import summarise
from ..render.text import counted
from . import streams
from .duration import parse_duration
from .options import cache_dir_option

_PROGRESS_SECONDS = 10.0
_SHOWN = 5

EPILOG = """\b
Examples:
  # Record this single-node cluster for five minutes
  kubectl get pods,services,endpointslices,namespaces,deployments,statefulsets,\\
daemonsets,replicasets,jobs,cronjobs,nodes -A -o yaml > objects.yaml
  kubectl netpol record --local --inventory objects.yaml --duration 5m
\b
  # Record until Ctrl-C, then look
  kubectl netpol record --local --inventory objects.yaml
  kubectl netpol neighbors -A --local
"""


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float:
    if value is None:
        return 0.0
    try:
        seconds = parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration; write it as 90s, 5m or 1h30m") from error
    if not seconds:
        raise click.BadParameter("a recording of no time hears nothing; leave it out to record until Ctrl-C")
    return seconds


@click.command(epilog=EPILOG)
@click.option("--local", is_flag=True, help="Record the network namespaces of this machine.")
@click.option("--inventory", metavar="FILE", help="Kubernetes objects that say whose addresses are whose.")
@click.option("--duration", metavar="DURATION", callback=_seconds, help="When to end, such as 5m; else at Ctrl-C.")
@click.option(
    "--attach",
    type=click.Choice(["auto", "tcx", "socket"]),
    default="auto",
    show_default=True,
    help="How to see packets: tcx links (Linux 6.6), packet sockets, or what works.",
)
@cache_dir_option
def command(local: bool, inventory: str | None, duration: float, attach: str, cache_dir: Path) -> None:
    """Record what workloads talk to.

    Every network namespace of this machine is captured with eBPF, the machine's own excepted; no packet is changed,
    delayed or dropped, and nothing stays behind. FILE says which pod has which address. Ctrl-C ends the recording and
    keeps everything; recordings add up.
    """
    if not local:
        raise InputError("recording in a cluster is not there yet", "record this machine: add --local --inventory FILE")
    if not inventory:
        raise InputError("--local needs to know whose addresses are whose", "add --inventory FILE; see --help")
    check_machine()
    with Store.open(cache_dir) as store:
        source = LocalSource(LocalOptions(Path(inventory), duration, attach), store, streams.note)
        _catch(source)
        source.run(_Progress(f"for {duration:g} s" if duration else "until Ctrl-C", inventory))
        _summarise(source.recorder)


def _catch(source: LocalSource) -> None:
    """The first Ctrl-C or SIGTERM collects the last records, the second leaves at once; so does a closed terminal."""

    def stop(number: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        source.stop()
        if number != signal.SIGHUP:  # then nobody is there to read it
            streams.say("stopping: collecting the last records; once more to leave at once")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


class _Progress:
    """A line when the capture stands, and one now and then."""

    def __init__(self, until: str, inventory: str) -> None:
        self._begun = time.monotonic()
        self._next = 0.0
        self._scope = f"{until}; the whole of {inventory} is in scope"

    def __call__(self, recorder: Recorder) -> None:
        now = time.monotonic()
        if now < self._next or not recorder.status:
            return
        namespaces = counted(recorder.status.attached.get("namespaces", 0), "network namespace")
        if not self._next:
            streams.say(f"recording {namespaces} of this machine, and new ones as they come, {self._scope}")
        else:
            heard = recorder.recordings()
            neighbors = counted(sum(len(recording.flows) for recording in heard), "neighbor")
            streams.say(f"{now - self._begun:.0f} s: {namespaces}, {counted(len(heard), 'workload')}, {neighbors}")
        self._next = now + _PROGRESS_SECONDS


def _summarise(recorder: Recorder) -> None:
    """What was heard, what was lost, and the command to type next."""
    heard = sorted(map(summarise, recorder.recordings()), key=lambda one: one.workload)
    for one in heard:
        place = f"{one.workload.namespace}/{one.workload.path}"
        streams.say(f"{place}: {counted(len(one.neighbors), 'neighbor')}, {len(one.answered)} answered")
    for sentence in (*_losses(recorder), *_leftovers(recorder)):
        streams.note(sentence)
    if not heard:
        streams.note("nothing was heard of any workload of the inventory: are its addresses those of this machine?")
        return
    busiest = max(heard, key=lambda one: len(one.answered)).workload
    streams.say(f"next: kubectl netpol generate {busiest.path} -n {busiest.namespace} --local")


def _losses(recorder: Recorder) -> list[str]:
    sentences = list(recorder.status.problems) if recorder.status else []
    losses = recorder.status.losses if recorder.status else {}
    sentences += [f"lossy: {name.replace('_', ' ')}: {count}" for name, count in sorted(losses.items()) if count]
    if recorder.bad_lines:
        sentences.append(f"{recorder.bad_lines} lines were no records and were skipped: {recorder.last_problem}")
    return sentences


def _leftovers(recorder: Recorder) -> list[str]:
    """What was seen and belongs to no workload or to no policy, and what the capture itself took."""
    account, status = recorder.account, recorder.status
    sentences = []
    if account.unattributed:
        sentences.append(f"captured, and not in the inventory: {_listed(account.unattributed)}")
    if account.unknown_peers:
        sentences.append(f"inside the cluster's own ranges, and nobody's: {_listed(account.unknown_peers)}")
    if recorder.shared_addresses:
        shared = _listed(sorted(recorder.shared_addresses))
        sentences.append(f"borne by two network namespaces at a time, and booked on one pod: {shared}")
    if account.backwards:
        sentences.append(f"{counted(account.backwards, 'counter')} went backwards and were not believed")
    if status:
        seen = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(status.counts.items()) if count)
        sentences += [f"packets seen apart from neighbors: {seen}"] if seen else []
        cpu, memory = status.cost.get("cpu_seconds", 0.0), status.cost.get("memory_bytes", 0.0) / (1 << 20)
        sentences.append(f"the capture took {cpu:.1f} s of CPU and {memory:.0f} MiB")
    return sentences


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
