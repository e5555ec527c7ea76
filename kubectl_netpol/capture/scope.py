"""What is in scope of a recording: a predicate that ``cli`` makes from what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model import Selector, Workload

Wanted = Callable[[Workload, Mapping[str, str] | None], bool]
"""Whether a workload with pods of these labels is in scope; None for labels that nobody knows, which may be any."""


def everything(_: Workload, __: Mapping[str, str] | None) -> bool:
    """The scope that leaves nothing out."""
    return True


def labels_of(selector: Selector, labels: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The labels by which a workload is chosen: its pods', and those that its selector names."""
    return dict(labels) | dict(selector.match_labels)
