"""The one tree of control groups that holds every process of the cluster.

    TREE/<machine>/daemons/<daemon>    a daemon and its children
    TREE/<node>/kubepods/...           the kubelet's, for pods

The tree is made in every hierarchy of version 1, or in the one of version 2. A process that is in it is ours, whatever
its number; one that is not is none of our business.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from .layout import TREE


def hierarchies() -> tuple[Path, ...]:
    """The mount points of all cgroup hierarchies, of both versions."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return tuple(Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2"))


def version_2() -> Path | None:
    """The mount point of the hierarchy of version 2, beside others or alone."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)


def make(*names: str) -> tuple[Path, ...]:
    """Makes the group TREE/names in every hierarchy and returns its folders. What exists already is kept."""
    folders = tuple(root.joinpath(TREE, *names) for root in hierarchies())
    for root, folder in zip(hierarchies(), folders, strict=True):
        for group in (*reversed(folder.relative_to(root).parents[:-1]), folder.relative_to(root)):
            (root / group).mkdir(exist_ok=True)
            _inherit(root / group)
    return folders


def delegate(*names: str) -> None:
    """Lets the children of TREE/names limit what they use. Version 2 asks for that at every level, 1 never."""
    for root in hierarchies():
        if not (root / "cgroup.subtree_control").exists():
            continue
        offered = (root / "cgroup.controllers").read_text().split()
        for depth in range(len(names) + 2):
            group = root.joinpath(*(TREE, *names)[:depth])
            for controller in offered:
                (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit(group: Path) -> None:
    # A cpuset of version 1 starts empty and admits nobody.
    for name in ("cpuset.cpus", "cpuset.mems"):
        own = group / name
        if (group / "cpuset.sched_load_balance").exists() and not own.read_text().strip():
            own.write_text((group.parent / name).read_text())


def processes(*names: str) -> list[int]:
    """The numbers of the living processes in TREE/names and below."""
    return sorted({number for root in hierarchies() for number in _members(root.joinpath(TREE, *names))})


def _members(folder: Path) -> Iterator[int]:
    for group, _, _ in os.walk(folder):
        try:
            numbers = (Path(group) / "cgroup.procs").read_text().split()
        except OSError:  # gone since it was listed
            continue
        yield from (int(number) for number in numbers if not _is_dead(int(number)))


def _is_dead(number: int) -> bool:
    # Init may be slow to reap: a zombie is dead. The state is the first word behind the name, which may hold anything.
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def send(number: int, what: signal.Signals) -> None:
    """Sends a signal; a process that is gone already is fine."""
    try:
        os.kill(number, what)
    except ProcessLookupError:
        return


def kill(*names: str, patience: float = 5.0) -> None:
    """Kills everything in TREE/names. TimeoutError after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while remaining := processes(*names):
        if time.monotonic() > deadline:
            raise TimeoutError(f"these processes do not die: {remaining}")
        for number in remaining:
            send(number, signal.SIGKILL)
        time.sleep(0.02)


def remove(*names: str, patience: float = 5.0) -> None:
    """Removes TREE/names, in which no process may be left. OSError when it is busy after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    for root in hierarchies():
        for group, _, _ in os.walk(root.joinpath(TREE, *names), topdown=False):
            _remove(Path(group), deadline)


def _remove(group: Path, deadline: float) -> None:
    # A group stays busy for a moment after its last process.
    while True:
        try:
            return group.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
