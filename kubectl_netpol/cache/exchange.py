"""Recordings in a file of their own: NDJSON, a line that says what it is, then one line per workload.

For moving recordings to another machine, or keeping them. Importing joins, so importing twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import InputError
from ..neighbors.recording import Recording
from . import schema
from .codec import from_plain, to_plain

_FORMAT = "kubectl-netpol recordings"
_HINT = "import a file that `kubectl netpol cache export` wrote"


def lines_of(recordings: Iterable[tuple[str, Recording]]) -> Iterator[str]:
    """The export's lines, each with its line feed, of recordings with their clusters' identities."""
    yield json.dumps({"format": _FORMAT, "version": schema.VERSION}) + "\n"
    for cluster, recording in recordings:
        yield json.dumps({"cluster": cluster, "recording": to_plain(recording)}, separators=(",", ":")) + "\n"


def parse(lines: Iterable[str | bytes], source: str) -> list[tuple[str, Recording]]:
    """The recordings in an export's lines; ``source`` names the file in messages.

    Raises InputError, with the line's number, unless every line is good.
    """
    numbered = enumerate(lines, 1)
    _, head = next(numbered, (0, ""))
    _check_head(head, source)
    return [_parse_line(line, f"{source}: line {number}") for number, line in numbered if line.strip()]


def _check_head(line: str | bytes, source: str) -> None:
    try:
        head = json.loads(line)
        is_ours = head["format"] == _FORMAT
        version = head["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{source} is not an export of recordings", _HINT) from error
    if not is_ours:
        raise InputError(f"{source} is not an export of recordings", _HINT)
    if version != schema.VERSION:
        problem = f"{source} has version {version!r:.20}, and this program reads version {schema.VERSION}"
        raise InputError(problem, "import it with the kubectl-netpol that wrote it")


def _parse_line(line: str | bytes, place: str) -> tuple[str, Recording]:
    try:
        value = json.loads(line)
        return _cluster(value["cluster"]), from_plain(value["recording"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError) as error:
        raise InputError(f"{place} is not a recording; nothing was imported", _HINT) from error


def _cluster(value: Any) -> str:
    if type(value) is not str or not value or len(value) > 256:
        raise ValueError("no cluster")
    value.encode()
    return value
