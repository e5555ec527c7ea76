"""What a cluster could leave behind on the machine, to be compared before a start and after a stop."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import cgroups
from .layout import TREE

# Settings that change by themselves.
_RESTLESS = ("kernel/random", "kernel/ns_last_pid", "kernel/pty", "net/netfilter/nf_conntrack_count")


@dataclass(frozen=True, slots=True)
class Traces:
    """The host's mounts, named network namespaces, interfaces, packet filter, control groups and kernel settings.

    The control groups of other clusters beside this one are left out.
    """

    mounts: tuple[str, ...]
    namespaces: str
    interfaces: tuple[str, ...]
    packet_filter: str
    groups: tuple[str, ...]
    settings: dict[str, str]


def look() -> Traces:
    """What is there now. Root's eyes are needed for all of it."""
    return Traces(
        mounts=tuple(sorted(Path("/proc/mounts").read_text().splitlines())),
        namespaces=_said("ip", "netns", "list"),
        interfaces=tuple(sorted(path.name for path in Path("/sys/class/net").iterdir())),
        packet_filter=_said("nft", "list", "ruleset"),
        groups=tuple(sorted(_groups())),
        settings=dict(_settings()),
    )


def namespaces_of(processes: Iterable[int]) -> set[str]:
    """The network and mount namespaces in which these processes are."""
    return {namespace for process in processes for namespace in _namespaces(process)}


def processes_in(namespaces: set[str]) -> list[int]:
    """Every process of the machine that is in one of these namespaces."""
    numbers = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [number for number in numbers if namespaces & set(_namespaces(number))]


def _namespaces(process: int) -> Iterator[str]:
    for kind in ("net", "mnt"):
        try:
            yield str(Path(f"/proc/{process}/ns/{kind}").readlink())
        except OSError:  # it has ended
            return


def _groups() -> Iterator[str]:
    for root in cgroups.hierarchies():
        for group in root.iterdir():
            if group.is_dir() and (group.name == TREE or not group.name.startswith("netpol-cluster")):
                yield str(group)


def _settings() -> Iterator[tuple[str, str]]:
    root = Path("/proc/sys")
    for folder in ("kernel", "net", "vm"):
        for path in sorted((root / folder).rglob("*")):
            name = str(path.relative_to(root))
            if path.is_file() and os.access(path, os.R_OK) and not name.startswith(_RESTLESS):
                try:
                    yield name, path.read_text(errors="replace")
                except OSError:  # some can only be written
                    continue


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
