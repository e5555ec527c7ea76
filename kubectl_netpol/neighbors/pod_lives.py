"""Which pods of a workload lived while it was recorded, and which of them were heard. Pure.

Two accounts of a pod are joined by taking the greater, so joining is idempotent, commutative and associative. Pods go
by their names: a StatefulSet's replica that was made anew is the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..model import PodLife

Lives = Mapping[str, PodLife]
"""By the pod's name."""

MOST_LIVES = 5000
"""Of a workload whose pods come and go so many are kept: those that lived last."""


def by_name(lives: Iterable[PodLife]) -> dict[str, PodLife]:
    """As ``Lives``."""
    return {life.name: life for life in lives}


def joined(a: Lives, b: Lives) -> dict[str, PodLife]:
    """What either side knows."""
    found = dict(a)
    for name, life in b.items():
        known = found.get(name)
        found[name] = life if known is None else join_life(known, life)
    return found


def join_life(a: PodLife, b: PodLife) -> PodLife:
    """Two accounts of one pod as one; where it lives is told by whoever knows it for longer."""
    lived, node = max((a.lived, a.node), (b.lived, b.node))
    return PodLife(a.name, node, lived, max(a.heard, b.heard))


def newer(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Of two spans (ms) in which all pods are known the one that ends later; of two that do so, that begins later."""
    return max(a, b, key=lambda span: span[::-1])


def newest(lives: Lives, most: int = MOST_LIVES) -> Lives:
    """At most so many of them, those that lived last."""
    if len(lives) <= most:
        return lives
    kept = sorted(lives.values(), key=lambda life: (life.lived, life.name), reverse=True)[:most]
    return by_name(kept)
