"""Where the user's KnownServers are kept; imports little, because ``generate`` asks this each time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ENVIRONMENT = "KUBECTL_NETPOL_KNOWN_SERVERS"


def default_path(environment: Mapping[str, str]) -> Path:
    """``kubectl-netpol/known-servers.yaml`` in $XDG_CONFIG_HOME (where it is absolute) or ~/.config."""
    base = environment.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if base.startswith("/") else Path(environment.get("HOME") or "~").expanduser() / ".config"
    return folder / "kubectl-netpol" / "known-servers.yaml"
