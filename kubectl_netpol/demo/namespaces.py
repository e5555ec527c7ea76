"""The few system calls about namespaces that Python 3.11 lacks, by ctypes. Linux only.

``isolation``, ``machine`` and ``pod`` use it.
Every function raises OSError with the kernel's own reason.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
OWN_NETWORK = "/proc/thread-self/ns/net"


def _call(name: str, *arguments: int | bytes | None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    longs = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    if getattr(library, name)(*longs) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces (``CLONE_*``)."""
    _call("unshare", flags)


def enter_network(descriptor: int) -> None:
    """Move the calling thread into the network namespace that ``descriptor`` stands for."""
    _call("setns", descriptor, CLONE_NEWNET)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _call("mount", source.encode(), target.encode(), kind.encode(), flags, options.encode() or None)


def unmount(target: str) -> None:
    """Take the mount away now; the kernel lets go of it when nobody uses it any more."""
    _call("umount2", target.encode(), MNT_DETACH)


def die_with_parent(signal_number: int) -> None:
    """Ask for ``signal_number`` when the thread that forked this process ends."""
    _call("prctl", PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


@contextmanager
def inside_network(descriptor: int) -> Iterator[None]:
    """The calling thread is in that network namespace within the block: sockets and processes made there stay there."""
    home = os.open(OWN_NETWORK, os.O_RDONLY)
    try:
        enter_network(descriptor)
        try:
            yield
        finally:
            enter_network(home)
    finally:
        os.close(home)
