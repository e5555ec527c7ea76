"""What a cluster says to completion, if it says so within a second: nobody who has pressed a key waits longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..model import Workload
from .complete_words import Wish
from .connection import Connection

if TYPE_CHECKING:
    from ..cluster.api import Api
    from ..cluster.resources import Resource

SECONDS = 1.0
_MOST = 500
_ACTIVE = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
_Question = Callable[["Api"], Iterable[Any]]


def namespaces(wish: Wish) -> list[str]:
    """The names of all namespaces."""
    from ..cluster.resources import NAMESPACE  # noqa: PLC0415

    return _ask(wish, [lambda api: _names(api, NAMESPACE)])


def nodes(wish: Wish) -> list[str]:
    """The names of all nodes."""
    from ..cluster.resources import NODE  # noqa: PLC0415

    return _ask(wish, [lambda api: _names(api, NODE)])


def workloads(wish: Wish, namespace: str) -> list[Workload]:
    """The workloads of a namespace, or of all (empty), that make pods by themselves."""
    from ..cluster.resources import CONTROLLERS  # noqa: PLC0415

    def question(resource: Resource) -> _Question:
        return lambda api: [
            Workload(str(one.get("namespace")), resource.kind, str(one.get("name")), resource.api_version)
            for one in _metadata(api, resource, namespace)
        ]

    return _ask(wish, [question(resource) for resource in CONTROLLERS if resource.kind in _ACTIVE])


def sessions(wish: Wish, namespace: str) -> list[tuple[str, str]]:
    """The sessions of a namespace, or of all, each with what it records."""

    def question(api: Api) -> Iterable[tuple[str, str]]:
        from ..capture.collection import find_sessions  # noqa: PLC0415

        for one in find_sessions(api, namespace):
            what = ", ".join(one.session.selection) or "everything"
            yield one.session.name, f"{what} in {one.session.namespace or 'all namespaces'}"

    return _ask(wish, [question])


def guards(wish: Wish, namespace: str) -> list[tuple[str, str]]:
    """The confirmed applies that are not done yet, each with the policies that it would put back."""

    def question(api: Api) -> Iterable[tuple[str, str]]:
        from ..apply.guards import find  # noqa: PLC0415

        for one in find(api, namespace):
            if not one.is_over:
                yield one.session, ", ".join(sorted(one.names))

    return _ask(wish, [question])


def _names(api: Api, resource: Resource) -> list[str]:
    return [str(one.get("name")) for one in _metadata(api, resource, "")]


def _metadata(api: Api, resource: Resource, namespace: str) -> list[dict[str, Any]]:
    items = api.get(resource.path(namespace), {"limit": _MOST}).get("items")
    found = (item.get("metadata") for item in items or () if isinstance(item, dict))
    return [one for one in found if isinstance(one, dict)]


def _ask(wish: Wish, questions: Sequence[_Question]) -> list[Any]:
    """What was answered in time. Each question has a thread, and none is waited for when the time is over."""
    from ..cluster import connection  # noqa: F401, PLC0415  # the client library takes its time, which is not the cluster's

    deadline, found = time.monotonic() + SECONDS, list[Any]()

    def put(question: _Question, api: Api) -> None:
        try:
            found.extend(question(api))
        except Exception:  # noqa: BLE001  # a cluster that refuses, is away, or talks nonsense has nothing to offer
            return

    def open_and_put() -> None:
        try:
            api = _connection(wish).open()
        except Exception:  # noqa: BLE001
            return
        threads = [threading.Thread(target=put, args=(one, api), daemon=True) for one in questions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    opener = threading.Thread(target=open_and_put, daemon=True)
    opener.start()
    opener.join(SECONDS)
    return list(found)


def _connection(wish: Wish) -> Connection:
    named = {name: wish.one(name) or None for name in ("kubeconfig", "context", "cluster", "user", "impersonate")}
    return Connection(**named, groups=tuple(wish.given.get("groups", ())), timeout=SECONDS, words=())
