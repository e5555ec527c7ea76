"""The values that an option or argument can have: choices, and what the disk, the kubeconfig or the cluster know.

Which kind of value it is says the name that the help has for it, such as NAMESPACE; so new commands need nothing here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from ..cache.clusters import identity_of
from ..cache.location import default_directory
from ..errors import NetpolError
from ..model import Workload
from .candidates import FILES, FOLDERS, NO_FILES, NO_SPACE, Candidate, Candidates
from .complete_words import Wish
from .kinds import is_kind, short_names
from .kubeconfig import find_files, list_names
from .options import LOCAL_CONTEXT, current_context

_READERS = ("neighbors", "generate", "graph")
"""They know what was recorded only; a cluster is not asked for them."""


def values_of(wish: Wish, parameter: click.Parameter) -> Candidates:
    """The candidates for a parameter. Raises NetpolError where a file cannot be read."""
    if isinstance(parameter.type, click.Choice):
        return _choices(parameter.type, wish.last)
    name, kind = str(parameter.name), (parameter.metavar or "").strip("[].").split(" ")[0].strip(".")
    alternatives = kind.split("|")
    if "FILE" in alternatives:
        return [(word, "") for word in alternatives if word.islower()], FILES
    if "DIR" in alternatives:
        return (), FOLDERS
    source = _SOURCES.get(name) or _SOURCES.get(kind)
    if source is None and wish.path[:1] == ("known-servers",) and name == "names":
        source = _known_servers
    return (source(wish) if source else ()), NO_FILES


# What ends in = goes on: with a file, or with a text that nobody can guess.
def _choices(choices: click.Choice[str], last: str) -> Candidates:
    begun, equals, _ = last.partition("=")
    if equals and f"{begun}=" in choices.choices:
        return (), FILES if begun.endswith("-file") else NO_FILES
    found = [str(choice) for choice in choices.choices if str(choice).startswith(last)]
    goes_on = bool(found) and all(choice.endswith("=") for choice in found)
    return [(choice, "") for choice in found], NO_FILES | (NO_SPACE if goes_on else 0)


def _kubeconfig_names(section: str) -> Callable[[Wish], Iterable[Candidate]]:
    return lambda wish: [(name, "") for name in list_names(_files(wish), section)]


def _files(wish: Wish) -> list[Path]:
    return find_files(os.environ, wish.one("kubeconfig") or None)


def _known_servers(wish: Wish) -> Iterable[Candidate]:
    from ..known_servers.documents import merge  # noqa: PLC0415
    from ..known_servers.store import read_known_servers  # noqa: PLC0415
    from .known_option import known_servers_place  # noqa: PLC0415

    named = wish.one("path") or os.environ.get("KUBECTL_NETPOL_KNOWN_SERVERS", "")
    file, is_named = known_servers_place(Path(named) if named else None)
    for document in merge(read_known_servers(file, is_named)).values():
        if document.name not in wish.words:
            yield document.name, ", ".join(dict.fromkeys(entry.server for entry in document.entries))


def _policy_types(_: Wish) -> Iterable[Candidate]:
    return [("ingress", ""), ("egress", ""), ("ingress,egress", "")]


def _namespaces(wish: Wish) -> Iterable[Candidate]:
    recorded = dict.fromkeys(workload.namespace for workload in _recorded(wish))
    yield from ((namespace, "recorded") for namespace in recorded)
    if not _is_only_read(wish):
        from .complete_cluster import namespaces  # noqa: PLC0415  # the client library

        yield from ((name, "") for name in namespaces(wish) if name not in recorded)


def _sessions(wish: Wish) -> Iterable[Candidate]:
    from .complete_cluster import guards, sessions  # noqa: PLC0415

    return (guards if wish.path[:1] in [("confirm",), ("rollback",)] else sessions)(wish, _namespace(wish))


def _nodes(wish: Wish) -> Iterable[Candidate]:
    from .complete_cluster import nodes  # noqa: PLC0415

    return [(name, "") for name in nodes(wish) if name not in wish.given.get("nodes", ())]


def _workloads(wish: Wish) -> Iterable[Candidate]:
    here = _namespace(wish)
    found = {workload: "recorded" for workload in _recorded(wish) if here in ("", workload.namespace)}
    if not _is_only_read(wish):
        from .complete_cluster import workloads  # noqa: PLC0415

        found = dict.fromkeys(workloads(wish, here), "") | found
    is_by_type = bool(wish.words) and "/" not in wish.words[0]
    for workload in sorted(found):
        place = "" if here else f" in {workload.namespace}"
        for word in _names(workload, wish.words[0]) if is_by_type else _paths(workload, wish.last):
            if word not in wish.words:
                yield word, f"{found[workload]}{place}"


def _names(workload: Workload, types: str) -> Iterable[str]:
    return (workload.name,) if any(is_kind(workload, spelling) for spelling in types.split(",")) else ()


# In the spelling that was begun: deploy/web after deploy/, and ds/agent after ds, which begins no kind's own name.
def _paths(workload: Workload, begun: str) -> Iterable[str]:
    kind, slash, _ = begun.partition("/")
    if slash:
        return (f"{kind}/{workload.name}",) if is_kind(workload, kind) else ()
    if workload.path.startswith(begun):
        return (workload.path,)
    return (f"{short}/{workload.name}" for short in short_names(workload) if short.startswith(begun))


def _recorded(wish: Wish) -> Iterable[Workload]:
    directory = Path(wish.one("cache_dir")).expanduser() if wish.has("cache_dir") else default_directory(os.environ)
    from ..cache.store import Store, exists  # noqa: PLC0415

    try:
        if not exists(directory):
            return ()
        cluster = identity_of(directory, _cluster(wish))
        with Store.open(directory) as store:
            return store.workloads(cluster)
    except NetpolError:
        return ()


def _cluster(wish: Wish) -> str:
    if wish.has("local"):
        return LOCAL_CONTEXT.cluster
    return current_context(False, wish.one("kubeconfig") or None, wish.one("context") or None).cluster


def _namespace(wish: Wish) -> str:
    if wish.has("all_namespaces"):
        return ""
    named = wish.one("namespace")
    return (
        named
        or current_context(wish.has("local"), wish.one("kubeconfig") or None, wish.one("context") or None).namespace
    )


def _is_only_read(wish: Wish) -> bool:
    return wish.path[:1] in [(verb,) for verb in _READERS] or wish.has("local")


_SOURCES: dict[str, Callable[[Wish], Iterable[Candidate]]] = {
    "context": _kubeconfig_names("contexts"),
    "cluster": _kubeconfig_names("clusters"),
    "user": _kubeconfig_names("users"),
    "nodes": _nodes,
    "session": _sessions,
    "policy_types": _policy_types,
    "NAMESPACE": _namespaces,
    "TYPE/NAME": _workloads,
}
"""By a parameter's own name, or else by what the help calls its value."""
