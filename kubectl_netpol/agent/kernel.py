"""The loaded eBPF object: its programs and maps, through the distribution's libbpf (1.0 or newer) by ctypes."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any

from kubectl_netpol.errors import CaptureError

from . import layout

_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_SAMPLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_BATCH = 4096
_MAP_SIZES = ("neighbors", "udp_flows", "bound_ports")


class _Libbpf:
    """The functions of libbpf that are used, with their types, and what it last complained about."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libbpf.so.1", use_errno=True)
        except OSError as error:
            raise CaptureError("libbpf 1.x is not installed", "install it: apt-get install libbpf1") from error
        self.complaints: list[str] = []
        for name in ("open_mem", "find_map_by_name", "find_program_by_name", "load", "close"):
            self._declare(f"bpf_object__{name}")
        for name in ("bpf_map__initial_value", "ring_buffer__new", "ring_buffer__consume", "ring_buffer__epoll_fd"):
            self._declare(name)
        self._print = _PRINT(self._on_print)
        self.library.libbpf_set_print(self._print)

    def _declare(self, name: str) -> None:
        function = getattr(self.library, name)
        pointers = ("find_map_by_name", "find_program_by_name", "open_mem", "initial_value", "ring_buffer__new")
        function.restype = ctypes.c_void_p if name.endswith(pointers) else ctypes.c_int

    def _on_print(self, level: int, text: bytes, arguments: int) -> int:
        if level == 0:
            buffer = ctypes.create_string_buffer(512)
            ctypes.CDLL(None).vsnprintf(buffer, len(buffer), text, ctypes.c_void_p(arguments))
            self.complaints.append(buffer.value.decode("utf-8", "replace").strip())
            del self.complaints[:-50]
        return 0


