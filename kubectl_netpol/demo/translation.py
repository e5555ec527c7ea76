"""Services as kube-proxy makes them: nftables rules in the machine's own namespace that turn a ClusterIP into a pod."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from ..errors import CaptureError

_TABLE = "inet services"
_HINT = "install it, for example: apt-get install nftables"


@dataclass(frozen=True, slots=True)
class Service:
    """One port of a Service and the (address, port) pairs behind it; protocol is tcp or udp."""

    name: str
    cluster_ip: str
    protocol: str
    port: int
    targets: tuple[tuple[str, int], ...]


class Translation:
    """The machine's one nftables table. The first Service makes it."""

    def __init__(self) -> None:
        self._chains = 0

    def add(self, service: Service) -> None:
        """Connections go to the targets in turn. Raises CaptureError when nft is missing or refuses."""
        head = [] if self._chains else _head()
        run_nft([*head, *self._rules(service)])

    def _rules(self, service: Service) -> list[str]:
        lines, choices = [], []
        for number, (address, port) in enumerate(service.targets):
            self._chains += 1
            chain = f"endpoint{self._chains}"
            family = f"ip{'6' if ip_address(address).version == 6 else ''}"
            target = f"[{address}]:{port}" if family == "ip6" else f"{address}:{port}"
            lines.append(f"add chain {_TABLE} {chain}")
            lines.append(f"add rule {_TABLE} {chain} meta l4proto {service.protocol} dnat {family} to {target}")
            choices.append(f"{number} : goto {chain}")
        family = "ip6" if ":" in service.cluster_ip else "ip"
        match = f"{family} daddr {service.cluster_ip} {service.protocol} dport {service.port}"
        choice = f"numgen inc mod {len(choices)} vmap {{ {', '.join(choices)} }}"
        return [*lines, f"add rule {_TABLE} prerouting {match} {choice}"]


def _head() -> list[str]:
    chain = "{ type nat hook prerouting priority -100 ; policy accept ; }"
    return [f"add table {_TABLE}", f"add chain {_TABLE} prerouting {chain}"]


def run_nft(lines: Sequence[str]) -> str:
    """Feed lines to nft in the calling thread's namespace; returns what it prints."""
    program = find_nft()
    done = subprocess.run(
        [program, "-f", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise CaptureError(f"nft refuses to translate Services: {reason}", "the kernel needs nf_tables and its NAT")
    return done.stdout


def find_nft() -> str:
    """The path of nft; raises CaptureError when there is none."""
    program = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin:/usr/local/sbin")
    if program is None:
        raise CaptureError("nft (nftables) is not installed, and Services are translated by it", _HINT)
    return program
