"""Where network namespaces are found: mounts under /run/netns by inotify, processes by scans that events ask for."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from . import syscalls
from .identity import namespaces_of_processes

_PODS_FOLDER, _DOCKERS_FOLDER = "/run/netns", "/run/docker/netns"
_CREATE, _DELETE, _MOVED_TO = 0x100, 0x200, 0x80
_EVENT = struct.Struct("<iIII")
_MOUNT_PATIENCE = 1.0


class Discovery:
    """Candidates are (inode, path). A mount appears in two steps, the file and then the mount on it: until the second
    is done, ``is_waiting`` is true and ``ready`` wants to be asked again within milliseconds.

    ``root`` stands before the folders of mounts: it is the node's root, as seen from here. With ``pods_only`` docker's
    own folder is left out: a pod that has its network there is found by its processes.
    """

    def __init__(self, root: str = "", pods_only: bool = False) -> None:
        folders = (_PODS_FOLDER,) if pods_only else (_PODS_FOLDER, _DOCKERS_FOLDER)
        self._folders = tuple(f"{root}{folder}" for folder in folders)
        self._inotify = syscalls.inotify_open()
        self._watched: dict[int, str] = {}
        self._awaited: dict[str, float] = {}
        self._deleted: list[str] = []
        own = os.stat("/proc/self/ns/net")  # noqa: PTH116
        self._device = own.st_dev
        self.home = {own.st_ino} | {inode for inode in [_inode("/proc/1/ns/net")] if inode}
        self._watch_folders()

    def fileno(self) -> int:
        return self._inotify

    @property
    def is_waiting(self) -> bool:
        return bool(self._awaited)

    def _watch_folders(self) -> None:
        for folder in {*self._folders, *(str(Path(folder).parent) for folder in self._folders)}:
            try:
                watch = syscalls.inotify_watch(self._inotify, folder, _CREATE | _DELETE | _MOVED_TO)
            except OSError:
                continue
            self._watched[watch] = folder

    def read(self) -> None:
        """Takes in what inotify has to say."""
        try:
            data = os.read(self._inotify, 1 << 16)
        except BlockingIOError:
            return
        while len(data) >= _EVENT.size:
            watch, mask, _cookie, length = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0")
            data = data[_EVENT.size + length :]
            self._note(str(Path(self._watched.get(watch, "")) / os.fsdecode(name)), mask)

    def _note(self, path: str, mask: int) -> None:
        if path in self._folders:
            self._watch_folders()
            self._await_all(path)
        elif str(Path(path).parent) in self._folders:
            if mask & _DELETE:
                self._awaited.pop(path, None)
                self._deleted.append(path)
            else:
                self._awaited[path] = time.monotonic() + _MOUNT_PATIENCE

    def _await_all(self, folder: str) -> None:
        deadline = time.monotonic() + _MOUNT_PATIENCE
        self._awaited.update((path, deadline) for path in _entries(folder))

    def deleted(self) -> list[str]:
        """Mounts that were taken away since the last call."""
        deleted, self._deleted = self._deleted, []
        return deleted

    def ready(self) -> Iterator[tuple[int, str]]:
        """Mounts that are complete now."""
        now = time.monotonic()
        for path, deadline in list(self._awaited.items()):
            inode = self._mounted(path)
            if inode or now > deadline:
                self._awaited.pop(path, None)
            if inode and inode not in self.home:
                yield inode, path

    def _mounted(self, path: str) -> int:
        try:
            found = os.stat(path)  # noqa: PTH116
        except OSError:
            return 0
        return found.st_ino if found.st_dev == self._device else 0

    def scan_mounts(self) -> dict[int, str]:
        found = {}
        for folder in self._folders:
            for path in _entries(folder):
                inode = self._mounted(path)
                if inode and inode not in self.home:
                    found[inode] = path
        return found

    def scan_processes(self) -> dict[int, int]:
        """A process's id by its namespace's inode: of several the lowest, which is likely to stay."""
        found: dict[int, int] = {}
        for pid, inode in namespaces_of_processes():
            if inode not in self.home:
                found.setdefault(inode, pid)
        return found


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino  # noqa: PTH116
    except OSError:
        return 0


def _entries(folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208
    except OSError:
        return []
