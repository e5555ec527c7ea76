"""What the kernel offers and Python 3.11 does not: setns, bpf(2), inotify, by ctypes."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

_libc = ctypes.CDLL(None, use_errno=True)
_BPF_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
_CLONE_NEWNET = 0x40000000


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def bpf(command: int, attributes: bytes, what: str) -> int:
    """bpf(2) with ``attributes`` as its union; returns what the call returns. Raises OSError, naming ``what``."""
    buffer = ctypes.create_string_buffer(attributes, max(len(attributes), 144))
    number = _BPF_NUMBERS.get(platform.machine(), 280)
    return _check(_libc.syscall(number, command, buffer, len(buffer)), what)


def bpf_info(descriptor: int, size: int) -> bytes:
    """BPF_OBJ_GET_INFO_BY_FD: the first ``size`` bytes of the object's info."""
    info = ctypes.create_string_buffer(size)
    attributes = ctypes.create_string_buffer(16)
    ctypes.memmove(attributes, descriptor.to_bytes(4, "little") + size.to_bytes(4, "little"), 8)
    ctypes.memmove(ctypes.byref(attributes, 8), ctypes.addressof(info).to_bytes(8, "little"), 8)
    number = _BPF_NUMBERS.get(platform.machine(), 280)
    _check(_libc.syscall(number, 15, attributes, 16), "program info")
    return info.raw


def enter_network(descriptor: int) -> None:
    """Moves the calling thread into the network namespace that ``descriptor`` stands for."""
    _check(_libc.setns(descriptor, _CLONE_NEWNET), "setns")


@contextmanager
def inside(descriptor: int, home: int) -> Iterator[None]:
    """Runs its block in one network namespace and comes ``home`` whatever happens."""
    enter_network(descriptor)
    try:
        yield
    finally:
        enter_network(home)


def inotify_open() -> int:
    return _check(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")


def inotify_watch(descriptor: int, folder: str, mask: int) -> int:
    return _check(_libc.inotify_add_watch(descriptor, os.fsencode(folder), mask), f"inotify {folder}")
