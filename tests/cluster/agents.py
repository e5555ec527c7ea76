"""A recording's agents on the nodes: their processes, and when they spoke, by their own logs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kubectl_netpol.errors import WireError
from kubectl_netpol.wire import Record, decode

from . import cgroups
from .layout import BINARIES, NODES
from .processes import ClusterError
from .tallied import Running
from .traffic import NAMESPACE


def agent_of(node: str, running: Running) -> int:
    """The process of a recording's agent on that node, by the host's count. LookupError when there is none."""
    uid = running.cluster.kubectl("-n", NAMESPACE, "get", running.pod(node), "-o", "jsonpath={.metadata.uid}").strip()
    for number in cgroups.processes(node, "kubepods"):
        with suppress(OSError):  # others come and go
            group = Path(f"/proc/{number}/cgroup").read_text()
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if uid in group and b"kubectl_netpol.agent" in words:
                return number
    raise LookupError(f"no agent of pod {uid} runs on {node}")


def records(lines: Sequence[str]) -> list[Record]:
    """What an agent has said. Its last line may be cut off where it was killed, and is left out then.

    WireError for any other line that begins as a record and is none.
    """
    said = [line for line in lines if line.startswith("{")]
    found = [decode(line) for line in said[:-1]]
    with suppress(WireError):
        found += [decode(line) for line in said[-1:]]
    return found


def spoken(running: Running, node: str, *options: str) -> list[int]:
    """When its agent there spoke, by its own log (ms); ``--previous``: the one before."""
    lines = running.cluster.kubectl("-n", NAMESPACE, "logs", running.pod(node), *options).splitlines()
    return [record.time for record in records(lines)]


def told_until(running: Running) -> int:
    """Until when all its agents have told of what they heard (ms), by the newest words in their logs."""
    return min(spoken(running, node.name)[-1] for node in NODES)


def has_spoken(running: Running, node: str, *options: str) -> bool:
    """Whether ``spoken`` has something to tell by now."""
    try:
        return bool(spoken(running, node, *options))
    except ClusterError:
        return False


def has_spoken_again(running: Running, node: str) -> bool:
    """Whether an agent that ended there has a successor that has said something."""
    return has_spoken(running, node, "--previous") and has_spoken(running, node)


@contextmanager
def last_words(running: Running, node: str) -> Iterator[list[Record]]:
    """Reads its agent's log there while the pod is deleted in the body; afterwards there is all that it has said."""
    found: list[Record] = []
    command = [BINARIES / "kubectl", "--kubeconfig", running.cluster.kubeconfig, "-n", NAMESPACE]
    # Without a buffer, what is read to its end begins where the first line ended.
    with subprocess.Popen([*command, "logs", "-f", running.pod(node)], stdout=subprocess.PIPE, bufsize=0) as reader:
        try:
            assert reader.stdout is not None
            first = reader.stdout.readline()  # it is open
            yield found
            rest, _ = reader.communicate(timeout=60)
        finally:
            reader.kill()
    found += records((first + rest).decode().splitlines())
