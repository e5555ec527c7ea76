"""What containers have printed, by the files that their node keeps. ``kubectl logs`` reads the newest file alone."""

from __future__ import annotations

from datetime import UTC, datetime

from .processes import ClusterError, run_in, wait_until

# All files of a pod's logs, last the one that is written. Fails when one was rotated away meanwhile.
_READ = """
list() { find "$1" -name '*.log*' ! -name '*.tmp' | sort -r; }
files=$(list "$1")
zcat -f $files < /dev/null && [ "$files" = "$(list "$1")" ]
"""

ALWAYS = datetime.fromtimestamp(0, UTC)


def texts(log: str, since: datetime = ALWAYS) -> list[str]:
    """The lines that were printed since then, of a log as the CRI has it: ``TIME STREAM TAG TEXT``.

    A line that stands twice was read from two files, as while one is compressed. One without its end is left out.
    """
    lines = (line.split(" ", 3) for line in dict.fromkeys(log.split("\n")[:-1]))
    return [text for at, _, _, text in lines if datetime.fromisoformat(at) >= since]


def read(node: str, pod: str, since: datetime = ALWAYS) -> list[str]:
    """What the containers of a pod (``NAMESPACE_NAME_UID``) have printed there since then and the kubelet keeps.

    ClusterError when it cannot be read.
    """
    found: list[str] = []

    def is_read() -> bool:
        try:
            found[:] = texts(run_in(node, "sh", "-c", _READ, "sh", f"/var/log/pods/{pod}/"), since)
        except ClusterError:
            return False
        return True

    wait_until(is_read, 10, f"{node} has the logs of {pod}")
    return found
