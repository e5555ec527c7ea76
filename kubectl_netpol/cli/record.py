"""``record``: what workloads talk to, into the cache; in a cluster, or on this machine with ``--local``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from .connection import Connection, connects
from .duration import parse_duration
from .namespaces import namespace_option
from .options import cache_dir_option
from .outputs import output_option

_LONGEST_SECONDS = 30 * 86_400


def _seconds(_: click.Context, parameter: click.Parameter, value: str | None) -> float:
    hint = "recordings add up: record again, or collect in between"
    return _parsed(parameter, value, "hears nothing; leave it out to record until Ctrl-C", "a session lasts", hint)


def _ttl(_: click.Context, parameter: click.Parameter, value: str | None) -> float:
    hint = "collect it before that: what is in the cache stays"
    return _parsed(
        parameter, value, "keeps nothing; leave it out to keep it for a day", "what was captured waits", hint
    )


def _parsed(parameter: click.Parameter, value: str | None, of_none: str, of_most: str, hint: str) -> float:
    if value is None:
        return 0.0
    try:
        seconds = parse_duration(value) / 1000
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration; write it as 90s, 5m or 1h30m") from error
    if not seconds:
        raise click.BadParameter(f"{parameter.opts[0]} of no time {of_none}")
    if seconds > _LONGEST_SECONDS:
        raise InputError(f"{parameter.opts[0]} {value}: {of_most} for 30 days at most", hint)
    return seconds


_IN_A_CLUSTER = {
    "selection": "TYPE/NAME",
    "namespace": "--namespace",
    "all_namespaces": "--all-namespaces",
    "labels": "--selector",
    "until_stable": "--until-stable",
    "detach": "--detach",
    "nodes": "--node",
    "capture_namespace": "--capture-namespace",
    "dry_run": "--dry-run",
    "image": "--image",
}


@click.command("record", short_help="Record what workloads talk to, with eBPF.")
@click.argument("selection", nargs=-1, metavar="[TYPE/NAME ...]")
@namespace_option("-n", "--namespace", text="The namespace; by default the current context's.")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces, whatever --namespace says.")
@click.option("-l", "--selector", "labels", default="", metavar="SELECTOR", help="Pods' labels, as in kubectl get.")
@click.option("--duration", metavar="DURATION", callback=_seconds, help="When to end, such as 5m; else at Ctrl-C.")
@click.option(
    "--until-stable",
    metavar="DURATION",
    callback=_seconds,
    help="End when no new neighbor was seen for so long, or after --duration.",
)
@click.option("--detach", is_flag=True, help="Leave the captures running for --duration, and return.")
@click.option(
    "--ttl",
    metavar="DURATION",
    callback=_ttl,
    help="How long what was captured detached waits to be collected. [default: 24h]",
)
@click.option("--node", "nodes", multiple=True, metavar="NAME", help="Capture this node only; may be repeated.")
@namespace_option("--capture-namespace", text="Where the capture Jobs run. [default: the recorded namespace]")
@click.option(
    "--attach",
    type=click.Choice(["auto", "tcx", "socket"]),
    default="auto",
    show_default=True,
    help="How to see packets: tcx links (Linux 6.6), packet sockets, or what works.",
)
@click.option("--image", metavar="IMAGE", help="The capture's image. [default: this version's]")
@click.option(
    "--image-pull-policy",
    "pull_policy",
    type=click.Choice(["Always", "IfNotPresent", "Never"]),
    help="When nodes pull it. [default: IfNotPresent]",
)
@click.option(
    "--image-pull-secret", "pull_secrets", multiple=True, metavar="NAME", help="A Secret to pull it with; repeatable."
)
@click.option(
    "--dry-run",
    type=click.Choice(["none", "client", "server"]),
    default="none",
    help="client: print the Job, contact nothing. server: ask whether all of it would be admitted.",
)
@output_option("yaml", "json", "name", templates=False)
@click.option("-q", "--quiet", is_flag=True, help="No progress, only notes and errors.")
@click.option("--local", is_flag=True, help="Record the network namespaces of this machine, without a cluster.")
@click.option(
    "--inventory", metavar="FILE", help="With --local: the Kubernetes objects that say whose addresses are whose."
)
@connects
@cache_dir_option
def command(connection: Connection, local: bool, inventory: str | None, cache_dir: Path, **values: Any) -> None:
    """Record what workloads talk to.

    A Job on each node that hosts what was asked for watches the pods' interfaces with eBPF; no packet is changed,
    delayed or dropped. What it sees comes into the cache on this disk, aggregated per workload, and the Jobs are
    removed. Should this machine die meanwhile, the API server ends and removes them by itself. Ctrl-C ends the
    recording and keeps everything; recordings add up.

    At its end it tells for each workload how many new neighbors as much time again would bring, and how likely a
    connection goes to one that is missing, if traffic goes on as it was. An end by --until-stable rests on that: a
    time without anything new proves little alone. Of what comes less often, such as a nightly job, it knows nothing.

    \b
    Examples:
      # Record the current namespace for five minutes
      kubectl netpol record --duration 5m
    \b
      # One workload, until nothing new was seen for ten minutes
      kubectl netpol record deploy/nginx -n shop --until-stable 10m
    \b
      # Everything, for a day, without waiting for it; then look, and take it in
      kubectl netpol record -A --detach --duration 24h
      kubectl netpol sessions
      kubectl netpol collect
    \b
      # What would run, without contacting anything
      kubectl netpol record --dry-run=client -o yaml
    \b
      # This single-node cluster, as root on its node
      kubectl get pods,services,endpointslices,namespaces,deployments,statefulsets,\\
    daemonsets,replicasets,jobs,cronjobs,nodes -A -o yaml > objects.yaml
      kubectl netpol record --local --inventory objects.yaml --duration 5m
    """
    if local:
        _refuse(
            [flag for name, flag in _IN_A_CLUSTER.items() if values[name] not in ((), "", None, 0.0, False, "none")]
        )
        from .record_local import record_local  # noqa: PLC0415  # each way has its own libraries

        record_local(inventory, values["duration"], values["attach"], cache_dir, values["quiet"])
        return
    if inventory:
        raise InputError("--inventory goes with --local", "a cluster is asked itself: leave --inventory out")
    from .record_cluster import record_cluster  # noqa: PLC0415
    from .record_wish import Wish  # noqa: PLC0415

    record_cluster(connection, cache_dir, Wish(**values))


def _refuse(flags: list[str]) -> None:
    if flags:
        raise InputError(f"{flags[0]} means nothing with --local", "the whole machine is recorded: leave it out")
