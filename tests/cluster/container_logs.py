"""What containers have printed, by the files that their node keeps. ``kubectl logs`` reads the newest file alone."""

from __future__ import annotations

from .processes import ClusterError, run_in, wait_until


def texts(log: str) -> list[str]:
    """The lines that were printed, of a log as the CRI has it: ``TIME STREAM TAG TEXT``.

    A line that stands twice was read from two files, as while one is compressed. One without its end is left out.
    """
    return [line.split(" ", 3)[3] for line in dict.fromkeys(log.split("\n")[:-1])]


def read(node: str, pod: str) -> list[str]:
    """All that the containers of a pod (``NAMESPACE_NAME_UID``) have printed there and the kubelet keeps.

    ClusterError when it cannot be read.
    """
    files = f"find /var/log/pods/{pod}/ -name '*.log*' ! -name '*.tmp' -exec zcat -f {{}} +"
    found: list[str] = []

    def is_read() -> bool:
        try:
            found[:] = texts(run_in(node, "sh", "-c", files))
        except ClusterError:  # a file was renamed between its listing and its reading
            return False
        return True

    wait_until(is_read, 10, f"{node} has the logs of {pod}")
    return found
