"""krew-manifest.yaml, filled for a release: its version, where the archives are, and their sums.

The text of the repository's own manifest is kept, comments and all: only these three kinds of values are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "krew-manifest.yaml"
PLATFORMS = tuple((system, machine) for system in ("linux", "darwin") for machine in ("amd64", "arm64"))
_DOWNLOADS = "https://github.com/kubectl-netpol/kubectl-netpol/releases/download"
_COMMENT = re.compile(r"\A(#.*\n)+")
_PLATFORM = re.compile(r"  - selector:\n(?:    .*\n)+")


def archive_name(version: str, system: str, machine: str) -> str:
    """``kubectl-netpol-v0.1.0-linux-amd64.tar.gz``."""
    return f"kubectl-netpol-v{version}-{system}-{machine}.tar.gz"


def fill(template: str, version: str, sums: Mapping[tuple[str, str], str], base: str = "") -> str:
    """The manifest of ``version`` with the platforms in ``sums``, by (system, machine); others are left out.

    ``base`` is the address of the folder that holds the archives; by default the release's own. ValueError when the
    template does not have a platform.
    """
    blocks = {
        platform: _filled(_block(template, platform), version, platform, sums[platform], base) for platform in sums
    }
    head = _COMMENT.sub("", template[: _platforms(template)])
    head = re.sub(r"(?m)^  version: .*$", f"  version: v{version}", head)
    return head + "".join(blocks[platform] for platform in PLATFORMS if platform in blocks)


def _platforms(template: str) -> int:
    return template.index("  platforms:\n") + len("  platforms:\n")


def _block(template: str, platform: tuple[str, str]) -> str:
    system, machine = platform
    for found in _PLATFORM.findall(template):
        if f"os: {system}\n" in found and f"arch: {machine}\n" in found:
            return str(found)
    raise ValueError(f"the manifest has no platform {system}/{machine}")


def _filled(block: str, version: str, platform: tuple[str, str], digest: str, base: str) -> str:
    uri = f"{base or f'{_DOWNLOADS}/v{version}'}/{archive_name(version, *platform)}"
    block = re.sub(r"(?m)^    uri: .*$", lambda _: f"    uri: {uri}", block)
    return re.sub(r"(?m)^    sha256: .*$", f'    sha256: "{digest}"', block)
