"""What each figure should be, in one place, and how it is judged; ``run`` reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure should keep; ``None`` where there is none on that side."""

    at_most: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        bounds = (("≥", self.at_least), ("≤", self.at_most))
        if self.at_most == self.at_least:
            return f"= {self.at_most:g}"
        return " ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)

    def verdict(self, value: float) -> str:
        below = self.at_least is not None and value < self.at_least
        above = self.at_most is not None and value > self.at_most
        return "missed" if below or above else "met"


GOALS: dict[tuple[str, str], Goal] = {
    ("overhead", "connections_tcx_to_off"): Goal(at_least=0.98),
    ("overhead", "bulk_tcx_to_off"): Goal(at_least=0.98),
    ("agent", "entries_per_side"): Goal(at_least=1, at_most=1),
    ("agent", "connections_lost"): Goal(at_least=0, at_most=0),
    ("agent", "cpu_percent_per_10000_a_second"): Goal(at_most=2),
    ("memory", "memory_mib"): Goal(at_most=40),
    ("memory", "memory_with_worker_mib"): Goal(at_most=40),
    ("namespaces", "missed"): Goal(at_least=0, at_most=0),
    ("fold", "all_to_json"): Goal(at_most=2),
    ("policies", "to_json"): Goal(at_most=2),
    ("policies", "growth"): Goal(at_most=1.15),
    ("imports", "to_json"): Goal(at_most=2),
    ("imports", "growth"): Goal(at_most=1.15),
    ("documents", "to_load"): Goal(at_most=1.3),
    ("documents", "one_ms"): Goal(at_most=150),
    ("documents", "imports_of_kubernetes"): Goal(at_least=0, at_most=0),
    ("known_servers", "process_generate"): Goal(at_most=3),
    ("replay", "growth"): Goal(at_most=1.15),
    ("completeness", "coverage_at_most"): Goal(at_least=0.95),
    ("commands", "help_ms"): Goal(at_most=60),
    ("commands", "generate_ms"): Goal(at_most=150),
    ("commands", "imports_of_kubernetes"): Goal(at_least=0, at_most=0),
    ("inventory", "to_parse"): Goal(at_most=1.5),
    ("short_pods", "missed_ingress"): Goal(at_least=0, at_most=0),
    ("short_pods", "missed_egress"): Goal(at_least=0, at_most=0),
    ("throughput", "bulk_recorded_to_off"): Goal(at_least=0.98),
    ("throughput", "requests_recorded_to_off"): Goal(at_least=0.98),
    ("throughput", "connections_recorded_to_off"): Goal(at_least=0.98),
}
"""By bench and figure. ``growth`` is the time per entry of the larger input to that of the smaller: linear is 1."""
