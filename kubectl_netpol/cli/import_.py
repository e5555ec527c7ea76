"""``kubectl netpol import``: flows and packets that others recorded, into the cache."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..cache.clusters import identity_of
from ..errors import InputError
from ..policy.listing import some_of
from ..render.text import counted
from . import streams
from .options import cache_dir_option, cache_dir_words, current_context, kubeconfig_options

if TYPE_CHECKING:
    from ..capture.imported import Reading
    from ..model import NetworkNeighbors
    from ..neighbors.inventory import Inventory

_SOURCES = ("hubble", "netobserv", "pcap")
_NEED_INVENTORY = {"netobserv": "its flows have no labels", "pcap": "packets say addresses only"}
_SHOWN = 10


@click.command("import", short_help="Take in what others recorded: flows of Hubble or NetObserv, or packets.")
@click.argument("file", metavar="FILE|-")
@click.option("--from", "source", required=True, type=click.Choice(_SOURCES), help="What wrote it.")
@click.option(
    "--inventory", metavar="FILE", help="The cluster's objects, which say whose addresses are whose, and what selects."
)
@kubeconfig_options[0]
@kubeconfig_options[1]
@kubeconfig_options[2]
@cache_dir_option
def command(
    file: str,
    source: str,
    inventory: str | None,
    local: bool,
    kubeconfig: str | None,
    context: str | None,
    cache_dir: Path,
) -> None:
    """Take in flows of Hubble or NetObserv, or the packets of a pcap file, as if they had been recorded here.

    They are kept with the recordings of the current context's cluster, or of this machine with --local; no request is
    made. Importing the same file again changes nothing.

    hubble reads the lines that `hubble observe -o jsonpb` and Cilium's flow exporter write, netobserv those that
    `kubectl netobserv flows` and FlowCollector's exports write, each a JSON object; pcap reads pcap and pcapng, of
    Ethernet, Linux cooked, raw IP and BSD loopback. NetObserv and pcap need an inventory:

    \b
      kubectl get -A -o yaml pods,services,endpointslices,namespaces,deployments,\\
      statefulsets,daemonsets,replicasets,jobs,cronjobs,nodes > objects.yaml

    \b
    Examples:
      # Cilium has recorded already
      hubble observe --last 100000 -o jsonpb > flows.jsonl
      kubectl netpol import --from hubble flows.jsonl
      hubble observe --since 1h -o jsonpb | kubectl netpol import --from hubble -
    \b
      # NetObserv's command line
      kubectl netobserv flows --copy true
      kubectl netpol import --from netobserv output/flow/flows.json --inventory objects.yaml
    \b
      # Packets of a node
      kubectl netpol import --from pcap node.pcap --inventory objects.yaml
    """
    if source in _NEED_INVENTORY and not inventory:
        raise InputError(f"--from {source} needs to know what is whose: {_NEED_INVENTORY[source]}", "add --inventory")
    cluster = identity_of(cache_dir, current_context(local, kubeconfig, context).cluster)
    known = _read_inventory(inventory)  # which is wrong more often than a file of flows, and read faster
    reading = _read(file, source)
    heard = _keep(reading, source, cluster, known, cache_dir)
    if not heard:
        _refuse_nothing(file, source, inventory)
    busiest = max(heard, key=lambda one: (not _is_unselected(one), len(one.answered))).workload
    words = ["generate", busiest.path, "-n", busiest.namespace, *_words(local, kubeconfig, context, cache_dir)]
    streams.say(f"next: kubectl netpol {shlex.join(words)}")


def _read_inventory(path: str | None) -> Inventory:
    from ..capture.objects import read_objects  # noqa: PLC0415 - loads YAML
    from ..neighbors.inventory import Inventory  # noqa: PLC0415

    inventory = Inventory()
    if path:
        inventory.observe(read_objects(Path(path)), int(time.time() * 1000))
    return inventory


def _read(file: str, source: str) -> Reading:
    from ..capture.imported import read  # noqa: PLC0415 - loads the readers and the cache's database

    if file == "-":
        return read(sys.stdin.buffer, source, "standard input")
    try:
        with Path(file).open("rb") as stream:
            return read(stream, source, file)
    except OSError as error:
        hint = "name a file, or - for standard input"
        raise InputError(f"{file} cannot be read: {error.strerror or error}", hint) from error


def _keep(reading: Reading, source: str, cluster: str, inventory: Inventory, directory: Path) -> list[NetworkNeighbors]:
    from ..cache.store import Store  # noqa: PLC0415
    from ..capture.imported import take_in  # noqa: PLC0415
    from ..neighbors.recording import summarise  # noqa: PLC0415

    with Store.open(directory) as store:
        heard, account = take_in(reading, source, store, cluster, inventory)
    traffic = reading.traffic
    replies = "1 reply" if traffic.replies == 1 else f"{traffic.replies} replies"
    streams.say(f"{counted(traffic.events, 'event')} read, {replies} among them")
    summed = sorted(map(summarise, heard), key=lambda one: one.workload)
    for one in summed[:_SHOWN]:
        place = one.workload.full_path
        streams.say(f"{place}: {counted(len(one.neighbors), 'neighbor')}, {len(one.answered)} answered")
    if len(summed) > _SHOWN:
        streams.say(f"and {counted(len(summed) - _SHOWN, 'more workload')}")
    for sentence in (*_notes(reading, account.unattributed, account.unknown_peers), *_notes_on(summed, reading)):
        streams.note(sentence)
    return summed


# A script that goes on to generate policies must not do so from what was recorded before, or from nothing.
def _refuse_nothing(file: str, source: str, inventory: str | None) -> NoReturn:
    from ..capture.imported import READS  # noqa: PLC0415

    title = "standard input" if file == "-" else file
    doubt = f"is {inventory} of the same cluster and time? " if inventory else ""
    hint = f"{doubt}--from {source} reads {READS[source]}"
    raise InputError(f"nothing was taken in: {title} tells of no workload", hint)


def _notes(reading: Reading, unattributed: tuple[str, ...], unknown: tuple[str, ...]) -> list[str]:
    traffic = reading.traffic
    notes = []
    if reading.is_cut:
        notes.append("it ends in the middle of an event, which was left out")
    if traffic.lost:
        notes.append(f"lossy: its source lost {counted(traffic.lost, 'event')}")
    for reason, count in sorted(traffic.skipped.items()):
        notes.append(f"not counted: {counted(count, 'event')} {reason}")
    if unattributed:
        notes.append(f"seen, and not in the inventory: {some_of(unattributed, _SHOWN)}")
    if unknown:
        notes.append(f"inside the cluster's own ranges, and nobody's: {some_of(unknown, _SHOWN)}")
    return notes


# On the workloads that were told of.
def _notes_on(heard: list[NetworkNeighbors], reading: Reading) -> list[str]:
    notes = []
    if heard and not reading.traffic.replies and not any(one.answered for one in heard):
        notes.append("it holds no replies, so nothing is known to be answered: was it filtered when it was written?")
    unselected = [one.workload.full_path for one in heard if _is_unselected(one)]
    if unselected:
        notes.append(f"no selector is known, a newer --inventory may have it: {some_of(unselected, _SHOWN)}")
    return notes


def _is_unselected(one: NetworkNeighbors) -> bool:
    return one.selector.is_empty


def _words(local: bool, kubeconfig: str | None, context: str | None, cache_dir: Path) -> list[str]:
    words = ["--local"] if local else []
    words += ["--kubeconfig", kubeconfig] if kubeconfig else []
    words += ["--context", context] if context else []
    return [*words, *cache_dir_words(cache_dir)]
