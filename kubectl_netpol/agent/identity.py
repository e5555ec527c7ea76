"""What the node itself knows of a process: its network namespace, and its pod by the cgroup's path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_POD = re.compile(r"[-/]pod([0-9a-f]{8}[-_]?(?:[0-9a-f]{4}[-_]?){3}[0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?:[/:]|$)")


def pod_of_cgroup(text: str) -> str:
    """The pod's UID in the text of /proc/PID/cgroup, or nothing.

    Both cgroup drivers' names are read: ``/kubepods/burstable/pod<uid>/<container>`` and
    ``/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid with underscores>.slice/cri-...``. Seen from
    a pod's own cgroup namespace a path begins at a common parent, ``/../../pod<uid>/<container>``.
    """
    for line in text.splitlines():
        path = line.split(":", 2)[-1]
        if "kubepods" in path or path.startswith("/../"):
            found = _POD.search(path)
            if found:
                return found.group(1).replace("_", "-")
    return ""


def kubelets_of_cgroup(text: str) -> frozenset[str]:
    """What stands before ``kubepods`` in the paths of /proc/PID/cgroup: the cgroup root of the pod's kubelet.

    Empty where it cannot be seen: a path may be relative to the reader's own cgroup namespace.
    """
    paths = [line.split(":", 2)[-1] for line in text.splitlines()]
    return frozenset(path.split("kubepods", 1)[0] for path in paths if "kubepods" in path)


def cgroup_of_process(pid: int | str) -> str:
    """The text of /proc/PID/cgroup; nothing when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace")
    except OSError:
        return ""


def pod_of_process(pid: int) -> str:
    """The UID of the pod that a process belongs to, or nothing."""
    return pod_of_cgroup(cgroup_of_process(pid))


def namespaces_of_processes() -> Iterator[tuple[int, int]]:
    """(pid, inode of its network namespace) for each process that may be asked."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - this is a hot path, and Path costs ten times as much
        if not name.isdigit():
            continue
        try:
            link = os.readlink(f"/proc/{name}/ns/net")  # noqa: PTH115
        except OSError:
            continue
        yield int(name), int(link[5:-1])
