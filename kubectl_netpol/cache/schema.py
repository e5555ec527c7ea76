"""The version of what is stored, and the steps from an older one.

A step takes one workload's stored value from its version to the next. All values move in one transaction, so a
cache is of one version or of the other, never in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from .disk import UnreadableError

VERSION = 1
Step = Callable[[bytes], bytes]
STEPS: Mapping[int, Step] = {}
"""By the version that a step starts from."""


def steps_from(found: int, directory: Path) -> tuple[Step, ...]:
    """The steps that bring a cache of version ``found`` to ``VERSION``. Raises UnreadableError without a way."""
    if found == VERSION:
        return ()
    if found > VERSION:
        problem = f"the cache in {directory} has version {found}, and this program reads up to version {VERSION}"
        raise UnreadableError(
            problem, "use the newer kubectl-netpol that wrote it, or another directory with --cache-dir"
        )
    missing = [version for version in range(found, VERSION) if version not in STEPS]
    if missing:
        problem = f"the cache in {directory} has version {found}, which this program cannot read any more"
        raise UnreadableError(
            problem, "export it with the version that wrote it, or name another directory with --cache-dir"
        )
    return tuple(STEPS[version] for version in range(found, VERSION))
