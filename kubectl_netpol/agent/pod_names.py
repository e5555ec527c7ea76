"""Which pod has a UID: the kubelet's folders of logs, /var/log/pods/NAMESPACE_NAME_UID, say so on the node itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from kubectl_netpol.wire import is_pod_name

FOLDER = "/var/log/pods"
_PERIOD = 1.0
_PATIENCE = 10.0
"""For how long (s) the folder of a new UID is waited for: it may appear a little later than the pod's network."""


class PodNames:
    """``folder`` is listed when a UID is asked for that the last listing lacked, once a second at most."""

    def __init__(self, folder: str, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._found: dict[str, tuple[str, str]] = {}
        self._next_listing = 0.0

    def find(self, uid: str, since: float) -> tuple[str, str] | None:
        """The namespace and name of the pod with that UID, which is known ``since`` then (monotonic).

        What was not found within some seconds is looked for no more.
        """
        now = self._now()
        if uid not in self._found and since + _PATIENCE >= now >= self._next_listing:
            self._next_listing = now + _PERIOD
            self._found = dict(self._list())
        return self._found.get(uid)

    def _list(self) -> list[tuple[str, tuple[str, str]]]:
        try:
            parts = [name.split("_") for name in os.listdir(self._folder)]  # noqa: PTH208
        except OSError:
            return []
        return [(one[2], (one[0], one[1])) for one in parts if len(one) == 3 and is_pod_name(one[0], one[1])]
