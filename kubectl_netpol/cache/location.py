"""Where the cache lies: ``$XDG_CACHE_HOME/kubectl-netpol`` or ``~/.cache/kubectl-netpol``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import StoreError

ENVIRONMENT = "KUBECTL_NETPOL_CACHE_DIR"
"""The environment variable that names another directory, as ``--cache-dir`` does."""


def default_directory(environment: Mapping[str, str]) -> Path:
    """The cache's directory for a process with that environment; it need not exist.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG Base Directory Specification asks. Raises StoreError
    where there is no home directory.
    """
    if environment.get(ENVIRONMENT):
        return Path(environment[ENVIRONMENT])
    base = environment.get("XDG_CACHE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base, "kubectl-netpol")
    return Path(_home(environment), ".cache", "kubectl-netpol")


def _home(environment: Mapping[str, str]) -> Path:
    if environment.get("HOME"):
        return Path(environment["HOME"])
    try:
        return Path.home()
    except RuntimeError as error:
        raise StoreError("there is no home directory to keep recordings in", "name one with --cache-dir") from error
