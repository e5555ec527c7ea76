"""The few instructions that stand on each interface: note the namespace's number, jump to the observer.

In C it would be ``scopes[0] = scope; tail_call(skb, &entries, entry); return nothing;``. Written here as instructions,
since each namespace has its own constant and verifying the whole observer for each takes 20 ms. Encoding: RFC 9669.
"""

from __future__ import annotations

import ctypes
import os
import struct

from . import syscalls

SCHED_CLS, SOCKET_FILTER = 3, 1
_PROG_LOAD = 5
_NOTHING = {SCHED_CLS: -1, SOCKET_FILTER: 0}
"""TCX_NEXT, or no byte for the socket: the packet goes its way untouched."""


def _instruction(code: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    return struct.pack("<BBhi", code, destination | source << 4, offset, immediate)


def _map_address(register: int, descriptor: int) -> bytes:
    return _instruction(0x18, register, 1, 0, descriptor) + _instruction(0)


def instructions(kind: int, scope: int, scopes: int, entries: int, entry: int) -> bytes:
    """The stub for namespace number ``scope``; ``scopes`` and ``entries`` are descriptors of those maps."""
    return b"".join(
        (
            _instruction(0xBF, 6, 1),  # r6 = skb
            _instruction(0x62, 10, 0, -4, 0),  # key = 0
            _instruction(0xBF, 2, 10),
            _instruction(0x07, 2, 0, 0, -4),  # r2 = &key
            _map_address(1, scopes),
            _instruction(0x85, immediate=1),  # r0 = bpf_map_lookup_elem(scopes, &key)
            _instruction(0x15, 0, 0, 1, 0),  # if (r0)
            _instruction(0x62, 0, 0, 0, scope),  # *r0 = scope
            _instruction(0xBF, 1, 6),
            _map_address(2, entries),
            _instruction(0xB7, 3, 0, 0, entry),
            _instruction(0x85, immediate=12),  # bpf_tail_call(skb, entries, entry): no return
            _instruction(0xB7, 0, 0, 0, _NOTHING[kind]),
            _instruction(0x95),
        )
    )


def load(kind: int, scope: int, scopes: int, entries: int, entry: int) -> int:
    """A program descriptor of the stub; the caller closes it. Raises OSError when the kernel refuses it."""
    code = instructions(kind, scope, scopes, entries, entry)
    code_buffer = ctypes.create_string_buffer(code, len(code))
    license_buffer = ctypes.create_string_buffer(b"Dual BSD/GPL")
    attributes = struct.pack(
        "<IIQQIIQII16s",
        kind,
        len(code) // 8,
        ctypes.addressof(code_buffer),
        ctypes.addressof(license_buffer),
        0,
        0,
        0,
        0,
        0,
        b"netpol_stub",
    )
    descriptor = syscalls.bpf(_PROG_LOAD, attributes, "loading a stub")
    os.set_inheritable(descriptor, False)
    return descriptor
