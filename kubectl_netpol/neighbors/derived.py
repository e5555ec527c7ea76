"""What ``inventory`` computes from the whole of its objects, once per revision."""

from __future__ import annotations

from dataclasses import dataclass

from .pods import Pod
from .ranges import Ranges


@dataclass(frozen=True, slots=True)
class Derived:
    """Indexes over all objects ever seen: nodes' names by address, Services by node port, pods by namespace."""

    revision: int
    nodes_at: dict[str, str]
    node_ports: dict[int, set[tuple[str, str]]]
    ranges: Ranges
    by_namespace: dict[str, list[Pod]]
