"""Keeps an ``Inventory`` as the cluster is: everything listed once, what moves watched, owners asked for when needed.

Watches speak in threads of their own; the inventory is touched only by whoever calls ``load`` and ``apply``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from ..errors import InputError
from ..neighbors.inventory import Inventory
from .api import Api, Query, now
from .lists import Pages
from .resources import CONTROLLERS, CRON_JOB, DEPLOYMENT, HELPFUL, JOB, REPLICA_SET, WATCHED, Resource
from .trouble import ClusterError, RefusedError
from .watch import Broken, Changed, Listed, Mended, News, Watch

_BY_KIND = {one.kind: one for one in CONTROLLERS}
_ABOVE: dict[str, Resource] = {REPLICA_SET.kind: DEPLOYMENT, JOB.kind: CRON_JOB}
_MANY_OWNERS = 20
"""So many unknown owners of one kind, and the kind is listed as a whole."""

_MOST_NEWS = 20_000
_OWNER_SECONDS = 2.0
_OWNER_SILENCE = 5.0
"""So long an answer about owners is waited for, since whoever calls ``apply`` waits with it; then it is asked anew."""

Owner = tuple[str, str, str]
"""Kind, namespace and name of what owns a pod."""


class Listener(Protocol):
    """Who wants to see the objects themselves, beside the inventory."""

    def saw(self, resource: Resource, found: dict[str, Any], is_gone: bool) -> None:
        """An object as it is now, or as it was last."""

    def listed(self, resource: Resource, names: set[tuple[str, str]]) -> None:
        """These (namespace, name) are all that there are."""

    def foresee(self, resource: Resource, found: dict[str, Any]) -> None:
        """``saw`` will be called with it by the next ``apply``. Called in a watch's own thread."""


class Feed:
    """``troubles`` says which watches are broken off now, by their resource's plural."""

    def __init__(self, api: Api, inventory: Inventory, listener: Listener) -> None:
        self._api = api
        self._listener = listener
        self.inventory = inventory
        self.troubles: dict[str, ClusterError] = {}
        self._news: SimpleQueue[News] = SimpleQueue()
        self._watches: list[Watch] = []
        self._versions: dict[Resource, str] = {}
        self._wanted: dict[Owner, None] = {}
        self._next_owners = 0.0

    def load(self) -> None:
        """Lists everything that attribution needs. Raises ClusterError when one of the lists is refused."""
        for resource in (*WATCHED, *CONTROLLERS):
            pages = Pages(self._api, resource)
            self._observe(resource, pages)
            self._versions[resource] = pages.version
        self._load_helpful()

    def watch(self) -> None:
        """Begins to follow what ``load`` has listed."""
        for resource in WATCHED:
            watch = Watch(self._api, resource, self._hear)
            watch.start(self._versions[resource])
            self._watches.append(watch)

    def stop(self) -> None:
        for watch in self._watches:
            watch.stop()

    def _hear(self, news: News) -> None:
        self._news.put(news)
        if isinstance(news, Changed):
            self._listener.foresee(news.resource, news.object)

    def apply(self) -> int:
        """Takes in what the watches have said since the last call; how many news that were."""
        count = 0
        for news in self._pending():
            self._take(news)
            count += 1
        self._ask_for_owners()
        return count

    def _pending(self) -> Iterator[News]:
        for _ in range(_MOST_NEWS):
            try:
                yield self._news.get_nowait()
            except Empty:
                return

    def _take(self, news: News) -> None:
        plural = news.resource.plural
        if isinstance(news, Broken):
            self.troubles[plural] = news.error
            return
        self.troubles.pop(plural, None)
        if isinstance(news, Mended):
            return
        if isinstance(news, Listed):
            self._observe(news.resource, news.objects)
            return
        try:
            change = self.inventory.remove if news.gone else self.inventory.upsert
            change(news.object, self.now())
        except InputError:  # an object that the API server's own validation would not have let in
            return
        self._listener.saw(news.resource, news.object, news.gone)
        self._note_owners(news.object)

    def now(self) -> int:
        """The cluster's time in ms since the Unix epoch."""
        return now(self._api)

    def _observe(self, resource: Resource, objects: Iterable[dict[str, Any]]) -> None:
        names: set[tuple[str, str]] = set()
        self.inventory.observe(self._noted(resource, objects, names), self.now(), frozenset({resource.kind}))
        self._listener.listed(resource, names)

    def _noted(
        self, resource: Resource, objects: Iterable[dict[str, Any]], names: set[tuple[str, str]]
    ) -> Iterator[dict[str, Any]]:
        for one in objects:
            yield one
            metadata = one.get("metadata") or {}
            names.add((str(metadata.get("namespace", "")), str(metadata.get("name"))))
            self._listener.saw(resource, one, is_gone=False)
            if self._versions.get(resource):  # not on the first load, when the owners are listed after the pods
                self._note_owners(one)

    def _note_owners(self, one: dict[str, Any]) -> None:
        for owner in _owners(one):
            if owner[0] in _BY_KIND and not self.inventory.has_controller(*owner):
                self._wanted[owner] = None

    def _load_helpful(self) -> None:
        """Not every cluster has them, and not everybody may list them: without, some addresses are nobody's."""
        for resource in HELPFUL:
            try:
                self._observe(resource, Pages(self._api, resource))
            except (RefusedError, InputError):
                continue

    # Owners are few and hardly change, so nobody watches them.
    def _ask_for_owners(self) -> None:
        if not self._wanted or time.monotonic() < self._next_owners:
            return
        wanted, self._wanted = list(self._wanted), {}
        try:
            self._fetch(wanted)
        except ClusterError as error:
            self.troubles["owners"] = error
            self._wanted.update(dict.fromkeys(wanted))
        else:
            self.troubles.pop("owners", None)
        self._next_owners = time.monotonic() + _OWNER_SECONDS

    def _fetch(self, wanted: list[Owner]) -> None:
        for kind in dict.fromkeys(owner[0] for owner in wanted):
            owners = [owner for owner in wanted if owner[0] == kind]
            resource = _BY_KIND[kind]
            if len(owners) > _MANY_OWNERS:
                for each in filter(None, (resource, _ABOVE.get(kind))):
                    self._observe(each, Pages(self._api, each, silence=_OWNER_SILENCE))
                continue
            for _, namespace, name in owners:
                self._fetch_one(resource, namespace, name)

    # By a list of one: the right to list is there, the right to get may not be.
    def _fetch_one(self, resource: Resource, namespace: str, name: str) -> None:
        query: Query = {"fieldSelector": f"metadata.name={name}", "limit": 1}
        found = self._api.get(resource.path(namespace), query, _OWNER_SILENCE)
        for item in found.get("items") or ():
            whole = {"apiVersion": resource.api_version, "kind": resource.kind} | item
            self.inventory.upsert(whole, self.now())
            above = [owner for owner in _owners(whole) if owner[0] in _BY_KIND]
            for kind, namespace_above, name_above in above:
                if not self.inventory.has_controller(kind, namespace_above, name_above):
                    self._fetch_one(_BY_KIND[kind], namespace_above, name_above)


def _owners(one: dict[str, Any]) -> Iterator[Owner]:
    metadata = one.get("metadata") or {}
    for reference in metadata.get("ownerReferences") or ():
        if isinstance(reference, dict) and reference.get("controller"):
            yield str(reference.get("kind")), str(metadata.get("namespace", "")), str(reference.get("name"))
