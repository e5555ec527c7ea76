"""``record``: what the network namespaces of this machine talk to, into the cache."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import click

from ..cache.store import Store
from ..capture.local import LocalOptions, LocalSource
from ..capture.recorder import Recorder
from ..errors import InputError
from ..neighbors.recording import summarise
from . import streams
from .duration import parse_duration
from .options import cache_dir_option

_PROGRESS_SECONDS = 10.0

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
        return parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration; write it as 90s, 5m or 1h30m") from error


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
    with Store.open(cache_dir) as store:
        source = LocalSource(LocalOptions(Path(inventory), duration, attach), store, streams.note)
        _catch(source)
        until = f"for {duration:g} s" if duration else "until Ctrl-C"
        streams.say(f"recording every network namespace of this machine {until}; the whole of {inventory} is in scope")
        source.run(_Progress())
        _summarise(source.recorder)


def _catch(source: LocalSource) -> None:
    """The first Ctrl-C or SIGTERM collects the last records, the second leaves at once."""

    def stop(_number: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        streams.say("stopping: collecting the last records; once more to leave at once")
        source.stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


class _Progress:
    """A line now and then."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._next = self._begun + _PROGRESS_SECONDS

    def __call__(self, recorder: Recorder) -> None:
        now = time.monotonic()
        if now < self._next or not recorder.status:
            return
        self._next = now + _PROGRESS_SECONDS
        heard = recorder.recordings()
        neighbors = sum(len(recording.flows) for recording in heard)
        namespaces = recorder.status.attached.get("namespaces", 0)
        streams.say(
            f"{now - self._begun:.0f} s: {namespaces} namespaces, {len(heard)} workloads, {neighbors} neighbors"
        )


def _summarise(recorder: Recorder) -> None:
    """What was heard, what was lost, and the command to type next."""
    heard = sorted(map(summarise, recorder.recordings()), key=lambda one: one.workload)
    for one in heard:
        place = f"{one.workload.namespace}/{one.workload.path}"
        streams.say(f"{place}: {len(one.neighbors)} neighbors, {len(one.answered)} answered")
    for sentence in _losses(recorder):
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
