"""Which cluster a kubeconfig's entry leads to, as it was learned when recording: readers then need no request.

Small files beside the store: by the identity that stands in the kubeconfig (server and CA), that of the cluster itself
(the UID of its kube-system namespace); and by a cluster's identity, the network that it was seen to run.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError

if TYPE_CHECKING:
    from .store import Store  # which loads the database; a reader of this file may not need it

_FILE = "clusters.json"
_NETWORKS = "networks.json"
_LARGEST = 1 << 20


def identity_of(directory: Path, entry: str) -> str:
    """The cluster that the entry led to when it was last recorded; the entry itself where that is not known."""
    return _read(directory / _FILE).get(entry, entry)


def remember(directory: Path, entry: str, identity: str, store: Store) -> None:
    """Notes where the entry leads, and moves what was recorded while only the entry was known.

    Raises StoreError.
    """
    known = _read(directory / _FILE)
    if not identity or known.get(entry) == identity:
        return
    store.rename(entry, identity)
    _write(directory / _FILE, known | {entry: identity})


def network_of(directory: Path, cluster: str) -> str:
    """The network that the cluster ran when it was last recorded; empty where that is not known."""
    return _read(directory / _NETWORKS).get(cluster, "")


def note_network(directory: Path, cluster: str, network: str) -> None:
    """Notes which network the cluster runs; empty for not known. Raises StoreError."""
    known = _read(directory / _NETWORKS)
    told = {key: text for key, text in known.items() if key != cluster} | ({cluster: network} if network else {})
    if told != known:
        _write(directory / _NETWORKS, told)


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as stream:
            value = json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}  # it is learned anew by the next recording
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str) and 0 < len(text) <= 256}


def _write(path: Path, known: dict[str, str]) -> None:
    directory = path.parent
    try:
        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".clusters-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(known, stream, sort_keys=True)
        Path(name).replace(path)
    except OSError as error:
        hint = "make it writable for you, or name another directory with --cache-dir"
        raise StoreError(f"the cache in {directory} cannot be written: {error.strerror}", hint) from error
