"""Lists of whole collections, in pages, each object with its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .api import READ_SECONDS, Api
from .resources import Resource
from .trouble import RefusedError

PAGE = 500
_EXPIRED = 410
_MOST_RESTARTS = 3


class Pages:
    """The pages of one list; ``version`` is the resourceVersion to watch from, once they were all read.

    A list whose continuation has expired (410) goes on from a fresh, consistent one, as the API's words want it
    ("the client must start over"); an object that came twice is the same object.

    UnreachableError after ``silence`` seconds without an answer.
    """

    def __init__(
        self, api: Api, resource: Resource, namespace: str = "", labels: str = "", silence: float = READ_SECONDS
    ) -> None:
        self._api = api
        self._resource = resource
        self._path = resource.path(namespace)
        self._labels = labels
        self._silence = silence
        self.version = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each object, with apiVersion and kind, which the API server leaves out of a list's items."""
        told = {"apiVersion": self._resource.api_version, "kind": self._resource.kind}
        for page in self._pages():
            for item in page.get("items") or ():
                if isinstance(item, dict):
                    yield told | item

    def _pages(self) -> Iterator[dict[str, Any]]:
        token, restarts = "", 0
        while True:
            query: dict[str, str | int] = {"limit": PAGE, "continue": token, "labelSelector": self._labels}
            try:
                page = self._api.get(self._path, query, self._silence)
            except RefusedError as error:
                if error.status != _EXPIRED or not token or restarts >= _MOST_RESTARTS:
                    raise
                token, restarts = "", restarts + 1
                continue
            yield page
            metadata = page.get("metadata") or {}
            self.version = str(metadata.get("resourceVersion") or "")
            token = str(metadata.get("continue") or "")
            if not token:
                return
