"""``kubectl netpol sessions``: the recordings that run in the cluster, or wait there to be collected."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from . import streams
from .connection import Connection, connects, need_kubeconfig
from .namespaces import namespace_option
from .outputs import is_template, no_headers_option, output_option, print_objects
from .session_options import sessions_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..capture.collection import Found
    from ..cluster.api import Api
    from ..wire import StatusRecord

_HEADERS = ("NAME", "AGE", "STATUS", "TIME-LEFT", "NODES", "PODS", "NEIGHBORS", "SCOPE")
_AT_ONCE = 8


@click.command("sessions", short_help="List the recordings that run in the cluster, or wait there.")
@namespace_option("-n", "--namespace", text="Where the captures run; by default the context's.")
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces, whatever --namespace says.")
@output_option("table", "json", "yaml", "name", default="table")
@no_headers_option
@connects
def command(connection: Connection, namespace: str | None, all_namespaces: bool, output: str, no_headers: bool) -> None:
    """List the recordings that run in the cluster, or whose records wait there to be collected.

    NODES are those that have spoken, of all. PODS and NEIGHBORS are counted on the nodes, whatever was asked for, and
    before the pods of one workload are summed up. TIME-LEFT says when it ends, or, when it is over, when the API
    server removes it. Policies that wait to be confirmed are told below.

    \b
    Examples:
      kubectl netpol sessions
      kubectl netpol sessions -A
    """
    from ..capture.collection import last_word, pods_of  # noqa: PLC0415  # half a second

    need_kubeconfig(connection)
    here = "" if all_namespaces else namespace or connection.home
    api = connection.open()
    found = sessions_in(connection, api, here)
    if output == "name":
        for one in found:
            streams.line(one.session.name)
        return

    def account(one: Found) -> dict[str, object]:
        words = [last_word(api, one.namespace, pod) for pod in pods_of(api, one) if pod.has_log]
        heard = newest_by_node(word for word in words if word is not None)
        return {
            "name": one.session.name,
            "namespace": one.namespace,
            "begun": one.session.begun,
            "ends": one.session.ends,
            "expires": one.expires,
            "over": one.is_over,
            "detached": one.session.detached,
            "nodes": one.nodes,
            "heard": sorted({word.node for word in heard}),
            "pods": sum(word.attached.get("namespaces", 0) for word in heard),
            "neighbors": sum(word.counts.get("flows", 0) for word in heard),
            "scope": _scope(one),
        }

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        accounts = list(pool.map(account, found))
    if output in ("json", "yaml") or is_template(output):
        print_objects(output, [_object(one) for one in accounts], alone=False, with_headers=not no_headers)
    elif not accounts:
        streams.say(f"No sessions found in {here + ' namespace' if here else 'any namespace'}.")
        if here:
            streams.say("hint: look in all namespaces with -A")
    else:
        _print_table(accounts, not here, not no_headers)
    if output == "table":
        _tell_unconfirmed(api, connection, here)


# They hold policies, not records, and are no sessions to be collected or stopped.
def _tell_unconfirmed(api: Api, connection: Connection, namespace: str) -> None:
    from ..apply.guards import find, state_words  # noqa: PLC0415
    from .rolled_back import described  # noqa: PLC0415

    for one in find(api, namespace):
        place = one.plan.namespace
        keep, undo = (connection.command(verb, one.session, "-n", place) for verb in ("confirm", "rollback"))
        if one.is_waiting:
            streams.note(f"in namespace {place} policies wait to be confirmed: {described(one)}; {keep}, or {undo}")
        elif not one.is_over:
            streams.note(f"in namespace {place} a rollback is not done: {described(one)}: {state_words(one)}; {undo}")


def newest_by_node(words: Iterable[StatusRecord]) -> list[StatusRecord]:
    """Of a node whose agent was begun again, in another pod, only what the newest said."""
    return list({word.node: word for word in sorted(words, key=lambda word: word.time)}.values())


# As an object of Kubernetes, so that templates find a name where they look for one.
def _object(account: dict[str, object]) -> dict[str, object]:
    metadata = {"name": account["name"], "namespace": account["namespace"]}
    return {"apiVersion": "kubectl-netpol/v1", "kind": "Session", "metadata": metadata, **account}


def _scope(one: Found) -> str:
    session = one.session
    words = list(session.selection) or ["everything"]
    words += [f"-l {session.labels}"] if session.labels else []
    return f"{', '.join(words)} in {session.namespace or 'all namespaces'}"


def _print_table(accounts: list[dict[str, object]], with_namespace: bool, with_headers: bool) -> None:
    from ..render.age import age  # noqa: PLC0415
    from ..render.table import to_table  # noqa: PLC0415

    now = int(time.time() * 1000)
    rows = []
    for one in accounts:
        ends = one["expires"] if one["over"] or not one["ends"] else one["ends"]
        nodes, heard = one["nodes"], one["heard"]
        row = [
            one["name"],
            age(now - int(str(one["begun"]))),
            "Over" if one["over"] else "Detached" if one["detached"] else "Watched",
            age(max(0, int(str(ends)) - now)),
            f"{len(heard) if isinstance(heard, list) else 0}/{len(nodes) if isinstance(nodes, list) else 0}",
            str(one["pods"]),
            str(one["neighbors"]),
            one["scope"],
        ]
        rows.append([*([str(one["namespace"])] if with_namespace else []), *map(str, row)])
    streams.data(to_table((("NAMESPACE",) if with_namespace else ()) + _HEADERS, rows, with_headers))
