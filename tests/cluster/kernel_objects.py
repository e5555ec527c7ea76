"""eBPF programs and maps in the kernel, whosever they are, by their numbers, which are never given twice.

A program lives while something is attached or pinned that has it, so this tells of links, too. Asked by way of libbpf.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

_NAME_LENGTH = 16
# Where the name stands in struct bpf_prog_info and bpf_map_info (linux/bpf.h).
_NAMES = {"prog": 64, "map": 24}

Object = tuple[str, int]
"""A kind (``prog`` or ``map``) and a number."""


def present() -> frozenset[Object]:
    """All that are there. Opens none. OSError where there is no libbpf 1."""
    library = ctypes.CDLL("libbpf.so.1")
    return frozenset((kind, number) for kind in _NAMES for number in _numbers(library, kind))


def names(objects: frozenset[Object]) -> dict[Object, str]:
    """The first 15 characters of their names. For objects that are in use; those that are gone are left out.

    To read a name is to open its object. When a map of programs is opened while the kernel is about to empty it,
    since nobody has it open any more, Linux 6.18 may count one user too many and keep it until the next boot.
    """
    library = ctypes.CDLL("libbpf.so.1")
    found = ((each, _name(library, *each)) for each in objects)
    return {each: name for each, name in found if name is not None}


def _numbers(library: ctypes.CDLL, kind: str) -> Iterator[int]:
    number = ctypes.c_uint32(0)
    while getattr(library, f"bpf_{kind}_get_next_id")(number, ctypes.byref(number)) == 0:
        yield number.value


def _name(library: ctypes.CDLL, kind: str, number: int) -> str | None:
    handle = getattr(library, f"bpf_{kind}_get_fd_by_id")(number)
    if handle < 0:
        return None
    information = ctypes.create_string_buffer(_NAMES[kind] + _NAME_LENGTH)
    library.bpf_obj_get_info_by_fd(handle, information, ctypes.byref(ctypes.c_uint32(len(information))))
    os.close(handle)
    return information.raw[_NAMES[kind] :].split(b"\0")[0].decode()
