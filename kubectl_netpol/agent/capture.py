"""The captured namespaces and the kernel's side together: entering, looking again, letting go, older connections."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from . import events, syscalls
from .answers import Answers
from .attachment import Stubs, TcxMissingError
from .belonging import Belonging
from .discovery import Discovery
from .identity import cgroup_of_process, pod_of_process
from .kernel import Kernel, load_kernel
from .layout import BOUND_CLIENT, BOUND_SERVER
from .ledger import Clock, Ledger
from .namespaces import CapturedNamespace
from .pod_names import FOLDER, PodNames
from .ports import bound_udp_ports
from .worker import SocketWorker

_MAX_PROBLEMS = 20
_PATIENCE = 3
"""Scans that a namespace may be missing in before it is taken for gone, where the kernel does not tell."""
_YOUNG = 10.0
"""Seconds in which a new mount's first process, and with it its pod, is to be expected."""


class Capture:
    """``mode`` is auto, tcx or socket. Without ``hears_all`` no event tells of later interfaces; scans look for them.

    ``root`` stands before the node's own paths. With ``pods_only`` a process's namespace counts when it is a pod's.
    Raises CaptureError when nothing can be captured at all.
    """

    def __init__(
        self, mode: str, max_entries: int, clock: Clock, hears_all: bool, root: str = "", pods_only: bool = False
    ) -> None:
        self._mode = mode
        self._hears_all = hears_all
        self._max_entries = max_entries
        self._clock = clock
        self.kernel = load_kernel(mode, max_entries)
        self.ledger = Ledger(clock)
        self.discovery = Discovery(root, pods_only)
        self._belonging = Belonging(cgroup_of_process("self")) if pods_only else None
        self._pod_names = PodNames(f"{root}{FOLDER}")
        self.worker = SocketWorker()
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._scopes = 0
        self.namespaces: dict[int, CapturedNamespace] = {}
        self._living: dict[int, CapturedNamespace] = {}
        self._by_nsid: dict[int, CapturedNamespace] = {}
        self._leaving: list[CapturedNamespace] = []
        self.wants_scan = True
        self.answers = Answers(self.namespaces, clock)
        self.problems: list[str] = []
        self.failed_namespaces = 0
        self.failed_interfaces = 0

    def living(self) -> Iterator[CapturedNamespace]:
        return iter(list(self._living.values()))

    def programs(self) -> list[int]:
        """Descriptors of all stubs: the kernel books the observer's run time on them."""
        return [
            program
            for namespace in self._living.values()
            for program in (namespace.stubs.ingress, namespace.stubs.egress, namespace.stubs.socket)
            if program >= 0
        ]

    def say(self, problem: str) -> None:
        if problem not in self.problems and len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)

    # Namespaces come and go.

    def enter_ready(self) -> None:
        """Enters the mounts that have become complete, and reacts to those that were taken away."""
        for inode, path in self.discovery.ready():
            self.enter(inode, path, is_new=True)
        deleted = self.discovery.deleted()
        if deleted and any(namespace.path in deleted for namespace in self._living.values()):
            self.scan()

    def scan(self) -> float:
        """Looks everywhere; returns the seconds that looking took, without those of entering what was found."""
        begun, self.wants_scan = time.monotonic(), False
        mounts, processes = self.discovery.scan_mounts(), self.discovery.scan_processes()
        if self._belonging:
            processes = self._belonging.pods_among(processes, lambda inode, pid: self._is_known(inode, pid, mounts))
        took = time.monotonic() - begun
        for inode, pid in processes.items():
            mounts.setdefault(inode, f"/proc/{pid}/ns/net")
        for inode, path in mounts.items():
            self.enter(inode, path)
        for namespace in self.living():
            self._check_presence(namespace, mounts.get(namespace.inode), processes.get(namespace.inode))
        return took

    def _is_known(self, inode: int, pid: int, mounts: dict[int, str]) -> bool:
        known = self._living.get(inode)
        return inode in mounts or (known is not None and known.path == f"/proc/{pid}/ns/net")

    @property
    def awaits_pods(self) -> bool:
        """Whether a namespace is so new that its first process may come at any moment, and tell whose it is."""
        since = time.monotonic() - _YOUNG
        return self._belonging is not None and any(not one.pod and one.since > since for one in self._living.values())

    def _check_presence(self, namespace: CapturedNamespace, path: str | None, pid: int | None) -> None:
        if path is None:
            namespace.unseen += 1
            told_by_kernel = namespace.nsid is not None and self.kernel.use_tcx
            if not told_by_kernel or namespace.unseen >= _PATIENCE:
                self.let_go(namespace)
            return
        namespace.unseen, namespace.path = 0, path
        if namespace.nsid is None or namespace.is_overlooked or namespace.has_failures or not self._hears_all:
            self._look_at(namespace)
        if pid is not None and not namespace.pod:
            namespace.know_pod(pod_of_process(pid))
            self._learn_name(namespace)

    def _learn_name(self, namespace: CapturedNamespace) -> None:
        if namespace.pod and not namespace.place[1]:
            namespace.know_place(self._pod_names.find(namespace.pod, namespace.since))

    def enter(self, inode: int, path: str, is_new: bool = False) -> None:
        """Begins to capture a namespace that is not captured yet. ``is_new``: the path was made a moment ago."""
        known = self._living.get(inode)
        if known and (known.nsid is None or (known.path == path and not is_new)):
            return
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if os.fstat(descriptor).st_ino == inode and not (known and self._is_same(known, descriptor)):
                self._enter_open(inode, path, descriptor)
        except OSError as error:
            self.failed_namespaces += 1
            self.say(f"a network namespace could not be entered: {error.strerror}")
        finally:
            os.close(descriptor)

    def _is_same(self, known: CapturedNamespace, descriptor: int) -> bool:
        """The kernel uses inodes again at once: another namespace does not have the number that we gave the old one."""
        if events.number_of(descriptor) == known.nsid:
            return True
        self.let_go(known)
        return False

    def _enter_open(self, inode: int, path: str, descriptor: int) -> None:
        self._scopes += 1
        nsid = events.number_namespace(descriptor)
        namespace = CapturedNamespace(self._scopes, inode, path, nsid)
        namespace.stubs = Stubs.load(self.kernel, namespace.scope)
        try:
            self._look_inside(namespace, descriptor)
        except OSError:
            namespace.close()
            raise
        self.namespaces[namespace.scope] = self._living[inode] = namespace
        if nsid is not None:
            self._by_nsid[nsid] = namespace

    def _look_inside(self, namespace: CapturedNamespace, descriptor: int) -> None:
        bind = partial(self._bind_ports, namespace)
        with syscalls.inside(descriptor, self._home):
            try:
                failures = namespace.look(bind)
            except TcxMissingError as error:
                self._fall_back(error)
                namespace.close()
                namespace.stubs = Stubs.load(self.kernel, namespace.scope)
                failures = namespace.look(bind)
        if not namespace.has_failures:
            self.failed_interfaces += len(failures)
        namespace.has_failures = bool(failures)  # to be tried again by the next scan
        for failure in failures:
            self.say(failure)
        if namespace.wants_sockets:
            namespace.wants_sockets = False
            self.worker.ask(namespace.scope, namespace.path)

    def _bind_ports(self, namespace: CapturedNamespace) -> None:
        servers, clients = bound_udp_ports()
        for kind, ports in ((BOUND_SERVER, servers), (BOUND_CLIENT, clients)):
            for port in ports:
                self.kernel.bind_port(namespace.scope, port, kind)
            namespace.bound.update(ports)

    def _fall_back(self, error: TcxMissingError) -> None:
        """Where the kernel has no tcx, which only trying tells, sockets take its place from the first namespace on."""
        if self._mode != "auto" or any(namespace.attachments for namespace in self._living.values()):
            raise OSError(95, "tcx links are not to be had; try --attach socket") from error
        self.kernel = Kernel(False, self._max_entries)
        for namespace in self._living.values():
            namespace.close()
            namespace.stubs = Stubs.load(self.kernel, namespace.scope)

    def look_again(self, nsid: int) -> None:
        """Something changed in the namespace with this number: an interface, an address."""
        namespace = self._by_nsid.get(nsid)
        if namespace:
            self._look_at(namespace)

    def look_at_all(self) -> None:
        """More happened than could be told: the next scan looks at everything."""
        self.wants_scan = True
        for namespace in self.living():
            namespace.is_overlooked = True

    def _look_at(self, namespace: CapturedNamespace) -> None:
        namespace.is_overlooked = True
        try:
            descriptor = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.wants_scan = True  # there may be another path
            return
        try:
            if os.fstat(descriptor).st_ino == namespace.inode:
                self._look_inside(namespace, descriptor)
                namespace.is_overlooked = False
            else:
                self.wants_scan = True
        except OSError as error:
            self.say(f"a network namespace could not be entered again: {error.strerror}")
        finally:
            os.close(descriptor)

    def vanished(self, nsid: int) -> None:
        """The kernel says that the namespace with this number is being removed; a new one may have it already."""
        namespace = self._by_nsid.get(nsid)
        if namespace and not self._bears_number(namespace):
            self.let_go(namespace)

    @staticmethod
    def _bears_number(namespace: CapturedNamespace) -> bool:
        try:
            descriptor = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return os.fstat(descriptor).st_ino == namespace.inode and events.number_of(descriptor) == namespace.nsid
        except OSError:
            return False
        finally:
            os.close(descriptor)

    def let_go(self, namespace: CapturedNamespace) -> None:
        """Lets a vanished namespace go; what the kernel still holds of it is taken by ``collect``.

        Its links too: while the interface is there, closing one takes 10 ms and the lock that attaching needs.
        """
        if self._living.get(namespace.inode) is not namespace:
            return
        del self._living[namespace.inode]
        namespace.close_packets()
        self._leaving.append(namespace)
        if namespace.nsid is not None and self._by_nsid.get(namespace.nsid) is namespace:
            del self._by_nsid[namespace.nsid]

    def collect(self) -> None:
        """Takes in what the kernel has counted, and frees what it holds of namespaces that are no more."""
        for namespace in self._leaving:
            namespace.close()
        self.ledger.take(self.kernel.read_neighbors())
        for scope in self.ledger.forget():
            self.namespaces.pop(scope, None)
        leaving, self._leaving = self._leaving, []
        for namespace in self.namespaces.values():
            self._learn_name(namespace)
        for namespace in leaving:
            self.kernel.forget(self.ledger.keys(namespace.scope), namespace.scope, namespace.bound)
            namespace.is_gone = namespace.has_news = True
            self.ledger.let_go(namespace.scope)

    # What was there before.

    def note_existing(self, scope: int, findings: dict[str, Any]) -> None:
        """Books connections that are older than the capture, once: what the kernel counted meanwhile is subtracted."""
        namespace = self.namespaces.get(scope)
        if not namespace or not findings["flows"]:
            return
        self.ledger.take(self.kernel.read_neighbors())
        namespace.note_existing(findings["flows"], self.ledger.counted(scope), self._clock.now())

    def close(self) -> None:
        for namespace in (*self.living(), *self._leaving):
            namespace.close()
        self.worker.stop("")
