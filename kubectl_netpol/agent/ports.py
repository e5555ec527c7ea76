"""UDP ports that are bound in the namespace that the caller is in, as /proc/net/udp lists them: at once, no netlink.

They are read before an interface is attached, so that the very first packet of a conversation that goes on already is
known for what it is.
"""

from __future__ import annotations

from pathlib import Path

_MAX_BYTES = 4 << 20


def ephemeral_range() -> tuple[int, int]:
    """The namespace's own range of ports for clients, as ip_local_port_range says."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
        return int(low), int(high)
    except (OSError, ValueError):
        return 32768, 60999


def bound_udp_ports() -> tuple[list[int], list[int]]:
    """UDP ports that are bound: (those that look like servers, those that look like clients)."""
    low, high = ephemeral_range()
    ports = {port for table in ("udp", "udp6") for port in _ports(table)} - {0}
    clients = {port for port in ports if low <= port <= high}
    return sorted(ports - clients), sorted(clients)


def _ports(table: str) -> set[int]:
    try:
        with Path(f"/proc/thread-self/net/{table}").open(encoding="ascii") as file:
            lines = file.read(_MAX_BYTES).splitlines()[1:]
        return {int(line.split()[1].rpartition(":")[2], 16) for line in lines}
    except (OSError, ValueError, IndexError):
        return set()
