"""A workload's recording while ``fold`` puts it together from its pods' rows."""

from __future__ import annotations

from ..model import Counts, NeighborKey, PodLife, Window, Workload
from .inventory import Inventory
from .labels import Labels, differing, stable
from .pod_lives import join_life
from .pods import Pod
from .recording import Recording, add_counts
from .windows import join_windows


class Draft:
    """Sums up what the pods of one workload heard, epoch by epoch."""

    __slots__ = ("_differing", "_flows", "_labels", "_lives", "_newest", "_windows")

    def __init__(self) -> None:
        self._differing: frozenset[str] = frozenset()
        self._flows: dict[NeighborKey, dict[str, Counts]] = {}
        self._labels: Labels = ()
        self._lives: dict[str, PodLife] = {}
        self._newest: Pod | None = None
        self._windows: dict[str, Window] = {}

    def hear(self, pod: Pod, window: Window) -> None:
        """One of the workload's pods was captured during that window."""
        labels = stable(pod.labels)
        if self._newest is not None:
            self._differing |= differing(labels, self._labels)
        if self._newest is None or (pod.begin, pod.uid) > (self._newest.begin, self._newest.uid):
            self._newest, self._labels = pod, labels
        known = self._windows.get(window.epoch)
        self._windows[window.epoch] = join_windows(known, window) if known else window
        life = PodLife(pod.name, pod.node or window.node, window.last, window.last)
        same = self._lives.get(pod.name)
        self._lives[pod.name] = join_life(same, life) if same else life

    def count(self, epoch: str, key: NeighborKey, counts: Counts) -> None:
        """One of its pods met a neighbor."""
        by_epoch = self._flows.setdefault(key, {})
        known = by_epoch.get(epoch)
        by_epoch[epoch] = add_counts(known, counts) if known else counts

    def recording(self, workload: Workload, inventory: Inventory) -> Recording:
        """The recording, with the selector and labels of the newest pod, and the keys in which the pods differ.

        Raises ValueError before any pod was heard.
        """
        if self._newest is None:
            raise ValueError("a recording needs a captured pod")
        selector = inventory.owned(self._newest).selector
        return Recording(
            workload,
            selector,
            self._labels,
            self._newest.host_network,
            self._windows,
            self._flows,
            differing=self._differing,
            pods=self._lives,
        )
