"""What completion answers with: candidates, and cobra's ShellCompDirective. Imports nothing that takes time."""

from __future__ import annotations

from collections.abc import Iterable

FILES, NO_SPACE, NO_FILES, FOLDERS = 0, 2, 4, 16
Candidate = tuple[str, str]
Candidates = tuple[Iterable[Candidate], int]
"""(value, description) pairs, and cobra's directive, the sum of what it says."""
