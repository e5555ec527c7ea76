"""The node's own root folder, for an agent in a container of its own mounts, which must not mount it.

With the node's process ids in sight (hostPID) the agent's parent is the runtime's shim (containerd-shim, conmon), a
process among the node's own mounts: /proc/PID/root is the node's root. Reading it takes CAP_SYS_PTRACE.
"""

from __future__ import annotations

import os

_AUTO = "auto"


def find_root(option: str) -> tuple[str, str]:
    """What stands before an absolute path of the node, and a sentence on what went wrong, or nothing.

    ``option`` is a folder or ``auto``. What auto finds is held open: it stays the node's when the parent ends.
    """
    if option != _AUTO:
        return option.rstrip("/"), ""
    parent = os.getppid()
    try:
        if _is_our_own(parent):
            return "", "the node's files are not in sight: the agent's parent has the same root as the agent itself"
        descriptor = os.open(f"/proc/{parent}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return "", f"the node's files are not in sight: its root cannot be read by the parent process: {error.strerror}"
    return f"/proc/{os.getpid()}/fd/{descriptor}", ""  # not self: the socket worker opens such paths too


def _is_our_own(parent: int) -> bool:
    theirs, ours = os.stat(f"/proc/{parent}/root/"), os.stat("/")  # noqa: PTH116
    same_mounts = os.readlink(f"/proc/{parent}/ns/mnt") == os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
    return same_mounts and (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)
