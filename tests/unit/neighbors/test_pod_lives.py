"""Which pods lived while their workload was recorded: joined like the rest of a recording, and bounded."""

from __future__ import annotations

from kubectl_netpol.model import PodLife
from kubectl_netpol.neighbors.pod_lives import MOST_LIVES, by_name, join_life, joined, newest


def test_a_pod_that_was_heard_later_or_before_was_heard():
    deaf, heard = PodLife("db-0", "n2", 50), PodLife("db-0", "n1", 20, 20)
    assert join_life(deaf, heard) == join_life(heard, deaf) == PodLife("db-0", "n2", 50, 20)


def test_pods_of_both_sides_are_known():
    a, b = by_name([PodLife("web-0", "n1", 5, 5)]), by_name([PodLife("web-1", "n1", 7)])
    assert joined(a, b) == joined(b, a) == a | b
    assert joined(joined(a, b), b) == a | b


def test_those_that_lived_last_are_kept():
    lives = by_name(PodLife(f"run-{number:04}", "n1", number) for number in range(MOST_LIVES + 5))
    kept = newest(lives)
    assert len(kept) == MOST_LIVES
    assert min(kept) == "run-0005"
    assert newest(joined(kept, lives)) == kept
    assert newest(lives, 0) == {}
    assert newest(kept) is kept