class Kernel:
    """The observer, loaded once. ``use_tcx`` chooses which of its programs are loaded.

    ``max_entries`` bounds the neighbors that the kernel keeps (about 150 bytes each, taken as they are needed).
    Raises CaptureError with a remedy when libbpf is missing, rights are missing or the kernel refuses.
    """

    def __init__(self, use_tcx: bool, max_entries: int = 65536) -> None:
        self._libbpf = _Libbpf()
        self._library = self._libbpf.library
        self.use_tcx = use_tcx
        self._sample: Any = None
        self._ring: Any = None
        self._object = self._open()
        self._configure(max_entries)
        self._load()
        self.neighbors = self._map("neighbors")
        self.bound_ports = self._map("bound_ports")
        self.counts = self._map("counts")
        self.scopes = self._map("scopes")
        self.entries = self._map("entries_tcx" if use_tcx else "entries_socket")
        self._programs = self._fill_entries()

    def _open(self) -> int:
        code = resources.files("kubectl_netpol").joinpath("bpf/neighbors.bpf.o").read_bytes()
        opened = self._library.bpf_object__open_mem(code, ctypes.c_size_t(len(code)), None)
        if not opened:
            raise CaptureError("the eBPF object cannot be read", "reinstall kubectl-netpol")
        return int(opened)

    def _find(self, kind: str, name: str) -> ctypes.c_void_p:
        find = getattr(self._library, f"bpf_object__find_{kind}_by_name")
        return ctypes.c_void_p(find(ctypes.c_void_p(self._object), name.encode()))

    def _configure(self, max_entries: int) -> None:
        for name in ("tcx_ingress", "tcx_egress", "socket_filter"):
            wanted = name.startswith("tcx") == self.use_tcx
            self._library.bpf_program__set_autoload(self._find("program", name), ctypes.c_bool(wanted))
        if not self.use_tcx:
            self._library.bpf_map__set_autocreate(self._find("map", "answers"), ctypes.c_bool(False))
        for name in _MAP_SIZES:
            size = max_entries if name == "neighbors" else max(max_entries // 2, 64)
            self._library.bpf_map__set_max_entries(self._find("map", name), ctypes.c_uint32(size))
        self._set_constants()

    def _set_constants(self) -> None:
        size = ctypes.c_size_t()
        constants = self._library.bpf_map__initial_value(self._find("map", ".rodata"), ctypes.byref(size))
        if not constants or size.value < layout.SETTINGS.size:
            raise CaptureError("the eBPF object does not fit this program", "reinstall kubectl-netpol")
        recent = self._library.bpf_map__max_entries(self._find("map", "recent"))
        seed = int.from_bytes(os.urandom(8), "little")
        ctypes.memmove(constants, layout.SETTINGS.pack(seed, recent - 1, 0), layout.SETTINGS.size)

    def _load(self) -> None:
        result = self._library.bpf_object__load(ctypes.c_void_p(self._object))
        if result == 0:
            return
        number = abs(result)
        if number in (errno.EPERM, errno.EACCES) and os.geteuid() != 0:
            raise CaptureError("loading eBPF programs needs root", "run it with sudo")
        why = next((line for line in self._libbpf.complaints if "failed" in line), os.strerror(number))
        raise CaptureError(
            f"the kernel refuses the eBPF program: {why.splitlines()[0][:200]}",
            "it needs Linux 5.2, CAP_BPF and CAP_NET_ADMIN, and no lockdown=confidentiality; try --attach socket",
        )

    def _map(self, name: str) -> int:
        descriptor = int(self._library.bpf_map__fd(self._find("map", name)))
        if descriptor < 0:
            raise CaptureError(f"the eBPF map {name} is missing", "reinstall kubectl-netpol")
        return descriptor

    def _fill_entries(self) -> list[int]:
        names = ("tcx_ingress", "tcx_egress") if self.use_tcx else ("socket_filter",)
        programs = [int(self._library.bpf_program__fd(self._find("program", name))) for name in names]
        for index, program in enumerate(programs):
            self._update(self.entries, struct.pack("<I", index), struct.pack("<I", program))
        return programs

    def _update(self, descriptor: int, key: bytes, value: bytes) -> None:
        if self._library.bpf_map_update_elem(descriptor, key, value, ctypes.c_uint64(0)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    @property
    def programs(self) -> list[int]:
        """Descriptors of the observer's programs."""
        return self._programs

    def read_neighbors(self) -> Iterable[tuple[bytes, bytes]]:
        """All (key, value) pairs as raw bytes, read in batches, or one by one before Linux 5.6."""
        keys = ctypes.create_string_buffer(_BATCH * layout.KEY.size)
        values = ctypes.create_string_buffer(_BATCH * layout.VALUE.size)
        position, begun = ctypes.create_string_buffer(layout.KEY.size), False
        while True:
            count = ctypes.c_uint32(_BATCH)
            start = position if begun else None
            result = self._library.bpf_map_lookup_batch(
                self.neighbors, start, position, keys, values, ctypes.byref(count), None
            )
            number = ctypes.get_errno() if result else 0
            if number not in (0, errno.ENOENT):
                yield from self._read_one_by_one()
                return
            raw_keys = ctypes.string_at(keys, count.value * layout.KEY.size)
            raw_values = ctypes.string_at(values, count.value * layout.VALUE.size)
            yield from zip(_cut(raw_keys, layout.KEY.size), _cut(raw_values, layout.VALUE.size), strict=True)
            if number == errno.ENOENT or (result and not number):
                return
            begun = True

    def _read_one_by_one(self) -> Iterable[tuple[bytes, bytes]]:
        key, value = None, ctypes.create_string_buffer(layout.VALUE.size)
        following = ctypes.create_string_buffer(layout.KEY.size)
        while self._library.bpf_map_get_next_key(self.neighbors, key, following) == 0:
            key = following.raw
            if self._library.bpf_map_lookup_elem(self.neighbors, key, value) == 0:
                yield key, value.raw

    def forget(self, keys: Iterable[bytes], scope: int, bound: Iterable[int]) -> None:
        """Frees the entries of a namespace that is no more."""
        for key in keys:
            self._library.bpf_map_delete_elem(self.neighbors, key)
        for port in bound:
            self._library.bpf_map_delete_elem(self.bound_ports, layout.BOUND_KEY.pack(scope, port))

    def bind_port(self, scope: int, port: int, kind: int) -> None:
        """Tells that a UDP port was bound before the capture; a full map is no harm: the first speaker decides then."""
        key, value = layout.BOUND_KEY.pack(scope, port), struct.pack("<I", kind)
        self._library.bpf_map_update_elem(self.bound_ports, key, value, ctypes.c_uint64(0))

    def read_counts(self) -> dict[str, int]:
        """The kernel's counters by name, summed over CPUs."""
        cpus = self._library.libbpf_num_possible_cpus()
        values = (ctypes.c_uint64 * max(cpus, 1))()
        counts = {}
        for index, name in enumerate(layout.COUNTS):
            self._library.bpf_map_lookup_elem(self.counts, struct.pack("<I", index), values)
            counts[name] = sum(values)
        return counts

    def open_answers(self, on_chunk: Callable[[bytes], None]) -> int:
        """Makes ``consume_answers`` call ``on_chunk`` for each piece of a DNS answer; returns a pollable descriptor."""

        def on_sample(_context: int, data: int, size: int) -> int:
            on_chunk(ctypes.string_at(data, size))
            return 0

        self._sample = _SAMPLE(on_sample)
        ring = self._library.ring_buffer__new(self._map("answers"), self._sample, None, None)
        if not ring:
            raise CaptureError("the ring of DNS answers cannot be opened")
        self._ring = ctypes.c_void_p(ring)
        return int(self._library.ring_buffer__epoll_fd(self._ring))

    def consume_answers(self) -> None:
        if self._ring:
            self._library.ring_buffer__consume(self._ring)


def _cut(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


def load_kernel(mode: str, max_entries: int) -> Kernel:
    """The observer by the best way that this kernel takes, or by the one that was asked for."""
    if mode == "socket":
        return Kernel(False, max_entries)
    try:
        return Kernel(True, max_entries)
    except CaptureError:
        if mode == "tcx":
            raise
        return Kernel(False, max_entries)
