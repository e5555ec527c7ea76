"""Whose a process's network namespace is: a pod's of the kubelet that runs the agent, or nobody's business.

Asked by each scan, so a cgroup is read only for a namespace that is not known yet, and the answer is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from .identity import cgroup_of_process, kubelets_of_cgroup, pod_of_cgroup

_PATIENCE = 5.0
"""For how long (s) a namespace is judged at each scan: a container's first process may not be in its cgroup yet."""


class Belonging:
    """``own`` is the text of the agent's /proc/self/cgroup: it tells this node's kubelet from another's on the machine.

    Where it does not say so (a private cgroup namespace hides it) pods of any kubelet count.
    """

    def __init__(
        self, own: str, cgroup_of: Callable[[int], str] = cgroup_of_process, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._kubelets = kubelets_of_cgroup(own) if pod_of_cgroup(own) else frozenset()
        self._cgroup_of = cgroup_of
        self._now = now
        self._foreign: dict[int, tuple[int, float]] = {}

    def pods_among(self, processes: Mapping[int, int], known: Callable[[int, int], bool]) -> dict[int, int]:
        """The processes by namespace's inode without those of foreign namespaces; ``known`` ones are not judged.

        What was judged foreign is forgotten when it vanishes, and judged anew when another process stands for it:
        the kernel uses inodes again at once.
        """
        self._foreign = {inode: judged for inode, judged in self._foreign.items() if inode in processes}
        return {inode: pid for inode, pid in processes.items() if known(inode, pid) or not self._is_foreign(inode, pid)}

    def _is_foreign(self, inode: int, pid: int) -> bool:
        now = self._now()
        judged, since = self._foreign.get(inode, (0, now))
        if judged != pid:
            since = now
        elif now - since > _PATIENCE:
            return True
        if self._is_ours(self._cgroup_of(pid)):
            self._foreign.pop(inode, None)
            return False
        self._foreign[inode] = pid, since
        return True

    def _is_ours(self, cgroup: str) -> bool:
        return bool(pod_of_cgroup(cgroup)) and (not self._kubelets or bool(self._kubelets & kubelets_of_cgroup(cgroup)))
