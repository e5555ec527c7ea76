"""The container image that a node runs."""

from __future__ import annotations

from .. import __version__

IMAGE = f"ghcr.io/kubectl-netpol/agent:v{__version__}"
"""The agent of this very version; ``make image`` builds it, ``--image`` names another."""
