"""How the capture of one node fares, as its session knows it: kept by ``fleet``, read and judged by ``live``."""

from __future__ import annotations

import time
from dataclasses import dataclass

_REFUSED_SECONDS = 5.0
"""So long a refusal is asked about again: an API server that has just begun refuses what it grants a second later."""


@dataclass(slots=True)
class NodeCapture:
    """One node's Job. ``failure`` says why nothing is heard of it, or empty; ``heard`` when it spoke last (monotonic).

    ``job``: its name, or empty where nothing can be captured: such a node has no Job, and never gets one.
    ``complaint``: the cluster's newest one about its Job that was read, or empty.
    ``kept``: why its Job could not be removed, or empty; ``refused``: since when that is refused (monotonic), or 0.
    ``asked_at``: when its Job was last asked for or renewed (monotonic).
    ``begun``: when its Job began, ``expires``: when the API server ends it, in ms since the Unix epoch; 0 for unknown.
    """

    node: str
    job: str = ""
    generation: int = 1
    privileged: bool = False
    is_made: bool = False
    is_removed: bool = False
    failure: str = ""
    hint: str = ""
    complaint: str = ""
    kept: str = ""
    refused: float = 0.0
    heard: float = 0.0
    begun: int = 0
    expires: int = 0
    made_at: float = 0.0
    asked_at: float = 0.0
    next_renewal: float = 0.0

    @property
    def is_heard(self) -> bool:
        return self.heard > 0 and not self.failure

    @property
    def is_kept(self) -> bool:
        """Whether it is of no use to ask again for its Job's removal."""
        return self.refused > 0 and time.monotonic() - self.refused > _REFUSED_SECONDS
